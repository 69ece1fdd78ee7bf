"""Who stands by a verdict, written down when the gate makes it (ROL-11)."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime

from safecase.base import CheckFailed, InputError
from safecase.model import Action, DecisionEntry, Person, Recommendation, Verdict
from safecase.records import (
    NameStanding,
    NeededRight,
    append_entry,
    find_person,
    named_entries,
    rights_for,
    signer_for,
)
from safecase.workflow._ledger import ledger_of
from safecase.workflow._project import Project
from safecase.workflow.decisions._log import decision_entries, decision_log_path


def recommend_verdicts(project: Project, verdicts: Sequence[Verdict], *, by: str = "") -> tuple[str, ...]:
    """Write down who recommends these verdicts, in the decision log; returns a sentence each.

    The person is ``by``, else the one whose address or name git is configured with. Who came first stays the
    recommender: others may look at a verdict and decide on it. Raises InputError or CheckFailed where ``by``
    is nobody who may; a person who was only guessed is left out instead, and told.
    """
    people = project.workspace.people
    person = find_person(people, by) if by else _person_of_git(project)
    if person is None:
        return _recorded(project, verdicts)
    rights = rights_for(people, NeededRight(Action.RECOMMEND))
    if rights and not any(role in right.roles for right in rights for role in person.roles):
        if by:
            raise CheckFailed(
                f"{by} may not recommend", hint="people.decision_rights in people.yaml says who"
            )
        return _recorded(project, verdicts)
    told = []
    for verdict in verdicts:
        earlier = recommendation_of(decision_entries(project), verdict)
        if earlier is not None:
            told.append(_told(earlier))
            continue
        now = datetime.now(UTC)
        entry = Recommendation(
            recommended_at=now,
            run_id=verdict.run_id,
            gate=verdict.gate,
            verdict_digest=verdict.basis,
            recommended=verdict.kind,
            recommender=person.id,
        )
        try:
            signer = signer_for(person)
            append_entry(
                decision_log_path(project), ledger_of(project), entry, people=people, at=now, sign=signer
            )
        except InputError as error:
            if by:
                raise
            told.append(
                f"Recommended by nobody: {person.id} has a key, and it is not here ({error.message})."
            )
            continue
        told.append(f"Recommended by {person.id} ({'signed' if signer else 'a claim: no key'}).")
    return tuple(dict.fromkeys(told))


def _told(earlier: Recommendation) -> str:
    how = "signed" if earlier.signature else "a claim: no key"
    return f"Recommended by {earlier.recommender} on {earlier.recommended_at:%Y-%m-%d} ({how})."


def _recorded(project: Project, verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """What the log says already, where nobody recommends now."""
    if not project.workspace.people.persons:
        return ()
    entries = decision_entries(project)
    found = [recommendation_of(entries, verdict) for verdict in verdicts]
    nobody = "Recommended by nobody of people.yaml: --by ID says who, and a go needs that."
    return tuple(dict.fromkeys(nobody if item is None else _told(item) for item in found))


def recommendation_of(entries: Sequence[DecisionEntry], verdict: Verdict) -> Recommendation | None:
    """The first recommendation of this very verdict that counts; None where nobody stands by it."""
    for named in named_entries(entries):
        entry = named.entry
        counts = isinstance(entry, Recommendation) and named.standing is not NameStanding.UNSIGNED
        if counts and (entry.gate, entry.verdict_digest) == (verdict.gate, verdict.basis):
            assert isinstance(entry, Recommendation)
            return entry
    return None


def _person_of_git(project: Project) -> Person | None:
    """The one person whose address, or else name, git is configured with in the workspace."""
    persons = project.workspace.people.persons
    address, name = (_git(project, field) for field in ("user.email", "user.name"))
    for found in (
        [person for person in persons if address and person.email.casefold() == address.casefold()],
        [
            person
            for person in persons
            if name and name.casefold() in (person.name.casefold(), person.id.casefold())
        ],
    ):
        if len(found) == 1:
            return found[0]
    return None


def _git(project: Project, field: str) -> str:
    command = ["git", "config", "--get", field]
    try:
        made = subprocess.run(
            command, cwd=project.workspace.root, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return made.stdout.strip() if made.returncode == 0 else ""
