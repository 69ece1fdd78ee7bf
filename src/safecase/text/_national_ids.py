"""Check digits of national identity numbers, by the rules that their offices publish.

Each function takes the number as it stands in a text, with its separators, and says whether it can be one.
Where a number holds a date of birth, the date must exist.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date

_SEPARATORS = re.compile(r"[\s./-]")
_LETTERS_OF_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"
_LETTERS_OF_HETU = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_ODD_OF_CODICE = (
    1,
    0,
    5,
    7,
    9,
    13,
    15,
    17,
    19,
    21,
    2,
    4,
    18,
    20,
    11,
    3,
    6,
    8,
    12,
    14,
    16,
    10,
    22,
    25,
    24,
    23,
)
_OMOCODIA = str.maketrans("LMNPQRSTUV", "0123456789")
"""Letters that stand for digits where two people would have one code."""
_MONTHS_OF_CODICE = "ABCDEHLMPRST"
_LETTERS_OF_CURP = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
_STATES_OF_CURP = "ASBCBSCCCHCLCMCSDFDGGRGTHGJCMCMNMSNENLNTOCPLQRQTSLSPSRTCTLTSVZYNZS"
"""Two letters each."""
_VERHOEFF = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_VERHOEFF_TURNS = (
    "0123456789", "1576283094", "5803796142", "8916043527",
    "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip


def _plain(text: str) -> str:
    return _SEPARATORS.sub("", text).upper()


def _numbers(text: str) -> list[int]:
    return [int(letter) for letter in text]


def _weighted(text: str, weights: Sequence[int]) -> int:
    return sum(weight * digit for weight, digit in zip(weights, _numbers(text), strict=False))


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _is_past(year: int, month: int, day: int) -> bool:
    return _is_date(year, month, day) and date(year, month, day) <= date.today()


def luhn_valid(text: str) -> bool:
    """The Luhn checksum (ISO/IEC 7812) over the digits of ``text``."""
    digits = [int(character) for character in text if character.isdigit()]
    return (sum(digits[-1::-2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])) % 10 == 0


def british_nhs(text: str) -> bool:
    """NHS number: weights 10 to 1, modulo 11."""
    number = _plain(text)
    return len(number) == 10 and _weighted(number, range(10, 0, -1)) % 11 == 0


def german_tax_id(text: str) -> bool:
    """Steuer-ID: ISO 7064 modulo 11, 10; of its first ten digits one stands there two or three times."""
    number = _plain(text)
    if len(number) != 11 or number[0] == "0":
        return False
    if sorted(count for count in Counter(number[:10]).values() if count > 1) not in ([2], [3]):
        return False
    check = 5
    for digit in _numbers(number):
        check = (((check or 10) * 2) % 11 + digit) % 10
    return check == 1


def dutch_bsn(text: str) -> bool:
    """Burgerservicenummer: the eleven test."""
    number = _plain(text)
    return len(number) == 9 and int(number) > 0 and _weighted(number, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def belgian_register(text: str) -> bool:
    """Rijksregisternummer: 97 less the rest, with a 2 in front for those born from 2000 on."""
    number = _plain(text)
    if len(number) != 11:
        return False
    for century, front in ((1900, ""), (2000, "2")):
        if 97 - int(front + number[:9]) % 97 == int(number[9:]):
            year, month, day = int(number[:2]), int(number[2:4]), int(number[4:6])
            # Nothing known of the month or the day is zero; sex not known adds 20 or 40 to the month.
            month %= 20
            if month == 0 or day == 0 or _is_past(century + year, month, day):
                return True
    return False


def polish_pesel(text: str) -> bool:
    """PESEL: weights 1, 3, 7, 9; the century stands in the month."""
    number = _plain(text)
    if len(number) != 11 or _weighted(number, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10:
        return False
    century, month = divmod(int(number[2:4]), 20)
    return _is_date((1900, 2000, 2100, 2200, 1800)[century] + int(number[:2]), month, int(number[4:6]))


def danish_cpr(text: str) -> bool:
    """CPR number: a date and a century; its check digit is not kept since 2007."""
    number = _plain(text)
    if len(number) != 10:
        return False
    day, month, year, seventh = int(number[:2]), int(number[2:4]), int(number[4:6]), int(number[6])
    if seventh <= 3 or (seventh in (4, 9) and year >= 37):
        year += 1900
    elif seventh in (4, 9) or year <= 57:
        year += 2000
    else:
        year += 1800
    return _is_past(year, month, day)


def norwegian_id(text: str) -> bool:
    """Fødselsnummer: two check digits modulo 11, and a date whose century the serial number tells; 40 is
    added to the day or the month of a D or an H number."""
    number = _plain(text)
    if len(number) != 11:
        return False
    if _weighted(number, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) % 11:
        return False
    if _weighted(number, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11:
        return False
    day, month, year = int(number[:2]) % 40, int(number[2:4]) % 40, int(number[4:6])
    serial = int(number[6:9])
    centuries = (
        (1800, 500 <= serial < 750 and year >= 54),
        (1900, serial < 500 or (serial >= 900 and year >= 40)),
        (2000, serial >= 500 and year < 40),
    )
    return any(fits and _is_past(century + year, month, day) for century, fits in centuries)


def swiss_ahv(text: str) -> bool:
    """AHV number: 756 and the check digit of an EAN 13."""
    number = _plain(text)
    return len(number) == 13 and number[:3] == "756" and _weighted(number, (1, 3) * 6 + (1,)) % 10 == 0


def austrian_insurance(text: str) -> bool:
    """Versicherungsnummer: weights modulo 11, the check digit in the fourth place."""
    number = _plain(text)
    if len(number) != 10 or number[0] == "0":
        return False
    return _weighted(number, (3, 7, 9, 0, 5, 8, 4, 2, 1, 6)) % 11 == int(number[3])


def irish_pps(text: str) -> bool:
    """PPS number: weights 8 to 2, the second letter by 9, modulo 23."""
    number = _plain(text)
    second = 0 if len(number) < 9 or number[8] == "W" else ord(number[8]) - 64
    return "WABCDEFGHIJKLMNOPQRSTUV"[(_weighted(number[:7], range(8, 1, -1)) + 9 * second) % 23] == number[7]


def canadian_sin(text: str) -> bool:
    """Social insurance number: Luhn; 0 and 8 are given to nobody."""
    number = _plain(text)
    return len(number) == 9 and number[0] not in "08" and luhn_valid(number)


def australian_tax(text: str) -> bool:
    """Tax file number: weights modulo 11."""
    number = _plain(text)
    return len(number) == 9 and _weighted(number, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def mexican_curp(text: str) -> bool:
    """CURP: a date, a state, and a check digit over all letters."""
    number = _plain(text)
    states = [_STATES_OF_CURP[at : at + 2] for at in range(0, len(_STATES_OF_CURP), 2)]
    if len(number) != 18 or number[11:13] not in states:
        return False
    total = sum((18 - place) * _LETTERS_OF_CURP.index(letter) for place, letter in enumerate(number[:17]))
    century = 1900 if number[16].isdigit() else 2000
    is_date = _is_date(century + int(number[4:6]), int(number[6:8]), int(number[8:10]))
    return is_date and str((10 - total % 10) % 10) == number[17]


def south_african_id(text: str) -> bool:
    """Identity number: Luhn, a date, and 0 or 1 for citizenship."""
    number = _plain(text)
    if len(number) != 13 or number[10] not in "01" or not luhn_valid(number):
        return False
    year, month, day = int(number[:2]), int(number[2:4]), int(number[4:6])
    return _is_date(1900 + year, month, day) or _is_date(2000 + year, month, day)


def turkish_id(text: str) -> bool:
    """T.C. Kimlik No: two check digits."""
    number = _plain(text)
    if len(number) != 11 or number[0] == "0":
        return False
    digits = _numbers(number)
    tenth = (10 - sum((3, 1)[place % 2] * digit for place, digit in enumerate(digits[:9]))) % 10
    return digits[9] == tenth and (sum(digits[:9]) + tenth) % 10 == digits[10]


def korean_rrn(text: str) -> bool:
    """Resident registration number: weights modulo 11; a date whose century the seventh digit tells."""
    number = _plain(text)
    if len(number) != 13:
        return False
    century = {"1": 1900, "2": 1900, "3": 2000, "4": 2000}.get(number[6], 1900)
    if not _is_date(century + int(number[:2]), int(number[2:4]), int(number[4:6])):
        return False
    total = _weighted(number[:12], (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5))
    return int(number[7:9]) <= 96 and (11 - total % 11) % 10 == int(number[12])


def indian_pan(text: str) -> bool:
    """PAN: a letter for the kind of holder in the fourth place, and no number of zeros."""
    number = _plain(text)
    return bool(re.fullmatch(r"[A-Z]{3}[ABCFGHJKLPT][A-Z]\d{4}[A-Z]", number)) and number[5:9] != "0000"


def indian_aadhaar(text: str) -> bool:
    """Aadhaar: Verhoeff, and no palindrome."""
    number = _plain(text)
    if len(number) != 12 or number[0] in "01" or number == number[::-1]:
        return False
    check = 0
    for place, digit in enumerate(reversed(number)):
        check = int(_VERHOEFF[check][int(_VERHOEFF_TURNS[place % 8][int(digit)])])
    return check == 0


def portuguese_nif(text: str) -> bool:
    """NIF: weights 9 to 2, modulo 11."""
    number = _plain(text)
    if len(number) != 9 or number[0] == "0":
        return False
    return (11 - _weighted(number[:8], range(9, 1, -1)) % 11) % 11 % 10 == int(number[8])


def romanian_cnp(text: str) -> bool:
    """CNP: weights modulo 11, a date, a county."""
    number = _plain(text)
    if len(number) != 13 or int(number[7:9]) not in (*range(1, 49), 51, 52, *range(70, 71), *range(80, 84)):
        return False
    century = {"1": 1900, "2": 1900, "3": 1800, "4": 1800, "5": 2000, "6": 2000}.get(number[0], 1900)
    if not _is_date(century + int(number[1:3]), int(number[3:5]), int(number[5:7])):
        return False
    check = _weighted(number[:12], (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return (1 if check == 10 else check) == int(number[12])


def czech_number(text: str) -> bool:
    """Rodné číslo: ten digits divisible by 11 since 1954, nine before; 50 (or 20, 70) added to months."""
    number = _plain(text)
    if len(number) not in (9, 10):
        return False
    year, month, day = 1900 + int(number[:2]), int(number[2:4]) % 50 % 20, int(number[4:6])
    if len(number) == 9:
        if year >= 1980:
            year -= 100
        if year > 1953:
            return False
    else:
        year += 100 * (year < 1954)
        check = int(number[:9]) % 11 % 10
        if check != int(number[9]):
            return False
    return _is_date(year, month, day)


def spanish_id(text: str) -> bool:
    """DNI and NIE: the rest modulo 23 is a letter."""
    number = _plain(text)
    first = {"X": "0", "Y": "1", "Z": "2"}.get(number[0], number[0])
    body = first + number[1:-1]
    return len(number) == 9 and body.isdigit() and _LETTERS_OF_DNI[int(body) % 23] == number[-1]


def italian_code(text: str) -> bool:
    """Codice fiscale: odd and even places by two tables, modulo 26; a date."""
    code = _plain(text)
    if len(code) != 16 or code[8] not in _MONTHS_OF_CODICE:
        return False
    total = 0
    for place, letter in enumerate(code[:15]):
        value = int(letter) if letter.isdigit() else ord(letter) - 65
        total += value if place % 2 else _ODD_OF_CODICE[value]
    year = int(code[6:8].translate(_OMOCODIA))
    day = int(code[9:11].translate(_OMOCODIA)) % 40
    month = _MONTHS_OF_CODICE.index(code[8]) + 1
    is_date = _is_date(1900 + year, month, day) or _is_date(2000 + year, month, day)
    return is_date and chr(65 + total % 26) == code[15]


def french_nir(text: str) -> bool:
    """NIR: 97 less the rest; Corsica's letters count as digits."""
    number = _plain(text)
    if len(number) != 15:
        return False
    body = number[:13].replace("2A", "19").replace("2B", "18") if number[5:7] in ("2A", "2B") else number[:13]
    return body.isdigit() and 97 - int(body) % 97 == int(number[13:])


def brazilian_cpf(text: str) -> bool:
    """CPF: two check digits modulo 11."""
    number = _plain(text)
    if len(number) != 11 or int(number) == 0:
        return False
    digits = _numbers(number)
    for length in (9, 10):
        total = sum((length + 1 - place) * digit for place, digit in enumerate(digits[:length]))
        if (11 - total % 11) % 11 % 10 != digits[length]:
            return False
    return True


def finnish_hetu(text: str) -> bool:
    """Henkilötunnus: the rest modulo 31 is a letter; a date."""
    number = text.strip().upper()
    if len(number) != 11:
        return False
    day, month, year, serial = int(number[:2]), int(number[2:4]), int(number[4:6]), int(number[7:10])
    century = {"+": 1800, "-": 1900, "A": 2000}.get(number[6], 1900)
    is_date = _is_date(century + year, month, day) and 2 <= serial < 900
    return is_date and _LETTERS_OF_HETU[int(number[:6] + number[7:10]) % 31] == number[10]


def swedish_number(text: str) -> bool:
    """Personnummer: Luhn over ten digits; a date (60 added for a co-ordination number)."""
    number = re.sub(r"[^0-9]", "", text)[-10:]
    if len(number) != 10 or not luhn_valid(number):
        return False
    year, month, day = int(number[:2]), int(number[2:4]), int(number[4:6]) % 60
    return any(_is_date(century + year, month, day) for century in (1800, 1900, 2000))


def chinese_id(text: str) -> bool:
    """Resident identity number: ISO 7064 modulo 11, 2; a date."""
    number = _plain(text)
    if len(number) != 18 or not _is_past(int(number[6:10]), int(number[10:12]), int(number[12:14])):
        return False
    total = sum(int(digit) * (2 ** (17 - place) % 11) for place, digit in enumerate(number[:17]))
    return "10X98765432"[total % 11] == number[17]


NATIONAL_IDS: dict[str, Callable[[str], bool]] = {
    "at": austrian_insurance, "au": australian_tax, "be": belgian_register, "br": brazilian_cpf,
    "ca": canadian_sin, "ch": swiss_ahv, "cn": chinese_id, "cz": czech_number, "de": german_tax_id,
    "dk": danish_cpr, "es": spanish_id, "fi": finnish_hetu, "fr": french_nir, "gb": british_nhs,
    "ie": irish_pps, "in_aadhaar": indian_aadhaar, "in_pan": indian_pan, "it": italian_code,
    "kr": korean_rrn, "mx": mexican_curp, "nl": dutch_bsn, "no": norwegian_id, "pl": polish_pesel,
    "pt": portuguese_nif, "ro": romanian_cnp, "se": swedish_number, "tr": turkish_id, "za": south_african_id,
}  # fmt: skip
"""By country (ISO 3166), as the data file names them."""
