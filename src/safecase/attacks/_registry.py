"""Converters by name, and chains of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from safecase.base import InputError, Registry

MAXIMUM_OUTPUT = 2_000_000


@dataclass(frozen=True)
class TextConverter:
    """A deterministic rewriting of a text; ``revert`` undoes it where that is possible."""

    name: str
    version: str
    description: str
    apply: Callable[[str], str]
    revert: Callable[[str], str] | None = None

    def convert(self, text: str) -> str:
        """The rewritten text; raises InputError where it would grow beyond reason."""
        made = self.apply(text)
        if len(made) > MAXIMUM_OUTPUT:
            raise InputError(
                f"converter '{self.name}' makes a text of {len(made)} characters", hint="shorten the chain"
            )
        return made


_ENCODINGS = (
    "base64",
    "base32",
    "hex",
    "rot13",
    "atbash",
    "caesar",
    "morse",
    "binary",
    "url",
    "html_entities",
    "reversed",
    "ascii85",
    "unicode_escape",
)
_OBFUSCATIONS = (
    "leetspeak",
    "homoglyph",
    "zero_width",
    "tag_characters",
    "spaced_letters",
    "fullwidth",
    "diacritics",
    "pig_latin",
    "nato",
    "upside_down",
    "alternating_case",
)
_FRAMES = (
    "role_play",
    "prefix_injection",
    "refusal_suppression",
    "payload_split",
    "json_wrap",
    "markdown_code",
    "research_frame",
    "past_tense_frame",
)

CONVERTERS: Registry[TextConverter] = Registry(
    "converter",
    {
        **{name: f"safecase.attacks.encodings:{name.upper()}" for name in _ENCODINGS},
        **{name: f"safecase.attacks.obfuscations:{name.upper()}" for name in _OBFUSCATIONS},
        **{name: f"safecase.attacks.frames:{name.upper()}" for name in _FRAMES},
    },
)
"""Every converter by name; the entry-point group for outside packages is ``safecase.converter``."""


def apply_chain(names: Sequence[str], text: str) -> str:
    """Apply converters one after the other, the first name first; raises InputError for unknown names."""
    for name in names:
        text = CONVERTERS.get(name).convert(text)
    return text
