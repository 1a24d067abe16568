"""How much personal data a text has."""

from __future__ import annotations

import pytest

from dataflow_core import MemoryStorage
from dataflow_core.errors import ConfigurationError
from dataflow_text import MaskPii, PiiCountEvaluator, PiiCountFilter

TEXTS = [
    "Ann <ann@example.org>, 202-555-0123",
    "ann@example.org, ann@example.org; 电话：13800138000。",
    "Robert Miller flew from Paris to Berlin.",
    "",
    None,
    "version 1.2.3.4",
]


def counts(*texts, **options):
    table = MemoryStorage([{"text": text} for text in texts])
    PiiCountEvaluator(**options).run(table)
    return [row["pii_count"] for row in table.rows()]


def test_every_entity_with_a_form_counts_once_for_each_time():
    assert counts(*TEXTS) == [2, 3, 0, 0, None, 0]


def test_only_the_entities_asked_for_count():
    assert counts(*TEXTS, entities=["phone"]) == [1, 1, 0, 0, None, 0]


def test_presidio_counts_names_as_well():
    pytest.importorskip("presidio_analyzer", reason="it comes with the extra pii")
    assert counts(*TEXTS[2:5], recognizer="presidio") == [3, 0, None]
    assert counts(*TEXTS[2:5], recognizer="presidio", entities=["person"]) == [1, 0, None]


def test_the_count_is_how_many_labels_the_mask_leaves():
    table = MemoryStorage([{"text": text} for text in TEXTS])
    MaskPii().run(table, output_text="masked")
    labels = [row["masked"] and row["masked"].count("<") for row in table.rows()]
    labels[0] -= 1  # it had one before
    assert [label or 0 for label in labels] == [count or 0 for count in counts(*TEXTS)]


def test_a_long_text_without_an_entity_and_one_full_of_them():
    assert counts("word " * 400_000, "a@b.org " * 1_000) == [0, 1_000]


def test_texts_with_more_than_five_entities_go_and_those_without_a_count():
    texts = ["a@b.org " * 5, "a@b.org " * 6, None, ""]
    table = MemoryStorage([{"text": text} for text in texts])
    PiiCountFilter().run(table)
    assert [row["pii_count"] for row in table.rows()] == [5, 0]


def test_bounds_entities_and_column_can_be_chosen():
    table = MemoryStorage([{"text": text} for text in TEXTS[:3]])
    PiiCountFilter(max_value=None, min_value=1, entities=["phone"]).run(
        table, output_measure="phones"
    )
    assert [row["phones"] for row in table.rows()] == [1, 1]


def test_a_filter_refuses_entities_that_its_recognizer_cannot_find():
    with pytest.raises(ConfigurationError, match="location have no form"):
        PiiCountFilter(entities=["location"])
