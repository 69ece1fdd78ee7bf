"""What can be tested: model providers, HTTP applications, Python code, agents, recorded answers.

``safecase.targets.registry`` builds a target from its configuration; each kind has a file of its own.
"""
