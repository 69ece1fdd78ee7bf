"""A workspace opened for work: its files, its store of runs, its targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from safecase.base import InputError, JsonValue, did_you_mean, digest_bytes, files_digest, suggest
from safecase.engine import MANIFEST_NAME, RunFolder, is_remote, local_path
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

    def manifests(self) -> list[tuple[Path, RunManifest]]:
        """Every run of the store, oldest first. Folders that hold no readable manifest are passed over."""
        if is_remote(self.store):
            return []
        found = []
        for file in sorted(Path(self.store).glob(f"*/{MANIFEST_NAME}")):
            try:
                found.append((file.parent, RunManifest.model_validate_json(file.read_bytes())))
            except (OSError, ValueError):
                continue
        return sorted(found, key=lambda item: (item[1].created_at, item[1].run_id))

    def run_folder(self, run_id: str = "") -> RunFolder:
        """The run called ``run_id`` (a unique beginning suffices) or a path, else the latest run."""
        if run_id and (Path(run_id) / MANIFEST_NAME).is_file():
            return RunFolder.open(Path(run_id))
        if run_id and is_remote(run_id):
            return RunFolder.open(run_id)
        runs = self.manifests()
        if not runs:
            raise InputError(
                "there is no run yet", where=str(self.store), hint="start one with `safecase run`"
            )
        if not run_id or run_id == "latest":
            return RunFolder.open(runs[-1][0])
        matches = [path for path, manifest in runs if manifest.run_id.startswith(run_id)]
        if len(matches) == 1:
            return RunFolder.open(matches[0])
        if matches:
            raise InputError(
                f"several runs begin with '{run_id}'", hint=", ".join(path.name for path in matches[:5])
            )
        near = did_you_mean(run_id, (manifest.run_id for _, manifest in runs))
        raise InputError(f"there is no run '{run_id}'", hint=near or f"the latest is {runs[-1][1].run_id}")


def open_workspace(path: Path | str = ".", *, store: str = "") -> Project:
    """Open the workspace folder ``path`` for work.

    ``store``: folder or URL in which its runs are kept; default: what the workspace says. Raises
    WorkspaceError with every problem in its files.
    """
    return Project.open(Path(path), store=store)
