"""Text in characters that nobody sees."""
