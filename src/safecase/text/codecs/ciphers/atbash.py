"""Atbash: the alphabet backwards, so that doing it twice undoes it."""

from __future__ import annotations

from safecase.text.codecs._codec import Codec
from safecase.text.codecs.ciphers._letters import ALPHABET, exchange, exchange_cipher

_atbash = exchange(ALPHABET[::-1])

CODEC = Codec(
    name="atbash",
    description="The alphabet backwards.",
    encode=_atbash,
    decode=_atbash,
    ciphers={"atbash": exchange_cipher(_atbash, _atbash)},
)
