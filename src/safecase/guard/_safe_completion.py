"""What is said when something is not done: a reason, an alternative, no word of the user's (MIT-12)."""

from __future__ import annotations

from functools import lru_cache

from safecase.base import InputError, Record, package_yaml, suggest


class SafeCompletion(Record):
    """One answer in place of another."""

    category: str
    language: str
    reason: str
    alternative: str

    @property
    def text(self) -> str:
        """What the user reads."""
        return f"{self.reason} {self.alternative}"


class _Words(Record):
    reason: str
    alternative: str


class _Catalogue(Record):
    version: int
    categories: dict[str, dict[str, _Words]]
    checks: dict[str, str]
    """Kind of check → category."""


@lru_cache(maxsize=1)
def _catalogue() -> _Catalogue:
    return _Catalogue.model_validate(package_yaml("safecase.guard", "completions.yaml"))


def categories() -> tuple[str, ...]:
    """Every category that has words of its own."""
    return tuple(_catalogue().categories)


def category_of(check: str) -> str:
    """The category of what a kind of check stops."""
    return _catalogue().checks.get(check, "other")


def safe_completion(category: str, *, language: str = "en") -> SafeCompletion:
    """The words for a category, in the language or else in English; raises InputError for unknown ones."""
    catalogue = _catalogue()
    if category not in catalogue.categories:
        raise InputError(
            f"there are no words for '{category}'",
            hint=suggest(category, catalogue.categories),
        )
    words = catalogue.categories[category]
    chosen = language.split("-")[0].lower()
    chosen = chosen if chosen in words else "en"
    return SafeCompletion(
        category=category, language=chosen, reason=words[chosen].reason, alternative=words[chosen].alternative
    )
