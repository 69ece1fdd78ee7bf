"""The traceability graph: computed from files and run logs, never typed in (GOV-01)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from safecase.base import InputError
from safecase.model import Case, Selector, Term
from safecase.workspace.contents import Workspace


@dataclass(frozen=True, slots=True)
class Node:
    """One thing in the graph."""

    kind: str
    """``risk``, ``threat``, ``misuse``, ``clause``, ``requirement``, ``control``, ``suite``, ``case``,
    ``rule``, ``run`` or ``verdict``."""
    id: str
    title: str = ""

    @property
    def key(self) -> str:
        """Unique name of the node."""
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True)
class RunFact:
    """What the graph knows of a run."""

    run_id: str
    suites: dict[str, str]
    """Suite id → version that was run."""
    risks: frozenset[str]
    """Risks that at least one attempt was made on."""
    verdict: str = ""
    stale: bool = False
    held_everywhere: frozenset[str] = frozenset()
    """Cases whose every attempt held."""
    cases: frozenset[str] = frozenset()
    """Cases that were tried; none where the run's results are sealed."""
    system_version: str = ""


@dataclass
class Graph:
    """Nodes and directed edges; an edge reads "source is answered by target"."""

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: set[tuple[str, str]] = field(default_factory=set)

    def add(self, node: Node) -> str:
        """Add a node once; its key."""
        self.nodes.setdefault(node.key, node)
        return node.key

    def link(self, source: str, target: str) -> None:
        """Add an edge between two nodes that exist; edges to nothing are left out."""
        if source in self.nodes and target in self.nodes:
            self.edges.add((source, target))

    def _walk(self, start: Iterable[str], *, forward: bool) -> set[str]:
        """Every node that can be reached from ``start``."""
        step: dict[str, set[str]] = {}
        for source, target in self.edges:
            a, b = (source, target) if forward else (target, source)
            step.setdefault(a, set()).add(b)
        seen: set[str] = set(start)
        pending = list(seen)
        while pending:
            for after in step.get(pending.pop(), ()):
                if after not in seen:
                    seen.add(after)
                    pending.append(after)
        return seen

    def downstream(self, start: Iterable[str]) -> set[str]:
        """Everything that can be reached from ``start``, itself included."""
        return self._walk(start, forward=True)

    def upstream(self, start: Iterable[str]) -> set[str]:
        """Everything that leads to ``start``, itself included."""
        return self._walk(start, forward=False)

    def orphans(self, kind: str, *, toward: str) -> tuple[Node, ...]:
        """Nodes of a kind from which no node of kind ``toward`` is linked in either direction."""
        linked: set[str] = set()
        for source, target in self.edges:
            if self.nodes[source].kind == kind and self.nodes[target].kind == toward:
                linked.add(source)
            if self.nodes[target].kind == kind and self.nodes[source].kind == toward:
                linked.add(target)
        return tuple(node for node in self.nodes.values() if node.kind == kind and node.key not in linked)


def build_graph(workspace: Workspace, runs: Sequence[RunFact] = (), *, with_cases: bool = False) -> Graph:
    """The graph of a workspace. Cases stand behind their suite unless ``with_cases``."""
    graph = Graph()
    for risk in workspace.risks:
        graph.add(Node("risk", risk.id, risk.title))
    for threat in workspace.threats:
        graph.add(Node("threat", threat.id, threat.title))
    for misuse in workspace.misuse_cases:
        graph.add(Node("misuse", misuse.id, misuse.title))
    for control in workspace.controls:
        graph.add(Node("control", control.id, control.title))
    for suite in workspace.suites:
        graph.add(Node("suite", suite.id, suite.title))
    for policy in workspace.policies:
        for clause in policy.clauses:
            clause_key = graph.add(Node("clause", f"{policy.id}/{clause.id}", clause.title))
            for requirement in clause.requirements:
                key = graph.add(Node("requirement", requirement.id, requirement.text))
                graph.link(clause_key, key)
    _link(workspace, graph)
    if with_cases:
        for suite in workspace.suites:
            for case in suite.cases:
                key = graph.add(Node("case", case.id, case.title))
                graph.link(f"suite:{suite.id}", key)
                graph.link(f"risk:{case.risk}", key)
    _link_runs(workspace, graph, runs)
    return graph


def _link(workspace: Workspace, graph: Graph) -> None:
    """The edges that the workspace's own words draw."""
    for threat in workspace.threats:
        for risk_id in threat.risks:
            graph.link(f"threat:{threat.id}", f"risk:{risk_id}")
    for misuse in workspace.misuse_cases:
        for risk_id in misuse.risks:
            graph.link(f"misuse:{misuse.id}", f"risk:{risk_id}")
    for risk in workspace.risks:
        for control_id in risk.controls:
            graph.link(f"risk:{risk.id}", f"control:{control_id}")
    for control in workspace.controls:
        for risk_id in control.risks:
            graph.link(f"risk:{risk_id}", f"control:{control.id}")
        # Efficacy is a selector: the suites that hold such cases are what tries the control.
        for suite_id in _suites_of(workspace, control.efficacy):
            graph.link(f"control:{control.id}", f"suite:{suite_id}")
    for suite in workspace.suites:
        for risk_id in sorted({case.risk for case in suite.cases}):
            graph.link(f"risk:{risk_id}", f"suite:{suite.id}")
    for policy in workspace.policies:
        for clause in policy.clauses:
            for requirement in clause.requirements:
                key = f"requirement:{requirement.id}"
                for control_id in requirement.controls:
                    graph.link(key, f"control:{control_id}")
                for risk_id in requirement.risks:
                    graph.link(key, f"risk:{risk_id}")
                for suite_id in _suites_of(workspace, requirement.tests):
                    graph.link(key, f"suite:{suite_id}")
    for gate in workspace.gates:
        for rule in gate.rules:
            key = graph.add(Node("rule", f"{gate.id}/{rule.id}", rule.title or rule.id))
            selector = Selector.parse(rule.select)
            for suite in workspace.suites:
                if any(selector.matches(case) for case in suite.cases):
                    graph.link(f"suite:{suite.id}", key)


def _link_runs(workspace: Workspace, graph: Graph, runs: Sequence[RunFact]) -> None:
    for run in runs:
        key = graph.add(Node("run", run.run_id, run.run_id))
        for suite_id in run.suites:
            graph.link(f"suite:{suite_id}", key)
        if run.verdict:
            verdict = graph.add(Node("verdict", f"{run.run_id}/{run.verdict}", run.verdict.replace("_", " ")))
            graph.link(key, verdict)


def _suites_of(workspace: Workspace, selectors: Sequence[str]) -> list[str]:
    found: list[str] = []
    for text in selectors:
        try:
            selector = Selector.parse(text)
        except InputError:
            continue
        found.extend(
            suite.id for suite in workspace.suites if any(selector.matches(case) for case in suite.cases)
        )
    return sorted(set(found))


_GRAPH_KINDS = ("risk", "suite", "case")


def select_cases(workspace: Workspace, selector: Selector) -> tuple[Case, ...]:
    """The cases that a selector picks, in the workspace's order.

    ``risk:x+`` adds what hangs on the risk (the suites that test it, whole), ``+case-id`` what the
    case stands under (its family's other cases and its benign twin).
    """
    cases = [case for suite in workspace.suites for case in suite.cases]
    if not selector.needs_graph:
        return tuple(case for case in cases if selector.matches(case))
    chosen: set[str] = set()
    for group in selector.alternatives:
        reached: set[str] | None = None
        for term in group:
            found = _reach(workspace, cases, term)
            reached = found if reached is None else reached & found
        chosen |= reached or set()
    return tuple(case for case in cases if case.id in chosen)


def _reach(workspace: Workspace, cases: Sequence[Case], term: Term) -> set[str]:
    """The ids of the cases that a term selects, with what lies up or down the graph from them."""
    direct = [case for case in cases if term.matches(case)]
    found = {case.id for case in direct}
    if term.downstream:
        suites = {case.suite for case in direct}
        control_suites: set[str] = set()
        if term.field == "risk":
            graph = build_graph(workspace)
            starts = [
                key for key in graph.nodes if key.startswith("risk:") and key[5:] in {c.risk for c in direct}
            ]
            control_suites = {key[6:] for key in graph.downstream(starts) if key.startswith("suite:")}
        found |= {case.id for case in cases if case.suite in suites | control_suites}
    if term.upstream:
        families = {case.family for case in direct}
        twins = {case.benign_twin for case in direct if case.benign_twin}
        found |= {case.id for case in cases if case.family in families or case.id in twins}
    return found
