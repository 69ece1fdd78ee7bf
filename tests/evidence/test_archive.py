"""Hostile files that call themselves packs."""

from __future__ import annotations

import stat
import struct
import zipfile
from pathlib import Path

import pytest

from safecase.base import ExitCode, InfrastructureError, InputError
from safecase.evidence._pack_writer import PackWriter
from safecase.workflow import verify_pack
from safecase_verify import CheckFailed, VerifyError
from safecase_verify.reading import archive as _archive
from safecase_verify.reading import layout as _layout
from safecase_verify.reading.archive import open_pack, read_entry
from safecase_verify.reading.layout import Entry, check_layout

from .packs import write_entries


def zip_of(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes], compressed: bool = True) -> Path:
    kind = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", kind) as writer:
        for name, data in entries:
            writer.writestr(name, data)
    return path


def refused(path: Path) -> str:
    """The message with which a pack is refused, as an exception and in the report alike."""
    with pytest.raises(CheckFailed) as caught, open_pack(path):
        pass
    assert caught.value.exit_code == ExitCode.CHECK_FAILED
    report = verify_pack(path)
    assert not report.ok
    assert report.checks[0].detail == caught.value.render()
    return str(caught.value)


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/passwd", "a/../../b", "..\\outside", "C:/windows/x", "run/\\..\\x"]
)
def test_a_path_that_leads_outside_is_refused(tmp_path: Path, name: str) -> None:
    assert "leads outside" in refused(zip_of(tmp_path / "pack.zip", (name, b"x")))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_special_files_are_refused(tmp_path: Path, kind: int) -> None:
    entry = zipfile.ZipInfo("run/manifest.json")
    entry.external_attr = (kind | 0o777) << 16
    assert "link or a special file" in refused(zip_of(tmp_path / "pack.zip", (entry, b"/etc/passwd")))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_entry_that_stands_twice_is_refused(tmp_path: Path) -> None:
    assert "twice" in refused(zip_of(tmp_path / "pack.zip", ("a", b"1"), ("a", b"2")))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "pack.zip", ("bomb", bytes(64 * 1024**2)))
    assert path.stat().st_size < 100_000
    assert "far more than it holds" in refused(path)


def test_a_bomb_of_many_entries_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_archive, "MAXIMUM_ENTRIES", 20)
    path = zip_of(tmp_path / "pack.zip", *((f"entry-{index}", b"") for index in range(21)))
    assert "21 entries" in refused(path)


def test_the_sum_of_all_entries_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_archive, "MAXIMUM_TOTAL_BYTES", 5000)
    path = zip_of(tmp_path / "pack.zip", *((f"entry-{index}", bytes(1000)) for index in range(6)))
    assert "far more than it holds" in refused(path)


def test_what_an_entry_unpacks_to_is_limited_whatever_its_header_says(tmp_path: Path) -> None:
    path = write_entries(tmp_path / "pack.zip", [("entry", bytes(1000))])
    with open_pack(path) as opened:
        with pytest.raises(CheckFailed, match="too large"):
            read_entry(opened, "entry", limit=999)
        assert read_entry(opened, "entry", limit=1000) == bytes(1000)
        with pytest.raises(CheckFailed, match="lacks other"):
            read_entry(opened, "other")


def test_large_packs_have_the_fields_that_other_readers_expect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_layout, "_FULL", 400)
    monkeypatch.setattr(_layout, "_FULL_COUNT", 3)
    large = Entry("large", _layout.STORED, 5, 600, 700, 800)
    extra = _layout.directory_entry(large)[46 + len("large") :]
    assert struct.unpack("<2H3Q", extra) == (1, 24, 700, 600, 800)
    assert _layout.directory_entry(Entry("small", _layout.STORED, 5, 6, 7, 8))[46:] == b"small"
    monkeypatch.undo()
    entries = [(f"entry-{number}", bytes([number % 256]) * number) for number in range(200)]
    path = write_entries(tmp_path / "pack.zip", entries)
    with zipfile.ZipFile(path) as opened:
        assert opened.testzip() is None
        assert [(item.filename, opened.read(item)) for item in opened.infolist()] == entries
        with open_pack(path):
            pass
    many = write_entries(tmp_path / "many.zip", [(f"{number}", b"") for number in range(66_000)])
    with zipfile.ZipFile(many) as opened:
        assert len(opened.infolist()) == 66_000
        assert len(check_layout(many, opened.infolist())) == 66_000


def test_a_zip_that_another_tool_wrote_is_no_pack(tmp_path: Path) -> None:
    assert "header was changed" in refused(zip_of(tmp_path / "pack.zip", ("a", b"1")))
    path = write_entries(tmp_path / "pack.zip", [("a", b"1"), ("b", b"2")])
    whole = path.read_bytes()
    for name, data in (("front", b"x" + whole), ("behind", whole + b"x")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(VerifyError), open_pack(tmp_path / name):
            pass


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip at all", b"PK\x03\x04" + bytes(100)])
def test_what_is_no_zip_is_bad_input(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pack.zip"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not an evidence pack") as caught:
        verify_pack(path)
    assert caught.value.exit_code is ExitCode.BAD_INPUT


def test_a_folder_or_nothing_is_bad_input(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.zip"):
        with pytest.raises(InputError, match="no such pack"):
            verify_pack(path)


def test_a_zip_without_a_statement_fails_the_first_check(tmp_path: Path) -> None:
    report = verify_pack(write_entries(tmp_path / "pack.zip", [("run/manifest.json", b"{}")]))
    assert not report.ok
    assert [(item.name, item.ok) for item in report.checks] == [("signature", False)]
    assert "lacks statement.dsse.json" in report.checks[0].detail


def test_a_pack_that_breaks_off_leaves_nothing_behind(tmp_path: Path) -> None:
    def break_off() -> None:
        with PackWriter(tmp_path / "pack.zip") as writer:
            writer.add("entry", b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert list(tmp_path.iterdir()) == []


def test_a_destination_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(InfrastructureError, match="cannot write the pack"),
        PackWriter(tmp_path / "file" / "pack.zip"),
    ):
        pass
