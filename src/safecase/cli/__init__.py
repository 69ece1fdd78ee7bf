"""The command line: a thin face on ``safecase.workflow``."""
