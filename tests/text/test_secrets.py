"""Secrets are found by their shape, and by the name of the field that holds them."""

from __future__ import annotations

import pytest

from safecase.text import secret_finder

FINDER = secret_finder()
HEX = "7c1e9b20d4f84a6fb3e5a0918c2d7f6e"
MIXED = "wJalrXUtnFEMIK7MDENGbPxRfiCYzQ8vTk2Lm3Pq"

SHAPES = {
    "slack webhook": "https://hooks.slack.com/services/T00000000/B00000000/" + "abcdEFGH1234ijklMNOP5678",
    "pypi": "pypi-" + "AgEIcHlwaS5vcmcCJGFiY2RlZg0123456789abcdefABCDEF",
    "sendgrid": "SG." + "a1B2c3D4e5F6g7H8i9J0k1" + "." + "L2m3N4o5P6q7R8s9T0u1V2w3X4y5Z6a7B8c9D0e1F2g",
    "twilio pair": "AC" + HEX + ":" + HEX[::-1],
    "discord": "MTE5" + "ODc2NTQzMjEwOTg3NjU0Mw" + ".GqLx3W." + "kX9vQ2pLmZ7tYbN4sRwE8uJcA1dF6hG0iKoP5M",
    "vault": "hvs." + "CAESIJxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    "digitalocean": "dop_v1_" + HEX + HEX[::-1],
    "shopify": "shpat_" + "0123456789abcdef0123456789abcdef",
    "age": "AGE-SECRET-KEY-1" + "QYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQY",
    "telegram": "110201543:" + "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
    "bitcoin import format": "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ",
}


@pytest.mark.parametrize("kind", SHAPES)
def test_each_shape_is_found_whole(kind: str) -> None:
    text = f"the value is {SHAPES[kind]} ok"
    found = [text[item.start : item.end] for item in FINDER.find(text)]
    assert found == [SHAPES[kind]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (f"aws_secret_access_key = {MIXED}", MIXED),
        (f"OPENAI_API_KEY={HEX}", HEX),
        (f"GITLAB_TOKEN={HEX}", HEX),
        ("DB_PASSWORD=Tr0ub4dor&3x9", "Tr0ub4dor&3x9"),
        ("REDIS_PASSWORD=Quartz-77-Lantern", "Quartz-77-Lantern"),
        ("the password is Quartz-77-Lantern", "Quartz-77-Lantern"),
        ("password=yourMajesty1987", "yourMajesty1987"),
        (f"api_key: {HEX}", HEX),
        (f'"private_key_id": "{HEX}01234567"', f"{HEX}01234567"),
        (f"awsSecretAccessKey: '{MIXED}'", MIXED),
        (f"key={HEX}{HEX[::-1]}", HEX + HEX[::-1]),
        (f"Cookie: sessionid={HEX}", f"sessionid={HEX}"),
        ("Authorization: Bearer Zx81kQpLm20vB7nT5yWcRa93", "Zx81kQpLm20vB7nT5yWcRa93"),
        (
            "seed phrase: army van defense carry jealous true garbage claim echo media make crunch",
            "army van defense carry jealous true garbage claim echo media make crunch",
        ),
    ],
)
def test_a_field_tells_by_its_name_what_it_holds(text: str, value: str) -> None:
    assert [text[item.start : item.end] for item in FINDER.find(text)] == [value]


@pytest.mark.parametrize(
    "text",
    [
        "api_key: your-api-key-here-1",
        "password: changeme123",
        "OPENAI_API_KEY=sk-xxxxxxxxxxxxxxxxxxxxxxxx",
        "AKIAIOSFODNN7EXAMPLE",
        "The key: it opens the door of room 12.",
        "Your password is sent by mail within 10 minutes.",
        "token: 1234",
        "The monkey = 3 bananas",
        f"sha256:{HEX}{HEX}",
        "A seed phrase is what you write down so that nobody else ever takes it from you at home",
        "The bearer of this letter may pass.",
    ],
)
def test_words_placeholders_and_digests_are_no_secrets(text: str) -> None:
    assert FINDER.find(text) == []


def test_a_private_key_that_breaks_off_is_found_to_its_end() -> None:
    whole = "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEowIBAAKCAQEA7x2b\n" * 40
    (found,) = FINDER.find(f"see {whole}")
    assert (found.entity, found.start, found.end) == ("private_key", 4, 4 + len(whole))
