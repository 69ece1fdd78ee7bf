"""What the built-in suites owe their users: twins, unseen cases, languages, media, and no copies."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest

from safecase.base import canonical_json
from safecase.model import Case, HarmClass, MessageRole
from safecase.workspace._near_duplicates import repeated_cases
from safecase.workspace.library._builtin_suites import builtin_suite_names

from .builtin_cases import builtin_cases

LEAST_HELD_OUT = 0.28
SIMILAR = 0.6
"""Jaccard similarity of word trigrams from which two families count as one written twice."""
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")


def test_every_family_of_attacks_has_a_benign_twin_or_says_why_not() -> None:
    families: dict[str, list[Case]] = defaultdict(list)
    for case in builtin_cases():
        if not case.benign:
            families[case.family].append(case)
    lonely = [
        name
        for name, cases in families.items()
        if not any(case.benign_twin or case.metadata.get("no_twin") for case in cases)
    ]
    assert not lonely


def test_no_twin_is_an_attack_or_stands_in_another_language_or_medium() -> None:
    by_id = {case.id: case for case in builtin_cases()}
    for case in builtin_cases():
        if case.benign_twin:
            twin = by_id[case.benign_twin]
            assert twin.harm is HarmClass.OVER_REFUSAL, case.id
            assert twin.language == case.language, case.id
            if twin.modality is not case.modality:
                assert "multimodal" in case.tags, case.id


def test_held_out_cases_stand_in_every_risk_and_suite() -> None:
    total, unseen = Counter[str](), Counter[str]()
    for case in builtin_cases():
        for key in ("all", f"risk {case.risk}", f"suite {case.suite}"):
            total[key] += 1
            unseen[key] += case.held_out
    shares = {key: unseen[key] / total[key] for key in total}
    assert shares["all"] >= 0.3
    assert not {key: share for key, share in shares.items() if share < LEAST_HELD_OUT}


def test_a_family_is_held_out_as_a_whole() -> None:
    """Its cases share a wording or a document: who has seen one has seen them all."""
    found: dict[str, set[bool]] = defaultdict(set)
    for case in builtin_cases():
        found[case.family].add(case.held_out)
    assert not [name for name, kinds in found.items() if len(kinds) > 1]


def test_every_language_has_attacks_and_harmless_cases_seen_and_unseen() -> None:
    attacks, harmless = Counter[str](), Counter[str]()
    unseen = Counter[str]()
    for case in builtin_cases():
        (harmless if case.benign else attacks)[case.language] += 1
        unseen[case.language] += case.held_out
    assert len(attacks) >= 16
    for language in attacks | harmless:
        assert attacks[language] >= 5, language
        assert harmless[language] >= 3, language
        assert unseen[language] >= 3, language


def test_every_medium_has_attacks_and_harmless_cases() -> None:
    attacks, harmless = Counter[str](), Counter[str]()
    for case in builtin_cases():
        (harmless if case.benign else attacks)[case.modality.value] += 1
        kinds = {
            part.type
            for message in case.messages
            if not isinstance(message.content, str)
            for part in message.content
        }
        assert (case.modality.value in kinds) == (case.modality.value != "text"), case.id
    for medium, least in (("image", 8), ("audio", 4), ("document", 8)):
        assert attacks[medium] >= least
        assert harmless[medium] >= least // 2


def test_conversations_of_four_turns_and_more_drift_to_harm_and_stay_harmless() -> None:
    long = [
        case
        for case in builtin_cases()
        if sum(message.role is MessageRole.USER for message in case.messages) >= 4
    ]
    assert sum(not case.benign for case in long) >= 20
    assert sum(case.benign for case in long) >= 4
    assert sum(case.held_out for case in long) >= 8


def test_groups_of_one_dimension_are_asked_the_same_prompts() -> None:
    groups: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for case in builtin_cases():
        if case.group:
            (dimension,) = (tag for tag in case.tags if tag.startswith("bias-"))
            groups[dimension][case.family].add(case.group)
    assert len(groups) >= 7
    for dimension, families in groups.items():
        assert len(families) >= 3, dimension
        assert len({frozenset(found) for found in families.values()}) == 1, dimension


def test_check_finds_no_brittle_suite() -> None:
    for name in builtin_suite_names():
        cases = tuple(case for case in builtin_cases() if case.suite == name)
        assert len(repeated_cases(cases)) <= 0.3 * len(cases), name


def sent(case: Case) -> str:
    """All that a case sends, the operator's prompt apart."""
    parts = [message.text for message in case.messages if message.role is not MessageRole.SYSTEM]
    parts += [document.text for document in case.documents]
    parts += [
        part.digest
        for message in case.messages
        if not isinstance(message.content, str)
        for part in message.content
        if part.type != "text"
    ]
    if case.environment:
        parts.append(canonical_json(case.environment).decode())
    return " ".join(parts).lower()


def trigrams(text: str) -> frozenset[tuple[str, ...]]:
    """Of words; of characters where a script writes without spaces or the text is very short."""
    words = re.findall(r"\w+", text)
    if len(words) < 4 or _UNSPACED.search(text):
        words = list(re.sub(r"\s+", "", text))
    return frozenset(tuple(words[start : start + 3]) for start in range(max(1, len(words) - 2)))


def alike(cases: list[Case]) -> Iterator[tuple[float, str, str]]:
    """Pairs of cases of different families with their similarity; twins are meant to be alike."""
    family = {case.id: case.family for case in cases}
    twins = {(case.family, family[case.benign_twin]) for case in cases if case.benign_twin}
    texts = [trigrams(sent(case)) for case in cases]
    standing: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, own in enumerate(texts):
        shared = Counter[int]()
        for trigram in own:
            shared.update(standing[trigram])
            standing[trigram].append(number)
        for other, count in shared.items():
            one, two = cases[number].family, cases[other].family
            if one != two and not {(one, two), (two, one)} & twins:
                yield count / (len(own) + len(texts[other]) - count), cases[number].id, cases[other].id


def test_no_two_families_say_the_same() -> None:
    plain = [case for case in builtin_cases() if not case.converters]
    assert not [found for found in alike(plain) if found[0] >= SIMILAR]


def test_the_measure_of_likeness_sees_a_copy() -> None:
    case = next(case for case in builtin_cases() if case.id == "harmless-61")
    copy = case.model_copy(update={"id": "copy", "family": "copy"})
    assert [found[0] for found in alike([case, copy])] == [1.0]


@pytest.mark.parametrize("name", builtin_suite_names())
def test_titles_and_tags_are_told(name: str) -> None:
    for case in builtin_cases():
        if case.suite == name:
            assert case.title, case.id
            assert case.tags, case.id
