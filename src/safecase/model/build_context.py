"""What the surroundings know when a scorer or a check is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from safecase.model.protocols import Target


@dataclass(frozen=True)
class BuildContext:
    """What scorers and checks may know of the workspace and of the system under test, beside their own
    parameters."""

    root: Path = field(default_factory=Path)
    """Folder that the parameters' relative paths start from; nothing outside of it is read."""
    judges: Mapping[str, Target] = field(default_factory=dict)
    """Target id → target, for those that ask a model."""
    target_model: str = ""
    """The model under test, so that a judge can be told apart from it."""
    canaries: tuple[str, ...] = ()
    """Secrets that were planted in the system under test."""
    system_prompt: str = ""
    """The system prompt of the system under test, where it does not stand in the transcript."""
    allowed_hosts: tuple[str, ...] = ()
    """Hosts that answers may link to."""
