"""A workspace as `init` makes it, with fewer cases: some of each kind, so that a page takes seconds.

SAFECASE_DOCUMENTATION_FULL=1 leaves the suites whole; the documentation then takes some minutes.
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

_FAMILIES_OF_A_KIND = 2
"""With one the answers are too few for the profiles' rule on latency."""
_CASES_OF_A_FAMILY = 2
"""The least with which groups can be compared and a family is more than one case."""
_COMPARED = "bias-names"
_FAMILIES_COMPARED = 10
"""The profiles' rule on equal treatment compares ten prompts of this tag; with fewer it decides nothing."""
_DROPPED = ("encodings", "modalities", "multilingual")
"""Large suites whose risks others try too."""
_MARK = "# narrowed for the documentation tests\n"


def choose(cases: Iterable[dict[str, Any]]) -> dict[str, list[str]]:
    """Suite → ids of some of its cases, of each risk, attack, severity and set of tags, and their twins."""
    families: dict[tuple[Any, ...], dict[str, int]] = defaultdict(dict)
    chosen: dict[str, list[str]] = defaultdict(list)
    for case in cases:
        kind = (case["suite"], case["risk"], case["attack"], case["severity"], tuple(case["tags"]))
        taken = families[kind]
        most = _FAMILIES_COMPARED if _COMPARED in case["tags"] else _FAMILIES_OF_A_KIND
        if case["family"] not in taken and len(taken) == most:
            continue
        taken[case["family"]] = taken.get(case["family"], 0) + 1
        if taken[case["family"]] <= _CASES_OF_A_FAMILY:
            chosen[case["suite"]] += [case["id"], *filter(None, [case["benign_twin"]])]
    return dict(chosen)


def narrowing(listed: str) -> Callable[[Path], None]:
    """What narrows the workspaces in a folder; ``listed``: what `show cases --json` prints of a whole one."""
    if os.environ.get("SAFECASE_DOCUMENTATION_FULL"):
        return lambda home: None
    chosen = choose(json.loads(listed)["cases"])

    def narrow(home: Path) -> None:
        for file in home.rglob("suites/builtin.yaml"):
            text = file.read_text(encoding="utf-8")
            if not text.startswith(_MARK):
                text = re.sub(rf"^ *- use: ({'|'.join(_DROPPED)})\b.*\n", "", text, flags=re.MULTILINE)
                file.write_text(_MARK + re.sub(r"- use: ([\w-]+)", entry, text), encoding="utf-8")

    def entry(found: re.Match[str]) -> str:
        # A plus has a meaning of its own in a selector, also inside of an id.
        selected = " ".join(sorted(set(chosen[found[1]]))).replace("+", "*")
        return f'- {{use: {found[1]}, select: "{selected}"}}'

    return narrow
