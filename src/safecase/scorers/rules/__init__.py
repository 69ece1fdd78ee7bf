"""What an answer must hold or do, by rule."""
