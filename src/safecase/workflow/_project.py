"""A workspace opened for work: its files, its store of runs, its targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from safecase.base import InputError, JsonValue, did_you_mean, digest_bytes, files_digest, suggest
from safecase.engine import MANIFEST_NAME, RunFolder, RunStatus, is_remote, local_path, remote_runs
from safecase.model import (
    Case,
    Gate,
    RunManifest,
    RunSettings,
    Selector,
    SystemVersion,
    Target,
    TargetConfiguration,
)
from safecase.records import LEDGER_NAME, Ledger, RunHistory
from safecase.targets import build_target
from safecase.workspace import Workspace, load_workspace, require_lock, select_cases


class _Identified(Protocol):
    @property
    def id(self) -> str: ...


Named = TypeVar("Named", bound=_Identified)


def pick(items: Sequence[Named], wanted: str, kind: str) -> Named:
    """The item with id ``wanted``; raises InputError with the nearest id where there is none."""
    ids = [item.id for item in items]
    if wanted in ids:
        return items[ids.index(wanted)]
    raise InputError(
        f"the workspace has no {kind} '{wanted}'",
        hint=suggest(wanted, ids),
    )


@dataclass(frozen=True)
class StoredRun:
    """A run as its store lists it."""

    place: Path | str
    """Its folder, or its URL in a remote store."""
    manifest: RunManifest
    status: RunStatus
    files: tuple[str, ...]

    @property
    def progress(self) -> tuple[bool, int, int]:
        """How far it has come: larger is further."""
        return (bool(self.status.attempts_digest), self.status.sessions, self.status.recorded)

    @property
    def decided_gates(self) -> tuple[str, ...]:
        """Gates that have a verdict on it."""
        names = (Path(name) for name in self.files if name.startswith("verdict-") and name.endswith(".json"))
        return tuple(sorted(name.stem.removeprefix("verdict-") for name in names))


@dataclass(frozen=True)
class Project:
    """A loaded workspace and where its runs are kept."""

    workspace: Workspace
    store: Path | str

    @classmethod
    def open(cls, path: Path, *, store: str = "", look_only: bool = False) -> Project:
        """Load the workspace at ``path``; raises WorkspaceError with every problem in it.

        Data that are not those of the lock are such a problem for whatever makes or judges evidence.
        ``look_only``: for commands that show what there is and conclude nothing.
        """
        workspace = load_workspace(path)
        if not look_only:
            require_lock(workspace)
        return cls.of(workspace, store=store)

    @classmethod
    def of(cls, workspace: Workspace, *, store: str = "") -> Project:
        """A workspace that is loaded already, with its own store of runs or another."""
        named = store or workspace.defaults.store
        return cls(workspace, named if is_remote(named) else workspace.root / local_path(named))

    def target_configuration(self, wanted: str = "") -> TargetConfiguration:
        """The target called ``wanted``, else the default one, else the only one."""
        targets = self.workspace.targets
        name = wanted or self.workspace.defaults.target
        if name:
            return pick(targets, name, "target")
        if len(targets) == 1:
            return targets[0]
        if not targets:
            raise InputError(
                "the workspace declares no target", hint="add one under targets: in safecase.yaml"
            )
        raise InputError(
            "the workspace has several targets and no default",
            hint=f"say --target with one of {', '.join(item.id for item in targets)}",
        )

    def target(self, configuration: TargetConfiguration, settings: RunSettings) -> Target:
        """The target as a run with ``settings`` meets it: its planted weaknesses, and the guard around it."""
        if settings.vulnerabilities:
            if configuration.kind != "demo":
                raise InputError(
                    "planted vulnerabilities exist in the demo target only", where=configuration.id
                )
            vulnerabilities: list[JsonValue] = list(settings.vulnerabilities)
            options = {**configuration.options, "vulnerabilities": vulnerabilities}
            configuration = configuration.model_copy(update={"options": options})
        target = build_target(configuration, self.workspace.root)
        if not settings.guard:
            return target
        # Loaded here, because most runs have no guard and its checks are heavy.
        from safecase.workflow.guard.build import behind_guard

        return behind_guard(self, target, without=settings.guard_without)

    def gates(self, wanted: str = "") -> tuple[Gate, ...]:
        """The gate called ``wanted``, else the default one, else those of the system's tier, else all."""
        gates = self.workspace.gates
        name = wanted or self.workspace.defaults.gate
        if name:
            return (pick(gates, name, "gate"),)
        tier = self.workspace.system.tier
        of_tier = tuple(gate for gate in gates if gate.tier in (None, tier))
        return of_tier or gates

    def cases(self, select: str = "") -> tuple[Case, ...]:
        """The cases that a selector picks; raises InputError where it picks none."""
        chosen = select_cases(self.workspace, Selector.parse(select, where="--select"))
        if not chosen:
            known = ", ".join(suite.id for suite in self.workspace.suites) or "none"
            about = f"'{select}' selects no case" if select else "the workspace holds no case"
            raise InputError(about, where="--select" if select else None, hint=f"suites: {known}")
        return tuple(chosen)

    def system_version(self, target: Target) -> SystemVersion:
        """The fingerprint of the system as it stands: declared components, their files, the target."""
        components: dict[str, str] = {}
        for component in self.workspace.system.components:
            parts = [component.version, component.digest]
            if component.file:
                file = self.workspace.root / component.file
                parts.append(digest_bytes(file.read_bytes()) if file.is_file() else "missing")
            parts += [files_digest(self.workspace.root, pattern) for pattern in component.files]
            components[component.id] = " ".join(part for part in parts if part) or "undeclared"
        for name, value in target.fingerprint().items():
            components[f"{target.name}.{name}"] = value
        return SystemVersion(system=self.workspace.system.id, components=components)

    def history(self) -> RunHistory:
        """What the ledger of the workspace's runs holds. Raises CheckFailed where its chain is broken."""
        return Ledger(self.ledger_path).read()

    @property
    def ledger_path(self) -> Path:
        """Where the ledger of runs stands, wherever the runs are kept."""
        return self.workspace.root / "records" / LEDGER_NAME

    @property
    def staging(self) -> Path:
        """Where runs of a remote store are written until they end, so that a kill loses none."""
        return self.workspace.root / ".safecase" / "runs"

    def runs(self, history: RunHistory | None = None) -> list[StoredRun]:
        """Every run of the store, in the order of the chain, never of a clock.

        A run of a remote store stands in the local staging folder as well, until another machine has taken it
        further. What holds no readable manifest is passed over.
        """
        found: dict[str, StoredRun] = {}
        remote = is_remote(self.store)
        if remote:
            for url, files in remote_runs(str(self.store)).items():
                _keep(found, _stored(url, files[MANIFEST_NAME], files["status.json"], tuple(files)))
        for file in (self.staging if remote else Path(self.store)).glob(f"*/{MANIFEST_NAME}"):
            try:
                manifest, status = file.read_bytes(), (file.parent / "status.json").read_bytes()
            except OSError:
                continue
            names = tuple(item.name for item in file.parent.iterdir())
            _keep(found, _stored(file.parent, manifest, status, names))
        order = _chain_order([item.manifest for item in found.values()], history or self.history())
        return [found[run_id] for run_id in order]

    def manifests(self, history: RunHistory | None = None) -> list[tuple[Path | str, RunManifest]]:
        """The manifests of `runs`, each with the folder or URL of its run."""
        return [(run.place, run.manifest) for run in self.runs(history)]

    def run_folder(self, run_id: str = "") -> RunFolder:
        """The run called ``run_id`` (a unique beginning suffices) or a path, else the end of the chain."""
        if run_id and (Path(run_id) / MANIFEST_NAME).is_file():
            return RunFolder.open(Path(run_id))
        if run_id and is_remote(run_id):
            return RunFolder.open(run_id)
        runs = self.manifests()
        if not runs:
            known = list(self.history().starts)
            if not known:
                raise InputError(
                    "there is no run yet", where=str(self.store), hint="start one with `safecase run`"
                )
            raise InputError(
                f"the store holds none of the {len(known)} runs that the ledger knows",
                where=str(self.store),
                hint=f"the last is {known[-1]}: fetch it, mend defaults: store, or start a new run",
            )
        if not run_id or run_id == "latest":
            return RunFolder.open(runs[-1][0])
        matches = [(path, manifest.run_id) for path, manifest in runs if manifest.run_id.startswith(run_id)]
        if len(matches) == 1:
            return RunFolder.open(matches[0][0])
        if matches:
            raise InputError(
                f"several runs begin with '{run_id}'", hint=", ".join(name for _, name in matches[:5])
            )
        near = did_you_mean(run_id, (manifest.run_id for _, manifest in runs))
        raise InputError(f"there is no run '{run_id}'", hint=near or f"the latest is {runs[-1][1].run_id}")


def _stored(place: Path | str, manifest: bytes, status: bytes, names: tuple[str, ...]) -> StoredRun | None:
    try:
        return StoredRun(
            place, RunManifest.model_validate_json(manifest), RunStatus.model_validate_json(status), names
        )
    except ValueError:
        return None


def _keep(found: dict[str, StoredRun], run: StoredRun | None) -> None:
    """Of two copies the one that has come further; the local one where they are equal."""
    if run is None:
        return
    other = found.get(run.manifest.run_id)
    if other is None or run.progress >= other.progress:
        found[run.manifest.run_id] = run


def _chain_order(manifests: Sequence[RunManifest], history: RunHistory) -> list[str]:
    """Ids of runs, each behind its predecessors: as the ledger has them, and by their own names for the rest.

    A run that the ledger does not know stands behind those that it names, before those that come later there.
    """
    known = {run_id: place for place, run_id in enumerate(history.starts)}
    by_id = {item.run_id: item for item in sorted(manifests, key=lambda item: (item.created_at, item.run_id))}
    place: dict[str, tuple[int, int]] = {}

    def place_of(run_id: str, below: frozenset[str]) -> tuple[int, int]:
        if run_id in known:
            return known[run_id], 0
        if run_id not in by_id or run_id in below:
            return -1, 0
        if run_id not in place:
            names = [item.run_id for item in by_id[run_id].predecessors]
            first, second = max((place_of(name, below | {run_id}) for name in names), default=(-1, 0))
            place[run_id] = (first, second + 1)
        return place[run_id]

    return sorted(by_id, key=lambda run_id: place_of(run_id, frozenset()))


def open_workspace(path: Path | str = ".", *, store: str = "") -> Project:
    """Open the workspace folder ``path`` for work.

    ``store``: folder or URL in which its runs are kept; default: what the workspace says. Raises
    WorkspaceError with every problem in its files.
    """
    return Project.open(Path(path), store=store)
