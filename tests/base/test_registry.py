"""Registries: found by file, declared by a decorator, added to from outside; what is told when that fails."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Protocol, runtime_checkable

import pytest

from safecase.attacks import CONVERTERS
from safecase.base import InputError, KindRegistry, NoParameters, Record, Registered, Registry
from safecase.guard import CHECKS
from safecase.scorers import SCORERS
from safecase.targets import TARGETS
from support.packages import write_distribution


@runtime_checkable
class Greeter(Protocol):
    name: str
    version: str

    def greet(self) -> str: ...


class Polite(Record):
    words: str = "good day"


def greeters(*packages: str, group: str = "") -> KindRegistry[Greeter, str]:
    return KindRegistry("greeter", offers=[Greeter], packages=packages, group=group)


HELLO = """
import time
from {package}._shared import GREETERS, Parameters

time.sleep(0.05)

@GREETERS.register("{name}", version="1", parameters=Parameters)
class Made:
    def __init__(self, parameters):
        self.words = parameters.words

    def greet(self):
        return self.words
"""


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KindRegistry[Greeter, str]:
    """A package with two files of kinds and one that is nobody's kind, and the registry over it."""
    package = f"house_{tmp_path.name.replace('-', '_')}"
    folder = tmp_path / package
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "_shared.py").write_text(
        "from safecase.base import Record\nGREETERS = None\n"
        "class Parameters(Record):\n    words: str = 'hello'\n"
    )
    for name in ("morning", "evening"):
        (folder / f"{name}.py").write_text(HELLO.format(package=package, name=name))
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = greeters(package)
    shared = __import__(f"{package}._shared", fromlist=["x"])
    shared.GREETERS = registry
    return registry


def install(folder: Path, name: str, points: dict[str, str], *, group: str = "test.greeter") -> None:
    write_distribution(folder, name, {group: points})


def test_a_file_is_a_kind_and_listing_imports_none(house: KindRegistry[Greeter, str]) -> None:
    package = house._packages[0]
    assert house.names() == ("evening", "morning")
    assert "morning" in house
    assert f"{package}.morning" not in sys.modules
    kind = house.get("morning")
    assert kind.create(kind.parameters(), "").greet() == "hello"
    assert f"{package}.evening" not in sys.modules
    assert str(house.origin("evening")) == "built in"


def test_many_threads_get_one_and_the_same_kind(house: KindRegistry[Greeter, str]) -> None:
    barrier = threading.Barrier(8)
    found: list[object] = []

    def ask() -> None:
        barrier.wait()
        found.append(house.get("morning"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len({id(kind) for kind in found}) == 1


def test_a_file_that_registers_something_else_is_told(
    house: KindRegistry[Greeter, str], tmp_path: Path
) -> None:
    package = house._packages[0]
    (tmp_path / package / "noon.py").write_text(HELLO.format(package=package, name="midday"))
    with pytest.raises(InputError, match=r"noon registers no greeter named 'noon'"):
        house.get("noon")


def test_a_decorated_class_says_name_and_version_once() -> None:
    registry = greeters()

    @registry.register("polite", version="7", parameters=Polite)
    class PoliteGreeter(Registered):
        def __init__(self, parameters: Polite, context: str) -> None:
            self.words = f"{parameters.words}, {context}"

        def greet(self) -> str:
            return self.words

    made = registry.get("polite").create(Polite(words="hello"), "Ann")
    assert (made.name, made.version, made.greet()) == ("polite", "7", "hello, Ann")
    assert registry.origin("polite").kind == "registered"
    with pytest.raises(InputError, match="parameters of another greeter"):
        registry.get("polite").create(NoParameters(), "")


def test_an_unknown_name_says_what_was_meant_or_what_there_is(house: KindRegistry[Greeter, str]) -> None:
    with pytest.raises(InputError, match="did you mean 'morning'"):
        house.get("mornin")
    with pytest.raises(InputError, match="known: evening, morning"):
        house.get("zzz")
    with pytest.raises(InputError, match="known: none"):
        greeters().get("zzz")


def test_a_built_in_name_cannot_be_taken_and_a_cell_may_run_twice(house: KindRegistry[Greeter, str]) -> None:
    with pytest.raises(InputError, match=r"'morning' already; it is built in"):
        house.register("morning", parameters=Polite)(lambda parameters: None)
    for version in ("1", "2"):
        house.register("mine", version=version, parameters=Polite)(lambda parameters: None)
    assert house.get("mine").version == "2"


def test_a_frozen_registry_takes_nothing_new_and_still_loads(house: KindRegistry[Greeter, str]) -> None:
    house.freeze()
    with pytest.raises(InputError, match="frozen; 'late' came too late"):
        house.register("late", parameters=Polite)(lambda parameters: None)
    assert house.get("evening").name == "evening"


def test_what_is_built_has_all_that_the_protocol_names() -> None:
    registry = greeters()

    @registry.register("mute", version="1", parameters=Polite)
    class Mute:
        def __init__(self, parameters: Polite) -> None: ...

    with pytest.raises(InputError, match=r"Mute lacks 'greet' \(a greeter has name, version, greet\)"):
        registry.get("mute").create(Polite(), "")


def test_an_installed_plain_class_is_a_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plain_greeting.py").write_text(
        "class Plain:\n    name, version = 'plain', '3'\n    def greet(self):\n        return 'hi'\n"
    )
    install(tmp_path, "greeting", {"plain": "plain_greeting:Plain"})
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = greeters(group="test.greeter")
    assert registry.names() == ("plain",)
    kind = registry.get("plain")
    assert (kind.version, kind.create(NoParameters(), "").greet()) == ("3", "hi")
    assert str(registry.origin("plain")) == "greeting 1.0"


def test_broken_and_doubled_entry_points_are_told_and_harm_nothing_else(
    house: KindRegistry[Greeter, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.group = "test.greeter"
    (tmp_path / "crashing_greeting.py").write_text("raise SystemExit(3)\n")
    install(
        tmp_path, "first", {"gone": "no_such_module:X", "crash": "crashing_greeting:X", "number": "math:pi"}
    )
    install(tmp_path, "second", {"gone": "other:X", "morning": "other:X", "needy": "pathlib:Path.joinpath"})
    monkeypatch.syspath_prepend(str(tmp_path))
    assert house.names() == ("crash", "evening", "gone", "morning", "needy", "number")
    assert house.get("morning").name == "morning"
    for name, words in {
        "gone": r"entry point 'gone' of first 1\.0: the greeter 'gone' does not load: ModuleNotFoundError",
        "crash": "SystemExit: 3",
        "number": "float is no class of greeters",
        "needy": "takes parameters, and nothing says of which type",
    }.items():
        with pytest.raises(InputError, match=words):
            house.get(name)
    assert house.passed_over() == (
        "greeter 'gone' of second 1.0: first 1.0 has the name",
        "greeter 'morning' of second 1.0: the name is built in",
    )


def test_plain_objects_can_be_registered_too() -> None:
    registry: Registry[type] = Registry("shape")

    @registry.register("circle")
    class Circle: ...

    assert registry.get("circle") is Circle
    with pytest.raises(InputError, match="no shape"):
        registry.adopt("pi", 3.14, where="there")


def test_a_file_may_define_its_object_under_a_name_that_is_agreed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = f"colours_{tmp_path.name.replace('-', '_')}"
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text("")
    (tmp_path / package / "red.py").write_text("COLOUR = 'f00'\n")
    (tmp_path / package / "none.py").write_text("COLOUR = 7\n")
    (tmp_path / "violet_colour.py").write_text("VIOLET = '80f'\n")
    install(tmp_path, "violet", {"violet": "violet_colour:VIOLET"}, group="test.colour")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry: Registry[str] = Registry(
        "colour",
        packages=[package],
        attribute="COLOUR",
        group="test.colour",
        accepts=lambda found: found if isinstance(found, str) else None,
    )
    assert registry.names() == ("none", "red", "violet")
    assert (registry.get("red"), registry.get("violet")) == ("f00", "80f")
    assert [str(registry.origin(name)) for name in ("red", "violet")] == ["built in", "violet 1.0"]
    with pytest.raises(InputError, match="none registers no colour"):
        registry.get("none")


@pytest.mark.parametrize("registry", [SCORERS, CHECKS, TARGETS], ids=["scorers", "checks", "targets"])
def test_every_built_in_is_named_like_its_file(registry: KindRegistry[object, object]) -> None:
    for name in registry.names():
        kind = registry.get(name)
        assert kind.name == name
        assert kind.build.__module__.rpartition(".")[2] == name
        assert registry.origin(name).kind == "built in"


def test_the_groups_are_named_alike() -> None:
    tables = {"scorer": SCORERS, "check": CHECKS, "target": TARGETS, "converter": CONVERTERS}
    assert {f"safecase.{noun}": noun for noun in tables} == {t.group: n for n, t in tables.items()}


def test_listing_names_imports_no_kind() -> None:
    code = (
        "import sys; from safecase.scorers import SCORERS; from safecase.guard import CHECKS; "
        "from safecase.targets import TARGETS; "
        "names = [*SCORERS.names(), *CHECKS.names(), *TARGETS.names()]; assert len(names) > 40; "
        "kinds = {m for t in (SCORERS, CHECKS, TARGETS) for m in t._built_in().values()}; "
        "assert not kinds & set(sys.modules), kinds & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
