"""The verifier as a distribution of its own: small, alone, and the same answer on its own command line."""

from __future__ import annotations

import ast
import base64
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import safecase_verify
from evidence.packs import failed, key, pack, repack
from evidence.run_folders import write_run
from safecase.base import VERSION
from safecase_verify import INTEGRITY_ONLY
from safecase_verify.command import main
from support.cases import case
from support.outcomes import HELD
from support.rules import gate, rule

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(safecase_verify.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
ALLOWED = {"cryptography", "backports", "compression", "safecase_verify", *sys.stdlib_module_names}
LONGEST_FILE, FULLEST_FOLDER = 500, 20


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_it_imports_the_standard_library_and_two_small_packages() -> None:
    assert {
        str(path.relative_to(SOURCE)): imported(path) - ALLOWED for path in FILES if imported(path) - ALLOWED
    } == {}


def test_its_files_can_be_read_in_an_afternoon() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {path for path, count in lengths.items() if count > LONGEST_FILE} == set()
    # With the ledger of runs, the decision log and its signatures: what grows beyond this is asked why.
    assert sum(lengths.values()) < 7_000
    assert {
        folder for folder in {path.parent for path in FILES} if len([*folder.glob("*.py")]) > FULLEST_FOLDER
    } == set()


def test_the_two_distributions_name_one_version() -> None:
    mine = tomllib.loads((ROOT / "verifier" / "pyproject.toml").read_text())["project"]
    theirs = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert mine["version"] == safecase_verify.__version__ == VERSION
    assert f"safecase-verify=={mine['version']}" in theirs["dependencies"]
    shared = {item.partition(">")[0] for item in mine["dependencies"]}
    assert shared == {"cryptography", "backports.zstd"}


def test_every_name_that_others_may_use_is_there() -> None:
    assert [name for name in safecase_verify.__all__ if not hasattr(safecase_verify, name)] == []
    with pytest.raises(AttributeError, match="nobody"):
        safecase_verify.nobody  # noqa: B018


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("honest")
    cases = [case(f"case-{number}") for number in range(40)]
    run = write_run(folder, cases, dict.fromkeys(range(40), HELD), [gate(rule("harm", bound=0.2))])
    path = pack(run, folder / "pack.zip")
    report = safecase_verify.verify_pack(path)
    assert report.ok, failed(report)
    return path


def test_the_command_says_what_holds_and_ends_with_the_codes_of_the_house(
    honest: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    assert main([str(honest)]) == 0
    shown = capfdbinary.readouterr().out.decode()
    assert shown.startswith(INTEGRITY_ONLY)
    assert "The pack agrees with itself." in shown
    known = tmp_path / "keys"
    known.write_text(f"sam {key_text(1)}\n")
    assert main([str(honest), "--trust", str(known), "--require-trust"]) == 0
    assert "The pack holds, signed by sam." in capfdbinary.readouterr().out.decode()
    assert main([str(honest), "--public-key", key_text(2)]) == 1
    assert "none of the keys that you trust" in capfdbinary.readouterr().out.decode()
    assert main([str(honest), "--require-trust"]) == 1
    capfdbinary.readouterr()
    monkeypatch.setenv("CI", "true")
    assert main([str(honest)]) == 1
    assert main([str(honest), "--no-require-trust", "--json"]) == 0
    report = json.loads(capfdbinary.readouterr().out.decode().splitlines()[-1])
    assert report["ok"]
    assert main([str(tmp_path / "none.zip")]) == 2
    assert b"there is no such pack" in capfdbinary.readouterr().err
    assert main([str(honest), "--public-key", "short"]) == 2


def key_text(number: int) -> str:
    return base64.b64encode(key(number).public_bytes).decode()


def test_a_forged_number_is_found_by_the_command_alone(honest: Path, tmp_path: Path) -> None:
    """In a process that has nothing of safecase on its path."""

    def lie(data: bytes) -> bytes:
        return data.replace(b'"upper": 0.', b'"upper": 0.0', 1)

    forged = repack(honest, tmp_path / "forged.zip", {"verdicts/release.json": lie})
    code = "import sys; sys.modules.update(dict.fromkeys(('safecase','numpy','scipy','pydantic','orjson')));"
    code += "from safecase_verify.command import main; sys.exit(main(sys.argv[1:]))"
    environment = {**os.environ, "PYTHONPATH": str(SOURCE.parent), "CI": ""}
    for path, wanted in ((honest, 0), (forged, 1)):
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
        assert done.returncode == wanted, done.stdout + done.stderr
    assert "upper limit" in done.stdout
