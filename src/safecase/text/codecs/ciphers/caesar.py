"""Caesar's cipher: every letter moved by the same number of places. Thirteen of them are `rot13`."""

from __future__ import annotations

from safecase.text.codecs._codec import Codec
from safecase.text.codecs.ciphers._letters import exchange_cipher, shift

_CUSTOMARY = 3
"""What Caesar used."""

CODEC = Codec(
    name="caesar",
    description="Letters moved by three.",
    encode=shift(_CUSTOMARY),
    decode=shift(26 - _CUSTOMARY),
    ciphers={f"caesar{by}": exchange_cipher(shift(by), shift(26 - by)) for by in range(1, 26) if by != 13},
)
