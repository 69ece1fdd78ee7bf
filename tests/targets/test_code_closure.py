"""Whatever decides an answer is part of the fingerprint: modules, packages, what is outside."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from safecase.base import InputError, files_digest
from safecase.targets import CodeReference
from safecase.targets._code_closure import code_digest, distribution_version
from support.calls import make
from support.packages import write_distribution

IMPORTS = [
    ("from wording import pick", "wording.py"),
    ("import wording", "wording.py"),
    ("import wording as w", "wording.py"),
    ("def answer(text):\n    from wording import pick", "wording.py"),
    ("try:\n    import wording\nexcept ImportError:\n    pass", "wording.py"),
    ("import middle", "wording.py"),
    ("from tools.words import pick", "tools/words.py"),
    ("from tools import words", "tools/words.py"),
    ("import tools", "tools/deep/inner.py"),
    ("from bare import part", "bare/part.py"),
    ("import bare.part", "bare/part.py"),
    ("import importlib\nw = importlib.import_module('wording')", "wording.py"),
    ("from importlib import import_module as load\nw = load('wor' + 'ding')", "wording.py"),
    ("w = __import__('wording')", "wording.py"),
    ("import runpy\nrunpy.run_path('other/loose.py')", "other/loose.py"),
    ("exec(open('other/loose.py').read())", "other/loose.py"),
    ("import sys\nsys.path.insert(0, 'other')\nimport loose", "other/loose.py"),
    ("from sys import path\npath.append('other')\nimport loose", "other/loose.py"),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {
        "wording.py": "def pick(n): return 'no'\n",
        "middle.py": "import wording\n",
        "tools/__init__.py": "",
        "tools/words.py": "from .deep import inner\n",
        "tools/deep/__init__.py": "",
        "tools/deep/inner.py": "X = 1\n",
        "bare/part.py": "X = 1\n",
        "other/loose.py": "X = 1\n",
        "unused.py": "X = 1\n",
        "runs/1/left.py": "X = 1\n",
        ".venv/lib/junk.py": "X = 1\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def version(root: Path, code: str) -> str:
    (root / "bot.py").write_text(code + "\n")
    return CodeReference.parse("bot:answer", root, what="target 't'").version()


@pytest.mark.parametrize(("code", "changed"), IMPORTS, ids=[code for code, _ in IMPORTS])
def test_a_changed_module_that_is_imported_changes_the_fingerprint(
    root: Path, code: str, changed: str
) -> None:
    before = version(root, code)
    assert version(root, code) == before
    (root / changed).write_text("X = 2\n")
    assert version(root, code) != before


@pytest.mark.parametrize("name", ["unused.py", "runs/1/left.py", ".venv/lib/junk.py", "other/loose.py"])
def test_what_is_not_imported_changes_nothing(root: Path, name: str) -> None:
    code = "import wording, tools, bare.part, json, importlib.metadata, re\nre.compile('x')"
    before = version(root, code)
    (root / name).write_text("X = 2\n")
    assert version(root, code) == before


def test_code_that_can_reach_anything_takes_the_workspace_along_but_not_its_runs(root: Path) -> None:
    before = version(root, "import importlib\n")
    for name in ("runs/1/left.py", ".venv/lib/junk.py"):
        (root / name).write_text("X = 2\n")
    assert version(root, "import importlib\n") == before


def test_an_agent_a_scorer_and_a_module_of_a_package_are_told_alike(root: Path) -> None:
    (root / "tools/bot.py").write_text("import wording\nfrom . import words\n")
    target = make("agent", root, agent="tools.bot:Bot")
    before = target.fingerprint()["code"]
    (root / "wording.py").write_text("X = 2\n")
    after = target.fingerprint()["code"]
    assert before != after
    (root / "tools/deep/inner.py").write_text("X = 2\n")
    assert target.fingerprint()["code"] not in (before, after)


def test_another_version_of_an_installed_package_changes_the_fingerprint(
    root: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for number in ("1", "2"):
        place = tmp_path_factory.mktemp("elsewhere") / "site-packages"
        write_distribution(place, "fakelib", {}, version=number)
        (place / "fakelib.py").write_text("")
        distribution_version.cache_clear()
        monkeypatch.setattr(sys, "path", [str(place), *sys.path[:]])
        found.append(version(root, "import fakelib"))
    assert found[0] != found[1]
    assert version(root, "import numpy") != version(root, "import scipy")


def test_code_beside_the_workspace_counts_by_its_content(
    root: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package that is installed for editing keeps its version while it changes."""
    place = tmp_path_factory.mktemp("edited")
    (place / "editedlib").mkdir()
    (place / "editedlib/__init__.py").write_text("")
    (place / "editedlib/part.py").write_text("X = 1\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(place)])
    before = version(root, "import editedlib")
    (place / "editedlib/part.py").write_text("X = 2\n")
    assert version(root, "import editedlib") != before


def test_the_fingerprint_does_not_depend_on_where_or_on_what_is_loaded(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    code = "import wording\nfrom bare import part\nimport not_there_at_all"
    before = version(root, code)
    CodeReference.parse("wording:pick", root, what="x").load()  # the root is on the path from here on
    assert version(root, code) == before
    copy = tmp_path_factory.mktemp("copy")
    for path in root.rglob("*.py"):
        (copy / path.relative_to(root)).parent.mkdir(parents=True, exist_ok=True)
        (copy / path.relative_to(root)).write_bytes(path.read_bytes())
    assert version(copy, code) == before


def test_files_that_do_not_parse_and_circles_are_walked(root: Path) -> None:
    (root / "wording.py").write_text("import bot\nimport middle\n")
    assert version(root, "import wording").startswith("sha256:")
    (root / "broken.py").write_text("def (:\n")
    before = version(root, "import broken")
    (root / "broken.py").write_text("def ):\n")
    assert code_digest(root, root / "bot.py") != before


def test_files_of_a_component_count_by_name_and_content(root: Path) -> None:
    (root / "prompts").mkdir()
    (root / "prompts/a.txt").write_text("Be kind.")
    found = {files_digest(root, "prompts")}
    assert files_digest(root, "prompts/*.txt") in found
    (root / "prompts/b.txt").write_text("Be brief.")
    found.add(files_digest(root, "prompts"))
    (root / "prompts/a.txt").write_text("Be rude.")
    found.add(files_digest(root, "prompts/*.txt"))
    assert len(found) == 3
    assert files_digest(root, "nowhere/*") == "missing"
    for pattern in ("../x", "/etc/*"):
        with pytest.raises(InputError, match="leads outside"):
            files_digest(root, pattern)
