"""Instructions that do not come from the user."""
