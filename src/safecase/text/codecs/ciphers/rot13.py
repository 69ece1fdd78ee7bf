"""ROT13: every letter moved by half the alphabet, so that doing it twice undoes it."""

from __future__ import annotations

from safecase.text.codecs._codec import Codec
from safecase.text.codecs.ciphers._letters import exchange_cipher, shift

rot13 = shift(13)

CODEC = Codec(
    name="rot13",
    description="Letters moved by thirteen.",
    encode=rot13,
    decode=rot13,
    ciphers={"rot13": exchange_cipher(rot13, rot13)},
)
