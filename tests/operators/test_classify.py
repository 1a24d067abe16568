"""Sorting texts into classes."""

import json

import pyarrow as pa
import pytest

from dataflow_core import MemoryStorage
from dataflow_core.errors import ConfigurationError
from dataflow_core.operators.general import Classify
from dataflow_core.testing import ScriptedServing

LABELS = {"news": "What happened.", "advert": "What is for sale.", "其他": ""}


def classified(told, labels=LABELS, **options):
    table = MemoryStorage([{"text": "Skates, hardly used, 20 euros."}])
    serving = ScriptedServing(lambda text: told, corrections=0)
    Classify(serving=serving, labels=labels, **options).run(table)
    return table, serving


@pytest.mark.parametrize("told", ["advert", "其他"])
def test_a_label_is_what_the_model_names(told):
    table, _ = classified(json.dumps({"label": told}))
    assert table.rows()[0]["label"] == told


@pytest.mark.parametrize(
    "told",
    ["Advert", "adverts", "an advert", "news, advert", "", "advert: What is for sale.", "sport"],
)
def test_what_resembles_a_label_or_has_one_in_it_is_none(told):
    table, _ = classified(json.dumps({"label": told}))
    assert table.rows() == []
    assert table.quarantined()["reason"].tolist() == ["schema_mismatch"]


@pytest.mark.parametrize("told", ["advert", "The label is advert.", "It is no advert, but news."])
def test_a_label_in_prose_is_none(told):
    table, _ = classified(told)
    assert table.quarantined()["reason"].tolist() == ["unparsable_answer"]
    assert table.quarantined()["value"].tolist() == [told]


def test_the_serving_asks_once_more_for_a_label():
    answers = ['{"label": "Advert"}', '{"label": "advert"}']
    table = MemoryStorage([{"text": "Skates"}])
    serving = ScriptedServing(answers, max_concurrency=1)
    Classify(serving=serving, labels=LABELS).run(table)
    assert table.rows()[0]["label"] == "advert"


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (["其他", "news"], ["news", "其他"]),
        (["news", "news"], ["news"]),
        ([], []),
        (["news", "sport"], None),
    ],
)
def test_several_labels_come_in_the_order_of_the_labels(told, found):
    table, _ = classified(json.dumps({"labels": told}), multiple=True)
    assert [row["label"] for row in table.rows()] == ([] if found is None else [found])


def test_labels_may_be_a_list_and_stand_in_the_prompt_with_their_descriptions():
    system = classified("")[1].requests[0].messages[0]["content"]
    assert "- news: What happened.\n- advert: What is for sale.\n- 其他\n" in system
    assert "- a\n- b\n" in classified("", ("a", "b"))[1].requests[0].messages[0]["content"]
    criteria = classified("", criteria="By topic.")[1].requests[0].messages[0]["content"]
    assert "By topic." in criteria


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([], "two labels at least"),
        (["a"], "two labels at least"),
        (["a", "b", "a"], "a: given twice"),
        (["a", "A"], "capital letters alone"),
        (["a", " b"], "without space around it"),
        ({"a": "", "": ""}, "not empty"),
    ],
)
def test_labels_that_cannot_be_told_apart_are_refused(labels, message):
    with pytest.raises(ConfigurationError, match=message):
        Classify(serving=ScriptedServing({}), labels=labels)


@pytest.mark.parametrize(
    ("multiple", "kind"), [(False, pa.string()), (True, pa.list_(pa.string()))]
)
def test_the_plan_knows_the_type_of_the_column(multiple, kind):
    operator = Classify(serving=ScriptedServing({}), labels=LABELS, multiple=multiple)
    after = operator.columns_after({"text": pa.string()}, operator.bind(output_label="class"))
    assert after == {"text": pa.string(), "class": kind}


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ([1, 2], r"labels: a label is a text, found 1: write '1'"),
        ({"a": 1, "b": ""}, "labels: what 'a' stands for is a text, found 1"),
        ("ab", "labels are a list of texts, or a mapping"),
        (None, "labels are a list of texts, or a mapping"),
    ],
)
def test_labels_that_are_no_texts_are_told_plainly(labels, told):
    with pytest.raises(ConfigurationError, match=told):
        Classify(serving=ScriptedServing({}), labels=labels)
