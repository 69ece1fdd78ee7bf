"""What tests of every room use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from support.recorded import VARIABLE, recorded_folder

# On a build server `safecase verify` asks for known keys; the tests that mean this say so.
os.environ.pop("CI", None)
# Time is measured where it is the claim; elsewhere a slow machine is no failure of the code.
settings.register_profile("safecase", deadline=None)
settings.load_profile("safecase")


@pytest.fixture(scope="session")
def recorded_data() -> Path:
    """The folder of recorded data; the test is skipped, loudly, where there is none."""
    folder = recorded_folder()
    if not (folder / "xstest_completions.jsonl").is_file():
        pytest.skip(f"THE RECORDED DATA IS ABSENT from {folder}: set {VARIABLE} to the folder that has it")
    return folder
