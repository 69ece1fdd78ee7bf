"""Signatures: who signed what, and that nothing else passes."""

from __future__ import annotations

import base64

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safecase.base import InputError, canonical_json
from safecase.evidence import load_key, new_key
from safecase.evidence.signing import render_envelope, sign_statement
from safecase_verify import CheckFailed, decode_key, key_id
from safecase_verify.reading.signature import open_envelope

from .packs import key

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)


@given(json_values)
def test_what_was_signed_comes_back(statement: object) -> None:
    data = render_envelope(sign_statement(statement, key()))
    payload, by = open_envelope(data)
    assert payload == canonical_json(statement)
    assert by.keyid == key_id(key().public_bytes)


@given(st.data())
def test_no_changed_byte_of_the_payload_passes(data: st.DataObject) -> None:
    envelope = orjson.loads(sign_statement({"verdict": "no_go"}, key()).model_dump_json())
    payload = bytearray(base64.b64decode(envelope["payload"]))
    position = data.draw(st.integers(0, len(payload) - 1))
    payload[position] ^= data.draw(st.integers(1, 255))
    envelope["payload"] = base64.b64encode(bytes(payload)).decode()
    with pytest.raises(CheckFailed, match="signature of the pack is not valid"):
        open_envelope(orjson.dumps(envelope))


def test_a_payload_cannot_pass_under_another_type() -> None:
    envelope = orjson.loads(sign_statement({}, key()).model_dump_json())
    envelope["payloadType"] = "text/plain"
    with pytest.raises(CheckFailed, match="text/plain"):
        open_envelope(orjson.dumps(envelope))


def test_no_byte_of_an_envelope_is_free() -> None:
    data = render_envelope(sign_statement({"verdict": "go"}, key()))
    for position in range(len(data)):
        for bit in (0x01, 0x10, 0x20, 0x80):
            changed = bytearray(data)
            changed[position] ^= bit
            with pytest.raises(CheckFailed):
                open_envelope(bytes(changed))


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"payload": 1}', b"\xff\xfe"])
def test_an_envelope_that_does_not_read_is_told(data: bytes) -> None:
    with pytest.raises(CheckFailed, match="does not read"):
        open_envelope(data)


def test_keys_come_from_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    private, public = new_key()
    monkeypatch.delenv("A_KEY", raising=False)
    assert load_key("A_KEY").ephemeral
    monkeypatch.setenv("A_KEY", private)
    loaded = load_key("A_KEY")
    assert not loaded.ephemeral
    assert loaded.public_bytes == decode_key(public, "the public key")
    monkeypatch.setenv("A_KEY", "c2hvcnQ=")
    with pytest.raises(InputError, match="A_KEY does not hold"):
        load_key("A_KEY")
