"""Keys of people: made and adopted without touching the rest of the file, and used where they are."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from safecase.base import CheckFailed, InputError
from safecase.model import VerdictKind
from safecase.records import NameStanding, find_person, named_entries, signer_for
from safecase.workflow import Project, add_key, list_keys, new_person_key
from safecase.workflow.decisions._log import decision_entries
from support.decided import Decided

YAML = """\
people:   # who may decide
  roles: [{id: lead, title: Lead}]
  persons:
    - {id: sam, name: Sam, roles: [lead]}   # leads
    - id: dana
      name: Dana
    - id: rio
      keys:
        - ed25519:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=
"""
needs_openssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace of three people, in the three ways in which YAML writes them."""
    found = tmp_path / "workspace"
    found.mkdir()
    (found / "safecase.yaml").write_text("system: {id: s, title: S}\n")
    (found / "people.yaml").write_text(YAML.replace("- id: rio\n", "- id: rio\n      name: Rio\n"))
    return found


def openssh_key(tmp_path: Path) -> Path:
    key = tmp_path / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    return key


@pytest.mark.parametrize("person", ["sam", "dana", "rio"])
def test_a_new_key_changes_one_place_of_the_file(folder: Path, person: str) -> None:
    before = (folder / "people.yaml").read_text()
    made = new_person_key(Project.open(folder), person)
    after = (folder / "people.yaml").read_text()
    assert made.line in find_person(Project.open(folder).workspace.people, person).keys
    start = next(i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b)
    end = len(after) - len(before) + start
    assert after[:start] + after[end:] == before
    assert made.private is not None
    assert made.private.stat().st_mode & 0o077 == 0
    assert not made.private.is_relative_to(folder)
    with pytest.raises(InputError, match="there is a key"):
        new_person_key(Project.open(folder), person)


def test_a_private_key_stays_out_of_the_workspace(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    with pytest.raises(InputError, match="stay out of the workspace"):
        new_person_key(Project.open(folder), "sam")
    assert "keys" not in (folder / "people.yaml").read_text().split("rio")[0]


@needs_openssh
def test_a_key_is_adopted_once_and_never_a_private_one(folder: Path, tmp_path: Path) -> None:
    key = openssh_key(tmp_path)
    with pytest.raises(InputError, match="this is a private key"):
        add_key(Project.open(folder), "sam", str(key))
    add_key(Project.open(folder), "sam", f"{key}.pub")
    with pytest.raises(InputError, match="sam has this key already"):
        add_key(Project.open(folder), "dana", f"{key}.pub")
    rows = {row.person: row for row in list_keys(Project.open(folder))}
    assert rows["sam"].fingerprint.startswith("SHA256:")
    assert rows["dana"].fingerprint == ""


def test_a_key_that_others_can_read_does_not_sign(folder: Path) -> None:
    made = new_person_key(Project.open(folder), "sam")
    assert made.private is not None
    os.chmod(made.private, 0o644)
    with pytest.raises(InputError, match="others can read"):
        signer_for(find_person(Project.open(folder).workspace.people, "sam"))


@needs_openssh
def test_openssh_signs_where_the_key_is_its_own(folder: Path, tmp_path: Path) -> None:
    key = openssh_key(tmp_path)
    add_key(Project.open(folder), "sam", f"{key}.pub")
    person = find_person(Project.open(folder).workspace.people, "sam")
    sign = signer_for(person, key=key)
    assert sign is not None
    assert sign(b"decided")
    elsewhere = signer_for(person)
    assert elsewhere is not None
    with pytest.raises(InputError, match="no key of sam is here"):
        elsewhere(b"decided")
    other = tmp_path / "other"
    other.mkdir()
    wrong = signer_for(person, key=openssh_key(other))
    assert wrong is not None
    with pytest.raises(InputError, match="none of sam's"):
        wrong(b"decided")


def test_who_has_a_key_signs_with_it_or_not_at_all(tmp_path: Path) -> None:
    root = tmp_path / "workspace"
    root.mkdir()
    found = Decided(root, "'no'")
    found.run()
    for person in ("sam", "dana"):
        new_person_key(found.project, person)
    assert found.recommend() == ("Recommended by sam (signed).",)
    assert found.sign("go").missing == ()
    standings = [item.standing for item in named_entries(decision_entries(found.project))]
    assert standings == [NameStanding.SIGNATURE, NameStanding.SIGNATURE]
    assert found.kind() is VerdictKind.GO
    (tmp_path / "config" / "safecase" / "keys" / "dana.key").unlink()
    with pytest.raises((InputError, CheckFailed)):
        found.sign("no_go")
