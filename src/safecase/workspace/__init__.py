"""The workspace: YAML files become the vocabulary, with the place of every mistake."""

from typing import TYPE_CHECKING

from safecase.base.facade import lazy_exports

if TYPE_CHECKING:
    from safecase.workspace.checks import lint_workspace as lint_workspace
    from safecase.workspace.contents import Workspace as Workspace
    from safecase.workspace.graph import Graph as Graph
    from safecase.workspace.graph import RunFact as RunFact
    from safecase.workspace.graph import build_graph as build_graph
    from safecase.workspace.graph import select_cases as select_cases
    from safecase.workspace.inheritance import RawGate as RawGate
    from safecase.workspace.inheritance import resolve_gate as resolve_gate
    from safecase.workspace.library.profile_writer import write_profile as write_profile
    from safecase.workspace.loader import load_lenient as load_lenient
    from safecase.workspace.loader import load_workspace as load_workspace
    from safecase.workspace.loader import workspace_files as workspace_files
    from safecase.workspace.lock import LOCK_NAME as LOCK_NAME
    from safecase.workspace.lock import require_lock as require_lock
    from safecase.workspace.lock import write_lock as write_lock
    from safecase.workspace.pools import declared_open as declared_open
    from safecase.workspace.pools import declares_pools as declares_pools
    from safecase.workspace.pools import sealed_near_open as sealed_near_open
    from safecase.workspace.schema import workspace_schema as workspace_schema
    from safecase.workspace.taxonomy import CATALOGS as CATALOGS
    from safecase.workspace.taxonomy import workspace_catalogs as workspace_catalogs
    from safecase.workspace.yaml_reader import LocatedDocument as LocatedDocument
    from safecase.workspace.yaml_reader import read_yaml_text as read_yaml_text
else:
    __getattr__, __dir__ = lazy_exports(__name__)
