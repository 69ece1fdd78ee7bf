"""Whatever is done to a pack, `verify` fails in words: it never passes and never breaks."""

from __future__ import annotations

import base64
import random
import re
import struct
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safecase.base import compress_frame
from safecase.evidence import check_evidence
from safecase.evidence._pack_writer import PackWriter
from safecase.model import Baseline, OutcomeKind, ScorerReference
from safecase_verify import ExitCode, InputError, VerificationReport, verify_pack
from safecase_verify.reading import run as verify_run
from support.cases import case
from support.frames import undeclared_frame, unpack_frame
from support.rules import gate, rule

from .packs import entries_of, failed, pack, repack, write_entries
from .run_folders import write_run

H, V, E = OutcomeKind.HELD, OutcomeKind.VIOLATED, OutcomeKind.ERROR
EVERY_RULE = (
    rule("harm", bound=0.3),
    rule("families", population="families", bound=0.3),
    rule("severity", "severity_weighted_rate", 0.2),
    rule("attack", "attack_at_k", 0.5, k=1),
    rule("worse", "regression", None, margin=0.3),
    rule("p95", "latency_p95_ms", 500),
    rule("cost", "cost_per_attempt_usd", 5),
    rule("coverage", "coverage", 0.5, comparator=">="),
)


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack with a baseline, an earlier run in its chain, workspace files and every kind of rule."""
    folder = tmp_path_factory.mktemp("honest")
    cases = [case(f"case-{number}") for number in range(20)]
    scorers = (ScorerReference(name="refusal", version="1", own_code=True),)
    before = write_run(
        folder, cases, dict.fromkeys(range(20), H), run_id="20260101T000000Z-000001", scorers=scorers
    )
    run = write_run(
        folder, cases, {draw: V if draw == 3 else E if draw == 5 else H for draw in range(20)},
        [gate(*EVERY_RULE)], predecessor=before.manifest, scorers=scorers,
        baseline=Baseline(
            run_id=before.manifest.run_id, manifest_digest=before.manifest.digest, system_version="1"
        ),
    )  # fmt: skip
    path = pack(run, folder / "pack.zip", baseline=before, chain=(before.manifest,))
    report = verify_pack(path)
    assert report.ok, failed(report)
    return path


def outcome(path: Path) -> VerificationReport | None:
    """The report, or None where the file is refused as no pack at all; both are clear failures."""
    try:
        report = verify_pack(path)
    except InputError as refusal:
        told = refusal
    else:
        return clear(report)
    assert told.exit_code is ExitCode.BAD_INPUT
    assert "not an evidence pack" in told.message
    return None


def clear(report: VerificationReport) -> VerificationReport:
    """The report, which must object, in words."""
    assert not report.ok, "a changed pack passed"
    for item in report.checks:
        assert item.detail
        assert "Traceback" not in item.detail
        assert len(item.detail) < 2_000
        assert item.detail.isprintable()
    return report


def regions(path: Path) -> list[tuple[int, int, str]]:
    """(start, end, entry) of each entry with its header, and the directory behind them as ''."""
    with zipfile.ZipFile(path) as archive:
        found = []
        infos = archive.infolist()
        ends = [item.header_offset for item in infos[1:]] + [archive.start_dir]
        for info, end in zip(infos, ends, strict=True):
            found.append((info.header_offset, end, info.filename))
        found.append((archive.start_dir, path.stat().st_size, ""))
    return found


def test_one_flipped_byte_anywhere_fails_and_names_its_entry(honest: Path, tmp_path: Path) -> None:
    whole = honest.read_bytes()
    generator = random.Random(11)
    changed = tmp_path / "changed.zip"
    for start, end, name in regions(honest):
        headers = range(start, min(start + 30 + len(name) + 20, end))
        sample = {*headers, end - 1, *generator.sample(range(start, end), min(end - start, 40))}
        for position in sorted(sample):
            data = bytearray(whole)
            data[position] ^= generator.randrange(1, 256)
            changed.write_bytes(bytes(data))
            report = outcome(changed)
            if name:
                assert report is not None
                told = failed(report)
                shown = name in told or (name == "statement.dsse.json" and told.startswith("signature"))
                assert shown, (position, name, told)


def test_single_bits_of_deflated_data_are_not_free(honest: Path, tmp_path: Path) -> None:
    """Deflate has spare bits and several ways to say the same; the digest of the packed bytes closes them."""
    whole = honest.read_bytes()
    changed = tmp_path / "changed.zip"
    for start, end, name in regions(honest):
        if name in ("", "statement.dsse.json"):
            continue
        for bit in range(8):
            data = bytearray(whole)
            data[end - 1] ^= 1 << bit
            changed.write_bytes(bytes(data))
            assert name in failed(outcome(changed) or pytest.fail("refused without a name")), start


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_damage_is_always_a_clear_failure(data: st.DataObject, honest: Path, tmp_path: Path) -> None:
    whole = bytearray(honest.read_bytes())
    original = bytes(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, max(len(whole) - 1, 0)))
        kind = data.draw(st.sampled_from(["flip", "cut", "insert", "remove", "repeat"]))
        if kind == "flip" and whole:
            whole[place] ^= data.draw(st.integers(1, 255))
        elif kind == "cut":
            del whole[place:]
        elif kind == "insert":
            whole[place:place] = data.draw(st.binary(min_size=1, max_size=40))
        elif kind == "remove":
            del whole[place : place + data.draw(st.integers(1, 200))]
        else:
            whole[place:place] = whole[place : place + data.draw(st.integers(1, 200))]
    path = tmp_path / "changed.zip"
    path.write_bytes(bytes(whole))
    if bytes(whole) != original:
        outcome(path)


def test_truncated_entries_fail_wherever_they_are_cut(honest: Path, tmp_path: Path) -> None:
    """Signed anew, so that not the digest but the reader has to notice."""
    for name, data in entries_of(honest).items():
        if name == "statement.dsse.json" or not data:
            continue
        lines = data.count(b"\n")
        for share in (0.0, 0.3, 0.99):
            cut = int(len(data) * share)
            path = repack_bytes(honest, tmp_path / "cut.zip", {name: data[:cut]})
            if path is None:
                continue
            try:
                report = verify_pack(path)
            except InputError:
                continue
            harmless = name in ("README.txt", "report.html") or name.startswith("workspace/")
            assert harmless or not report.ok, (name, cut, lines)


def repack_bytes(source: Path, destination: Path, change: dict[str, bytes]) -> Path | None:
    """`repack` with whole entries; None where the helper itself cannot read what it has to sign."""
    try:
        return repack(source, destination, {name: lambda _, data=data: data for name, data in change.items()})
    except ValueError:
        return None


HOSTILE_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 10**6, 2**31, 2**63, 2**64, 10**30, 1e308, -1e308, 5e-324, "", "x", "\x00",
    "é\u202e" * 50, "9" * 5_000, [], {}, [[]], {"": None}, [1] * 500, {"a": {"a": {"a": {}}}},
)  # fmt: skip
RAW_VALUES = (
    b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 5_000, b"[" * 3_000 + b"]" * 3_000,
    b'{"a":' * 3_000 + b"1" + b"}" * 3_000, b"\xff\xfe", b'"\\ud800"', b"", b"01", b"{", b"'x'",
)  # fmt: skip


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterable[tuple[Any, ...]]:
    """Every place in plain JSON data, the whole included."""
    yield at
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*at, key))
    elif isinstance(value, list):
        for number in range(min(len(value), 3)):
            yield from places(value[number], (*at, number))


def replaced(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    if not at:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[at[0]] = replaced(value[at[0]], at[1:], new)
    return copy


JSON_ENTRIES = ("run/manifest.json", "baseline/manifest.json", "verdicts/release.json")
FREE = re.compile(
    r"sentence|reasons|note|title|rationale|environment|explanation|owner|details|label|value|families"
    r"|events|method|sides|unit|confidence|judge_corrected|assumption|settings|safecase_version|target_"
)
"""What the verdict and the manifest say in words, or what stands for itself."""


@given(data=st.data())
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_values_of_any_type_fail_in_words(data: st.DataObject, honest: Path, tmp_path: Path) -> None:
    """A value anywhere in a manifest, a verdict or an attempt becomes another; all is signed anew."""
    entries = entries_of(honest)
    name = data.draw(st.sampled_from([*JSON_ENTRIES, "run/attempts.jsonl.zst", "run/cases.jsonl"]))
    content = entries[name]
    if name.endswith(".zst"):
        content = unpack_frame(content)
    lines = content.splitlines() if name not in JSON_ENTRIES else [content]
    number = data.draw(st.integers(0, len(lines) - 1))
    document = orjson.loads(lines[number])
    at = data.draw(st.sampled_from(list(places(document))))
    if data.draw(st.booleans()):
        new = data.draw(st.sampled_from(HOSTILE_VALUES))
        before = document
        for step in at:
            before = before[step]
        try:
            lines[number] = orjson.dumps(replaced(document, at, new))
        except TypeError:
            lines[number] = repr(new).encode()
        # true reads as the number 1: another spelling of the same value.
        same = before == new
    else:
        mark = "@@here@@"
        lines[number] = orjson.dumps(replaced(document, at, mark)).replace(
            f'"{mark}"'.encode(), data.draw(st.sampled_from(RAW_VALUES))
        )
        same = False
    content = b"\n".join(lines) + b"\n"
    if name.endswith(".zst"):
        content = compress_frame(content)
    path = repack_bytes(honest, tmp_path / "changed.zip", {name: content})
    if path is None or same:
        return
    report = verify_pack(path)
    assert all(item.detail and "Traceback" not in item.detail for item in report.checks)
    assert all(len(item.detail) < 4_000 and item.detail.isprintable() for item in report.checks)
    if name in ("run/manifest.json", "verdicts/release.json") and not FREE.search("/".join(map(str, at))):
        # The manifest's own digest is in the statement, and the verdict follows from the attempts.
        assert not report.ok, at


@pytest.mark.parametrize("raw", RAW_VALUES)
@pytest.mark.parametrize(
    "name", [*JSON_ENTRIES, "run/cases.jsonl", "run/draws.csv", "statement.dsse.json", "decisions.jsonl",
             "runs.jsonl", "run/masked_cases.json", "workspace/risks.yaml"]
)  # fmt: skip
def test_entries_that_are_something_else_fail_in_words(
    raw: bytes, name: str, honest: Path, tmp_path: Path
) -> None:
    entries = entries_of(honest)
    if name == "statement.dsse.json":
        path = write_entries(tmp_path / "pack.zip", [*list(entries.items())[:-1], (name, raw)])
        outcome(path)
        return
    more = entries | ({"decisions.jsonl": b""} if "decisions" in name else {})
    path_or_none = None
    try:
        path_or_none = repack(
            write_entries(tmp_path / "more.zip", [*more.items(), *([] if name in more else [(name, b"")])]),
            tmp_path / "pack.zip",
            {name: lambda _: raw},
        )
    except ValueError:
        return
    report = verify_pack(path_or_none)
    harmless = name.startswith("workspace/") or (name == "decisions.jsonl" and raw == b"")
    assert harmless or not report.ok


PREDICATE_CHANGES: list[Callable[[dict[str, Any]], Any]] = [
    lambda s: s.update(subject=None),
    lambda s: s.update(subject=[None]),
    lambda s: s.update(subject=[{"name": ["x"], "digest": {"sha256": []}}]),
    lambda s: s["subject"].append(dict(s["subject"][0])),
    lambda s: s["subject"].append({"name": "statement.dsse.json", "digest": {"sha256": "0"}}),
    lambda s: s["subject"][0].update(digest="x"),
    lambda s: s["subject"][0].update(annotations={"packed_sha256": "0"}),
    lambda s: s.update(predicate=None),
    lambda s: s.update(predicate=[1]),
    lambda s: s["predicate"].update(created_at=None),
    lambda s: s["predicate"].update(created_at="9" * 100),
    lambda s: s["predicate"].update(verdicts={"a": 1}),
    lambda s: s["predicate"].update(verdicts=[None, 3]),
    lambda s: s["predicate"].update(masked_files="x"),
    lambda s: s["predicate"].update(masked_files=[{"name": {}, "sha256": None}]),
    lambda s: s.update(_type="x"),
    lambda s: s.update(predicateType=7),
]


@pytest.mark.parametrize("number", range(len(PREDICATE_CHANGES)))
def test_statements_of_any_shape_fail_in_words(number: int, honest: Path, tmp_path: Path) -> None:
    def change(statement: dict[str, Any]) -> dict[str, Any]:
        PREDICATE_CHANGES[number](statement)
        return statement

    assert outcome(repack(honest, tmp_path / "pack.zip", {"statement": change})) is not None


@pytest.mark.parametrize(
    "name",
    ["../outside", "/etc/passwd", "run/../../x", "C:\\x", "a\\b", "run/./x", "run//x", "", "x" * 70_000],
)
@pytest.mark.filterwarnings("ignore")
def test_names_that_lead_elsewhere_fail(name: str, honest: Path, tmp_path: Path) -> None:
    entries = entries_of(honest)
    path = tmp_path / "pack.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for entry, data in entries.items():
            archive.writestr(entry, data)
        try:
            archive.writestr(name, b"x")
        except (ValueError, IndexError, struct.error):
            return
    outcome(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_entry_that_stands_twice_fails_whichever_is_true(honest: Path, tmp_path: Path) -> None:
    entries = list(entries_of(honest).items())
    for doubled in (("verdicts/release.json", b"{}"), entries[0]):
        for order in ([doubled, *entries], [*entries, doubled]):
            report = outcome(write_entries(tmp_path / "pack.zip", order))
            assert report is not None
            assert "twice" in failed(report)


def test_bombs_are_not_unpacked(honest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = entries_of(honest)
    huge = bytes(300 * 1024**2)
    path = tmp_path / "pack.zip"
    with PackWriter(path) as writer:
        for name, data in entries.items():
            writer.add(name, huge if name == "run/cases.jsonl" else data)
    assert "far more than it holds" in failed(outcome(path) or pytest.fail("refused"))
    # A bomb inside of the compressed attempts passes the ratio of the archive, and is met line by line.
    bomb = compress_frame(huge, level=19)
    report = verify_pack(repack(honest, tmp_path / "inner.zip", {"run/attempts.jsonl.zst": lambda _: bomb}))
    assert "too long to read" in failed(report)
    monkeypatch.setattr(verify_run, "_FREE_BYTES", 1024**2)
    monkeypatch.setattr(verify_run, "_MOST_SWELLING", 10)
    lines = unpack_frame(entries["run/attempts.jsonl.zst"])
    padded = lines.replace(b'"explanation":""', b'"explanation":"' + b"x" * 1024**2 + b'"')
    swelling = compress_frame(padded)
    report = verify_pack(repack(honest, tmp_path / "s.zip", {"run/attempts.jsonl.zst": lambda _: swelling}))
    assert "far more than it holds" in failed(report)
    monkeypatch.setattr(verify_run, "_MOST_CASE_BYTES", 1000)
    assert "too large to read" in failed(verify_pack(honest))
    monkeypatch.undo()
    frame = bytearray(undeclared_frame(lines))
    frame[5] = (30 - 10) << 3  # the window descriptor: 1 GiB that a reader would have to keep
    wide = bytes(frame)
    report = verify_pack(repack(honest, tmp_path / "wide.zip", {"run/attempts.jsonl.zst": lambda _: wide}))
    assert "corrupt" in failed(report)
    # Another reader would go on to a second frame: what this one passes over must not be there.
    behind = undeclared_frame(lines) + undeclared_frame(b"{}\n")
    report = verify_pack(repack(honest, tmp_path / "two.zip", {"run/attempts.jsonl.zst": lambda _: behind}))
    assert "corrupt" in failed(report)


def test_a_workspace_that_swells_is_named_and_not_believed(honest: Path, tmp_path: Path) -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    laughs = ("\n".join(levels) + "\nrisks: []\n").encode()
    deep = b"a: " + b"[" * 5_000 + b"]" * 5_000
    for data in (laughs, deep, b"risks: 3", b"risks: [{severity: [sev1], id: {}}]", b"gates: [{id: [1]}]"):
        report = check_evidence(
            repack(honest, tmp_path / "pack.zip", {"workspace/risks.yaml": lambda _, data=data: data})
        )
        assert failed(report).startswith("workspace files: "), data


def test_signatures_of_any_shape_fail(honest: Path, tmp_path: Path) -> None:
    entries = entries_of(honest)
    envelope = orjson.loads(entries["statement.dsse.json"])
    signature = envelope["signatures"][0]
    for change in (
        {"signatures": []},
        {"signatures": [{**signature, "public_key": ""}]},
        {"signatures": [{**signature, "public_key": base64.b64encode(bytes(31)).decode()}]},
        {"signatures": [{**signature, "sig": "not base64"}]},
        {"signatures": [{**signature, "keyid": "0" * 16}]},
        {"payload": ""},
        {"payload": "é"},
        {"payloadType": "x" * 100_000},
    ):
        data = orjson.dumps({**envelope, **change})
        path = write_entries(tmp_path / "pack.zip", (entries | {"statement.dsse.json": data}).items())
        report = outcome(path)
        assert report is not None
        assert [item.name for item in report.checks] == ["signature"]
