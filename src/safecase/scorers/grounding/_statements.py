"""Cutting an answer into claims, with the numbers, names and citations of each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from safecase.scorers.grounding._word_overlap import word_places
from safecase.text import content_stems, find_numbers, normal_number, split_statements, stop_words

_CITATION = re.compile(r"\[([^\[\]\n]{1,60})\](?!\()|【([^】\n]{1,60})】")
_CITATION_ITEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:#/-]{0,50}")
"""Brackets longer than ids are remarks; brackets before a round one are links."""
_NAME = re.compile(r"\b[A-ZÀ-ÞА-Я][\w'’-]+")
_MARKUP = re.compile(r"^[\s>#*•\-–—]+|^\s*\d{1,3}[.)]\s+|[*_`]{1,3}")
"""Marks of quotations, headings and lists, and emphasis: they are no part of what is claimed."""
_ABSTAIN = re.compile(
    r"\b(?:i (?:do not|don't|cannot|can't|couldn't|could not) (?:know|find|tell|say|answer|determine|see)|"
    r"(?:the |these |this |provided |given )*"
    r"(?:documents?|sources?|context|passages?|text|information|articles?) "
    r"(?:provided |given |above |available )?(?:do(?:es)? not|don't|doesn't) "
    r"(?:\w+ )?(?:mention|say|contain|include|state|specify|provide|answer|tell|cover|address)|"
    r"(?:is|are|was) not (?:mentioned|stated|specified|provided|covered|given|included|in the)|"
    r"no (?:information|mention|answer|data) (?:about|on|in|of|is|was|regarding)|not enough information)",
    re.IGNORECASE,
)
_FRAME = re.compile(
    r"^(?:i hope|let me know|please|feel free|here(?:'s| is| are)|sure|certainly|of course|thank|sorry|"
    r"according to the (?:documents?|sources?)[:.]?$|"
    r"based on the (?:documents?|sources?|context)[:,.]?$|in summary[:,]?$|"
    r"is there anything|would you like|if you (?:have|need|want)|"
    r"i(?:'ll| can| could| will| would)(?: also| gladly)? (?!say|tell|confirm|state|assure|guarantee|see)\w)",
    re.IGNORECASE,
)
"""What is no claim about the world: pleasantries, offers of what the speaker can do."""
_SAYS = re.compile(
    r"^(?:according to|as (?:stated|written) in|(?=the |this |that |your |these |those ))"
    r"(?: ?(?:the|this|that|your|these|those|attached|provided|given|retrieved))* ?"
    r"(?:attachment|document|text|image|picture|photo|note|letter|page|article|source|passage|e-?mail|message|file|"
    r"label|manual|table|screenshot)s?"
    r"(?: (?:says?|states?|shows?|mentions?|reads?|lists?|explains?|tells?|notes?)(?: that)?[:,]?|[:,])\s+",
    re.IGNORECASE,
)
"""Where a claim comes from is no part of the claim."""
_NEGATIONS = frozenset(["not", "no", "never", "none", "cannot", "without", "neither", "nor"])


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of an answer."""

    text: str
    start: int
    end: int
    sequence: tuple[str, ...]
    """Stems of its words of content, as they follow each other."""
    numbers: tuple[str, ...]
    names: tuple[str, ...]
    citations: tuple[str, ...]
    negated: bool

    @property
    def stems(self) -> tuple[str, ...]:
        """Its distinct stems, in order."""
        return tuple(dict.fromkeys(self.sequence))


def negates(words: Sequence[str]) -> bool:
    """Whether one of the words denies something."""
    return any(word in _NEGATIONS or word.endswith("n't") for word in words)


def numbers_in(text: str) -> set[str]:
    """Every number of ``text`` in normal form; number words up to twelve count too."""
    found = {normal_number(number.text) for number in find_numbers(text)}
    words = "one two three four five six seven eight nine ten eleven twelve".split()  # noqa: SIM905
    lowered = {word for word, _, _ in word_places(text)}
    return found | {str(index) for index, word in enumerate(words, 1) if word in lowered}


def citations_in(text: str) -> tuple[str, ...]:
    """Ids in square brackets: ``[3]``, ``[doc-1, doc-2]``, ``【4†source】``. Links are none."""
    found: list[str] = []
    for match in _CITATION.finditer(text):
        inner = (match.group(1) or match.group(2)).split("†")[0]
        items = [item.strip() for item in re.split(r"[,;]|\band\b", inner)]
        items = [
            re.sub(r"^(?:source|sources|document|documents|doc|ref)\s+", "", item, flags=re.I)
            for item in items
        ]
        if all(_CITATION_ITEM.fullmatch(item) for item in items) and items != ["x"]:
            found.extend(items)
    return tuple(dict.fromkeys(found))


_CONFIDENCE = re.compile(r"(?:my )?(?:confidence|certainty)\b[^.]{0,20}\d", re.IGNORECASE)
"""How sure an answer says it is: a claim about the answer, not about the sources."""


def split_claims(answer: str, limit: int) -> tuple[list[Statement], bool]:
    """The claims of ``answer``, at most ``limit``, and whether a sentence says that the sources do not tell.

    Questions, pleasantries and sentences with fewer than three words of content are no claims.
    """
    claims: list[Statement] = []
    abstains = False
    for start, end in split_statements(answer):
        raw = answer[start:end]
        text = _MARKUP.sub("", raw).strip()
        citations = citations_in(text)
        bare = _SAYS.sub("", _CITATION.sub(" ", text).strip())
        if _ABSTAIN.search(bare[:400]):
            abstains = True
            continue
        if not bare or bare.endswith(("?", ":")) or _FRAME.match(bare) or _CONFIDENCE.match(bare):
            continue
        words = [word for word, _, _ in word_places(bare)]
        sequence = tuple(content_stems(words))
        stems = tuple(dict.fromkeys(sequence))
        numbers = tuple(dict.fromkeys(normal_number(item.text) for item in find_numbers(bare)))
        if len(stems) < 3 and not (numbers and stems):
            continue
        names = tuple(
            dict.fromkeys(
                name.group().lower().replace("’", "'").removesuffix("'s")
                for name in _NAME.finditer(bare)
                if name.start() > 0
                and bare[: name.start()].rstrip()[-1:] not in '.:!?"“('
                and name.group().lower() not in stop_words()
            )
        )
        start += len(raw) - len(raw.lstrip())
        claims.append(Statement(bare, start, end, sequence, numbers, names, citations, negates(words)))
        if len(claims) >= limit:
            break
    return claims, abstains
