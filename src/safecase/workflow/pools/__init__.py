"""Families that decide and families that teach: certify on sealed ones, open them, keep them sealed."""
