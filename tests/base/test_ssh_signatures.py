"""SSH signatures: what ``ssh-keygen`` makes is read here, what is made here ``ssh-keygen`` reads."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from safecase.base import (
    CheckFailed,
    InputError,
    public_line,
    read_armour,
    read_public_key,
    sign_message,
    verify_message,
)
from safecase_verify.reading.keys import PRIME, SMALL_ORDER_Y

MESSAGE, SPACE = b"decided", "safecase-decision"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGNATURE = sign_message(KEY, MESSAGE, SPACE)
openssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")


def test_a_signature_fits_its_message_purpose_and_key() -> None:
    assert verify_message(SIGNATURE, MESSAGE, SPACE) == read_public_key(public_line(KEY))
    for message, space in ((b"otherwise", SPACE), (MESSAGE, "file")):
        with pytest.raises(CheckFailed):
            verify_message(SIGNATURE, message, space)


@given(st.integers(0, len(base64.b64decode(SIGNATURE)) - 1), st.integers(1, 255))
def test_no_byte_of_a_signature_is_free(place: int, change: int) -> None:
    data = bytearray(base64.b64decode(SIGNATURE))
    data[place] ^= change
    with pytest.raises(CheckFailed):
        verify_message(base64.b64encode(data).decode(), MESSAGE, SPACE)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa -b 256", "ecdsa -b 521", "rsa -b 2048"])
@openssh
def test_signatures_of_openssh_are_read(tmp_path: Path, kind: str) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", *kind.split(), "-N", "", "-f", str(key)], check=True)
    made = subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-n", SPACE, "-f", str(key)],
        input=MESSAGE, capture_output=True, check=True,
    )  # fmt: skip
    signature = read_armour(made.stdout.decode())
    assert verify_message(signature, MESSAGE, SPACE) == read_public_key((tmp_path / "key.pub").read_text())
    with pytest.raises(CheckFailed):
        verify_message(signature, b"otherwise", SPACE)


@openssh
def test_openssh_reads_what_is_signed_here(tmp_path: Path) -> None:
    (tmp_path / "allowed").write_text(f"dana {public_line(KEY)}\n")
    armour = ("-----BEGIN SSH SIGNATURE-----", SIGNATURE, "-----END SSH SIGNATURE-----", "")
    (tmp_path / "sig").write_text("\n".join(armour))
    files = ["-f", str(tmp_path / "allowed"), "-s", str(tmp_path / "sig")]
    command = ["ssh-keygen", "-Y", "verify", "-I", "dana", "-n", SPACE, *files]
    assert subprocess.run(command, input=MESSAGE, capture_output=True, check=False).returncode == 0


def test_a_plain_ed25519_key_is_the_same_key() -> None:
    raw = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
    assert read_public_key(f"ed25519:{raw}") == read_public_key(f"{public_line(KEY)} dana@laptop")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "ssh-ed25519 AAAA",
        "ed25519:AAAA",
        "ssh-dss AAAAB3NzaC1kc3MAAAAA",
        "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAA",
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        read_public_key(text)


def test_keys_of_small_order_are_refused() -> None:
    """Under them anybody signs anything: eight times each of the points is the neutral one."""
    factor = -121665 * pow(121666, -1, PRIME) % PRIME

    def double(x: int, y: int) -> tuple[int, int]:
        product = factor * x * x * y * y
        return (
            2 * x * y * pow(1 + product, -1, PRIME) % PRIME,
            (y * y + x * x) * pow(1 - product, -1, PRIME) % PRIME,
        )

    for y in SMALL_ORDER_Y:
        square = (y * y - 1) * pow(factor * y * y + 1, -1, PRIME) % PRIME
        x = pow(square, (PRIME + 3) // 8, PRIME)
        if (x * x - square) % PRIME:
            x = x * pow(2, (PRIME - 1) // 4, PRIME) % PRIME
        point = (x, y)
        for _ in range(3):
            point = double(*point)
        assert point == (0, 1)
        with pytest.raises(InputError, match="small order"):
            read_public_key("ed25519:" + base64.b64encode(y.to_bytes(32, "little")).decode())
