"""What recognizers of personal data find, and how fast: `python benchmarks/pii.py FOLDER`.

FOLDER holds presidio_pii.jsonl, texts with the spans of their entities from presidio-research's
synthetic set: ``full_text``, and ``spans`` with ``start_position``, ``end_position`` and
``entity_type``. The baseline is presidio as it comes, with the same small model of English; it
needs the extra ``pii``, without which only the forms are measured. A row each for an entity: how
many there are, then precision and recall, first of whole spans and then of spans that overlap one
of their kind. "any" is what personal data of whatever kind overlaps any found: what a mask hides.
"""

from __future__ import annotations

import importlib.util
import pathlib
import sys
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias, get_args

import orjson
import pyarrow as pa

from dataflow_text import MaskPii
from dataflow_text.pii.presidio import SMALL_ENGLISH
from dataflow_text.pii.recognition import Entity

Spans: TypeAlias = list[list[tuple[int, int, str]]]

KINDS = {
    "EMAIL_ADDRESS": "email",
    "CREDIT_CARD": "card",
    "IBAN_CODE": "iban",
    "IP_ADDRESS": "ipv4",
    "US_SSN": "us_ssn",
    "PHONE_NUMBER": "phone",
    "US_DRIVER_LICENSE": "us_driver_license",
    "PERSON": "person",
    "GPE": "location",
    "STREET_ADDRESS": "location",
    "LOCATION": "location",
    "ORGANIZATION": "organization",
    "NRP": "nrp",
    "DATE_TIME": "date_time",
}
PERSONAL = set(KINDS.values()) - {"organization", "nrp", "date_time"}


class Recognizer(NamedTuple):
    """What finds entities, in texts that it gets all at once."""

    name: str
    find: Callable[[list[str]], Spans]


def main() -> None:
    """Print a table for each recognizer, and how fast it is."""
    source = pathlib.Path(sys.argv[1]) / "presidio_pii.jsonl"
    rows = [orjson.loads(line) for line in source.read_bytes().splitlines()]
    texts = [row["full_text"] for row in rows]
    truth = [_true_spans(row["spans"]) for row in rows]
    print(f"personal data in {len(texts)} texts: number; precision and recall, whole; overlapping")
    for recognizer in _recognizers():
        recognizer.find(texts[:1])  # loads the model
        started = time.process_time()
        found = recognizer.find(texts)
        seconds = time.process_time() - started
        characters = sum(map(len, texts))
        print(
            f"  {recognizer.name}: {len(texts) / seconds:,.0f} texts, {characters / seconds:,.0f} "
            "characters a CPU second"
        )
        for line in _scores(truth, found):
            print(f"    {line}")


def _recognizers() -> list[Recognizer]:
    forms = MaskPii()
    chosen = [Recognizer("forms", lambda texts: forms.find(pa.array(texts)))]
    if importlib.util.find_spec("presidio_analyzer") is None:
        print("  without the extra pii, only the forms: pip install 'dataflow-text[pii]'")
        return chosen
    both = MaskPii(recognizer="presidio", entities=get_args(Entity))
    plain = Recognizer("presidio as it comes", _plain_presidio())
    return [plain, *chosen, Recognizer("forms and presidio", lambda t: both.find(pa.array(t)))]


def _plain_presidio() -> Callable[[list[str]], Spans]:
    import presidio_analyzer
    import tldextract
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    # Else its recognizer of e-mail addresses would fetch a list of domains.
    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())
    engine = SpacyNlpEngine(models=[{"lang_code": "en", "model_name": SMALL_ENGLISH}])
    analyzer = presidio_analyzer.AnalyzerEngine(nlp_engine=engine)

    def find(texts: list[str]) -> Spans:
        return [
            [
                (result.start, result.end, KINDS.get(result.entity_type, result.entity_type))
                for result in analyzer.analyze(text, "en", score_threshold=0.4)
            ]
            for text in texts
        ]

    return find


def _true_spans(spans: list[dict]) -> list[tuple[int, int, str]]:
    return [
        (span["start_position"], span["end_position"], KINDS[span["entity_type"]])
        for span in spans
        if span["entity_type"] in KINDS
    ]


def _scores(truth: Spans, found: Spans) -> Iterable[str]:
    for kind in dict.fromkeys(KINDS.values()):
        true, ours = _only(truth, {kind}), _only(found, {kind})
        if any(ours):
            whole, part = _pair(true, ours, whole=True), _pair(true, ours, whole=False)
            yield f"{kind:18} {sum(map(len, true)):>4}   {whole}   {part}"
    true, ours = _only(truth, PERSONAL), _only(found, PERSONAL)
    yield f"{'any':18} {sum(map(len, true)):>4}   {'':11}   {_pair(true, ours, whole=False)}"


def _only(spans: Spans, kinds: set[str]) -> Spans:
    return [[span for span in row if span[2] in kinds] for row in spans]


def _pair(true: Spans, found: Spans, *, whole: bool) -> str:
    """Return the precision and the recall of some spans."""
    return f"{_share(found, true, whole=whole):.3f} {_share(true, found, whole=whole):.3f}"


def _share(spans: Spans, others: Spans, *, whole: bool) -> float:
    """Return the share of spans that are, or overlap, one of the others."""
    hits = [
        any(
            span[:2] == other[:2] if whole else span[0] < other[1] and other[0] < span[1]
            for other in row
        )
        for members, row in zip(spans, others, strict=True)
        for span in members
    ]
    return sum(hits) / max(1, len(hits))


if __name__ == "__main__":
    main()
