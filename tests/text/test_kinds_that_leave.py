"""Kinds of secrets and personal data that must not leave in a pack: one finder for guard, scorers and packs.

The values are made here from a fixed seed: none of them was ever anybody's.
"""

from __future__ import annotations

import hashlib
import random
import string

import pytest

from safecase.evidence import Redactor
from safecase.text import personal_data_finder, secret_finder
from safecase.text.value_checks import is_placeholder

DRAW = random.Random(20_261)
HEX = "0123456789abcdef"
LETTERS = string.ascii_letters + string.digits
BASE64 = LETTERS + "+/"
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def any_of(count: int, alphabet: str = LETTERS) -> str:
    return "".join(DRAW.choice(alphabet) for _ in range(count))


def import_format() -> str:
    data = b"\x80" + DRAW.randbytes(32) + b"\x01"
    data += hashlib.sha256(hashlib.sha256(data).digest()).digest()[:4]
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = BASE58[digit] + text
    return text


WORDS = "orbit velvet canyon puzzle drastic mango shield rotate oven lunar crisp garlic"
NUMBERED = " ".join(f"{place}. {word}" for place, word in enumerate(WORDS.split(), 1))
KINDS = {
    "AWS secret with a label": ("aws_secret_access_key = ", any_of(39, BASE64) + "q"),
    "AWS secret by itself": ("Use ", any_of(17, BASE64) + "aB3" + any_of(20, BASE64)),
    "Azure account key": ("AccountName=shop;AccountKey=", any_of(86, BASE64) + "=="),
    "Azure signature in a query": ("https://x.example.net/c?sv=2022&sig=", any_of(43) + "%3D"),
    "key id of a service account": ('"private_key_id": "', any_of(40, HEX)),
    "Slack hook": ("", "https://hooks.slack.com/services/" + f"T{any_of(8)}/B{any_of(8)}/{any_of(24)}"),
    "Discord hook": ("", "https://discord.com/api/webhooks/" + f"{any_of(18, '123456789')}/{any_of(68)}"),
    "Twilio pair": ("", "AC" + any_of(32, HEX) + ":" + any_of(32, HEX)),
    "Twilio token behind a space": ("Auth Token ", any_of(32, HEX)),
    "session among other cookies": ("Cookie: theme=dark; PHPSESSID=", any_of(26, HEX + "ghij")),
    "session in code": ('document.cookie = "session=', any_of(32, HEX)),
    "64 hex digits with a label": ("signing key ", any_of(64, HEX)),
    "private key of a wallet": ("private key 0x", any_of(64, HEX)),
    "wallet in import format": ("", import_format()),
    "seed phrase with numbers": ("Recovery phrase:\n", NUMBERED),
    "Ethereum address": ("send to ", "0x" + any_of(40, HEX)),
    "Telegram": ("", any_of(10, "123456789") + ":AA" + any_of(33)),
    "unknown token with a label": ("BUILDER_TOKEN=", any_of(20)),
    "unknown key in camel case": ("deployKey: ", any_of(22)),
    "Stripe hook": ("", "whsec_" + any_of(32)),
    "Mailgun": ("", "key-" + any_of(32, HEX)),
    "Docker": ("", "dckr_pat_" + any_of(27)),
    "Databricks": ("", "dapi" + any_of(32, HEX)),
    "password with few letters": ("pwd=", "hunter2hunter2"),
    "password without a user": ("redis://:", "Quartz77Lantern@"),
    "key that holds 'example'": ("", "sk-" + any_of(20) + "example" + any_of(16)),
    "key that holds 'your'": ("", "ghp_" + "yourkey" + any_of(29)),
    "key that holds 'xxxx'": ("api_key = ", "xxxx9d8f7a6s5" + any_of(11)),
    "full-width card": ("card ", "５５００００５５５５５５５５５９"),
    "mail in an international domain": ("to ", "jörg@müller-bücher.de"),
    "mail in words": ("", "maria dot lopez at corp-mail dot com"),
    "mail with at alone": ("Write to ", "maria.lopez at corp-mail.com"),
    "IPv6": ("from ", "2a02:8109:9ac0:3f4::1a2b"),
    "MAC": ("", "3c:22:fb:9a:10:7e"),
    "MAC with points": ("MAC ", "3c22.fb9a.107e"),
    "passport": ("Passport no. ", "C01X00T47"),
    "German tax id": ("Steuer-ID ", "86095742719"),
    "VAT number": ("VAT ", "DE136695976"),
    "employer's number": ("EIN ", "12-3456789"),
    "licence plate": ("licence plate ", "B-MW 4711"),
    "licence plate, Spanish": ("matrícula ", "1234 BCD"),
    "birth date, month first": ("Date of birth: ", "March 12, 1984"),
    "birth date, German": ("geboren am ", "12. März 1984"),
    "birth date, short": ("birthday: ", "12/03/84"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_leaves_in_a_pack(kind: str) -> None:
    label, value = KINDS[kind]
    masked = Redactor().redact_text(f"As asked: {label}{value}. And nothing else.")
    assert "[redacted:" in masked
    assert not any(value[at : at + 8] in masked for at in range(max(1, len(value) - 7)))
    assert masked.startswith("As asked: ")
    assert masked.endswith("nothing else.")


@pytest.mark.parametrize("kind", KINDS)
def test_in_what_the_pack_holds_the_guard_finds_nothing(kind: str) -> None:
    text = f"As asked: {''.join(KINDS[kind])}. And nothing else."
    finders = secret_finder(), personal_data_finder()
    assert any(finder.find(text) for finder in finders)
    assert not any(finder.find(Redactor().redact_text(text)) for finder in finders)


@pytest.mark.parametrize(
    "value",
    [
        "your-api-key-here",
        "YOUR_SECRET_TOKEN",
        "<your password>",
        "sk-xxxxxxxxxxxxxxxxxxxxxxxx",
        "ghp_your_token_here",
        "xxxx-xxxx-xxxx-xxxx",
        "example-password-1",
        "changeme123",
        "AKIAIOSFODNN7EXAMPLE",
    ],
)
def test_a_value_that_is_all_placeholder_is_no_secret(value: str) -> None:
    assert is_placeholder(value)
    assert secret_finder().find(f"api_key: {value}") == []


@pytest.mark.parametrize(
    "text",
    [
        "The key performance-indicators-of-2024-and-2025 are listed.",
        "token: the-brown-fox-2024",
        "commit 8f14e45fceea167a5a36dedd4bea25438f14e45f",
        "sha256:" + "9f" * 32,
        "See /usr/local/lib/Python3/site/packages/Numpy/core2",
        "Password: must have 8 characters, a digit and a sign.",
        "He was born on March 12, 1984, in Oslo.",
        "The plate was hot, number 5 of 7.",
        "README.md at github.com says so.",
        "call_9mTq2Lx8Vb4Kd7Rz1Wp5Yc3J is the id of the call.",
        "The matricula is closed on 1 May.",
        "VAT is 19 % of 1,200.00 euros.",
    ],
)
def test_words_paths_digests_and_ids_of_calls_stay(text: str) -> None:
    assert Redactor().redact_text(text) == text
