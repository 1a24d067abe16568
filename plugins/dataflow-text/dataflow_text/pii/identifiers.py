"""The checksums of numbers that name a person or an account."""

from __future__ import annotations

import ipaddress
import re
from datetime import date

# Lengths of the countries' IBANs (ISO 13616 registry).
IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FK FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK",
        21: "CH CR HR LI LV", 22: "BG BH DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST", 26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HN HU LB NI PL",
        29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip
_LONG_GROUP = re.compile(r"[0-9A-Fa-f]{3}")
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"


_ISSUERS = re.compile(
    r"4[0-9]{12}(?:[0-9]{3}){0,2}"  # Visa
    r"|(?:5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}"
    r"|3[47][0-9]{13}|3(?:0[0-59]|[689][0-9])[0-9]{11}(?:[0-9]{2,5})?"  # Amex, Diners
    r"|(?:2131|1800)[0-9]{11}|35[0-9]{14,17}|6[0-9]{15,18}"  # JCB, Discover, UnionPay
    r"|(?:50|5[6-9]|6[0-9])[0-9]{10,17}"  # Maestro
)


def passes_luhn(digits: str) -> bool:
    """Tell whether digits end in their Luhn check digit (ISO/IEC 7812-1, annex B).

    Args:
        digits: ASCII digits.
    """
    doubled = [int(digit) * 2 for digit in digits[-2::-2]]
    return (sum(map(int, digits[-1::-2])) + sum(d - 9 * (d > 9) for d in doubled)) % 10 == 0


def is_card(number: str) -> bool:
    """Tell whether digits are a payment card's: an issuer's range and length, and Luhn's check.

    Args:
        number: ASCII digits.
    """
    return _ISSUERS.fullmatch(number) is not None and passes_luhn(number)


def is_iban(account: str) -> bool:
    """Tell whether a text is an IBAN: its country's length, and 1 modulo 97 (ISO 13616).

    Args:
        account: ASCII letters in upper case and digits, without spaces.
    """
    if len(account) != IBAN_LENGTHS.get(account[:2]):
        return False
    return int("".join(str(int(mark, 36)) for mark in account[4:] + account[:4])) % 97 == 1


def is_cn_id(number: str) -> bool:
    """Tell whether a text is a Chinese resident identity number (GB 11643-1999, ISO 7064 mod 11-2).

    Args:
        number: 17 ASCII digits, and a digit or X.
    """
    total = sum(int(digit) << (17 - place) for place, digit in enumerate(number[:17]))
    remainder = (12 - total % 11) % 11
    return _is_date(number[6:14]) and number[17].upper() == "0123456789X"[remainder]


def is_es_id(number: str) -> bool:
    """Tell whether a text is a Spanish DNI or NIE: its letter is its number's modulo 23.

    Args:
        number: Eight digits, or X, Y or Z and seven, and a letter in upper case.
    """
    digits = number[:-1].translate(str.maketrans("XYZ", "012"))
    return number[-1] == _DNI_LETTERS[int(digits) % 23]


def is_br_cpf(number: str) -> bool:
    """Tell whether eleven digits are a Brazilian CPF: two check digits modulo 11, not all equal.

    Args:
        number: 11 ASCII digits.
    """
    for length in (9, 10):
        total = sum(int(d) * (length + 1 - place) for place, d in enumerate(number[:length]))
        if int(number[length]) != total * 10 % 11 % 10:
            return False
    return len(set(number)) > 1


def is_pl_pesel(number: str) -> bool:
    """Tell whether eleven digits are a Polish PESEL: a date of birth, and a check digit.

    Args:
        number: 11 ASCII digits.
    """
    century = {0: 1900, 1: 2000, 2: 2100, 3: 2200, 4: 1800}[int(number[2]) // 2]
    month = int(number[2:4]) % 20
    day = f"{century + int(number[:2])}{month:02}{number[4:6]}"
    weights = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)
    total = sum(int(digit) * weight for digit, weight in zip(number, weights, strict=True))
    return _is_date(day) and total % 10 == 0


def is_ipv6(address: str) -> bool:
    """Tell whether a text is an IPv6 address that may be a person's: none for loopback or for any.

    Args:
        address: Hexadecimal digits, colons and full stops.
    """
    # `a::b` is far more often a name in code.
    if address.count(":") < 4 and not _LONG_GROUP.match(address):
        return False
    try:
        parsed = ipaddress.IPv6Address(address)
    except ValueError:
        return False
    return not (parsed.is_loopback or parsed.is_unspecified)


def is_ipv4(address: str) -> bool:
    """Tell whether a dotted quad is an address that may be a person's: no netmask, no loopback.

    Args:
        address: Four numbers from 0 to 255, with full stops between.
    """
    # `1.2.3.4` and `4.10.2.1` are far more often versions and sections.
    lengths = sorted(map(len, address.split(".")))
    return not address.startswith(("0.", "127.", "255.")) and sum(lengths[2:]) > 3


def _is_date(digits: str) -> bool:
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return True
