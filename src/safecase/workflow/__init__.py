"""The use cases: each module does one thing that a person asks for, from files to answer."""
