"""Which cipher a text is in, told by its words: the common ones as each cipher would write them.

Ordinary text costs one dictionary look-up a word.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from safecase.text.codecs import all_codecs
from safecase.text.codecs._codec import Cipher
from safecase.text.reading import Reading

_COMMON = tuple(
    "the and you your that this with for are not all from have what when how previous instructions ignore "  # noqa: SIM905
    "system prompt please tell show give write answer about into they will would must reveal print can now "
    "secret password disregard forget above user message text following instead only never any "
    "without make get who where why should use someone somebody explain there could want need help people "
    "then them their has was but your her his our out one day does did just like know take into over after "
    "before because through while secretly home steal build find".split()
)
_SHORT = tuple("to my in of is do me it at on so we be by or an if as".split())  # noqa: SIM905
"""Two of them count as one: in cipher they look like abbreviations."""
_AMBIGUOUS = ("era", "ton", "woh", "now", "won", "tub", "saw", "was", "on", "no")
"""Common words in cipher that are words, or nearly, as they stand."""
_FEWEST_WORDS = 2
"""Common words in the same cipher from which a text is read by it; one is an abbreviation."""
_MOST_CIPHERS = 2
"""Ciphers that one text is read by, the likeliest first."""


@lru_cache(maxsize=1)
def all_ciphers() -> dict[str, Cipher]:
    """Every key of every cipher, by the name of what it reads."""
    return {name: cipher for codec in all_codecs() for name, cipher in codec.ciphers.items()}


@lru_cache(maxsize=1)
def _cipher_words() -> dict[str, str]:
    """Ciphered common word → its cipher, without what is a common word by itself."""
    words: dict[str, str] = {}
    for word in (*_COMMON, *_SHORT):
        for name, cipher in all_ciphers().items():
            words.setdefault(cipher.write(word), name)
    for word in (*_COMMON, *_SHORT, *_AMBIGUOUS):
        words.pop(word, None)
    return words


def read_ciphers(reading: Reading) -> Iterator[Reading]:
    """What the text says by the ciphers that its words suggest."""
    known = _cipher_words()
    found = known.keys() & reading.distinct_words
    if len(found) < _FEWEST_WORDS:
        return
    counts: Counter[str] = Counter()
    for word in found:
        counts[known[word]] += 2 if len(word) > 2 else 1
    for name, count in counts.most_common(_MOST_CIPHERS):
        if count >= 2 * _FEWEST_WORDS:
            yield from all_ciphers()[name].read(reading, name)
