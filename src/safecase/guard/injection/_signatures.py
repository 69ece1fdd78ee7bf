"""Signatures: patterns kept as data, matched all at once by RE2 in time linear in the text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydantic import Field, ValidationError

from safecase.base import Identifier, InputError, Record, describe, package_yaml
from safecase.model import FlowPoint

_MEMORY = 64 << 20
"""Bytes for RE2's automaton: a set that outgrows its budget, 8 MiB unless told otherwise, reports no
match."""


class Signature(Record):
    """One pattern with its own tests."""

    id: Identifier
    label: str
    weight: float = Field(gt=0, lt=1)
    """How sure one match alone makes the check."""
    pattern: str
    """RE2 syntax, over lower-cased text; ``.`` matches line breaks."""
    surfaces: tuple[FlowPoint, ...] = ()
    """Where it means something; empty: everywhere."""
    hits: tuple[str, ...] = Field(min_length=1)
    misses: tuple[str, ...] = ()


class SignatureFile(Record):
    """A versioned set of signatures."""

    version: int
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """One signature found in a text, at characters ``[start, end)``."""

    signature: Signature
    start: int
    end: int


class SignatureSet:
    """Compiled signatures. Raises InputError naming the first that does not compile."""

    def __init__(self, source: SignatureFile, *, where: str = "signatures") -> None:
        import re2

        options = re2.Options()
        options.max_mem = _MEMORY
        options.dot_nl = True
        options.log_errors = False
        self.version = source.version
        self.signatures = source.signatures
        self._set = re2.Set.SearchSet(options)
        self._single = []
        for signature in source.signatures:
            try:
                self._single.append(re2.compile(signature.pattern, options))
                self._set.Add(signature.pattern)
            except re2.error as error:
                reason = error.args[0] if error.args else "bad pattern"
                told = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
                raise InputError(
                    f"the pattern does not compile: {told}", where=f"{where}: {signature.id}"
                ) from None
        self._set.Compile()

    def find(self, text: str, surface: FlowPoint) -> list[Match]:
        """The first match of each signature that means something on this surface."""
        lowered = text.lower()
        if len(lowered) != len(text):
            # A few letters grow when lowered, which would shift every place behind them.
            lowered = "".join(c if len(c.lower()) != 1 else c.lower() for c in text)
        found = []
        for index in self._set.Match(lowered) or ():
            signature = self.signatures[index]
            if signature.surfaces and surface not in signature.surfaces:
                continue
            match = self._single[index].search(lowered)
            if match is not None:
                found.append(Match(signature, match.start(), match.end()))
        return found


def read_signatures(path: Path) -> SignatureFile:
    """Read a signature file (YAML); raises InputError naming what is wrong in it."""
    try:
        return parse_signatures(path.read_text(encoding="utf-8"), where=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", where=str(path)) from None


def parse_signatures(text: str, *, where: str) -> SignatureFile:
    """The signatures in YAML text; raises InputError as `read_signatures`."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        data = YAML(typ="safe", pure=True).load(text)
        return SignatureFile.model_validate(data)
    except YAMLError as error:
        raise InputError(f"is no YAML: {str(error).splitlines()[0]}", where=where) from None
    except ValidationError as error:
        raise InputError(describe(error, SignatureFile), where=where) from None


@lru_cache(maxsize=1)
def shipped_signatures() -> SignatureSet:
    """The signatures that come with the package."""
    return SignatureSet(
        SignatureFile.model_validate(package_yaml("safecase.guard.injection", "signatures.yaml"))
    )
