"""Does the answer give away what it must keep?"""
