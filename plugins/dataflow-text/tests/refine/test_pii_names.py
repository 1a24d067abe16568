"""Names, places and documents' numbers, found by presidio with spaCy's small model of English."""

from __future__ import annotations

import itertools
import json
import os
import pickle
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import get_args

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_core.errors import ConfigurationError
from dataflow_text import MaskPii
from dataflow_text.pii.presidio import SMALL_ENGLISH, Named, _analyzer
from dataflow_text.pii.spans import Span, without_overlaps

SHARED = Path(
    os.environ.get("DATAFLOW_SHARED") or Path(__file__).resolve().parents[4].parent / "shared"
)
LETTER = (
    "On Tuesday, Robert Miller flew from Paris to Berlin.\n\n"
    "Write to him at robert@example.org, or call Susan Baker on 202-555-0123."
)
MASKED = (
    "On Tuesday, <PERSON> flew from <LOCATION> to <LOCATION>.\n\n"
    "Write to him at <EMAIL>, or call <PERSON> on <PHONE>."
)


@pytest.fixture(scope="module")
def masked(refined):
    """Return what is left of texts when presidio's entities are masked."""
    pytest.importorskip("presidio_analyzer", reason="it comes with the extra pii")

    def mask(*texts: str | None, **options) -> list[str | None]:
        return refined(MaskPii(recognizer="presidio", **options), *texts)

    return mask


def test_names_and_places_are_masked_together_with_the_forms(masked):
    assert masked(LETTER) == [MASKED]


def test_dates_and_organizations_are_masked_if_they_are_asked_for(masked):
    assert masked(LETTER, entities=["date_time"]) == [LETTER.replace("Tuesday", "<DATE_TIME>")]
    text = "She works for Microsoft, in Sydney."
    assert masked(text, entities=["organization"]) == [text.replace("Microsoft", "<ORGANIZATION>")]


def test_forms_alone_need_no_model(masked):
    assert masked(LETTER, entities=["email"], model="no_such_model") == [
        LETTER.replace("robert@example.org", "<EMAIL>")
    ]


def test_a_short_name_stays_within_longer_words(masked):
    text = "Paris is large. Parisians like comparisons of Paris."
    assert masked(text, entities=["location"]) == [
        "<LOCATION> is large. Parisians like comparisons of <LOCATION>."
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("My passport number is 912803456.", "My passport number is <US_PASSPORT>."),
        ("My driver's license is H12234567.", "My driver's license is <US_DRIVER_LICENSE>."),
        ("My bank account is 945456787654.", "My bank account is <US_BANK_NUMBER>."),
    ],
)
def test_a_number_is_a_document_if_a_word_before_it_says_so(masked, text, wanted):
    number = text.split()[-1].rstrip(".")
    other = f"The part with the code {number} is sold out."
    assert masked(text, other) == [wanted, other]


def test_a_least_score_above_the_models_leaves_the_names(masked):
    assert masked(LETTER, min_score=0.9) == [
        LETTER.replace("robert@example.org", "<EMAIL>").replace("202-555-0123", "<PHONE>")
    ]


def test_names_can_go_or_leave_a_hash(masked):
    text = "Susan Baker met Robert Miller. Susan Baker left."
    assert masked(text, style="remove") == [" met .  left."]
    (hashed,) = masked(text, style="hash", salt="s")
    labels = [word for word in hashed.replace(".", "").split() if word.startswith("<PERSON:")]
    assert labels[0] == labels[2] != labels[1]


def test_lines_stay_lines(masked):
    (text,) = masked("Susan Baker\nRobert Miller\n\nParis")
    assert text.count("\n") == 3
    assert "Baker" not in text
    assert "Miller" not in text


@pytest.mark.parametrize(
    "text",
    [
        "我叫张伟，住在北京。",
        "مرحبا بالعالم",
        "Привет, мир",
        "👩‍👩‍👧 🇫🇷",
        "e\u0301 \u200b\x00 \ufffd",
        "12 + 30",
        "_" * 9,
        " \n\t ",
    ],
)
def test_texts_of_any_script_pass_and_their_forms_are_found(masked, text):
    (with_form,) = masked(f"{text} ann@example.org")
    assert with_form.endswith(" <EMAIL>")
    assert masked(None, "", text)[:2] == [None, ""]


def test_entities_of_long_texts_are_those_of_their_paragraphs(masked):
    paragraphs = [f"{LETTER} Number {number}." for number in range(60)]
    wanted = [f"{MASKED} Number {number}." for number in range(60)]
    assert masked("\n\n".join(paragraphs)) == ["\n\n".join(wanted)]


@pytest.mark.parametrize("filling", ["\n", "看"])
def test_texts_beyond_spacys_limit_of_a_million_characters_are_searched_to_their_end(
    masked, filling
):
    filler = filling * 1_100_000
    assert masked(f"{LETTER}\n\n{filler}\n\n{LETTER}") == [f"{MASKED}\n\n{filler}\n\n{MASKED}"]


@settings(max_examples=10)
@given(st.lists(st.sampled_from([LETTER, "Ann met Bob Smith in Rome.", None, ""]), max_size=6))
def test_what_is_found_in_a_text_does_not_depend_on_the_texts_beside_it(masked, texts):
    assert masked(*texts) == [masked(text)[0] for text in texts]


@given(
    st.lists(
        st.builds(
            lambda start, length, entity: Span(start, min(20, start + length), entity),
            st.integers(0, 19),
            st.integers(1, 9),
            st.sampled_from(["person", "email"]),
        )
    )
)
def test_spans_that_overlap_become_pieces_that_hide_as_much(spans):
    text = "abcdefghijklmnopqrst"
    pieces = without_overlaps(text, spans)
    assert all(one.end <= other.start for one, other in itertools.pairwise(pieces))
    covered = {place for span in spans for place in range(span.start, span.end)}
    assert {place for piece in pieces for place in range(piece.start, piece.end)} == covered
    assert set(spans[:1]) <= set(pieces)


def test_what_is_left_of_a_name_beside_an_address_has_no_marks_at_its_ends():
    text = "Ann Smith <ann@example.org>"
    address = Span(11, 26, "email")
    assert without_overlaps(text, [address, Span(0, 27, "person")]) == [
        Span(0, 9, "person"),
        address,
    ]


def test_entities_without_a_form_need_presidio():
    with pytest.raises(ConfigurationError, match=r"person have no form.*recognizer='presidio'"):
        MaskPii(entities=["email", "person"])
    with pytest.raises(ConfigurationError, match="min_score"):
        MaskPii(recognizer="presidio", min_score=2)


def test_a_missing_library_is_told_with_its_cure(monkeypatch, refined):
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    operator = MaskPii(recognizer="presidio", model="not_loaded_before")
    with pytest.raises(ConfigurationError, match=r"pip install 'dataflow-text\[pii\]'"):
        refined(operator, LETTER)


def test_a_missing_model_is_told_and_nothing_is_downloaded(masked, monkeypatch):
    def refuse(*address):
        raise AssertionError(f"tried to reach {address}")

    _analyzer.cache_clear()  # it is built anew, without the network
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(ConfigurationError, match=r"'de_core_x'.*dataflow-text\[pii\]"):
        masked(LETTER, model="de_core_x")
    assert masked(LETTER) == [MASKED]


def test_a_model_that_finds_no_names_is_refused_and_another_may_be_named(masked, tmp_path):
    import spacy

    spacy.blank("de").to_disk(tmp_path / "blank")
    with pytest.raises(ConfigurationError, match="finds no entities"):
        masked(LETTER, model=str(tmp_path / "blank"))
    german = spacy.blank("de")
    recognizer = german.add_pipe("ner")
    recognizer.add_label("PER")
    recognizer.add_label("MISC")
    german.initialize()
    german.to_disk(tmp_path / "german")
    text = "Schreiben Sie an ann@example.org!"
    (found,) = masked(text, model=str(tmp_path / "german"), entities=["email", "date_time"])
    assert found == text.replace("ann@example.org", "<EMAIL>")


def test_nothing_heavy_is_imported_before_a_text_is_searched():
    code = (
        "import pickle, sys; from dataflow_text import MaskPii, PiiCountFilter; "
        "operator = MaskPii(recognizer='presidio'); "
        "assert pickle.loads(pickle.dumps(operator)) == operator; "
        "PiiCountFilter(recognizer='presidio'); "
        "print([name for name in ('spacy', 'presidio_analyzer') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_operator_that_has_run_can_be_pickled(masked, refined):
    operator = MaskPii(recognizer="presidio")
    assert refined(operator, LETTER) == [MASKED]
    assert len(pickle.dumps(operator)) < 2_000


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no shared data in {SHARED}")
def test_people_and_places_are_found_as_surely_as_the_docstring_tells():
    pytest.importorskip("presidio_analyzer", reason="it comes with the extra pii")
    kinds = {"PERSON": "person", "GPE": "location", "STREET_ADDRESS": "location"}
    lines = (SHARED / "data/text/presidio_pii.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    operator = MaskPii(recognizer="presidio", entities=["person", "location"])
    found = operator.find(pa.array([row["full_text"] for row in rows]))
    hits, ours, wanted = Counter(), Counter(), Counter()
    for row, spans in zip(rows, found, strict=True):
        truth = {
            (span["start_position"], span["end_position"], kinds[span["entity_type"]])
            for span in row["spans"]
            if span["entity_type"] in kinds
        }
        for counter, members in (
            (hits, truth & {*map(tuple, spans)}),
            (ours, spans),
            (wanted, truth),
        ):
            counter.update(entity for *_, entity in members)
    shares = {kind: (hits[kind] / ours[kind], hits[kind] / wanted[kind]) for kind in wanted}
    assert shares["person"] == pytest.approx((0.69, 0.65), abs=0.01)
    assert shares["location"] == pytest.approx((0.58, 0.17), abs=0.01)


def test_every_entity_is_one_of_presidios(masked):
    known = set(_analyzer(SMALL_ENGLISH).get_supported_entities())
    assert {entity.upper() for entity in get_args(Named)} == known
