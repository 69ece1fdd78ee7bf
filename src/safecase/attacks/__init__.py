"""How a case becomes a harder one: converters that encode, obfuscate or frame a text."""
