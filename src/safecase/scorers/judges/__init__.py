"""Models as judges, one, several, or of pairs."""
