"""Letters that people read as they were meant, and patterns do not."""
