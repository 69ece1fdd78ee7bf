"""Builders and fakes that tests of several rooms share: one file a subject, each thing under one name.

Fixtures stand in the ``conftest.py`` of the room that uses them, those of all rooms in ``tests/conftest.py``.
"""
