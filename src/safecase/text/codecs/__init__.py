"""Every encoding that attacks write and readers undo, a file each: both directions, the loss, the looks.

A new file below this folder with a ``CODEC`` in it is a new codec; nothing else needs to know.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from pkgutil import walk_packages

from safecase.base import InputError, did_you_mean
from safecase.text.codecs._codec import Codec


@lru_cache(maxsize=1)
def _modules() -> dict[str, str]:
    """Codec name → module. Files without an underscore are codecs, folders only sort them."""
    return {
        found.name.rpartition(".")[2]: found.name
        for found in walk_packages(__path__, f"{__name__}.")
        if not found.ispkg and not found.name.rpartition(".")[2].startswith("_")
    }


def codec_names() -> tuple[str, ...]:
    """The name of every codec, sorted."""
    return tuple(sorted(_modules()))


@lru_cache(maxsize=256)
def find_codec(name: str) -> Codec:
    """The codec of a name; raises InputError with the nearest name where there is none."""
    module = _modules().get(name)
    if module is None:
        raise InputError(
            f"there is no codec named '{name}'",
            hint=did_you_mean(name, codec_names()) or f"known: {', '.join(codec_names())}",
        )
    codec: Codec = import_module(module).CODEC
    return codec


@lru_cache(maxsize=1)
def all_codecs() -> tuple[Codec, ...]:
    """Every codec, in the order in which they claim places of a text."""
    return tuple(sorted(map(find_codec, codec_names()), key=lambda codec: codec.precedence))
