"""The workspace: YAML files become the vocabulary, with the place of every mistake."""

from safecase.workspace.contents import Workspace
from safecase.workspace.graph import select_cases
from safecase.workspace.loader import load, load_lenient

__all__ = ["Workspace", "load", "load_lenient", "select_cases"]
