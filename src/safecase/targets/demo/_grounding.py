"""Documents in a conversation: where they stand, what in them is data, and which sentences answer."""

from __future__ import annotations

import re
from dataclasses import dataclass

from safecase.model import Document
from safecase.targets.demo._knowledge import content_words
from safecase.targets.demo._signals import shows

# The ways in which people put documents into a prompt: tags, fences, headings, brackets, a colon.
_TAGGED = re.compile(
    r"<(document|doc|context|email|e-mail|message|data|article|tool_result|tool|page|webpage|review|ticket|"
    r"source|"
    r"passage|text|untrusted|content|search_result|result|file|note|"
    r"attachment)s?\b([^>]{0,120})>(.*?)</\1s?>",
    re.IGNORECASE | re.DOTALL,
)
_FENCED = re.compile(r"(```|\"\"\"|'''|^-{3,}$|^={3,}$|^~{3,}$)(.*?)(?:\1|\Z)", re.DOTALL | re.MULTILINE)
_HEADED = re.compile(
    r"^[ \t>*#]*\[?((?:document|doc|context|passage|source|article|e-?mail|message|ticket|review|text|"
    r"content|policy|"
    r"transcript|notes?|web ?page|page|search results?|tool (?:result|output)|knowledge base|excerpt|report|"
    r"comment|"
    r"attachment|file|feedback|post|data|background|reference|facts?|product (?:page|description)|kb-\d+)"
    r"[ \t#]*[\w.-]{0,12})\]?(?:[ \t]*\([^)\n]{0,80}\))?[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_BRACKETED = re.compile(r"^[ \t]*\[([A-Za-z]{1,12}[-_ ]?\d{1,4})\][ \t:]*(.+)$", re.MULTILINE)
_QUESTION = re.compile(
    r"^[ \t>*#]*(?:question|task|request|user|query|instruction|q|my question)[ \t]*\d?[ \t]*:[ \t]*(.+)$",
    re.IGNORECASE | re.MULTILINE,
)
_INLINE = re.compile(
    r"^(.{0,200}?\b(?:summari[sz]e|read|review|check|translate|analy[sz]e|classify|proofread|correct|look at|"
    r"extract)\b"
    r"[^:\n]{0,160}):\s+(.{30,})$",
    re.IGNORECASE | re.DOTALL,
)
_IDENTIFIER = re.compile(r"\b(?:id|name|source)\s*=\s*[\"']?([\w.-]{1,40})")
_PRONOUN = re.compile(r"(?:It|Its|They|Their|He|She|This|These|Those)\b")
"""How a sentence begins that says nothing without the one before it."""
_MAX_TAGS = 200
"""Opening signs up to which tags are paired, which takes time quadratic in their number."""
_SENTENCE = re.compile(r"(?<=[.!?])[\"')\]]*\s+|\n+|(?<=-->)\s*|\s*(?=<!--)")


@dataclass(frozen=True, slots=True)
class DocumentReading:
    """A user message, taken apart: what is asked, and what was pasted along."""

    task: str
    documents: tuple[Document, ...]


def take_apart(text: str) -> DocumentReading:
    """Separate the request from documents that stand in the same message."""
    found: list[Document] = []

    def keep(identifier: str, body: str) -> None:
        if body.strip():
            number = len(found) + 1
            found.append(
                Document(id=identifier.strip().replace(" ", "-") or f"doc-{number}", text=body.strip())
            )

    question = _QUESTION.search(text)
    rest = text if question is None else text[: question.start()] + text[question.end() :]
    asked = question.group(1) if question else ""

    def tagged(match: re.Match[str]) -> str:
        identifier = _IDENTIFIER.search(match.group(2))
        keep(identifier.group(1) if identifier else "", match.group(3))
        return "\n"

    def fenced(match: re.Match[str]) -> str:
        keep("", match.group(2))
        return "\n"

    def bracketed(match: re.Match[str]) -> str:
        keep(match.group(1), match.group(2))
        return "\n"

    if "</" in rest and rest.count("<") <= _MAX_TAGS:
        rest = _TAGGED.sub(tagged, rest)
    rest = _FENCED.sub(fenced, rest)
    heads = list(_HEADED.finditer(rest))
    if heads:
        ends = [head.start() for head in heads[1:]] + [len(rest)]
        for head, end in zip(heads, ends, strict=True):
            body = rest[head.end() : end]
            if end == len(rest) and not asked:
                paragraphs = re.split(r"\n\s*\n", body.strip())
                if len(paragraphs) > 1 and paragraphs[-1].rstrip().endswith("?"):
                    asked, body = paragraphs[-1], "\n".join(paragraphs[:-1])
            label = head.group(1).lower()
            keep(re.sub(r"^(?:document|doc)[ #]*", "doc-", label) if re.search(r"\d", label) else "", body)
        rest = rest[: heads[0].start()]
    rest = _BRACKETED.sub(bracketed, rest)
    if not found:
        inline = _INLINE.match(rest.strip())
        if inline:
            keep("", inline.group(2))
            rest = inline.group(1)
    return DocumentReading(task=f"{rest.strip()} {asked}".strip(), documents=tuple(found))


def sentences(text: str) -> list[str]:
    """Sentences and lines of a text, without empty ones, at most 400."""
    return [part.strip() for part in _SENTENCE.split(text[:40_000]) if part and part.strip()][:400]


def instructions_in(text: str) -> str:
    """The part of a document that addresses the machine that reads it; empty where there is none."""
    parts = sentences(text)
    for index, sentence in enumerate(parts):
        lower = sentence.lower()
        if shows("injection", lower) or shows("document_instruction", lower):
            return " ".join(parts[index:])
    return ""


def data_sentences(text: str) -> list[str]:
    """Sentences that are safe to quote: no instructions to machines, nothing after an override."""
    kept: list[str] = []
    for sentence in sentences(text):
        lower = sentence.lower()
        if shows("injection", lower):
            break
        if not shows("document_instruction", lower):
            kept.append(re.sub(r"https?://\S+|<[^>]{0,200}>", "", sentence).strip())
    return [sentence for sentence in kept if sentence]


@dataclass(frozen=True, slots=True)
class DocumentPassage:
    """A sentence that answers, with its document and the share of the question that it covers."""

    sentence: str
    document: Document
    coverage: float


def best_passages(
    question: str, documents: tuple[Document, ...], limit: int = 2
) -> tuple[DocumentPassage, ...]:
    """The sentences that cover most of the question's content words, best first, in [0, 1]."""
    asked = set(content_words(question))
    if not asked:
        return ()
    found = []
    for document in documents:
        title = set(content_words(document.title))
        before = ""
        for sentence in data_sentences(document.text):
            own = set(content_words(sentence))
            hits = len(asked & own)
            if hits:
                quoted = f"{before} {sentence}" if before and _PRONOUN.match(sentence) else sentence
                coverage = (hits + 0.5 * len(asked & (title - own))) / len(asked)
                found.append(DocumentPassage(quoted, document, coverage))
            before = sentence
    found.sort(key=lambda passage: -passage.coverage)
    return tuple(found[:limit])


def summary(documents: tuple[Document, ...], limit: int = 3) -> tuple[DocumentPassage, ...]:
    """The first sentences of each document that are data."""
    share = max(1, limit // max(1, len(documents)))
    return tuple(
        DocumentPassage(sentence, document, 1.0)
        for document in documents[:6]
        for sentence in data_sentences(document.text)[:share]
    )
