"""Checks on what leaves the system: leaks, ways out, attacks on people, groundedness, structure."""
