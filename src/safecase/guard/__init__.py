"""Runtime controls: checks on what comes in, what tools bring and do, and what goes out."""
