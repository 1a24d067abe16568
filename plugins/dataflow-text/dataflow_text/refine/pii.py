"""Masking of personal data that has a form: addresses, numbers, and identifiers with checksums."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import ClassVar, Literal, NamedTuple, TypeAlias, get_args

from pydantic import Field, SecretStr, field_validator

from dataflow_text.refine import identifiers
from dataflow_text.refine.each_text import EachTextRefiner

Entity = Literal[
    "email", "iban", "card", "us_ssn", "cn_id", "es_id", "br_cpf", "pl_pesel", "ipv4", "ipv6",
    "phone",
]  # fmt: skip


_Measure: TypeAlias = Callable[[re.Match[str]], int]
"""How much of what a form matched is an entity, in characters; 0 if it is none."""


class Span(NamedTuple):
    """Where an entity is in a text.

    Attributes:
        start: Where it begins, in characters.
        end: Where it ends.
        entity: What it is.
    """

    start: int
    end: int
    entity: Entity


class MaskPii(EachTextRefiner):
    r"""Mask personal data that has a form: e-mail addresses, telephone numbers, identifiers.

    What has a checksum must pass it: payment cards (issuer's range and Luhn), IBANs (length and
    mod 97), Chinese resident numbers, Spanish DNI and NIE, Brazilian CPF, Polish PESEL; others are
    found by form: US social security numbers, IPv4 and IPv6 addresses, telephone numbers in
    international or grouped form, or after a word such as "phone". What looks like a version
    (``4.10.2.1``: no two of its numbers have four digits together), loopback addresses and netmasks
    stay. Where two entities overlap, the one first in the list below is masked. Names and postal
    addresses are not found: they have no form. Letters of other scripts may touch an entity. Null
    stays null.

    On 400 English texts of presidio-research's synthetic set, whole entities are found with a
    precision and recall of 1 (e-mail, card, IBAN, IPv4, SSN); telephone numbers, many of them bare
    groups of digits, with 1 and 0.71.

    Attributes:
        entities: What is masked: ``email``, ``iban``, ``card``, ``us_ssn``, ``cn_id``, ``es_id``,
            ``br_cpf``, ``pl_pesel``, ``ipv4``, ``ipv6``, ``phone``.
        style: ``label`` puts ``<EMAIL>`` in its place, ``remove`` nothing, ``hash`` a label with 64
            bits that are equal for equal entities, ``<EMAIL:9f86d081884c7d65>``.
        salt: A secret for ``hash``, at most 64 bytes, which run files and recipes show as
            asterisks; without one, short numbers can be found again by trying all.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "Ann <ann@example.org>, card 4111 1111 1111 1111"}])
        >>> MaskPii().run(table)
        >>> table.rows()
        [{'text': 'Ann <<EMAIL>>, card <CARD>'}]
    """

    sign: ClassVar[str] = (
        r"[A-Za-z0-9_%+.-]@[A-Za-z0-9]|[0-9](?:[ .()/-]{0,3}[0-9]){5}"
        r"|[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{0,4}:|[A-Z]{2}[0-9]{2} ?[A-Z0-9]{4}"
    )

    entities: tuple[Entity, ...] = Field(default=get_args(Entity), min_length=1)
    style: Literal["label", "remove", "hash"] = "label"
    salt: SecretStr = SecretStr("")

    @field_validator("salt")
    @classmethod
    def _usable(cls, salt: SecretStr) -> SecretStr:
        secret = salt.get_secret_value()
        if len(secret.encode()) > 64:
            raise ValueError("a salt has at most 64 bytes")
        if secret and not secret.strip("*"):
            raise ValueError(
                "asterisks stand for a salt that was kept secret; give the salt itself"
            )
        return salt

    def clean(self, text: str) -> str:
        """Return one text with its personal data masked."""
        kept, position = [], 0
        for span in find_pii(text, self.entities):
            kept += [text[position : span.start], self._mask(text, span)]
            position = span.end
        return "".join([*kept, text[position:]])

    def _mask(self, text: str, span: Span) -> str:
        label = span.entity.upper()
        if self.style == "remove":
            return ""
        if self.style == "label":
            return f"<{label}>"
        bare = _SEPARATORS.sub("", text[span.start : span.end]).lower()
        digest = hashlib.blake2b(
            bare.encode(), digest_size=8, key=self.salt.get_secret_value().encode()
        )
        return f"<{label}:{digest.hexdigest()}>"


def find_pii(text: str, entities: tuple[Entity, ...] = get_args(Entity)) -> list[Span]:
    """Return where the personal data of a text is, in order and without overlaps.

    Args:
        text: The text.
        entities: What to look for.
    """
    ranks = {entity: rank for rank, entity in enumerate(get_args(Entity))}
    found = [span for entity in entities for span in _occurrences(text, entity)]
    chosen: list[Span] = []
    for span in sorted(found, key=lambda span: (span.start, ranks[span.entity], -span.end)):
        if not chosen or span.start >= chosen[-1].end:
            chosen.append(span)
        elif ranks[span.entity] < ranks[chosen[-1].entity]:
            chosen[-1] = span
    return chosen


def _occurrences(text: str, entity: Entity) -> Iterator[Span]:
    for pattern, measure in _FORMS[entity]:
        for match in pattern.finditer(text):
            if length := measure(match):
                start = match.start("it")
                yield Span(start, start + length, entity)


def _whole(check: Callable[[str], bool], *, as_written: bool = False) -> _Measure:
    """Return the measure of what passes a check without its separators."""

    def measure(match: re.Match[str]) -> int:
        found = match["it"]
        return len(found) if check(found if as_written else _SEPARATORS.sub("", found)) else 0

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


_SEPARATORS = re.compile(r"[ .\-/()]+")
# Letters of other scripts may touch an entity; parts of longer numbers and names are none.
_ALONE = r"(?<![A-Za-z0-9_+])(?<![A-Za-z0-9_][-./])"
_END = r"(?![A-Za-z0-9_]|[-/.,][0-9])"
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_NUMBER = r"\+?\(?[0-9](?:[ .\-/()]{0,2}[0-9]){5,14}"
_PHONE_WORD = re.compile(
    r"(?:\b(?:(?:tele|mobile |cell)?phone(?: number)?|tel|mobile|cell|fax|whatsapp|desk"
    r"|call(?: (?:me|us))?(?: (?:on|at))?|(?:reach|text)(?: (?:me|us))? (?:on|at)"
    r"|tél(?:éphone)?|telefono?|teléfono|тел(?:ефон)?)|电话|電話|手机|手機|传真|휴대폰|전화)"
    r"[\s:.#=：]{0,6}\Z",
    re.IGNORECASE,
)
_PHONE = (
    r"\+[1-9](?:[ .\-/]?[()]?[ ]?[0-9]){7,14}"  # international
    r"|(?:1[-. ])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}(?=[-. ]))[-. ]?[2-9][0-9]{2}[-. ][0-9]{4}"
    r"|0[0-9]{2,3}-[0-9]{7,8}|1[3-9][0-9](?P<c>[ -]?)[0-9]{4}(?P=c)[0-9]{4}"  # China
    r"|\(0[0-9]{1,4}\)[ /-]?[0-9]{3,4}[ -]?[0-9]{3,5}"
    r"|0[0-9]{1,3}(?P<z>[ .-])[0-9]{2,4}(?P=z)[0-9]{2,4}(?:(?P=z)[0-9]{2,4}){1,3}"
    r"|0[0-9]{1,3}(?P<y>[ -])[0-9]{3,4}(?P=y)[0-9]{4}"
)


def _alone(expression: str, measure: _Measure) -> tuple[re.Pattern[str], _Measure]:
    """Return a form that is part of no longer number or name."""
    return re.compile(rf"{_ALONE}(?P<it>{expression}){_END}"), measure


_FORMS: dict[Entity, list[tuple[re.Pattern[str], _Measure]]] = {
    "email": [
        (
            re.compile(
                r"(?<![A-Za-z0-9._%+-])(?P<it>[A-Za-z0-9_%+][A-Za-z0-9._%+-]*+@"
                r"(?:[A-Za-z0-9][A-Za-z0-9-]{0,62}+\.)+[A-Za-z]{2,24})(?![A-Za-z0-9_-])"
            ),
            _any_length,
        )
    ],
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
