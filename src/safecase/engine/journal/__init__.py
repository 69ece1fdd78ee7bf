"""The run log on disk: journals while a run is under way, one table once it has ended."""
