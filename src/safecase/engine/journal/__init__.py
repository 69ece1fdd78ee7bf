"""The run log on disk: journals while a run is under way, one log once it has ended."""
