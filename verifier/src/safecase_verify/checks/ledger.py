"""The ledger of runs held against the run, its predecessors and its verdicts.

The plans of a chain show that nothing was planned anew; its results show that nothing was left out or changed
afterwards. Written on its own, as everything here that counts something a second time.
"""

from __future__ import annotations

from collections.abc import Sequence

from safecase_verify.errors import CheckFailed
from safecase_verify.reading.ledger import PackedLedger, RunFinished, RunResult, VerdictGiven
from safecase_verify.reading.records import RunManifest, Verdict

_GO = ("go", "go_with_conditions")


def check_results(
    ledger: PackedLedger, manifest: RunManifest, result: RunResult, predecessors: Sequence[RunManifest]
) -> None:
    """Hold what came of the run, and what it and its predecessors name, against the ledger.

    ``result``: counted from the pack's attempts, with the digest of the log that the pack was made from.
    Raises CheckFailed.
    """
    finish = ledger.finish(manifest.run_id)
    if finish is None or finish.result != result:
        raise CheckFailed("the attempts are not those that the ledger holds as the result of this run")
    starts = ledger.starts(ledger.events)
    results = {
        (event.run_id, event.result.digest) for event in ledger.events if isinstance(event, RunFinished)
    }
    for current in (manifest, *predecessors):
        known = starts.get(current.run_id)
        if known is None or known.manifest_digest != current.digest:
            raise CheckFailed(f"the ledger knows another plan of run {current.run_id}, or none")
        for named in current.predecessors:
            before = starts.get(named.run_id)
            if before is None or before.manifest_digest != named.manifest_digest:
                raise CheckFailed(
                    f"run {current.run_id} names run {named.run_id}, and the ledger knows another"
                )
            if named.result_digest and (named.run_id, named.result_digest) not in results:
                raise CheckFailed(
                    f"run {current.run_id} names a result of run {named.run_id} that the ledger does not hold"
                )


def check_place(
    ledger: PackedLedger, manifest: RunManifest, verdict: Verdict, cases: Sequence[tuple[str, str]]
) -> None:
    """Hold what a verdict says of the runs before it against the ledger.

    ``cases``: family and `reading.run.sent_digest` of each case of the run; an empty one where its text is
    masked. Raises CheckFailed where the ledger holds another verdict, where the try is counted too low, where
    families that were seen count as sealed, and where an earlier block of the same candidate is passed over.
    """
    name = f"verdicts/{verdict.gate}.json"
    given = [
        event
        for event in ledger.after
        if isinstance(event, VerdictGiven) and (event.run_id, event.gate) == (manifest.run_id, verdict.gate)
    ]
    if not given or given[-1].verdict_digest != verdict.digest:
        raise CheckFailed("the ledger holds another verdict of this gate on this run, or none", where=name)
    families = {family for family, _ in cases}
    contents = {content for _, content in cases if content}
    tries = 0
    for start in ledger.earlier_tries():
        finish = ledger.finish(start.run_id)
        shares = finish is None or not (
            families.isdisjoint(finish.families) and contents.isdisjoint(finish.cases)
        )
        tries += start.line == manifest.line or shares
    if verdict.try_number < 1 + tries:
        raise CheckFailed(
            f"this is try {1 + tries} of its release line, and the verdict says {verdict.try_number}",
            where=name,
        )
    shown_families, shown_cases = ledger.shown()
    open_families = {*manifest.open_families, *verdict.open_families}
    for family, content in cases:
        seen = family in shown_families or content in shown_cases
        if seen and family not in open_families:
            raise CheckFailed(
                f"the family {family} had been seen, and the verdict counts it as sealed", where=name
            )
    same = {start.run_id for start in ledger.earlier_tries() if start.candidate == manifest.candidate}
    if not same.issuperset(verdict.blocked_before):
        raise CheckFailed(
            "the verdict is blocked by a run that was no earlier try of the candidate", where=name
        )
    block = standing_block(ledger, manifest, verdict)
    if block and verdict.kind in _GO:
        raise CheckFailed(f"run {block} of the same candidate was blocked by this gate", where=name)


def standing_block(ledger: PackedLedger, manifest: RunManifest, verdict: Verdict) -> str:
    """An earlier open run of the same candidate that the gate blocked, as last decided; else empty.

    Of a certification the ledger says one word, and whether *not go* was a block or a lack of evidence nobody
    can tell from it: the gate worked that out from the run itself.
    """
    tries = {
        start.run_id
        for start in ledger.earlier_tries()
        if start.candidate == manifest.candidate and start.purpose != "certification"
    }
    last = {
        event.run_id: event.kind
        for event in ledger.events
        if isinstance(event, VerdictGiven)
        and (event.gate, event.gate_digest) == (verdict.gate, verdict.gate_digest)
    }
    return next((run_id for run_id in sorted(tries) if last.get(run_id) == "no_go"), "")


def told(ledger: PackedLedger) -> str:
    """What the ledger says of other runs, in words."""
    earlier = ledger.starts(ledger.before)
    later = ledger.starts(ledger.after)
    if not ledger.others:
        return "no history here: the ledger knows no other run, which does not show that there was none"
    words = (
        f"the ledger knows {len(earlier)} earlier and {len(later)} later run{'' if len(later) == 1 else 's'}"
    )
    aside = sorted(ledger.set_aside())
    return f"{words}, {len(aside)} set aside ({', '.join(aside[:3])})" if aside else words
