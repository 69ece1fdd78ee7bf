"""The committed files of the suite ``modalities`` are what their maker makes, and are what they say."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import pytest

from safecase.workspace._suite_builder import build_suite
from safecase.workspace.library._builtin_suites import suite_path
from safecase.workspace.library._media_files import with_media
from safecase.workspace.yaml_reader import read_yaml

from .media_files import FOLDER, SAMPLES, Sample, content, pixels


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda item: item.name)
def test_the_committed_file_is_the_one_that_is_made(sample: Sample) -> None:
    committed, made = (FOLDER / sample.name).read_bytes(), content(sample)
    assert len(committed) < 5_000
    if sample.name.endswith(".png"):
        # Compressors differ between versions of zlib, so the pictures are compared, not the bytes.
        committed, made = picture(committed), picture(made)
    elif sample.name.endswith(".docx"):
        committed, made = word_text(committed), word_text(made)
    assert committed == made


def picture(data: bytes) -> bytes:
    length = struct.unpack(">I", data[8:12])[0]
    assert length == 13
    width, height = struct.unpack(">II", data[16:24])
    start = data.index(b"IDAT")
    body = data[start + 4 : start + 4 + struct.unpack(">I", data[start - 4 : start])[0]]
    assert struct.unpack(">I", data[start + 4 + len(body) :][:4])[0] == zlib.crc32(b"IDAT" + body)
    rows = zlib.decompress(body)
    assert len(rows) == (width + 1) * height
    return struct.pack(">II", width, height) + rows


def word_text(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return archive.read("word/document.xml")


def test_faint_text_is_drawn_but_hardly_seen() -> None:
    (sample,) = (item for item in SAMPLES if item.name == "hours-faint.png")
    greys = {value for row in pixels(sample) for value in row}
    assert greys == {0, 238, 255}


def test_files_travel_inside_the_case_and_none_is_left_over() -> None:
    document = read_yaml(suite_path("modalities"), "modalities")
    built = build_suite(document.data["suites"][0], document, ("suites", 0), suite_path("modalities").parent)
    assert built is not None
    named = set()
    for case in built.suite.cases:
        for message, inline in zip(case.messages, with_media(case).messages, strict=True):
            if isinstance(message.content, str):
                assert inline is message
                continue
            assert not isinstance(inline.content, str)
            for before, after in zip(message.content, inline.content, strict=True):
                if before.type != "text":
                    named.add(before.uri.removeprefix("media/"))
                    assert after.uri.startswith(f"data:{after.media_type};base64,")
                    assert after.digest.startswith("sha256:")
                    assert case.modality.value in (after.type, "document")
    assert named == {sample.name for sample in SAMPLES} == {path.name for path in FOLDER.iterdir()}
