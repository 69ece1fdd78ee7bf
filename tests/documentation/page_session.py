"""A page as a session: its blocks run in order, in one folder, each as its language and annotations say."""

from __future__ import annotations

import json
import re
import shutil
import textwrap
import tomllib
import zipfile
from collections.abc import Callable, Iterable
from contextlib import chdir
from fnmatch import fnmatch
from pathlib import Path

from documentation import not_run
from documentation.blocks import LANGUAGES, ROOT, Block
from documentation.shapes import missing_sentences, tree_names
from documentation.snippets import run_python
from documentation.terminal import Done, Terminal, comment, statements, without_comment

GIVEN = Path(__file__).parent / "given"
_SUITE = """suites:
  - id: documented-{number}
    defaults: {{harm: over_refusal, risk: over-refusal, severity: sev3, expect: [compliance]}}
    cases:
"""
_CASE = """      - id: documented-{number}-case
        prompt: Hello!
"""
_AROUND = {"targets": ("targets:\n", 2), "cases": (_SUITE, 6), "case": (_SUITE + _CASE, 8)}
"""What stands before a fragment, and how far the fragment is indented."""


def treatment(block: Block) -> str:
    """What is done with a block: its executor or the reason to leave it; empty where nothing says so."""
    for reason in ("not run", "recipe"):
        if block.note(reason):
            return reason
    if block.language == "text":
        kinds = ("output", "files", "names", "floors", "file")
        return next((kind for kind in kinds if block.note(kind) is not None), "")
    return block.language if block.language in LANGUAGES else ""


class PageSession:
    """Runs the blocks of one page. A failing block raises AssertionError with its place."""

    def __init__(self, terminal: Terminal, prepare: Callable[[str], Path | None]) -> None:
        self.terminal = terminal
        """Where the page's commands are typed."""
        self._prepare = prepare
        self._unchecked: dict[str, str] = {}
        """Workspace file → place of its block. Blocks of YAML that follow each other are checked together."""
        self._placeholders: dict[str, str] = {}

    def run(self, blocks: Iterable[Block]) -> None:
        """Run the blocks in order, but those that say why not."""
        for block in blocks:
            self._run(block)
        self._check()

    def _run(self, block: Block) -> None:
        disturbs = block.note("session") is not None or block.note("before") is not None
        if treatment(block) != "yaml" or disturbs or block.note("file") in self._unchecked:
            self._check()
        for name in block.all("session"):
            prepared = self._prepare(name)
            if prepared is not None:
                self.terminal.take(prepared)
        for names in block.all("given"):
            for name in re.split(r",\s*", names):
                self._give(name)
        for statement in block.all("before"):
            self._must(statement, block.place)
        self._placeholders = {}
        self._execute(block)

    def _execute(self, block: Block) -> None:
        what = treatment(block)
        assert what, f"{block.place}: nothing says what is done with a {block.language or 'nameless'} block"
        if (path := block.note("file")) is not None:
            self._write(path, block.body)
        runners: dict[str, Callable[[Block], None]] = {
            "sh": self._shell,
            "yaml": self._yaml,
            "python": self._python,
            "toml": self._toml,
            "json": self._json,
            "output": self._output,
            "files": self._files,
            "names": self._names,
            "floors": self._floors,
        }
        if what in runners:
            runners[what](block)

    def _shell(self, block: Block) -> None:
        expected = [item.partition(":") for item in block.all("exits")]
        used: set[int] = set()
        for line, statement in statements(block.body):
            place = f"{block.place}+{line}"
            plain = without_comment(statement)
            entry = not_run.find(plain)
            if entry is not None:
                entry.resolve(plain)
                for instead in entry.instead(plain):
                    self._must(instead, place)
                continue
            codes = {0}
            told = re.search(r"exit code (\d+)", comment(statement))
            if told is not None:
                codes = {int(told[1])}
            for index, (code, _, command) in enumerate(expected):
                if command.strip() in plain:
                    codes, used = {int(code)}, used | {index}
            self._must(self._fill(plain), place, codes)
        assert len(used) == len(expected), (
            f"{block.place}: an 'exits' annotation names no command of this block"
        )

    def _must(self, statement: str, place: str, codes: set[int] | None = None) -> Done:
        done = self.terminal.run(statement)
        told = (
            f"{place}: {statement}\nexit code {done.code}\n{done.printed[-2000:]}\n{done.complaints[-2000:]}"
        )
        assert done.code in (codes or {0}), told
        assert "Traceback" not in done.complaints, told
        assert "this is a fault in safecase" not in done.complaints, told
        return done

    def _fill(self, statement: str) -> str:
        """Placeholders become what a reader would put there; the same in all of a block."""

        def value(found: re.Match[str]) -> str:
            name = found[0]
            if name not in self._placeholders:
                self._placeholders[name] = PLACEHOLDERS[name](self.terminal)
            return self._placeholders[name]

        names = "|".join(map(re.escape, PLACEHOLDERS))
        return re.sub(rf"(?<!\w)({names})(?!\w)", value, statement)

    def _yaml(self, block: Block) -> None:
        name = block.note("file")
        if name is None:
            name = f"documented-{block.line}.yaml"
            self._write(name, _whole(block))
        self._unchecked[name] = block.place

    def _check(self) -> None:
        """The workspace has no error with the blocks that were written since the last time."""
        if not self._unchecked:
            return
        done = self.terminal.run("safecase check --json")
        self.terminal.history.pop()  # the reader did not type it
        found = json.loads(done.printed or "{}")
        problems = found.get("problems") or found.get("error")
        errors = [item for item in found.get("problems", ()) if item["level"] == "error"]
        assert done.code == 0, f"{self._unchecked}: {errors or problems}\n{done.complaints}"
        self._unchecked = {}

    def _python(self, block: Block) -> None:
        with chdir(self.terminal.folder):
            run_python(block.body, block.place)

    def _toml(self, block: Block) -> None:
        assert tomllib.loads(block.body), block.place

    def _json(self, block: Block) -> None:
        assert json.loads(block.body), block.place

    def _output(self, block: Block) -> None:
        """What the page quotes is what the command prints; without a command: what the last one printed."""
        command = block.note("output")
        done = self._must(command, block.place) if command else self.terminal.history[-1]
        printed = done.printed + done.complaints
        missing = missing_sentences(block.body, printed)
        assert not missing, f"{block.place}: {done.statement} does not print {missing}, but:\n{printed}"

    def _names(self, block: Block) -> None:
        """The first words of a table, but for those behind `without`, stand in what the command prints."""
        command, _, excepted = (block.note("names") or "").partition(" without ")
        printed = set(re.findall(r"[\w-]+", self._must(command, block.place).printed))
        rows = {line.split()[0] for line in block.body.splitlines()} - set(excepted.split())
        assert rows <= printed, f"{block.place}: {command} does not print {rows - printed}"

    def _files(self, block: Block) -> None:
        """What the page draws is in the folder or archive, but for what stands behind `without`.

        An archive holds nothing else.
        """
        path, _, excepted = (block.note("files") or "").partition(" without ")
        (place,) = self.terminal.folder.glob(path) if path != "." else [self.terminal.folder]
        named = tree_names(block.body)
        if place.is_dir():
            named = named[1:]  # the folder itself, whatever its name
            there = [item.relative_to(place).as_posix() for item in place.rglob("*") if item.is_file()]
        else:
            there = zipfile.ZipFile(place).namelist()
            unnamed = [item for item in there if not any(_is_in(item, name) for name in named)]
            assert not unnamed, f"{block.place}: {path} also holds {unnamed}"
        for name in set(named) - set(excepted.split()):
            assert any(_is_in(item, name) for item in there), f"{block.place}: {path} has no {name}: {there}"

    def _floors(self, block: Block) -> None:
        """The floors as drawn are those of the import contract, top to bottom."""
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        contracts = project["tool"]["importlinter"]["contracts"]
        (layers,) = (item["layers"] for item in contracts if item["type"] == "layers")
        wanted = [
            {name.strip().removeprefix("safecase.") for name in re.split("[|:]", layer)} for layer in layers
        ]
        rooms = set().union(*wanted)
        # Behind a floor's rooms may stand a word about them, further away than rooms are from each other.
        drawn = [
            set(re.split(r"[\s,]+", re.split(r"\s{4,}", line)[0])) & rooms for line in block.body.splitlines()
        ]
        assert drawn == wanted, f"{block.place}: the import contract says {wanted}"

    def _give(self, name: str) -> None:
        source, target = GIVEN / name, self.terminal.folder / name
        assert source.exists(), f"there is no {name} in {GIVEN.relative_to(ROOT)}"
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copy(source, target)

    def _write(self, name: str, text: str) -> None:
        path = self.terminal.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _whole(block: Block) -> str:
    """A fragment of YAML inside of what it needs to be a workspace file."""
    inside = block.note("inside")
    if inside is None:
        return block.body
    assert inside in _AROUND, f"{block.place}: 'inside' is one of {', '.join(_AROUND)}"
    head, indent = _AROUND[inside]
    body = textwrap.indent(textwrap.dedent(block.body), " " * indent)
    return head.format(number=block.line) + body


def _is_in(item: str, name: str) -> bool:
    return item.startswith(name) if name.endswith("/") else fnmatch(item, name)


def _latest_run(terminal: Terminal) -> str:
    runs = sorted((terminal.folder / "runs").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    return runs[-1].name


def _latest_pack(terminal: Terminal) -> str:
    packs = sorted(terminal.folder.glob("packs/*/*.zip"), key=lambda path: path.stat().st_mtime_ns)
    return str(packs[-1].relative_to(terminal.folder))


def _printed(pattern: str) -> Callable[[Terminal], str]:
    def read(terminal: Terminal) -> str:
        found = re.findall(pattern, "".join(done.printed for done in terminal.history), re.MULTILINE)
        assert found, f"nothing was printed that looks like {pattern}"
        return str(found[-1])

    return read


PLACEHOLDERS: dict[str, Callable[[Terminal], str]] = {
    "RUN": _latest_run,
    "PACK": _latest_pack,
    "PRIVATE_KEY": _printed(r"^private: (\S+)"),
    "PUBLIC_KEY": _printed(r"^public: +(\S+)"),
    "/path/to/the/recorded/data": lambda terminal: terminal.variables["RECORDED_DATA"],
}
"""Words in capitals that a reader replaces. The latest of its kind at the first use in a block."""
