"""Read a workspace: every YAML file below its folder, merged, checked, with all mistakes at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from safecase.base import (
    InputError,
    Problem,
    ProblemLevel,
    Record,
    SourcePosition,
    WorkspaceError,
    suggest,
)
from safecase.model import (
    Control,
    Defaults,
    Gate,
    Limits,
    MisuseCase,
    People,
    Policy,
    Pools,
    Price,
    Risk,
    ScorerConfiguration,
    System,
    TargetConfiguration,
    Threat,
)
from safecase.workspace._case_builder import read_taxonomy
from safecase.workspace._references import check_references
from safecase.workspace._suite_builder import BuiltSuite, build_suite
from safecase.workspace._validation import validate_at
from safecase.workspace.contents import Workspace
from safecase.workspace.inheritance import RawGate, resolve_gate
from safecase.workspace.taxonomy import CATALOGS, workspace_catalogs
from safecase.workspace.yaml_reader import LocatedDocument, Path_, read_yaml

Item = TypeVar("Item", bound=Record)
MAXIMUM_FILES = 2000
"""More are met where somebody pointed at a home folder, which would end in thousands of messages."""
IGNORED_FOLDERS = frozenset(
    {"runs", "records", "packs", "node_modules", "__pycache__", "data", "cards", CATALOGS}
)

LISTS: dict[str, type[Record]] = {
    "risks": Risk,
    "threats": Threat,
    "misuse_cases": MisuseCase,
    "policies": Policy,
    "controls": Control,
    "gates": Gate,
    "scorers": ScorerConfiguration,
}
TOP_LEVEL = (*LISTS, "system", "targets", "suites", "people", "defaults", "pools")


def load_workspace(path: Path) -> Workspace:
    """Load a workspace. Raises WorkspaceError with every mistake, InputError where there is no workspace."""
    workspace, problems = load_lenient(path)
    errors = [item for item in problems if item.level is ProblemLevel.ERROR]
    if errors or workspace is None:
        raise WorkspaceError(errors or problems)
    return workspace


def load_lenient(path: Path) -> tuple[Workspace | None, tuple[Problem, ...]]:
    """Load as far as it goes; the workspace is None where its system does not read."""
    root = path.resolve()
    if not root.is_dir():
        raise InputError(
            "there is no such folder", where=str(path), hint="make a workspace with `safecase init`"
        )
    files = workspace_files(root)
    if not files:
        raise InputError(
            "the folder holds no workspace", where=str(path), hint="make one with `safecase init`"
        )
    builder = _Builder(root)
    for file in files:
        builder.read(file)
    builder.inherit()
    builder.check_references()
    problems = sorted(builder.problems, key=lambda item: (str(item.position or ""),))
    return builder.workspace(), tuple(problems)


def workspace_files(root: Path) -> list[Path]:
    """The YAML files of a workspace, sorted; links are passed over, and so are run and data folders."""
    found: list[Path] = []
    pending = [root]
    while pending:
        folder = pending.pop()
        for entry in sorted(folder.iterdir()):
            if entry.is_symlink() or entry.name.startswith("."):
                continue
            if entry.is_dir() and entry.name not in IGNORED_FOLDERS:
                pending.append(entry)
            elif entry.is_file() and entry.suffix in (".yaml", ".yml"):
                found.append(entry)
                if len(found) > MAXIMUM_FILES:
                    raise InputError(
                        f"the folder holds more than {MAXIMUM_FILES} YAML files", where=str(root)
                    )
    return sorted(found)


@runtime_checkable
class _Identified(Protocol):
    id: str


class _Builder:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.catalogs = workspace_catalogs(root)
        self.items: dict[str, list[Any]] = {key: [] for key in (*LISTS, "targets")}
        self.suites: list[BuiltSuite] = []
        self.system: System | None = None
        self.system_declared = False
        self.people = People()
        self.defaults = Defaults()
        self.pools: Pools | None = None
        self.positions: dict[tuple[str, str], SourcePosition] = {}
        self.owners: dict[tuple[str, str], tuple[LocatedDocument, Path_]] = {}
        self.documents: list[LocatedDocument] = []
        self.single: dict[str, SourcePosition] = {}
        self.broken: set[str] = set()
        """Ids of what is declared and does not read: a reference to it leads somewhere all the same."""
        self.raw_gates: dict[str, RawGate] = {}
        self.inheriting: list[RawGate] = []

    @property
    def problems(self) -> list[Problem]:
        return [problem for document in self.documents for problem in document.problems]

    def read(self, file: Path) -> None:
        document = read_yaml(file, str(file.relative_to(self.root)))
        document.catalogs = self.catalogs
        self.documents.append(document)
        for key, value in document.data.items():
            if key not in TOP_LEVEL:
                hint = suggest(key, TOP_LEVEL)
                document.problem((key,), "unknown-key", f"a workspace has no '{key}'", hint=hint, key=True)
            elif value is None:
                continue
            elif key in ("system", "people", "defaults", "pools"):
                self._single(key, value, document)
            elif not isinstance(value, list):
                document.problem((key,), "wrong-value", f"'{key}' is a list", key=True)
            else:
                for index, item in enumerate(value):
                    self._item(key, item, document, (key, index))

    def _single(self, key: str, value: Any, document: LocatedDocument) -> None:
        """Take what a workspace has once; a second place is a mistake."""
        if key in self.single:
            document.problem(
                (key,), "declared-twice", f"'{key}' stands in {self.single[key]} already", key=True
            )
            return
        self.single[key] = document.position((key,), key=True)
        if not isinstance(value, dict):
            document.problem((key,), "wrong-value", f"'{key}' is a mapping", key=True)
            return
        if key == "system":
            self.system_declared = True
            self.system = validate_at(System, value, document, (key,), what="the system")
            if self.system is not None:
                self.positions["system", self.system.id] = document.position((key,), key=True)
        elif key == "people":
            self.people = validate_at(People, value, document, (key,), what="people") or People()
            self.owners["people", ""] = (document, (key,))
        elif key == "pools":
            self.pools = validate_at(Pools, value, document, (key,), what="pools")
        else:
            self.defaults = validate_at(Defaults, value, document, (key,), what="defaults") or Defaults()
            self.owners["defaults", ""] = (document, (key,))

    def _item(self, key: str, value: Any, document: LocatedDocument, path: Path_) -> None:
        """Take one entry of a list; mistakes are noted in ``document``."""
        if not isinstance(value, dict):
            document.problem(path, "wrong-value", f"an entry of '{key}' is a mapping")
            return
        if key == "suites":
            built = build_suite(value, document, path, self.root)
            if built is not None and self._claim("suites", built.suite.id, document, path):
                self.suites.append(built)
                for case in built.suite.cases:
                    place = built.positions.get(case.id, path)
                    self._claim("case", case.id, document, place)
            return
        # What it inherits may stand in a file that is not read yet.
        if key == "gates" and ("extends" in value or "without" in value):
            self.inheriting.append(RawGate(value, document, path))
            return
        if key == "gates" and isinstance(value.get("id"), str):
            self.raw_gates[value["id"]] = RawGate(value, document, path)
        if key == "targets":
            item: Record | None = self._target(value, document, path)
        else:
            item = self._listed(key, value, document, path)
        if item is None:
            # What names it is not at fault, so that no second problem is told.
            self.broken.add(str(value.get("id", "")))
        elif isinstance(item, _Identified) and self._claim(key, item.id, document, path):
            self.items[key].append(item)

    def _listed(
        self, key: str, value: dict[str, Any], document: LocatedDocument, path: Path_
    ) -> Record | None:
        """An entry that is a record as it stands."""
        fields = dict(value)
        if "taxonomy" in fields and isinstance(fields["taxonomy"], list):
            fields["taxonomy"] = read_taxonomy(fields["taxonomy"], document, (*path, "taxonomy"))
        singular = {"policies": "policy", "misuse_cases": "misuse case"}.get(key, key.rstrip("s"))
        item = validate_at(LISTS[key], fields, document, path, what=f"{singular} '{fields.get('id', '?')}'")
        if isinstance(item, Gate):
            for index, rule in enumerate(item.rules):
                place = document.position((*path, "rules", index))
                self.positions["rule", f"{item.id}/{rule.id}"] = place
        return item

    def _target(
        self, value: dict[str, Any], document: LocatedDocument, path: Path_
    ) -> TargetConfiguration | None:
        """A target, its own options validated by its kind."""
        from safecase.targets import parse_options

        known = ("id", "kind", "limits", "price", "component")
        fields = {name: value[name] for name in known if name in value}
        options = {name: item for name, item in value.items() if name not in known}
        problems_before = len(document.problems)
        for name, model in (("limits", Limits), ("price", Price)):
            if name in fields and isinstance(fields[name], dict):
                checked = validate_at(
                    model, fields[name], document, (*path, name), what=f"the target's {name}"
                )
                fields[name] = checked if checked is not None else model.model_construct()
        made = validate_at(
            TargetConfiguration,
            {**fields, "options": options},
            document,
            path,
            what=f"target '{fields.get('id')}'",
        )
        if made is None or len(document.problems) > problems_before:
            return None
        try:
            _, wrong = parse_options(made.kind, made.options)
        except InputError as error:
            document.problem((*path, "kind"), "unknown-kind", error.message, hint=error.hint)
            return None
        for problem in wrong:
            place = (*path, *problem.path)
            document.problem(
                place,
                "target-option",
                f"target '{made.id}': '{problem.option}': {problem.message}",
                hint=problem.hint,
                key=True,
            )
        return made

    def _claim(self, kind: str, name: str, document: LocatedDocument, path: Path_) -> bool:
        """Whether the id was free; it is taken now, with its place."""
        earlier = self.positions.get((kind, name))
        if earlier is not None:
            noun = {"case": "case", "policies": "policy"}.get(kind, kind.rstrip("s"))
            document.problem(
                path,
                "duplicate-id",
                f"{noun} '{name}' stands in {earlier} already",
                hint="give it another id",
            )
            return False
        self.positions[kind, name] = document.position(path)
        self.owners[kind, name] = (document, path)
        return True

    def inherit(self) -> None:
        """Complete the gates that extend another; any file may hold the other one."""
        known = dict(self.raw_gates)
        for gate in self.inheriting:
            if isinstance(gate.value.get("id"), str):
                known.setdefault(gate.value["id"], gate)
        for gate in self.inheriting:
            value = resolve_gate(gate, known)
            if value is None:
                self.broken.add(str(gate.value.get("id", "")))
                continue
            item = self._listed("gates", value, gate.document, gate.path)
            if isinstance(item, Gate) and self._claim("gates", item.id, gate.document, gate.path):
                self.items["gates"].append(item)

    def check_references(self) -> None:
        """Note every reference that leads nowhere."""
        if not self.system_declared and self.documents:
            hint = "add system: with an id and a title to safecase.yaml"
            self.documents[0].problem(
                (), "no-system", "no file of the workspace declares its system", hint=hint
            )
        workspace = self.workspace()
        if workspace is not None:
            check_references(workspace, self._note, frozenset(self.broken))

    def _note(
        self, kind: str, name: str, code: str, message: str, hint: str | None, inside: Path_ = ()
    ) -> None:
        """Note a problem at the place of what it is about."""
        owner = self.owners.get((kind, name))
        document, path = owner if owner else (self.documents[0], ())
        document.problem((*path, *inside), code, message, hint=hint)

    def workspace(self) -> Workspace | None:
        if self.system is None:
            return None
        digests = {name: item for built in self.suites for name, item in built.data_digests.items()}
        return Workspace(
            root=self.root,
            system=self.system,
            targets=tuple(self.items["targets"]),
            scorers=tuple(self.items["scorers"]),
            risks=tuple(self.items["risks"]),
            threats=tuple(self.items["threats"]),
            misuse_cases=tuple(self.items["misuse_cases"]),
            policies=tuple(self.items["policies"]),
            controls=tuple(self.items["controls"]),
            suites=tuple(built.suite for built in self.suites),
            gates=tuple(self.items["gates"]),
            people=self.people,
            defaults=self.defaults,
            pools=self.pools,
            positions=self.positions,
            data_digests=digests,
            public_families=frozenset().union(*(built.public_families for built in self.suites)),
        )
