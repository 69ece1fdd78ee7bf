"""Which entries a pack may have. What nothing reads could say anything."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from safecase_verify.errors import CheckFailed

_ALONE = frozenset(
    {
        "README.txt",
        "report.html",
        "results.sarif",
        "runs.jsonl",
        "junit.xml",
        "decisions.jsonl",
        "statement.dsse.json",
        "workspace.json",
        "workspace/safecase.lock",
    }
)
_OF_A_RUN = ("manifest.json", "cases.jsonl", "draws.csv", "attempts.jsonl.zst", "masked_cases.json")
_RUNS = ("run/", "baseline/")


def check_entries(names: Iterable[str], *, gates: Collection[str], labels: Collection[str]) -> None:
    """Each entry is one that packs have.

    ``gates``: those of the run; ``labels``: files that their rules name. Raises CheckFailed, naming the first
    that is not.
    """
    known = {
        *_ALONE,
        *(prefix + name for prefix in _RUNS for name in _OF_A_RUN),
        *(f"verdicts/{gate}.json" for gate in gates),
        *(f"labels/{file}" for file in labels),
    }
    for name in names:
        workspace = name.startswith("workspace/") and name.endswith((".yaml", ".yml"))
        # Manifests of the chain are held against it in a step of their own.
        chain = name.startswith("chain/") and name.endswith(".json")
        if name not in known and not workspace and not chain:
            raise CheckFailed("the pack holds an entry that packs do not have", where=name[:120])
