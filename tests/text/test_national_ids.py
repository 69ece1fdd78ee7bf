"""Numbers that offices give: right ones are known, and one changed digit is no longer one."""

from __future__ import annotations

import pytest

from safecase.text._national_ids import NATIONAL_IDS
from safecase.text.value_checks import valid_bitcoin, valid_iban

RIGHT = {
    "at": "1237010180",
    "au": "123 456 782",
    "be": "85.07.30-033.28",
    "br": "390.533.447-05",
    "ca": "123-456-782",
    "ch": "756.9217.0769.85",
    "cn": "360426199101010071",
    "cz": "710319/2745",
    "de": "36 574 261 809",
    "es": "54362315-K",
    "fi": "131052-308T",
    "fr": "295109912611193",
    "gb": "943 476 5870",
    "ie": "6433435F",
    "in_aadhaar": "2341 2341 2346",
    "in_pan": "ACUPA7085R",
    "it": "RCCMNL83S18D969H",
    "kr": "971013-9019902",
    "mx": "BOXW310820HNERXN09",
    "nl": "111222333",
    "no": "151086 95088",
    "pl": "44051401359",
    "pt": "501442600",
    "ro": "1630615123457",
    "se": "880320-0016",
    "tr": "17291716060",
    "za": "7503305044089",
}


@pytest.mark.parametrize("country", RIGHT)
def test_a_right_number_is_known_and_a_changed_one_is_not(country: str) -> None:
    check = NATIONAL_IDS[country]
    number = RIGHT[country]
    assert check(number)
    if country != "in_pan":  # it has no check digit
        last = max(at for at, sign in enumerate(number) if sign.isdigit())
        others = [
            number[:last] + digit + number[last + 1 :] for digit in "0123456789" if digit != number[last]
        ]
        assert sum(map(check, others)) <= 1


def test_dates_that_are_none_and_shapes_of_nobody_are_refused() -> None:
    assert NATIONAL_IDS["dk"]("211062-5629")
    assert not NATIONAL_IDS["dk"]("310262-5629")
    assert not NATIONAL_IDS["in_pan"]("ACUPA0000R")
    assert not NATIONAL_IDS["in_pan"]("ACUZA7085R")


def test_accounts_and_wallets_have_check_digits_too() -> None:
    assert valid_iban("DE89 3704 0044 0532 0130 00")
    assert not valid_iban("DE89 3704 0044 0532 0130 01")
    assert not valid_iban("DE89 3704 0044 0532 0130 0")
    for address in (
        "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
        "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
        "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr",
    ):
        assert valid_bitcoin(address)
        assert not valid_bitcoin(address[:-1] + ("2" if address[-1] != "2" else "3"))
