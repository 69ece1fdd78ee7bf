"""One attempt from its draw to its record: conversation, scores, outcome, bytes."""
