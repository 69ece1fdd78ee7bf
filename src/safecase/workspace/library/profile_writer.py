"""Starting workspaces: small, commented, valid, for four kinds of system."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from safecase.base import InfrastructureError, InputError, suggest

PROFILES = ("chat", "rag", "agent", "regulated")

_SUITES: dict[str, tuple[str, ...]] = {
    "chat": (
        "prompt-injection-direct",
        "jailbreak",
        "system-prompt-extraction",
        "over-refusal",
        "toxicity",
        "counterfactual-bias",
        "high-stakes-advice",
        "confident-error",
        "deception",
        "multi-turn-escalation",
        "multilingual",
        "cbrn-proxy",
    ),
    "rag": (
        "prompt-injection-direct",
        "prompt-injection-indirect",
        "jailbreak",
        "system-prompt-extraction",
        "data-exfiltration",
        "privacy",
        "over-refusal",
        "groundedness",
        "confident-error",
        "high-stakes-advice",
        "multilingual",
        "cbrn-proxy",
    ),
    "agent": (
        "prompt-injection-direct",
        "prompt-injection-indirect",
        "jailbreak",
        "system-prompt-extraction",
        "data-exfiltration",
        "tool-misuse",
        "privacy",
        "over-refusal",
        "toxicity",
        "counterfactual-bias",
        "high-stakes-advice",
        "groundedness",
        "confident-error",
        "persuasion",
        "deception",
        "autonomous-replication",
        "cbrn-proxy",
        "multi-turn-escalation",
        "multilingual",
        "encodings",
        "modalities",
    ),
}
_SUITES["regulated"] = _SUITES["agent"]
_RISKS_OF = {
    "prompt-injection-direct": "prompt-injection",
    "prompt-injection-indirect": "indirect-prompt-injection",
    "jailbreak": "jailbreak",
    "multi-turn-escalation": "jailbreak",
    "multilingual": "jailbreak",
    "encodings": "jailbreak",
    "modalities": "indirect-prompt-injection",
    "system-prompt-extraction": "system-prompt-leak",
    "data-exfiltration": "data-exfiltration",
    "tool-misuse": "tool-misuse",
    "privacy": "privacy-leak",
    "over-refusal": "over-refusal",
    "toxicity": "toxicity",
    "counterfactual-bias": "unfair-treatment",
    "high-stakes-advice": "high-stakes-advice",
    "groundedness": "ungrounded-answer",
    "confident-error": "confident-error",
    "persuasion": "manipulation",
    "deception": "deception",
    "autonomous-replication": "autonomous-replication",
    "cbrn-proxy": "cbrn-uplift",
}
_REMARKS = {
    "modalities": "    # only for targets that take pictures, sound and files (or select: modality:image)"
}
_FILES = (
    "safecase.yaml",
    "threats.yaml",
    "policies.yaml",
    "controls.yaml",
    "gates.yaml",
    "people.yaml",
    "suites/own.yaml",
)


_IGNORED = """\
# What people and systems said, and what is made of it: none of this belongs into a repository.
runs/
packs/
.safecase/
settings-text.json
# Private keys, whoever made them.
*.key
*.pem
*.private
id_ed25519
id_ecdsa
id_rsa
"""


def write_profile(profile: str, destination: Path, name: str) -> tuple[Path, ...]:
    """Write a starting workspace; the files written.

    Raises InputError for an unknown profile, and where a file that would be written exists already:
    nothing is overwritten and nothing is written. A ``.gitignore`` that is there gets what it lacks.
    """
    if profile not in PROFILES:
        hint = suggest(profile, PROFILES, label="one of")
        raise InputError(f"there is no profile '{profile}'", hint=hint)
    contents = profile_files(profile, name)
    present = [file for file in contents if (destination / file).exists()]
    if present:
        raise InputError(
            f"these files exist already and are left as they are: {', '.join(present)}",
            where=str(destination),
            hint="choose another folder",
        )
    written = []
    try:
        for file, text in contents.items():
            path = destination / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written.append(path)
        ignore = destination / ".gitignore"
        made = not ignore.exists()
        _ignore_private_files(ignore)
        written += [ignore] if made else []
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise InfrastructureError(
            f"cannot write the workspace: {error.strerror}", where=str(destination)
        ) from error
    return tuple(written)


def _ignore_private_files(file: Path) -> None:
    """Make a workspace's ``.gitignore``, or add to one that is there the lines that it lacks."""
    present = file.read_text(encoding="utf-8") if file.exists() else ""
    known = {line.strip() for line in present.splitlines()}
    missing = [line for line in _IGNORED.splitlines() if line not in known]
    if any(not line.startswith("#") for line in missing):
        gap = "\n" if present and not present.endswith("\n") else ""
        file.write_text(present + gap + "\n".join(missing) + "\n", encoding="utf-8")


def profile_files(profile: str, name: str) -> dict[str, str]:
    """File name → text of a starting workspace."""
    import json

    folder = files("safecase.workspace.library") / "profiles" / "agent"
    risks = {_RISKS_OF[suite] for suite in _SUITES[profile]} | {"over-refusal"}
    surface = {"chat": "chat", "rag": "rag", "agent": "agent", "regulated": "agent"}[profile]
    tier = "critical" if profile == "regulated" else "high"
    contents = {}
    for file in _FILES:
        text = (folder / file).read_text(encoding="utf-8")
        text = text.replace("@NAME@", json.dumps(name, ensure_ascii=False)).replace("@SURFACE@", surface)
        text = text.replace("@TIER@", tier).replace("@REGULATED@", str(profile == "regulated").lower())
        text = text.replace("@SIGNATURES@", "2" if profile == "regulated" else "1")
        contents[file] = _only_known(_keep(text, risks), risks)
    contents["risks.yaml"] = _risks(risks)
    lines = [
        "# Built-in suites. Add `risk:` or `select:` to any of them to fit it to your system.",
        "suites:",
    ]
    lines += [f"  - use: {suite}{_REMARKS.get(suite, '')}" for suite in _SUITES[profile]]
    contents["suites/builtin.yaml"] = "\n".join(lines) + "\n"
    return contents


def _keep(text: str, risks: set[str]) -> str:
    """Drop the blocks between ``#@ risk`` and ``#@ end`` whose risk the profile lacks."""
    kept, dropping = [], False
    for line in text.splitlines():
        if line.strip().startswith("#@ "):
            word = line.strip().removeprefix("#@ ")
            dropping = word != "end" and not set(word.split()) & risks
            continue
        if not dropping:
            kept.append(line)
    return "\n".join(kept) + "\n"


def _only_known(text: str, risks: set[str]) -> str:
    """Drop names of standard risks that the profile lacks from ``risks: [...]`` lists."""
    absent = set(_RISKS_OF.values()) - risks

    def keep_known(match: re.Match[str]) -> str:
        names = [name for name in re.split(r"[,\s]+", match[1]) if name and name not in absent]
        return f"risks: [{', '.join(names)}]"

    return re.sub(r"risks: \[([^\]]*)\]", keep_known, text)


def _risks(wanted: set[str]) -> str:
    """The wanted risks as YAML text, cut out of the library's file so that its comments stay."""
    from safecase.workspace.library._builtin_suites import risks_path

    text = risks_path().read_text(encoding="utf-8")
    head, *blocks = text.split("\n  - id: ")
    chosen = [block.rstrip("\n") for block in blocks if block.split("\n", 1)[0] in wanted]
    intro = (
        "# What can go wrong, how bad it is, who owns it. Likelihood and severity are yours to judge.\n"
        "# Add `owner:`, `residual:` (what remains after the controls) and `controls:` to each."
    )
    del head
    return intro + "\nrisks:" + "".join(f"\n  - id: {block}" for block in chosen) + "\n"
