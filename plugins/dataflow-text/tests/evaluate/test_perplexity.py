"""Perplexities, and the probabilities of the model behind them."""

from __future__ import annotations

import math
import random
from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow_core import DataflowError, MemoryStorage
from dataflow_core.errors import ConfigurationError
from dataflow_text import PerplexityEvaluator, PerplexityFilter
from dataflow_text.evaluate.character_model import CharacterModel

PROSE = [
    f"The {a} {b} walked to the {c} and sat down."
    for a in ("old", "new", "tall")
    for b in ("man", "woman", "horse")
    for c in ("house", "river", "garden")
]


@pytest.fixture
def model(tmp_path):
    CharacterModel.train(PROSE).save(tmp_path / "prose.npz")
    return tmp_path / "prose.npz"


def perplexities(texts, model):
    table = MemoryStorage(pa.table({"text": pa.array(texts, pa.string())}))
    PerplexityEvaluator(model=model).run(table)
    return [row["perplexity"] for row in table.rows()]


@given(
    st.lists(st.text("abc你", max_size=8), max_size=5).filter(any),
    st.integers(0, 5),
    st.integers(0, 5),
)
def test_probabilities_after_any_two_characters_sum_to_one(texts, first, second):
    trained = CharacterModel.train([*texts, None, ""])
    size = len(trained.unigrams)
    context = (min(first, size - 1) * size + min(second, size - 1)) * size
    shares = trained.probabilities(context + np.arange(size))
    assert np.all(np.delete(shares, 1) > 0)
    assert np.delete(shares, 1).sum() == pytest.approx(1)


def test_a_perplexity_is_the_geometric_mean_of_odds():
    trained = CharacterModel.train(["ab"])
    (surprise,) = trained.surprise(["ab"])
    size, a, b = 4, 2, 3
    keys = np.array([(1 * size + 1) * size + a, (1 * size + a) * size + b])
    assert surprise == pytest.approx(-sum(map(math.log, trained.probabilities(keys))) / 2)


def test_familiar_text_surprises_less_than_noise(model):
    noise = "".join(random.Random(0).sample(PROSE[0], len(PROSE[0])))
    familiar, mixed, chinese = perplexities(["The old horse sat down.", noise, "你好世界"], model)
    assert 1 < familiar < 3 < mixed < chinese


def test_null_and_empty_texts_have_no_measure(model):
    assert perplexities([None, "", None], model) == [None] * 3
    assert perplexities([], model) == []
    assert perplexities(["", " ", None], model)[1] > 1


@given(texts=st.lists(st.text(max_size=20), max_size=4))
def test_a_perplexity_does_not_depend_on_the_texts_beside_it(texts):
    trained = CharacterModel.train(PROSE)
    known = [text for text in texts if text]
    alone = [trained.surprise([text])[0] for text in known]
    assert trained.surprise(known).tolist() == pytest.approx(alone)


def test_a_filter_drops_what_surprises(model):
    table = MemoryStorage([{"text": PROSE[3]}, {"text": "qqq zzz"}, {"text": ""}])
    PerplexityFilter(model=model, max_value=5).run(table)
    assert [row["text"] for row in table.rows()] == [PROSE[3]]
    assert table.dropped()["reason"].tolist() == ["above_maximum", "no_value"]


def test_a_model_that_is_trained_anew_is_read_anew(model):
    (before,) = perplexities(["你好世界"], model)
    CharacterModel.train(["你好世界"] * 9).save(model)
    (after,) = perplexities(["你好世界"], model)
    assert after < before


@pytest.mark.parametrize("content", [None, b"", b"no model"])
def test_what_is_no_model_is_refused_with_the_cure(tmp_path, content):
    path = tmp_path / "model.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataflowError, match=r"CharacterModel\.train"):
        perplexities(["text"], path)


@pytest.mark.parametrize("texts", [[], [None, "", None], [float("nan")]])
def test_without_any_text_there_is_no_model(texts):
    with pytest.raises(ConfigurationError, match="no text to train on"):
        CharacterModel.train(texts)


@pytest.mark.parametrize("texts", [["a", 3], [["a"]], [b"a"]])
def test_what_is_no_text_trains_no_model(texts):
    with pytest.raises(ConfigurationError, match=f"text {len(texts)} is (int|list|bytes)"):
        CharacterModel.train(texts)


def test_a_model_does_not_depend_on_how_many_texts_are_counted_at_a_time(monkeypatch):
    texts = [*PROSE, "你好世界", "a\ud800b"]
    whole = CharacterModel.train(iter(texts))
    monkeypatch.setattr("dataflow_text.evaluate.character_model._PIECE", 50)
    for name, array in asdict(CharacterModel.train(texts)).items():
        assert np.array_equal(array, asdict(whole)[name]), name


def test_half_of_a_surrogate_pair_is_a_character_like_others():
    trained = CharacterModel.train(["a\ud800b"])
    assert trained.surprise(["a\ud800b"]) < trained.surprise(["a\udfffb"])


@pytest.mark.parametrize("name", ["model", "model.npz", "model.bin"])
def test_a_model_is_saved_by_the_name_given(tmp_path, name):
    CharacterModel.train(PROSE).save(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert perplexities([PROSE[0]], tmp_path / name)[0] < 3


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda arrays: arrays | {"letters": arrays["letters"].astype(float)}, "letters are float"),
        (lambda arrays: arrays | {"pairs": arrays["pairs"][None]}, "in 2 dimensions"),
        (lambda arrays: arrays | {"unigrams": np.zeros(0)}, "do not fit"),
        (lambda arrays: {name: array[:0] for name, array in arrays.items()}, "do not fit"),
        (lambda arrays: arrays | {"triple_shares": arrays["triple_shares"] * np.nan}, "do not fit"),
        (lambda arrays: arrays | {"letters": arrays["letters"] + 0x110000}, "do not fit"),
        (lambda arrays: arrays | {"pairs": arrays["pairs"][::-1]}, "do not fit"),
        (lambda arrays: arrays | {"version": np.array(2)}, "its version is 2, wanted 1"),
        (lambda arrays: {"weights": arrays["pairs"]}, "its arrays are weights"),
        (lambda arrays: arrays | {"letters": np.array(["a", None])}, "no file of numpy"),
    ],
)
def test_arrays_of_another_kind_are_no_model(tmp_path, change, reason):
    arrays = asdict(CharacterModel.train(PROSE))
    with (tmp_path / "model.npz").open("wb") as file:
        np.savez(file, **({"version": np.array(1)} | change(arrays)))
    with pytest.raises(ConfigurationError, match=reason):
        CharacterModel.load(tmp_path / "model.npz")


def test_a_damaged_model_is_refused(model):
    content = bytearray(model.read_bytes())
    content[len(content) // 3 : len(content) // 2] = bytes(len(content) // 2 - len(content) // 3)
    model.write_bytes(content)
    with pytest.raises(ConfigurationError, match="is no model of characters"):
        CharacterModel.load(model)


def test_a_program_is_no_model_and_no_advice_on_pickles_is_given(tmp_path):
    (tmp_path / "model.py").write_text("print('no model')")
    with pytest.raises(ConfigurationError) as refused:
        CharacterModel.load(tmp_path / "model.py")
    assert "pickle" not in str(refused.value)
