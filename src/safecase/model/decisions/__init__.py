"""Who may decide what, what they decided, and the exceptions that they grant."""
