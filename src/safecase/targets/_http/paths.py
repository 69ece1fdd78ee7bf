"""Paths into JSON: ``choices[0].message.content``, ``labels.error``, ``rows[-1]["a.b"]``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Final

from pydantic import AfterValidator

from safecase.base import InputError

_STEP = re.compile(r"""\.?([^.\[\]"']+)|\[(-?\d{1,9})\]|\[(?:"([^"]*)"|'([^']*)')\]""")
"""A name, an index (nine digits are more than any list has), or a quoted name for what holds points."""


class _Missing:
    """What a path that leads nowhere finds; distinct from a JSON null."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = _Missing()


class JsonPath:
    """A parsed path. ``$`` or an empty text is the whole value; a leading ``$.`` is allowed.

    A step is a key, ``[n]`` (from the end where negative) or a quoted key in brackets. In a list, a bare
    number is an index too. Raises InputError where the text is no path.
    """

    __slots__ = ("steps", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        rest = text.strip()
        rest = rest[1:] if rest.startswith("$") else rest
        steps: list[str | int] = []
        position = 0
        while position < len(rest):
            match = _STEP.match(rest, position)
            if match is None or (position == 0 and rest.startswith(".") and not text.strip().startswith("$")):
                raise InputError(
                    f"'{text}' is no path", hint="write keys with dots and [0], such as choices[0].text"
                )
            if position and match.group(1) is not None and rest[position] != ".":
                raise InputError(f"'{text}' is no path", hint="a dot is missing before a key")
            if match.group(2) is not None:
                steps.append(int(match.group(2)))
            else:
                steps.append(next(item for item in match.group(1, 3, 4) if item is not None))
            position = match.end()
        self.steps = tuple(steps)

    def __repr__(self) -> str:
        return f"JsonPath({self.text!r})"

    def get(self, value: Any, *, parse: Callable[[str], Any] | None = None) -> Any:
        """What stands at the path, or MISSING.

        ``parse`` opens a text that the path leads into (a CSV cell that holds JSON).
        """
        for step in self.steps:
            if parse is not None and isinstance(value, str):
                value = parse(value)
            if isinstance(value, dict):
                if not isinstance(step, str) or step not in value:
                    return MISSING
                value = value[step]
            elif isinstance(value, list):
                index = _index(step)
                if index is None or not -len(value) <= index < len(value):
                    return MISSING
                value = value[index]
            else:
                return MISSING
        return value


def _index(step: str | int) -> int | None:
    """A step as an index of a list; None where it can be a name alone."""
    if isinstance(step, int):
        return step
    return int(step) if step.isascii() and step.isdigit() and len(step) < 10 else None


def _check(text: str) -> str:
    """Refuse what is no path, in words for the file."""
    try:
        JsonPath(text)
    except InputError as error:
        raise ValueError(error.render()) from None
    return text


PathText = Annotated[str, AfterValidator(_check)]
"""A path in a target's options, checked where the options are."""
