"""What must never leave: prompts and canaries."""
