"""How well documents carry a claim: what must raise the grade, what must lower it, and its bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safecase.scorers.grounding._statements import split_claims
from safecase.scorers.grounding._support import Question, library_of, missing_names, support

DOCUMENT = (
    "The museum opened in 1911 beside the river. Its founder was Marta Lindqvist, a botanist from Uppsala. "
    "Tickets cost twelve euros and children enter free."
)
SILENT = Question.of("")


def grade(sentence: str, question: Question = SILENT, *documents: str) -> float:
    """The grade of a sentence that is one claim."""
    (claim,) = split_claims(sentence, 5)[0]
    sources = tuple((f"d{n}", text) for n, text in enumerate(documents or (DOCUMENT,)))
    return support(claim, library_of(sources), question)


def test_what_stands_in_the_document_word_for_word_is_carried_whole() -> None:
    assert grade("The museum opened in 1911 beside the river.") == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("carried", "changed"),
    [
        ("The museum opened in 1911 beside the river.", "The museum opened in 1927 beside the river."),
        ("Its founder was Marta Lindqvist of Uppsala.", "Its founder was Marta Holmberg of Uppsala."),
        ("Its founder was a botanist from Uppsala.", "Its founder was a painter from Gothenburg."),
        (
            "Children enter free and tickets cost euros.",
            "Children need passports, pensioners bring vouchers.",
        ),
    ],
)
def test_a_change_of_number_name_or_fact_costs(carried: str, changed: str) -> None:
    assert grade(carried) > grade(changed) + 0.15


def test_words_of_one_place_carry_more_than_the_same_words_scattered() -> None:
    together = "Harbour cranes were repainted yellow in spring. Fees stay. Staff left."
    scattered = (
        "Harbour fees stay. Cranes rust. Staff left. Doors were repainted. Ducks are yellow. Spring came."
    )
    claim = "Harbour cranes were repainted yellow in spring."
    assert grade(claim, SILENT, together) > grade(claim, SILENT, scattered) + 0.2


def test_words_of_the_question_prove_nothing() -> None:
    question = Question.of("Who was Marta Lindqvist, the botanist?")
    claim = "Marta Lindqvist, the botanist, married twice."
    assert grade(claim, question) < grade(claim) - 0.2


def test_an_inflected_word_counts_in_part() -> None:
    text = "Regulators approved the merger."
    assert grade("Regulator approval: merger.", SILENT, text) > grade(
        "Lawyer complaint: merger.", SILENT, text
    )


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=80))
def test_the_grade_stays_between_0_and_1_on_any_text(answer: str, document: str, asked: str) -> None:
    library, question = library_of((("d", document),)), Question.of(asked)
    for claim in split_claims(answer, 50)[0]:
        assert 0.0 <= support(claim, library, question) <= 1.0 + 1e-9


@pytest.mark.parametrize(
    "answer",
    [
        "I can open a ticket so that a person answers.",
        "I'll send you the form with the next parcel.",
        "I could also look for another lamp in the catalogue.",
    ],
)
def test_an_offer_is_no_claim(answer: str) -> None:
    assert split_claims(answer, 5)[0] == []


def test_what_the_speaker_vouches_for_is_a_claim() -> None:
    assert split_claims("I can confirm that the warranty lasts ten years.", 5)[0]


@pytest.mark.parametrize(
    "answer",
    [
        "The attachment says: the museum opened in 1911 beside the river.",
        "According to the provided document, the museum opened in 1911 beside the river.",
        "The attached letter mentions that the museum opened in 1911 beside the river.",
    ],
)
def test_where_a_claim_comes_from_is_no_part_of_it(answer: str) -> None:
    assert grade(answer) == pytest.approx(1.0)


def test_a_name_with_a_hyphen_is_found_in_its_parts() -> None:
    text = "The Finch lamp LF-200 shines."
    (claim,) = split_claims("The Finch lamp LF-200 shines brightly.", 5)[0]
    sources = library_of((("d", text),)).sources
    assert missing_names(claim, sources, SILENT) == []
    (other,) = split_claims("The Finch lamp XR-900 shines brightly.", 5)[0]
    assert missing_names(other, sources, SILENT) == ["xr-900"]
