"""Texts become vectors, failures go to quarantine, and floats stay what they were."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_core import FileStorage, MemoryStorage
from dataflow_core.errors import OperatorError, PlanError, ServingError
from dataflow_core.operators.general import Apply, Embed
from dataflow_core.serving.backend import ReplyError
from dataflow_core.storage.table_storage import TableStorage
from dataflow_core.testing import ScriptedServing

from .vectors import Steps, Written, failing, rows, run_pipeline

KIND = pa.list_(pa.float32())
TEXTS = ["a cat", None, "", " \n\u3000", "日本語のテキスト 😀", "long " * 50_000, "a cat", "\x00"]


def table_of(texts):
    return MemoryStorage(pa.table({"text": pa.array(texts, pa.string())}))


def vectors_of(table):
    return [row["embedding"] for row in rows(table)]


def test_every_text_gets_its_vector_and_none_is_asked_twice_or_in_vain():
    serving, table = ScriptedServing({}), table_of(TEXTS)
    Embed(serving=serving).run(table)
    found = vectors_of(table)
    assert [vector is None for vector in found] == [not (t and t.strip()) for t in TEXTS]
    assert sorted(serving.embedded) == sorted({t for t in TEXTS if t and t.strip()})
    assert found[0] == found[6] != found[4]
    assert table.columns()["embedding"] == KIND
    assert len(table.quarantined()) == len(table.dropped()) == 0


def test_components_are_those_of_the_model_as_32_bit_floats():
    vectors = {"a": [0.1, -1.0, 1e-45], "b": [3.4e38, 2.0**-126, 1 / 3]}
    table = table_of(["a", "b"])
    Embed(serving=Written(vectors=vectors)).run(table)
    for found, sent in zip(vectors_of(table), vectors.values(), strict=True):
        assert np.array(found, np.float32).tobytes() == np.array(sent, np.float32).tobytes()


@pytest.mark.parametrize("ending", ["parquet", "arrow", "jsonl"])
def test_vectors_come_back_from_files(ending, tmp_path):
    path = tmp_path / f"out.{ending}"
    texts = [{"text": "a"}, {"text": None}, {"text": "b"}]
    Steps(MemoryStorage(texts), (Embed(serving=ScriptedServing({}, dimensions=40)), {})).run(
        path, run_dir=tmp_path / "run"
    )
    table = MemoryStorage(texts)
    Embed(serving=ScriptedServing({}, dimensions=40)).run(table)
    back = FileStorage(path)
    assert rows(back) == table.rows()
    assert back.columns()["embedding"] == (KIND if ending != "jsonl" else pa.list_(pa.float64()))
    if ending == "parquet":
        assert pq.read_schema(path).field("embedding").type == KIND


def test_the_prefix_goes_before_each_text_but_not_before_nothing():
    serving, table = ScriptedServing({}), table_of(["x", None, "  "])
    Embed(serving=serving, prefix="query: ").run(table, output_embedding="v")
    assert serving.embedded == ["query: x"]
    assert [row["v"] is None for row in table.rows()] == [False, True, True]
    assert [row["text"] for row in table.rows()] == ["x", None, "  "]


def test_normalized_vectors_have_length_one():
    serving = Written(vectors={"a": [3.0, 4.0], "b": [1e30, 0.0], "c": [0.0, 1e-30]})
    table = table_of(["a", "b", "c"])
    Embed(serving=serving, normalize=True).run(table)
    assert vectors_of(table) == [
        pytest.approx([0.6, 0.8]), pytest.approx([1, 0]), pytest.approx([0, 1])
    ]  # fmt: skip


def test_what_the_model_makes_no_vector_of_is_quarantined():
    vectors = {"good": [1.0, 2.0], "nan": [1.0, float("nan")], "huge": [1e300, 0.0], "0": [0.0, 0]}
    texts = ["good", "refused", "nan", None, "huge", "0"]
    table = MemoryStorage([{"text": text, "n": n} for n, text in enumerate(texts)])
    Embed(serving=Written(vectors=vectors), normalize=True).run(table)
    assert [(row["n"], row["embedding"] is None) for row in table.rows()] == [(0, False), (3, True)]
    failed = table.quarantined()
    assert dict(zip(failed["n"], failed["reason"], strict=True)) == {
        1: "invalid_request", 2: "invalid_vector", 4: "invalid_vector", 5: "zero_vector",
    }  # fmt: skip
    assert "no vector for 'refused'" in failed["message"].iloc[0]
    assert "failure" not in table.columns()
    assert table.columns()["embedding"] == KIND


def test_columns_of_any_name_survive_a_failure():
    row = {"text": "x", "failure": [1], "failure_": {"k": None}}
    table = MemoryStorage([row, {**row, "text": "good"}])
    Embed(serving=Written(vectors={"good": [1.0]})).run(table)
    assert table.rows() == [{**row, "text": "good", "embedding": [1.0]}]
    assert list(table.columns()) == ["text", "failure", "failure_", "embedding"]


def test_all_rows_may_fail_and_what_is_no_text_does():
    table = MemoryStorage([{"text": {"k": [1, "x"]}}, {"text": [2]}])
    Embed(serving=ScriptedServing({})).run(table)
    assert table.rows() == []
    assert table.quarantined()["reason"].tolist() == ["no_text"] * 2
    assert table.columns()["embedding"] == KIND


@pytest.mark.parametrize("texts", [[], [None], ["x"], [None, None]])
def test_the_type_of_the_column_does_not_depend_on_the_rows(texts):
    table = table_of(texts)
    Embed(serving=ScriptedServing({})).run(table)
    assert table.columns()["embedding"] == KIND
    assert len(table) == len(texts)


def test_vectors_may_take_the_place_of_the_texts_or_of_former_vectors():
    table = MemoryStorage([{"text": "a", "n": 1}, {"text": "bad", "n": 2}])
    Embed(serving=Written(vectors={"a": [2.0]})).run(table, output_embedding="text")
    assert table.rows() == [{"text": [2.0], "n": 1}]


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.text(max_size=5), st.sampled_from("ab")), max_size=12),
    st.integers(1, 5),
    st.booleans(),
)
def test_batches_do_not_matter(texts, size, normalize):
    texts = [text and text.encode("utf-8", "replace").decode() for text in texts]
    operator, whole = Embed(serving=ScriptedServing({}), normalize=normalize), table_of(texts)
    parts = [TableStorage(whole.frame.slice(at, size)) for at in range(0, len(texts), size)]
    for table in (whole, *parts):
        operator.run(table)
    found = [vector for part in parts for vector in vectors_of(part)]
    assert found == vectors_of(whole)


def test_a_plan_is_checked_for_the_column_and_what_the_serving_can_do():
    class Mute(ScriptedServing):
        capabilities = frozenset({"chat"})

    with pytest.raises(PlanError, match=r"(?s)can do 'embed'.*int64, embed wants text"):
        Steps(MemoryStorage([{"text": 1}]), (Embed(serving=Mute({})), {})).compile()


def test_a_plan_knows_the_type():
    embed = Embed(serving=ScriptedServing({}))
    again = {"input_text": "embedding", "output_embedding": "again"}
    with pytest.raises(PlanError, match=r"column 'embedding' is list<item: float>.*wants text"):
        Steps(MemoryStorage([{"text": "a"}]), (embed, {}), (embed, again)).compile()


def test_a_server_that_refuses_everything_ends_the_run():
    class Closed(Written):
        def open_backend(self):
            return _Closed(self)

    with pytest.raises((ServingError, OperatorError), match="wrong key"):
        Embed(serving=Closed(vectors={})).run(table_of(["a"]))


class _Closed:
    on_headers = None

    def __init__(self, serving):
        pass

    async def open(self):
        pass

    async def close(self):
        pass

    async def embed(self, texts):
        raise ReplyError("fatal", "wrong key")


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_a_run_goes_on_and_asks_nothing_again(tmp_path, batch_size):
    given = [{"n": n, "text": f"text {n}" if n % 4 else None} for n in range(20)]
    serving = ScriptedServing({}, dimensions=3)
    embed, late = Embed(serving=serving), Apply(func=failing, whole_table=True)
    with pytest.raises(OperatorError, match="not yet"):
        run_pipeline(tmp_path, MemoryStorage(given), (embed, {}), (late, {}), batch_size=batch_size)
    _, found = run_pipeline(tmp_path, MemoryStorage(given), (embed, {}), batch_size=5)
    assert len(serving.embedded) == 15
    table = MemoryStorage(given)
    embed.run(table)
    assert json.dumps(found) == json.dumps(table.rows())
