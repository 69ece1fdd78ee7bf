"""Rules and run logs become estimates and a verdict, each with its reason."""
