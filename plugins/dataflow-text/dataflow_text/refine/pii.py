"""Masking of personal data."""

from __future__ import annotations

import hashlib
from typing import Literal

import pyarrow as pa
from pydantic import SecretStr, field_validator

from dataflow_text.pii.forms import SEPARATORS, in_plain_digits
from dataflow_text.pii.recognition import PiiRecognition
from dataflow_text.pii.spans import Span
from dataflow_text.texts import TextRefiner, replace_where


class MaskPii(PiiRecognition, TextRefiner):
    r"""Mask personal data: e-mail addresses, telephone numbers, identifiers, and names.

    By default, what has a form is found. What has a checksum must pass it: payment cards (issuer's
    range and Luhn), IBANs (length and mod 97), Chinese resident numbers, Spanish DNI and NIE,
    Brazilian CPF, Polish PESEL; others are found by form: US social security numbers, IPv4 and IPv6
    addresses, telephone numbers in international or grouped form, or after a word such as "phone".
    What looks like a version (``4.10.2.1``: no two of its numbers have four digits together),
    loopback addresses and netmasks stay. Digits of all scripts count, and full-width letters.

    E-mail addresses have letters, marks and digits of all scripts. Letters of other scripts may
    touch an entity; in scripts without spaces, an address such as ``用户@例子.中国`` is told from
    the sentence only by what is no letter: white space or punctuation before it, after 21
    characters at most, and after it.

    With ``recognizer="presidio"`` (``pip install 'dataflow-text[pii]'``; 270 MB), people's names
    and places are found as well, and documents by their form with a word such as "passport" before
    it; organizations, nationalities and dates if ``entities`` has them. Names are found by a model
    of one language, which guesses in others: filter by language first. Nothing is downloaded.

    Where two entities overlap, the one first in the list below is masked; of a name, also what lies
    outside of the other. No entity goes beyond a line. Null stays null.

    On 400 English texts of presidio-research's synthetic set, whole entities are found with a
    precision and recall of 1 (e-mail, card, IBAN, IPv4, SSN); telephone numbers, many of them bare
    groups of digits, with 1 and 0.71; by presidio, people with 0.69 and 0.65, places, most of which
    are streets of many countries, with 0.58 and 0.17, nationalities with 0.64 and 0.67,
    organizations with 0.18 and 0.43, dates with 0.19 and 0.82.

    Source: ISO/IEC 7812 (2017), cards; ISO 13616 (2020), IBANs; Presidio (Microsoft), names.

    Attributes:
        recognizer: ``"forms"``, or ``"presidio"`` for names and documents as well.
        entities: What is masked: ``email``, ``iban``, ``card``, ``us_ssn``, ``cn_id``, ``es_id``,
            ``br_cpf``, ``pl_pesel``, ``ipv4``, ``ipv6``, ``phone``; by presidio also ``crypto``
            (Bitcoin addresses), ``medical_license`` (US), ``uk_nhs``, ``us_bank_number``,
            ``us_driver_license``, ``us_itin``, ``us_passport``, ``person``, ``location``,
            ``organization``, ``nrp`` (nationality, religion, political group), ``date_time``. None
            for all but organizations, nationalities and dates, few of which are personal.
        model: The spaCy model that presidio uses: the name of an installed one, or its folder. The
            default is spaCy's small one for English.
        min_score: The least score of what presidio finds, 0 to 1. All that the model finds has
            0.85; a number that a word before it explains, 0.4 or a little more.
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

    def refine(self, texts: pa.Array) -> pa.Array:
        """Return the texts with their personal data masked."""
        found = self.find(texts)
        chosen = pa.array([bool(spans) for spans in found], pa.bool_())
        masked = [
            self._masked(text, spans)
            for text, spans in zip(
                texts.filter(chosen).to_pylist(), filter(None, found), strict=True
            )
        ]
        return replace_where(texts, chosen, pa.array(masked, pa.string())) if masked else texts

    def _masked(self, text: str, spans: list[Span]) -> str:
        kept, position = [], 0
        for span in spans:
            kept += [text[position : span.start], self._mask(text, span)]
            position = span.end
        return "".join([*kept, text[position:]])

    def _mask(self, text: str, span: Span) -> str:
        label = span.entity.upper()
        if self.style == "remove":
            return ""
        if self.style == "label":
            return f"<{label}>"
        bare = SEPARATORS.sub("", in_plain_digits(text[span.start : span.end])).lower()
        digest = hashlib.blake2b(
            bare.encode(), digest_size=8, key=self.salt.get_secret_value().encode()
        )
        return f"<{label}:{digest.hexdigest()}>"
