"""Personal data and secrets: found, masked, kept in a vault."""
