"""Ciphers that exchange letters of the Latin alphabet one for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from safecase.text.codecs._codec import Cipher
from safecase.text.reading import Reading, name_after

ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def exchange(letters: str) -> Callable[[str], str]:
    """A function that writes ``letters`` for the alphabet's letters in turn, in both cases."""
    table = str.maketrans(ALPHABET + ALPHABET.upper(), letters + letters.upper())
    return lambda text: text.translate(table)


def shift(by: int) -> Callable[[str], str]:
    """A function that moves each letter ``by`` places down the alphabet, round its end."""
    return exchange(ALPHABET[by:] + ALPHABET[:by])


def exchange_cipher(write: Callable[[str], str], undo: Callable[[str], str]) -> Cipher:
    """The cipher of two functions that exchange letters; its one reading has each letter at its place."""

    def read(reading: Reading, name: str) -> Iterator[Reading]:
        yield Reading(name_after(reading, name), undo(reading.text), reading)

    return Cipher(write, read)
