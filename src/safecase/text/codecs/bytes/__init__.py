"""Encodings of the bytes of a text in fewer signs."""
