"""Targets of the house: built by their kind, asked once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safecase.model import Limits, Target, TargetConfiguration, TargetReply, TargetRequest
from safecase.targets import build_target
from support.messages import user


def make(kind: str, root: Path, *, limits: Limits | None = None, **options: Any) -> Target:
    """A target called ``t`` of a kind."""
    return build_target(
        TargetConfiguration(id="t", kind=kind, options=options, limits=limits or Limits(timeout_seconds=5)),
        root,
    )


def ask(text: str = "Hello?", **more: Any) -> TargetRequest:
    """A request with one user message."""
    return TargetRequest(messages=(user(text),), **more)


async def once(target: Target, request: TargetRequest | None = None) -> TargetReply:
    """Start the target, make one call, close it."""
    await target.start()
    try:
        return await target.respond(request or ask())
    finally:
        await target.close()
