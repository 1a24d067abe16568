"""Personal data that has a form: addresses, numbers, and identifiers with checksums."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias, get_args

from dataflow_text.pii import identifiers
from dataflow_text.pii.addresses import address_patterns
from dataflow_text.pii.spans import Span

Formed = Literal[
    "email", "iban", "card", "us_ssn", "cn_id", "es_id", "br_cpf", "pl_pesel", "ipv4", "ipv6",
    "phone",
]  # fmt: skip

# What a text has, in the syntax of RE2, if any form may be in it: an ASCII one, or another.
SIGN = (
    r"[A-Za-z0-9_%+.-]@[A-Za-z0-9]|[0-9](?:[ .()/-]{0,3}[0-9]){5}"
    r"|[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{0,4}:|[A-Z]{2}[0-9]{2} ?[A-Z0-9]{4}"
)
WIDE_SIGN = (
    r"[\p{L}\p{M}\p{N}_%+.\x{200C}\x{200D}-][@\x{FF20}][\p{L}\p{N}]"
    r"|\p{Nd}(?:[ .()/\x{3000}\x{FF0D}\x{FF0E}-]{0,3}\p{Nd}){5}"
    r"|[A-Z\x{FF21}-\x{FF3A}]{2}\p{Nd}{2}[ \x{3000}]?[A-Z\p{Nd}\x{FF21}-\x{FF3A}]{4}"
)

_Measure: TypeAlias = Callable[[re.Match[str]], int]
"""How much of what a form matched is an entity, in characters; 0 if it is none."""


def find_forms(text: str, entities: tuple[Formed, ...] = get_args(Formed)) -> list[Span]:
    """Return where the forms are in a text, in order and without overlaps.

    Args:
        text: The text.
        entities: What to look for.
    """
    ranks = {entity: rank for rank, entity in enumerate(get_args(Formed))}
    text = in_plain_digits(text)
    found = [span for entity in entities for span in _occurrences(text, entity)]
    chosen: list[Span] = []
    for span in sorted(found, key=lambda span: (span.start, ranks[span.entity], -span.end)):
        if not chosen or span.start >= chosen[-1].end:
            chosen.append(span)
        elif ranks[span.entity] < ranks[chosen[-1].entity]:
            chosen[-1] = span
    return chosen


def in_plain_digits(text: str) -> str:
    """Return a text with ASCII for decimal digits of all scripts and for full-width letters.

    Full-width ``@ + - .`` and the ideographic space become ASCII as well. Each character becomes
    one, so what is found stands at the same place of the text itself.
    """
    return text if text.isascii() else text.translate(_plain_digits())


@functools.cache
def _plain_digits() -> dict[int, str]:
    # No script has digits beyond the second plane.
    characters = map(chr, range(0x80, 0x20000))
    digits = {ord(one): str(unicodedata.decimal(one)) for one in characters if one.isdecimal()}
    letters = [*range(ord("A"), ord("Z") + 1), *range(ord("a"), ord("z") + 1)]
    full_width = {code + 0xFEE0: chr(code) for code in (*letters, *map(ord, "@+-."))}
    return {**digits, **full_width, ord("\u3000"): " "}


def _occurrences(text: str, entity: Formed) -> Iterator[Span]:
    forms = _FORMS[entity]
    if entity == "email":
        forms = [(pattern, _any_length) for pattern in address_patterns(text)]
    for pattern, measure in forms:
        for match in pattern.finditer(text):
            if length := measure(match):
                start = match.start("it")
                yield Span(start, start + length, entity)


def _whole(check: Callable[[str], bool], *, as_written: bool = False) -> _Measure:
    """Return the measure of what passes a check without its separators."""

    def measure(match: re.Match[str]) -> int:
        found = match["it"]
        return len(found) if check(found if as_written else SEPARATORS.sub("", found)) else 0

    return measure


def _any_length(match: re.Match[str]) -> int:
    return len(match["it"])


def _iban_length(match: re.Match[str]) -> int:
    """Return how much is the IBAN of its country's length: words in capitals may follow it."""
    found = match["it"]
    marks = [place for place, mark in enumerate(found) if mark != " "]
    length = identifiers.IBAN_LENGTHS.get(found[:2], 0)
    if not 0 < length <= len(marks):
        return 0
    end = marks[length - 1] + 1
    ends = found[end : end + 1] in ("", " ")
    return end if ends and identifiers.is_iban(found[:end].replace(" ", "")) else 0


def _ipv6_length(match: re.Match[str]) -> int:
    """Return how much is an IPv6 address: its sentence's colon or full stop may follow it."""
    found = match["it"]
    address = found if found.endswith("::") else found.rstrip(":.")
    return len(address) if identifiers.is_ipv6(address) else 0


def _phone_length(match: re.Match[str]) -> int:
    found = match["it"]
    return len(found) if 7 <= sum(map(str.isdigit, found)) <= 15 else 0


def _called_phone_length(match: re.Match[str]) -> int:
    """Return the length of a number after a word that calls it a telephone's."""
    start = match.start("it")
    called = _PHONE_WORD.search(match.string, max(0, start - 30), start)
    return _phone_length(match) if called else 0


SEPARATORS = re.compile(r"[ .\-/()]+")
# Letters of other scripts may touch an entity; parts of longer numbers and names are none.
_ALONE = r"(?<![A-Za-z0-9_+])(?<![A-Za-z0-9_][-./])"
_END = r"(?![A-Za-z0-9_]|[-/.,][0-9])"
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_NUMBER = r"\+?\(?[0-9](?:[ .\-/()]{0,2}[0-9]){5,14}"
_PHONE_WORD = re.compile(
    r"(?:\b(?:(?:tele|mobile |cell)?phone(?: number)?|ph|tel|mobile|mob|cell|landline|hotline"
    r"|fax|whatsapp|sms|desk|dial|call(?: (?:me|us))?(?: (?:on|at))?"
    r"|(?:reach|text|ring|contact)(?: (?:me|us))? (?:on|at)"
    r"|tél(?:éphone)?|telefon(?:o|nummer)?|teléfono|тел(?:ефон)?)|电话|電話|手机|手機|传真|휴대폰|전화)"
    r"[\s:.#=：]{0,6}\Z",
    re.IGNORECASE,
)
_PHONE = (
    r"\+[1-9](?:[ .\-/]?[()]?[ ]?[0-9]){7,14}"  # international
    r"|(?:1[-. ])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}(?=[-. ]))[-. ]?[2-9][0-9]{2}[-. ][0-9]{4}"
    r"|0[0-9]{2,3}-[0-9]{7,8}|1[3-9][0-9](?P<c>[ -]?)[0-9]{4}(?P=c)[0-9]{4}"  # China
    r"|\(0[0-9]{1,4}\)[ /-]?[0-9]{3,4}[ -]?[0-9]{3,5}"
    r"|\([1-9]{2}\)[ ]?9?[0-9]{4}[- ][0-9]{4}"  # Brazil
    r"|0[1-9][0-9]{1,3}[ /][0-9]{6,8}"  # Britain, Germany
    r"|0[0-9]{1,3}(?P<z>[ .-])[0-9]{2,4}(?P=z)[0-9]{2,4}(?:(?P=z)[0-9]{2,4}){1,3}"
    r"|0[0-9]{1,3}(?P<y>[ -])[0-9]{3,4}(?P=y)[0-9]{4}"
)


def _alone(expression: str, measure: _Measure) -> tuple[re.Pattern[str], _Measure]:
    """Return a form that is part of no longer number or name."""
    return re.compile(rf"{_ALONE}(?P<it>{expression}){_END}"), measure


_FORMS: dict[Formed, list[tuple[re.Pattern[str], _Measure]]] = {
    "email": [],  # which depend on the text
    "iban": [
        (
            re.compile(rf"{_ALONE}(?P<it>[A-Z]{{2}}[0-9]{{2}}(?: ?[A-Z0-9]){{11,35}})"),
            _iban_length,
        )
    ],
    "card": [
        _alone(
            r"[0-9]{12,19}|[0-9]{4}(?P<s>[ -])(?:[0-9]{4}(?P=s)){2}[0-9]{4}(?:(?P=s)[0-9]{3})?"
            r"|3[0-9]{3}(?P<t>[ -])[0-9]{6}(?P=t)[0-9]{4,5}",
            _whole(identifiers.is_card),
        )
    ],
    "us_ssn": [_alone(r"(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}", _any_length)],
    "cn_id": [_alone(r"[1-8][0-9]{16}[0-9Xx]", _whole(identifiers.is_cn_id))],
    "es_id": [
        _alone(r"(?:[0-9]{8}|[XYZ]-?[0-9]{7})[ -]?[A-HJ-NP-TV-Z]", _whole(identifiers.is_es_id))
    ],
    "br_cpf": [
        _alone(r"[0-9]{11}|[0-9]{3}\.[0-9]{3}\.[0-9]{3}[-/][0-9]{2}", _whole(identifiers.is_br_cpf))
    ],
    "pl_pesel": [_alone(r"[0-9]{11}", _whole(identifiers.is_pl_pesel))],
    "ipv4": [
        (
            re.compile(
                rf"{_ALONE}(?<![Vv]ersion )(?P<it>{_OCTET}(?:\.{_OCTET}){{3}})"
                r"(?![A-Za-z0-9_]|[-.][0-9])"
            ),
            _whole(identifiers.is_ipv4, as_written=True),
        )
    ],
    "ipv6": [
        (
            re.compile(
                r"(?<![A-Za-z0-9_:.])(?P<it>[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{0,40}+)"
                r"(?![A-Za-z0-9_])"
            ),
            _ipv6_length,
        )
    ],
    "phone": [
        (re.compile(rf"{_ALONE}(?<![0-9][ ])(?P<it>{_PHONE}){_END}(?![ ][0-9])"), _phone_length),
        _alone(_NUMBER, _called_phone_length),
    ],
}
