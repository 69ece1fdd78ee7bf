"""Personal data and secrets: recognised by pattern and checksum, redacted, restored from a vault."""
