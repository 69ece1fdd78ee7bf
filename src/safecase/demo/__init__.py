"""A demo target that ships with the package: a small support agent with planted, documented weaknesses.

It is a program of rules, labelled as a demo in every reply: its numbers are evidence about no model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from safecase.demo.agent import DemoAgent, DemoReply
    from safecase.demo.prompt import DEMO_CANARY, DEMO_MODEL, DEMO_NAME, DEMO_NOTICE
    from safecase.demo.tools import TOOLS
    from safecase.demo.vulnerabilities import (
        VULNERABILITIES,
        Vulnerability,
        select_vulnerabilities,
        vulnerability,
    )

_WHERE = {
    "DemoAgent": "agent",
    "DemoReply": "agent",
    "DEMO_CANARY": "prompt",
    "DEMO_MODEL": "prompt",
    "DEMO_NAME": "prompt",
    "DEMO_NOTICE": "prompt",
    "TOOLS": "tools",
    "VULNERABILITIES": "vulnerabilities",
    "Vulnerability": "vulnerabilities",
    "select_vulnerabilities": "vulnerabilities",
    "vulnerability": "vulnerabilities",
}

__all__ = [
    "DEMO_CANARY",
    "DEMO_MODEL",
    "DEMO_NAME",
    "DEMO_NOTICE",
    "TOOLS",
    "VULNERABILITIES",
    "DemoAgent",
    "DemoReply",
    "Vulnerability",
    "select_vulnerabilities",
    "vulnerability",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
