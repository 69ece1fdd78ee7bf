"""Does the answer decline, or give what was asked for?"""
