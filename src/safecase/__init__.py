"""safecase: the safety case of an AI system, kept as code."""

__version__ = "0.1.0"
