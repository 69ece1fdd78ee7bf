"""Signatures: who signed what, and that nothing else passes."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from safecase.base import CheckFailed, InputError, canonical_json
from safecase.evidence import decode_key, load_key, new_key, read_known_keys
from safecase.evidence.signing import PAYLOAD_TYPE, open_envelope, render_envelope, sign_statement
from safecase_verify.reading.keys import is_weak, key_id
from support.moments import MOMENT

from .packs import key

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)


@given(json_values)
def test_what_was_signed_comes_back_with_the_key_that_signed(said: object) -> None:
    data = render_envelope(sign_statement({"said": said}, key()))
    statement, by = open_envelope(data)
    assert statement["said"] == said
    assert (by.key, by.kind, by.id) == (key().public_bytes, "lasting", key_id(key().public_bytes))


@given(st.data())
def test_no_changed_byte_of_the_payload_passes(data: st.DataObject) -> None:
    envelope = orjson.loads(sign_statement({"verdict": "no_go"}, key()).model_dump_json())
    payload = bytearray(base64.b64decode(envelope["payload"]))
    position = data.draw(st.integers(0, len(payload) - 1))
    payload[position] ^= data.draw(st.integers(1, 255))
    envelope["payload"] = base64.b64encode(bytes(payload)).decode()
    with pytest.raises(CheckFailed):
        open_envelope(orjson.dumps(envelope))


def _signed_by(private: Ed25519PrivateKey, named: bytes, kind: str = "lasting") -> dict[str, Any]:
    """An envelope by one key whose payload names another."""
    signer = {"public_key": base64.b64encode(named).decode(), "kind": kind}
    payload = canonical_json({"predicate": {"signer": signer}})
    message = b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)
    return {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": key_id(named), "sig": base64.b64encode(private.sign(message)).decode()}],
    }


def test_the_kind_of_a_key_cannot_be_changed_outside_of_the_signature() -> None:
    data = render_envelope(sign_statement({}, key(ephemeral=True)))
    assert open_envelope(data)[1].kind == "made for this pack"
    envelope = orjson.loads(data)
    envelope["signatures"][0]["ephemeral"] = False
    with pytest.raises(CheckFailed, match="does not read"):
        open_envelope(orjson.dumps(envelope))


def test_a_second_signature_is_refused_whoever_made_it() -> None:
    envelope = sign_statement({}, key())
    both = (*envelope.signatures, *sign_statement({}, key(2)).signatures)
    with pytest.raises(CheckFailed, match="2 signatures"):
        open_envelope(render_envelope(envelope.model_copy(update={"signatures": both})))


def test_the_key_that_the_payload_names_is_the_one_that_counts() -> None:
    other = key(2).public_bytes
    with pytest.raises(CheckFailed, match="not valid"):
        open_envelope(orjson.dumps(_signed_by(key().private, other)))
    with pytest.raises(CheckFailed, match="does not name the key"):
        open_envelope(orjson.dumps(_signed_by(key().private, key().public_bytes, kind="trusted")))


WEAK = [bytes([1]) + bytes(31), bytes(32), bytes(31) + b"\x80", b"\xec" + b"\xff" * 30 + b"\x7f"]


@pytest.mark.parametrize("weak", WEAK)
def test_keys_of_small_order_prove_nothing(weak: bytes, tmp_path: Path) -> None:
    assert is_weak(weak)
    with pytest.raises(CheckFailed, match="small order"):
        open_envelope(orjson.dumps(_signed_by(key().private, weak)))
    file = tmp_path / "keys"
    file.write_text(f"us {base64.b64encode(weak).decode()}\n")
    with pytest.raises(InputError, match="small order"):
        read_known_keys(file)


@pytest.mark.parametrize("number", range(40))
def test_no_honest_key_is_taken_for_a_weak_one(number: int) -> None:
    assert not is_weak(key(number).public_bytes)


def test_known_keys_come_as_base64_and_as_allowed_signers(tmp_path: Path) -> None:
    plain, ssh = key(1).public_bytes, key(2).public_bytes
    blob = b"".join(len(part).to_bytes(4, "big") + part for part in (b"ssh-ed25519", ssh))
    ours = base64.b64encode(blob).decode()
    file = tmp_path / "keys"
    file.write_text(
        f"# who releases\nthe build server {base64.b64encode(plain).decode()}\n\n"
        f"dana@mail-host.org ssh-ed25519 {ours} a comment\n"
        f'old@mail-host.org valid-before="20200101Z",namespaces="safecase,git" ssh-ed25519 {ours}\n'
        f'git@mail-host.org namespaces="git" ssh-ed25519 {ours}\n'
        f"ssh-ed25519 {ours} laptop\n"
    )
    known = read_known_keys(file)
    assert [(item.name, item.key) for item in known] == [
        ("the build server", plain), ("dana@mail-host.org", ssh), ("old@mail-host.org", ssh), ("laptop", ssh),
    ]  # fmt: skip
    assert [item.counts_at(MOMENT) for item in known] == [True, True, False, True]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("us", "no name with"),
        ("us c2hvcnQ=", "does not hold"),
        ("us ssh-rsa AAAA", "no name with"),
        ("us ssh-ed25519", "is missing"),
        ("us ssh-ed25519 AAAA", "no key of the kind"),
        ("us cert-authority ssh-ed25519 AAAA", "cert-authority"),
        ("", "names no key"),
    ],
)
def test_a_line_that_is_no_key_is_told_with_its_place(tmp_path: Path, line: str, words: str) -> None:
    file = tmp_path / "keys"
    file.write_text(line + "\n")
    with pytest.raises(InputError, match=words):
        read_known_keys(file)


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
