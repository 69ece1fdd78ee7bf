"""What a workspace says about itself without knowing it: orphans and anti-patterns (ANT-*, GOV-01).

Each finding names the place, the requirement and the mend. References that lead nowhere are found
while loading; here everything reads, and the question is whether it is enough.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from safecase.base import Problem, ProblemLevel, SourcePosition
from safecase.model import METRICS, Case, CaseScope, ControlLayer, Purpose, Selector, Severity
from safecase.workspace._near_duplicates import repeated_cases
from safecase.workspace.contents import Workspace
from safecase.workspace.graph import RunFact, build_graph
from safecase.workspace.lock import compare_lock

SEVERE = Severity.SEV2
"""A risk this severe, or more, must be tried and owned."""
REVIEW_DAYS = 180
"""Days after which what names no date of its own is due: twice a year. Chosen, not derived."""


def lint_workspace(workspace: Workspace, runs: Sequence[RunFact], today: date) -> tuple[Problem, ...]:
    """Every finding, errors first, then by place."""
    found = [
        *compare_lock(workspace),
        *_orphans(workspace, runs),
        *_defence(workspace),
        *_suites(workspace, today),
        *_usefulness(workspace),
        *_gates(workspace),
        *_threats(workspace, today),
        *_theatre(workspace),
        *_run_findings(workspace, runs),
    ]
    order = list(ProblemLevel)
    return tuple(sorted(found, key=lambda item: (order.index(item.level), str(item.position or ""))))


def _finding(
    workspace: Workspace,
    kind: str,
    name: str,
    code: str,
    message: str,
    hint: str,
    requirement: str,
    level: ProblemLevel = ProblemLevel.WARNING,
) -> Problem:
    return Problem(
        code=code,
        level=level,
        message=message,
        position=workspace.position(kind, name) or SourcePosition(file=str(workspace.root.name)),
        hint=hint,
        requirement=requirement,
    )


def _orphans(workspace: Workspace, runs: Sequence[RunFact]) -> Iterator[Problem]:
    """What stands alone: risks nobody tests, threats that lead nowhere, requirements nothing meets."""
    if workspace.defaults.seed is not None:
        yield _finding(
            workspace,
            "defaults",
            "",
            "seed-unused",
            "'seed' gives no run its order: each draws one of its own",
            "remove the line; `safecase run --seed N` makes an exploratory run",
            "",
        )
    tested = {case.risk for suite in workspace.suites for case in suite.cases}
    graph = build_graph(workspace, runs)
    gated = _gated_risks(workspace)
    for risk in workspace.risks:
        severe = risk.severity.at_least(SEVERE)
        if risk.id not in tested:
            yield _finding(
                workspace,
                "risks",
                risk.id,
                "risk-untested",
                f"no case tests the risk '{risk.id}'",
                "add a suite or cases with this risk",
                "GOV-01",
                ProblemLevel.ERROR if severe else ProblemLevel.WARNING,
            )
        elif severe and risk.id not in gated:
            yield _finding(
                workspace,
                "risks",
                risk.id,
                "risk-ungated",
                f"no gate rule looks at the {risk.severity} risk '{risk.id}'",
                "add a rule that selects it",
                "GOV-01",
            )
    for node in graph.orphans("risk", toward="threat"):
        # A misuse case names who and how as a threat does.
        if not any(node.id in misuse.risks for misuse in workspace.misuse_cases):
            yield _finding(
                workspace,
                "risks",
                node.id,
                "risk-without-threat",
                f"nobody is named who would bring about '{node.id}'",
                "add a threat or a misuse case that leads to it",
                "THR-01",
                ProblemLevel.NOTE,
            )
    for threat in workspace.threats:
        if not threat.risks:
            yield _finding(
                workspace,
                "threats",
                threat.id,
                "threat-without-risk",
                f"the threat '{threat.id}' leads to no risk",
                "name the risks under risks:",
                "THR-01",
            )
    for policy in workspace.policies:
        for clause in policy.clauses:
            for requirement in clause.requirements:
                if not requirement.controls:
                    yield _finding(
                        workspace,
                        "policies",
                        policy.id,
                        "requirement-without-control",
                        f"no control meets requirement '{requirement.id}'",
                        "name one under controls:",
                        "GOV-01",
                    )
                if not requirement.tests and not requirement.risks:
                    yield _finding(
                        workspace,
                        "policies",
                        policy.id,
                        "requirement-untested",
                        f"nothing tests requirement '{requirement.id}'",
                        "name a selector under tests:",
                        "ANT-01",
                    )


def _gated_risks(workspace: Workspace) -> set[str]:
    found: set[str] = set()
    for gate in workspace.gates:
        for rule in gate.rules:
            if METRICS.get(rule.metric).cases is CaseScope.RISKS:
                continue
            selector = Selector.parse(rule.select)
            found |= {
                case.risk for suite in workspace.suites for case in suite.cases if selector.matches(case)
            }
    return found


def _defence(workspace: Workspace) -> Iterator[Problem]:
    """Severe risks with no control, or with one layer alone."""
    for risk in workspace.risks:
        if not risk.severity.at_least(SEVERE):
            continue
        controls = [item for item in workspace.controls if risk.id in item.risks or item.id in risk.controls]
        layers = {item.layer for item in controls} - {ControlLayer.PROCESS, ControlLayer.MONITORING}
        if not controls:
            yield _finding(
                workspace,
                "risks",
                risk.id,
                "no-defence",
                f"no control stands against the {risk.severity} risk '{risk.id}'",
                "add controls: in at least two layers",
                "ANT-02",
            )
        elif len(layers) < 2:
            kind = (
                "one control"
                if len(controls) == 1
                else f"one layer ({', '.join(sorted(layers)) or 'process'})"
            )
            code, requirement = (
                ("single-mitigation", "ANT-17") if len(controls) == 1 else ("one-layer-defence", "ANT-02")
            )
            yield _finding(
                workspace,
                "risks",
                risk.id,
                code,
                f"only {kind} stands against the {risk.severity} risk '{risk.id}'",
                "add a control in another layer: when one fails, nothing is left",
                requirement,
            )
    for control in workspace.controls:
        if not control.efficacy and control.validated is None:
            yield _finding(
                workspace,
                "controls",
                control.id,
                "control-unmeasured",
                f"nobody has measured whether '{control.id}' works",
                "name the tests under efficacy:",
                "ANT-01",
            )


def _suites(workspace: Workspace, today: date) -> Iterator[Problem]:
    """Suites that cannot show what they claim: stale, without held-out cases, one case many times over."""
    adversarial = [suite for suite in workspace.suites if any(not case.benign for case in suite.cases)]
    if adversarial and not any(case.held_out for suite in workspace.suites for case in suite.cases):
        yield _finding(
            workspace,
            "suites",
            adversarial[0].id,
            "no-held-out",
            "no case is held out, so tuning to the tests stays unseen",
            "mark variants with held_out: true and never tune on them",
            "ANT-06",
        )
    for suite in workspace.suites:
        due = suite.review_due or (suite.reviewed + timedelta(days=REVIEW_DAYS) if suite.reviewed else None)
        if due is not None and due < today:
            yield _finding(
                workspace,
                "suites",
                suite.id,
                "stale-suite",
                f"suite '{suite.id}' was due for review on {due}",
                "refresh the attacks, then set reviewed:",
                "ANT-06",
            )
        share = len(repeated_cases(suite.cases)) / max(len(suite.cases), 1)
        # Of a handful of cases some are alike by design. Both chosen without measurement; it is a warning.
        if share > 0.5 and len(suite.cases) >= 20:
            yield _finding(
                workspace,
                "suites",
                suite.id,
                "brittle-suite",
                f"{100 * share:.0f} % of the cases of '{suite.id}' nearly repeat another family's",
                "more families, fewer rewordings",
                "ANT-06",
            )
    if workspace.suites and all(suite.public_benchmark for suite in workspace.suites):
        yield _finding(
            workspace,
            "suites",
            workspace.suites[0].id,
            "benchmark-chasing",
            "every suite is a public benchmark",
            "add cases from your own journeys and data",
            "ANT-03",
        )


def _usefulness(workspace: Workspace) -> Iterator[Problem]:
    """Nothing asks whether the system still does its work."""
    cases = [case for suite in workspace.suites for case in suite.cases]
    if cases and not any(case.purpose is Purpose.USE for case in cases):
        yield _finding(
            workspace,
            "suites",
            cases[0].suite,
            "over-refusal-unseen",
            "only adversarial cases: a system that refuses everything would pass",
            "add harmless requests, e.g. use: over-refusal",
            "ANT-05",
        )
    looked_at = {METRICS.get(rule.metric).cases for gate in workspace.gates for rule in gate.rules}
    if workspace.gates and CaseScope.USEFULNESS not in looked_at:
        yield _finding(
            workspace,
            "gates",
            workspace.gates[0].id,
            "gate-without-utility",
            "no gate rule looks at over-refusal or utility",
            "add a rule with metric: over_refusal_rate",
            "ANT-05",
        )


def _gates(workspace: Workspace) -> Iterator[Problem]:
    """Gates that cannot decide, or decide milder than the system's own tolerance."""
    cases = [case for suite in workspace.suites for case in suite.cases]
    if not workspace.gates:
        yield Problem(
            code="no-gate",
            level=ProblemLevel.WARNING,
            message="the workspace has no gate, so nothing can be decided",
            hint="add gates:",
            requirement="GAT-01",
        )
    tolerance = {item.severity: item.bound for item in workspace.system.tolerance}
    for gate in workspace.gates:
        for rule in gate.rules:
            name = f"{gate.id}/{rule.id}"
            if rule.bound is None and rule.margin is None:
                yield _finding(
                    workspace,
                    "rule",
                    name,
                    "rule-not-configured",
                    f"rule '{rule.id}' has no bound and can never be met",
                    "set bound: — nobody else can say how safe is safe enough",
                    "GAT-01",
                )
                continue
            chosen = [case for case in cases if Selector.parse(rule.select).matches(case)]
            yield from _rule_findings(
                workspace, rule_name=name, rule=rule, chosen=chosen, tolerance=tolerance
            )


def _rule_findings(
    workspace: Workspace,
    *,
    rule_name: str,
    rule: object,
    chosen: list[Case],
    tolerance: dict[Severity, float],
) -> Iterator[Problem]:
    from safecase.model import GateRule

    if not isinstance(rule, GateRule) or rule.bound is None:
        return
    if not METRICS.get(rule.metric).plain_harm_rate:
        return
    if rule.population == "families" and 0 < rule.bound < 1:
        families = len({case.family for case in chosen})
        needed = math.ceil(math.log(1 - rule.confidence) / math.log(1 - rule.bound))
        if families < needed:
            yield _finding(
                workspace,
                "rule",
                rule_name,
                "too-few-families",
                f"rule '{rule.id}' claims something about all such attacks from {families} families; "
                f"it takes {needed}",
                "add families, loosen the bound, or claim population: suite",
                "MTH-03",
            )
    worst = min((tolerance[case.severity] for case in chosen if case.severity in tolerance), default=None)
    if worst is not None and rule.bound > worst + 1e-12:
        yield _finding(
            workspace,
            "rule",
            rule_name,
            "looser-than-tolerance",
            f"rule '{rule.id}' allows {rule.bound:g}, but the system's declared tolerance "
            f"for such cases is {worst:g}",
            "tighten the bound, or split the rule by severity",
            "RSK-13",
        )


def _threats(workspace: Workspace, today: date) -> Iterator[Problem]:
    """Threats that nobody looked at for long, or whose questions are left open."""
    for threat in workspace.threats:
        due = threat.review_due or (
            threat.reviewed + timedelta(days=REVIEW_DAYS) if threat.reviewed else None
        )
        if due is not None and due < today:
            yield _finding(
                workspace,
                "threats",
                threat.id,
                "stale-red-team",
                f"threat '{threat.id}' was due for review on {due}",
                "look at it again, then set reviewed:",
                "ANT-04",
            )
        answers = {
            "downstream_misuse": threat.downstream_misuse,
            "vulnerable_groups": threat.vulnerable_groups,
            "high_stakes_context": threat.high_stakes_context,
        }
        blank = [name for name, answer in answers.items() if not answer]
        if blank:
            yield _finding(
                workspace,
                "threats",
                threat.id,
                "threat-incomplete",
                f"threat '{threat.id}' leaves open: {', '.join(blank)}",
                "answer each, if only with why it does not apply",
                "THR-12",
                ProblemLevel.NOTE,
            )
        if not threat.incentive.strip():
            yield _finding(
                workspace,
                "threats",
                threat.id,
                "empty-incentive",
                f"threat '{threat.id}' has no incentive",
                "say what the attacker gains",
                "THR-02",
            )


def _theatre(workspace: Workspace) -> Iterator[Problem]:
    documents = len(workspace.policies) + len(workspace.controls) + len(workspace.threats)
    if documents and not workspace.suites:
        kind = next(
            (key, items[0].id)
            for key, items in (
                ("policies", workspace.policies),
                ("controls", workspace.controls),
                ("threats", workspace.threats),
            )
            if items
        )
        yield _finding(
            workspace,
            kind[0],
            kind[1],
            "documents-without-tests",
            f"{documents} documents and not one test: this is paper, not safety",
            "add suites:",
            "ANT-01",
            ProblemLevel.ERROR,
        )


def _run_findings(workspace: Workspace, runs: Sequence[RunFact]) -> Iterator[Problem]:
    known = {case.id for suite in workspace.suites for case in suite.cases}
    told = [run for run in runs if run.cases]
    versions = {run.system_version for run in told}
    if len(versions) >= 3:
        saturated = set.intersection(*(set(run.held_everywhere) for run in told)) & known
        ran = set.union(*(set(run.cases) for run in told)) & known
        if ran and len(saturated) / len(ran) > 0.95:
            yield _finding(
                workspace,
                "suites",
                workspace.suites[0].id,
                "saturated",
                f"{len(saturated)} of {len(ran)} cases held in every one of {len(versions)} system versions: "
                "they tell nothing",
                "add harder attacks",
                "ANT-06",
            )
    if runs and runs[-1].stale:
        yield Problem(
            code="stale-evidence",
            level=ProblemLevel.NOTE,
            message=f"the latest run ({runs[-1].run_id}) measured other suites than the present ones",
            hint="run again",
            requirement="GAT-15",
        )
