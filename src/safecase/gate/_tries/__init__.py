"""What a run's place among the tries of its release line makes of a gate."""
