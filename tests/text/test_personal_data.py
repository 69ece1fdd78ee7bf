"""Personal data are found where they stand, in any script, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safecase.base import InputError
from safecase.text import personal_data_finder, secret_finder
from safecase.text._finder import level_signs, lower
from support.personal_data import PERSONAL_DATA, SECRETS

FINDER = personal_data_finder()
SECRET_FINDER = secret_finder()


@pytest.mark.parametrize("entity", PERSONAL_DATA)
def test_each_entity_is_found_where_it_stands(entity: str) -> None:
    text = f"Please note {PERSONAL_DATA[entity]} for later."
    (found,) = FINDER.find(text)
    assert (found.entity, text[found.start : found.end]) == (entity, PERSONAL_DATA[entity])


@pytest.mark.parametrize("entity", SECRETS)
def test_each_secret_is_found(entity: str) -> None:
    text = f"the value is {SECRETS[entity]} ok"
    found = secret_finder().find(text)
    assert entity in {item.entity for item in found}


@pytest.mark.parametrize(
    "text",
    [
        "The order 4111 1111 1111 1112 has a wrong checksum.",
        "It happened on 2024-05-19 12:20:31 in room 3.",
        "Version 3.11.7 costs 1,299.00 euros, 20 % less than in 2019-2020.",
        "ISBN 978-3-16-148410-0 is a book.",
        "Add 2 eggs, 250 g flour, 1 l milk.",
        "The train leaves at 10:45, platform 7.",
    ],
)
def test_numbers_that_are_no_personal_data_stay(text: str) -> None:
    assert FINDER.find(text) == []


def test_words_before_a_number_decide_what_it_is() -> None:
    assert FINDER.find("The score was 4527781") == []
    assert [d.entity for d in FINDER.find("My phone is 4527781")] == ["phone"]
    assert [d.entity for d in FINDER.find("She was born 12.03.1984 in Oslo")] == ["date_of_birth"]
    assert FINDER.find("The invoice of 12.03.1984 is lost") == []


def test_locale_packs_and_allow_lists() -> None:
    pesel = "PESEL 44051401359"
    assert personal_data_finder(countries=frozenset({"pl"})).find(pesel)
    assert not [
        d for d in personal_data_finder(countries=frozenset({"de"})).find(pesel) if d.entity == "national_id"
    ]
    allowed = personal_data_finder(allow=frozenset({"@Corp.example", "help@x.example"}))
    found = allowed.find("a@corp.example help@x.example b@other.example")
    assert len(found) == 1
    with pytest.raises(InputError, match="no entity 'emial'"):
        personal_data_finder(frozenset({"emial"}))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("メールはken.sato@mail.exampleです。", "ken.sato@mail.example"),
        ("カード番号は4111111111111111です。", "4111111111111111"),
        ("IBANはDE89370400440532013000です", "DE89370400440532013000"),
        ("我的邮箱是li.wei@mail.example请联系", "li.wei@mail.example"),
        ("연락처는010-1234-5678입니다", "010-1234-5678"),
        ("電話は03-3210-7000まで", "03-3210-7000"),
        ("Blocked 8.8.8.8.", "8.8.8.8"),
        ("Login from 91.200.12.7.", "91.200.12.7"),
        ("card ５５００００５５５５５５５５５９ ok", "５５００００５５５５５５５５５９"),
        ("card 4111\u20121111\u20121111\u20121111", "4111\u20121111\u20121111\u20121111"),
        ("call +1\u2012415\u2012555\u20122671", "+1\u2012415\u2012555\u20122671"),
        ("SSN 536\u221222\u22128765.", "536\u221222\u22128765"),
        ("write to ada@b\u00fccher.example please", "ada@b\u00fccher.example"),
        ("write to user@xn--80ak6aa92e.com please", "user@xn--80ak6aa92e.com"),
        ("写信给 用户@例子.广告 吧", "用户@例子.广告"),
        ("mail jane.roe at mail-host dot org today", "jane.roe at mail-host dot org"),
        ("mail jane.roe [at] mail-host [dot] org", "jane.roe [at] mail-host [dot] org"),
        ("card 4450 5766 1945 8876 exp 04/27", "4450 5766 1945 8876"),
    ],
)
def test_a_value_is_found_whole_whatever_stands_around_and_inside_it(text: str, value: str) -> None:
    assert [text[item.start : item.end] for item in FINDER.find(text)] == [value]


@pytest.mark.parametrize(
    "text",
    [
        "The release went out on 2024-03-11.",
        "From 2016-2017 we grew.",
        "See DOI 10.1000/182.",
        "Your ticket number is 1234567890.",
        "Upgrade to version 2.4.1.108 of the driver.",
        "Install 2.4.1.108 of the driver.",
        "Section 3.2.1.4 of the manual",
        "OpenSSL 1.1.1.1 was released",
        "Figure 1.2.3.4 shows it",
        "Look at the dot matrix printer.",
    ],
)
def test_what_only_looks_like_personal_data_stays(text: str) -> None:
    assert FINDER.find(text) == []


@given(st.text(max_size=400), st.sampled_from(sorted(PERSONAL_DATA.values())), st.text(max_size=40))
@settings(deadline=None)
def test_findings_lie_in_the_text_in_order_and_apart(before: str, value: str, behind: str) -> None:
    text = before + value + behind
    for finder in (FINDER, SECRET_FINDER):
        for found in (finder.find(text), finder.find_in_windows(text)):
            edges = [edge for item in found for edge in (item.start, item.end)]
            assert edges == sorted(edges)
            assert all(0 <= item.start < item.end <= len(text) for item in found)


@given(st.text(max_size=200))
def test_levelling_and_lowering_keep_every_place(text: str) -> None:
    assert len(level_signs(text)) == len(text)
    assert len(lower(text)) == len(text)


def test_a_value_behind_thousands_of_candidates_is_found_in_windows() -> None:
    text = "41111111111112, " * 3_000 + "4539 1488 0343 6467" + ", 1234567" * 2_000
    assert [text[item.start : item.end] for item in FINDER.find_in_windows(text)] == ["4539 1488 0343 6467"]


def masked(text: str) -> str:
    """The text with a mark in place of each finding."""
    for finder in (SECRET_FINDER, FINDER):
        for item in reversed(finder.find(text)):
            text = f"{text[: item.start]}[{item.entity.upper()}]{text[item.end :]}"
    return text


@given(
    st.lists(
        st.sampled_from([*PERSONAL_DATA.values(), *SECRETS.values(), "and", "is", "then", "(see", "です"]),
        max_size=8,
    )
)
def test_what_was_masked_once_stays_as_it_is(parts: list[str]) -> None:
    once = masked(" ".join(parts))
    assert masked(once) == once
    assert not any(value in once for value in PERSONAL_DATA.values())
