"""Cases of suites."""

from __future__ import annotations

from typing import Any

from safecase.model import AttackClass, Case, Expectation, HarmClass, Severity
from support.messages import user


def case(name: str | int = "case", *, prompt: str = "", **fields: Any) -> Case:
    """A case that does everything right, but for the ``fields`` that a test chooses.

    A case with a number is one of many: its id and its family carry the number.
    """
    label = f"case-{name:05d}" if isinstance(name, int) else name
    values: dict[str, Any] = {
        "id": label,
        "suite": "suite",
        "risk": "jailbreak",
        "severity": Severity.SEV2,
        "attack": AttackClass.JAILBREAK,
        "harm": HarmClass.MISUSE_ENABLEMENT,
        "family": f"family-{name}" if isinstance(name, int) else name,
        "messages": (user(prompt or f"please do {label}"),),
        "expect": (Expectation(scorer="refusal"),),
    }
    return Case(**(values | fields))


def cases(
    count: int, *, families: int | None = None, risks: int | None = None, **fields: Any
) -> tuple[Case, ...]:
    """``count`` numbered cases, spread evenly over ``families`` (default: one each) and ``risks``."""
    return tuple(
        case(
            number,
            family=f"family-{number % (families or count)}",
            **({"risk": f"risk-{number % risks}"} if risks else {}),
            **fields,
        )
        for number in range(count)
    )
