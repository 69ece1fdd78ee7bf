"""Is a text English? Enough to tell a check that was made for English when to say nothing.

By letters first: a text mostly in other scripts is not. Then by the small words that every English sentence
of some length has and other languages in Latin letters do not share.
"""

from __future__ import annotations

import re
from functools import lru_cache

from safecase.base import package_words

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_READ = 4000
"""Characters that are read."""
_GLANCE, _ENOUGH = 240, 4
"""Characters at the beginning that settle most texts, by so many distinct small words."""
_FOREIGN_LETTERS = 0.3
"""Share of letters beyond Latin: an English text with a name or a quotation in another script has fewer.
Chosen without measurement."""
_FEWEST = 6
"""Words under which small words say nothing: such a text passes by its letters alone."""


@lru_cache(maxsize=1)
def _small_words() -> tuple[frozenset[str], frozenset[str]]:
    """English ones, and those of other languages that are not English too."""
    words = package_words("safecase.text", "small_words.yaml")
    english = words.pop("english")
    return english, frozenset().union(*words.values()) - english


def is_english(text: str) -> bool:
    """Whether a text may be taken for English. Short texts in Latin letters are, in doubt."""
    english_words, other_words = _small_words()
    first = text[:_GLANCE].lower().split()
    known = len(english_words.intersection(first))
    # Settled at a glance, because checks ask this of every text.
    if known >= _ENOUGH and known > 2 * len(other_words.intersection(first)):
        return True
    words = _WORD.findall(text[:_READ].lower())
    letters = "".join(words)
    if not letters:
        return True
    if sum(letter > "\u024f" for letter in letters) > _FOREIGN_LETTERS * len(letters):
        return False
    english = sum(word in english_words for word in words)
    others = sum(word in other_words for word in words)
    if len(words) < _FEWEST:
        return others <= english
    # English prose has far more small words than that, lists and tables fewer.
    return english > others and english >= 0.08 * len(words)


def small_words(words: set[str]) -> int:
    """How many of the words are such that every text of a known language has them; of languages other than
    English only the longer ones, because any two letters are a word somewhere."""
    english, others = _small_words()
    return len(english & words) + sum(len(word) > 2 for word in others & words)
