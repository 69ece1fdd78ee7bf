"""Whether a value that looks like one is one: check digits, numbering plans, entropy. Each rule stands once.

The library of telephone plans takes tens of milliseconds to load, so it loads with the first value that needs
it.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache

from safecase.text._national_ids import NATIONAL_IDS, luhn_valid

NOT_DIGITS = re.compile(r"\D+")
_EXTENSION = re.compile(r"\s?(?:x|ext\.?)\s?\d{1,6}$")
"""An extension is dialled after the number and is no part of it."""
_NORTH_AMERICAN = re.compile(
    r"(?:(?:\+|00)?1[ .-])?\(?\d{3}\)?[ .-]?\d{3}[ .-]\d{4}(?:\s?(?:x|ext\.?)\s?\d{1,6})?"
)
"""Groups that only North America writes: taken without its numbering plan, because made-up ones (555)
count."""
_GAP = re.compile(r"[ \u00a0./-]+")
_REGIONS = ("US", "GB", "DE", "FR", "IN", "AU", "ES", "IT", "NL", "BR")
"""Where a number without a country code may come from: each costs a parse, so these are the common ones."""
_REGIONS_BEHIND_ZERO = ("JP", "KR")
"""Regions whose plans take most numbers of ten digits: only those written with their trunk 0 count."""
_DATE = re.compile(
    r"(?:19|20)\d\d[-/. ]\d{1,2}[-/. ]\d{1,2}\b|\d{1,2}[-/. ]\d{1,2}[-/. ](?:19|20)\d\d\b|"
    r"(?:19|20)\d\d\s?[-/]\s?(?:19|20)\d\d\b"
)
"""Dates and spans of years have as many digits as telephone numbers."""
_IBAN_LENGTHS = {
    code[:2]: int(code[2:])
    for code in re.findall(
        r"\w{4}",
        """
        AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18
        DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23
        IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31
        MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24
        SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30
        """,
    )
}
"""Country and length, of the IBAN registry."""
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_LEAST_ENTROPY = 3.0
"""Bits a character: words and repeated letters lie below, random keys of 16 letters and more above."""
_LEAST_BASE64_ENTROPY = 4.2
"""Of forty letters: random ones have 4.4 and more, paths and names mostly less."""
_PLACEHOLDER_WORDS = re.compile(
    r"x{2,}|\*{2,}|\.{3,}|your?|my|the|an?|api|app|apps|access|secret|private|public|keys?|token|password|"
    r"passwd|pass|client|account|user|auth|bearer|service|db|own|goes|here|insert|replace|with|enter|put|change|"
    r"me|changeme|redacted|removed|hidden|masked|placeholder|example|sample|dummy|fake|todo|test|live|prod|"
    r"value|string|id|real|actual|default|[<>{}\[\]()$%_. -]+",
    re.IGNORECASE,
)
"""What documentation writes in place of a key, whole: a key that holds such a word is still one."""
_KEY_PREFIX = re.compile(
    r"^(?:sk|pk|rk)[-_](?:(?:ant|proj|live|test|or|api\d*|svcacct)[-_])*|"
    r"^(?:gh[opsur]|github_pat|hf|npm|glpat|gsk|xai)[-_]|"
    r"^xox[abprs]-|^pypi-|^AKIA|^ASIA|^AIza|^hv[sbr]\.|^shp[a-z]{2}_|^SG\.|^do[opr]_v1_"
)
_PRINTED_KEYS = frozenset(
    {
        "AKIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY",
    }
)
"""Printed in the documentation of AWS, and never anybody's."""
_PLACEHOLDER_REST = 3
"""Letters and digits that a placeholder may have besides its words: the number of an example."""
_LEAST_PASSWORD = 6
_CLASSES = re.compile(r"[a-z]+|[A-Z]+|[0-9]+")
_DOCUMENTATION_HOST = re.compile(
    r"(?:^|@)example\.(?:com|org|net)$|\.(?:example|test|invalid)$", re.IGNORECASE
)
"""RFC 2606 and 6761."""
_FAMOUS_SSN = frozenset({"078-05-1120", "219-09-9999"})
"""Printed in advertisements and leaflets, and never anybody's since."""


def valid_card(text: str) -> bool:
    """A payment card's number: its length, its first digit (ISO/IEC 7812-1) and its checksum."""
    digits = NOT_DIGITS.sub("", text)
    # 1: airlines and UATP, 2 to 6: banks. 7 to 9 and 0 are given to no payment cards.
    return 12 <= len(digits) <= 19 and len(set(digits)) > 1 and digits[0] in "123456" and luhn_valid(digits)


def valid_iban(text: str) -> bool:
    """The IBAN's length in its country and its check digits (ISO 13616)."""
    compact = re.sub(r"[\s-]", "", text).upper()
    if _IBAN_LENGTHS.get(compact[:2]) != len(compact) or not compact.isalnum() or not compact.isascii():
        return False
    return int("".join(str(int(letter, 36)) for letter in compact[4:] + compact[:4])) % 97 == 1


def valid_phone(text: str, regions: Sequence[str | None]) -> bool:
    """A valid number of one of the regions (ISO 3166; None: only with its country code)."""
    digits = NOT_DIGITS.sub("", text)
    # Two digits that alternate are a pattern that somebody typed.
    if not 8 <= len(digits) <= 15 or len(set(digits)) < 3:
        return False
    import phonenumbers

    for region in regions:
        if region is not None and not _may_be_of(region, digits):
            continue
        try:
            number = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return True
    return False


_LONGEST_PREFIX = 6
"""Digits before a national number: an international prefix and a country code, or a trunk prefix."""


def _may_be_of(region: str, digits: str) -> bool:
    """Whether an end of the digits is a national number of the region: parsing costs a hundred times more."""
    fits = _national_numbers(region).fullmatch
    return any(fits(digits, start) for start in range(min(_LONGEST_PREFIX, len(digits)) + 1))


@lru_cache(maxsize=32)
def _national_numbers(region: str) -> re.Pattern[str]:
    """Every kind of number that the region's plan has, as the library's metadata write them."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

    plan = PhoneMetadata.metadata_for_region(region)
    if plan is None:
        raise KeyError(region)
    # Regions that share a country code (US, CA, JM…) share one general pattern, and any of them is right.
    shared = len(COUNTRY_CODE_TO_REGION_CODE[plan.country_code or 0]) > 1
    kinds = (plan.general_desc,) if shared else (
        plan.fixed_line, plan.mobile, plan.toll_free, plan.premium_rate, plan.shared_cost,
        plan.personal_number, plan.voip, plan.pager, plan.uan, plan.voicemail,
    )  # fmt: skip
    patterns = [kind.national_number_pattern for kind in kinds if kind and kind.national_number_pattern]
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


def valid_international_phone(text: str) -> bool:
    """A country code and as many digits as numbers have; fantasy numbers of real countries count too."""
    number = _EXTENSION.sub("", text)
    digits = NOT_DIGITS.sub("", number)
    if not 8 <= len(digits) <= 15:
        return False
    return valid_phone(number, (None,)) or bool(_GAP.search(number) and digits[0] != "0")


def valid_local_phone(text: str) -> bool:
    """A national number of one of the common regions, written as people write numbers."""
    digits = NOT_DIGITS.sub("", _EXTENSION.sub("", text))
    if not 7 <= len(digits) <= 15 or looks_like_date(text):
        return False
    if _NORTH_AMERICAN.fullmatch(text):
        return True
    return valid_phone(text, (*_REGIONS, *_REGIONS_BEHIND_ZERO) if digits[0] == "0" else _REGIONS)


def phone_shaped(text: str) -> bool:
    """As many digits as a telephone number has, and no date."""
    return 7 <= len(NOT_DIGITS.sub("", text)) <= 15 and not looks_like_date(text)


def tax_id_shape(text: str) -> bool:
    """As many signs as the numbers of tax offices have, most of them digits, and no date."""
    signs = [letter for letter in text if letter.isalnum()]
    digits = sum(map(str.isdigit, signs))
    return 8 <= len(signs) <= 15 and digits >= 7 and not looks_like_date(text)


def looks_like_date(text: str) -> bool:
    """Whether ``text`` begins with a date or a range of years."""
    return _DATE.match(text) is not None


def valid_ip(text: str) -> bool:
    """An IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def valid_bitcoin(text: str) -> bool:
    """A Bitcoin address by its checksum: Base58Check, or Bech32 (BIP 173 and 350)."""
    if text[:1] in ("1", "3"):
        return valid_base58check(text)
    place = text.rfind("1")
    values = [_BECH32.find(letter) for letter in text[place + 1 :].lower()]
    if place < 1 or len(values) < 6 or min(values) < 0:
        return False
    prefix = text[:place].lower()
    check = 1
    for value in (*(ord(x) >> 5 for x in prefix), 0, *(ord(x) & 31 for x in prefix), *values):
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_BECH32_GENERATORS):
            check ^= generator if top >> bit & 1 else 0
    return check in (1, 0x2BC830A3)


def varied_hexadecimal(text: str) -> bool:
    """An Ethereum address that nobody made up by holding a key down."""
    return len(set(text[2:].lower())) > 6


def valid_base58check(text: str) -> bool:
    """Base58Check: the last four bytes are the double SHA-256 of the rest."""
    number = 0
    for letter in text:
        number = number * 58 + _BASE58.index(letter)
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    # Addresses have 25 bytes, private keys in import format 37 or 38; a leading zero byte is no digit.
    data = data.rjust(25, b"\0") if len(data) < 25 else data
    return hashlib.sha256(hashlib.sha256(data[:-4]).digest()).digest()[:4] == data[-4:]


def entropy(text: str) -> float:
    """Shannon entropy per character in bits; 0 for an empty text."""
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values())


def is_placeholder(text: str) -> bool:
    """Whether the whole value is what documentation writes in place of one."""
    if text in _PRINTED_KEYS:
        return True
    rest = _PLACEHOLDER_WORDS.sub("", _KEY_PREFIX.sub("", text))
    return len(rest) <= _PLACEHOLDER_REST < len(text)


def random_looking(text: str) -> bool:
    """As varied as a key, and not what stands in documentation in place of one."""
    return entropy(text) >= _LEAST_ENTROPY and not is_placeholder(text)


def mixed_and_random_looking(text: str) -> bool:
    """A key or a password that holds letters and digits."""
    return random_looking(text) and any(map(str.isdigit, text)) and any(map(str.isalpha, text))


def jumbled(text: str) -> bool:
    """A key whose capitals, small letters and digits change as often as chance has it, in no word's way."""
    turns = len(_CLASSES.findall(text)) - 1
    return turns >= len(text) / 5 and mixed_and_random_looking(text)


def labelled_key(text: str) -> bool:
    """What may stand behind a name that also stands before harmless values: long, or jumbled."""
    return mixed_and_random_looking(text) if len(text) >= 24 else jumbled(text)


def base64_key(text: str) -> bool:
    """A bare key of forty letters of Base64, as AWS has them: no digest, no path, no name in camel case."""
    kinds = (str.isupper, str.islower, str.isdigit)
    return (
        all(sum(map(kind, text)) >= 3 for kind in kinds)
        and text.count("/") <= 4
        and entropy(text) >= _LEAST_BASE64_ENTROPY
        and jumbled(text)
    )


def labelled_password(text: str) -> bool:
    """What somebody may have chosen behind the word for it: letters and digits, whatever their variety."""
    has_both = any(map(str.isdigit, text)) and any(map(str.isalpha, text))
    return has_both and len(text) >= _LEAST_PASSWORD and not is_placeholder(text)


def token_shaped(text: str) -> bool:
    """A JSON Web Token: three parts."""
    return text.count(".") == 2 and random_looking(text)


def reserved_value(kind: str, text: str) -> bool:
    """Whether a value is nobody's: kept for documentation, for private networks, or famous for being printed.

    A guard masks such values like any other. Shown in an answer they are no leak.
    """
    if kind == "email":
        return bool(_DOCUMENTATION_HOST.search(text.rpartition("@")[2]))
    if kind == "ip_address":
        try:
            return not ipaddress.ip_address(text).is_global
        except ValueError:
            return False
    return kind == "us_ssn" and text in _FAMOUS_SSN


CHECKS: dict[str, Callable[[str], bool]] = {
    "base58check": valid_base58check,
    "bitcoin": valid_bitcoin,
    "base64_key": base64_key,
    "card": valid_card,
    "iban": valid_iban,
    "ip": valid_ip,
    "jumbled": jumbled,
    "labelled_key": labelled_key,
    "labelled_password": labelled_password,
    "mixed_and_random": mixed_and_random_looking,
    "phone_international": valid_international_phone,
    "phone_local": valid_local_phone,
    "phone_shape": phone_shaped,
    "random": random_looking,
    "tax_id_shape": tax_id_shape,
    "token": token_shaped,
    "varied_hexadecimal": varied_hexadecimal,
    **{f"national_id:{country}": check for country, check in NATIONAL_IDS.items()},
}
"""Names that the data files use."""
