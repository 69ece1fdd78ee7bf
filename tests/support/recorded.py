"""The folder of recorded answers of real models, which lies outside of the repository."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VARIABLE = "SAFECASE_SHARED_DATA"


def recorded_folder() -> Path:
    """Where the data should lie: in the folder that the variable names, else beside the repository."""
    return Path(os.environ.get(VARIABLE) or ROOT.parent / "shared" / "data")
