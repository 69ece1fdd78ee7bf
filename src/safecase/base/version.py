"""The version of the product, as its records name it."""

VERSION = "0.1.0"
"""Equal to the version of the installed distribution."""
