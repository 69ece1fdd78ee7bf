"""Does the answer stand on its sources, and does it know what it does not know?"""
