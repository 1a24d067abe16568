"""Passages for queries: by words, by vectors, by a retriever; in order, with ties, at the edges."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_core import FileStorage, MemoryStorage
from dataflow_core.errors import (
    ColumnError,
    ConfigurationError,
    OperatorError,
    PlanError,
    RecipeError,
)
from dataflow_core.operators.general import Apply, Retrieve
from dataflow_core.operators.general.bm25 import Bm25Index, words_of
from dataflow_core.operators.general.retrieve import PASSAGES, top
from dataflow_core.operators.retrievers import Passage, Retriever
from dataflow_core.pipeline.recipe import to_yaml
from dataflow_core.storage.table_storage import TableStorage
from dataflow_core.table.identity import format_id
from dataflow_core.testing import ScriptedServing

from .vectors import Steps, Written, failing, rows, run_pipeline

CORPUS = [
    {"id": 7, "text": "The cat sat on the mat."},
    {"id": 8, "text": None},
    {"id": 9, "text": "Dogs and cats: a cat is no dog, and a dog no cat."},
    {"id": 10, "text": " "},
    {"id": 11, "text": "東京都は日本の首都である。"},
    {"id": 12, "text": "the cat SAT on the mat"},
]


class Fixed(Retriever):
    """Finds the letters of a query."""

    corpus: str = "letters"

    def fingerprint(self):
        return {"corpus": self.corpus}

    def retrieve(self, queries, k):
        if "bad" in queries:
            raise ValueError("a bad query")
        return [[Passage(str(n), letter, -n) for n, letter in enumerate(q)] for q in queries]


def table_of(queries):
    return MemoryStorage(pa.table({"query": pa.array(queries, pa.string())}))


def found(queries, corpus=CORPUS, **configuration):
    table = table_of(queries)
    Retrieve(**configuration).run(table, input_corpus=MemoryStorage(corpus))
    assert table.columns()["passages"] == PASSAGES
    return [row["passages"] for row in table.rows()]


def ids(queries, **configuration):
    passages = found(queries, corpus_id="id", **configuration)
    return [one and [int(p["id"]) for p in one] for one in passages]


def test_the_best_come_first_equals_in_the_order_of_the_corpus():
    assert ids(["mat", "a dog", "cat", "首都"]) == [[7, 12], [9], [9, 7, 12], [11]]
    assert ids(["cat mat"], k=1) == [[7]]


def test_nothing_is_found_where_no_word_is_shared_and_nothing_asked_where_there_is_none():
    assert ids(["zebra", "?!", None, "", " \n\u3000"]) == [[], [], None, None, None]
    assert found(["cat"], [{"text": None}]) == [[]]


def test_passages_have_id_text_and_score():
    corpus = MemoryStorage([{"text": "a"}, {"text": "b"}])
    table = table_of(["b"])
    Retrieve().run(table, input_corpus=corpus)
    (passage,) = table.rows()[0]["passages"]
    assert passage["id"] == format_id(corpus.row_ids()[1])
    assert passage["text"] == "b"
    # idf(1 of 2) * tf 1 * (k1 + 1) / (1 + k1), at mean length
    assert passage["score"] == pytest.approx(math.log(1 + 1.5 / 1.5))


WORDS = st.lists(st.sampled_from("abcde"), max_size=8).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=8), WORDS, st.floats(0, 3), st.floats(0, 1))
def test_scores_are_those_of_the_formula(texts, query, k1, b):
    documents = [text.split() for text in texts]
    mean = max(sum(map(len, documents)) / len(documents), 1)

    def score(document):
        total = 0.0
        for term in query.split():
            n, tf = sum(term in one for one in documents), document.count(term)
            idf = math.log(1 + (len(documents) - n + 0.5) / (n + 0.5))
            norm = k1 * (1 - b + b * len(document) / mean)
            total += idf * tf * (k1 + 1) / (tf + norm) if tf else 0
        return total

    assert Bm25Index(texts, k1, b).scores(query) == pytest.approx([*map(score, documents)])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, WORLD! don't x_1 Straße", ["hello", "world", "don", "t", "x", "1", "straße"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("東京都に go スーパー 字", ["東京", "京都", "都に", "go", "スー", "ーパ", "パー", "字"]),
        ("한국어 말", ["한국", "국어", "말"]),
        ("ｃａｆé Ⅷ cafe\u0301", ["café", "viii", "café"]),
        ("", []),
        ("\x1f\x00 \x1fa", ["a"]),
        ("😀 – …", []),
    ],
)
def test_words_of_all_scripts(text, words):
    assert words_of([text]) == [words]


def test_vectors_are_compared_by_cosine_with_prefixes():
    vectors = {
        "q: x": [2.0, 0.0], "p: east": [5.0, 0.1], "p: north": [0.0, 1.0], "p: west": [-1.0, 0.0],
        "p: east again": [50.0, 1.0],
    }  # fmt: skip
    serving = Written(vectors=vectors)
    corpus = [{"text": text} for text in ("north", "west", "east", None, "east again")]
    (passages,) = found(
        ["x"], corpus, serving=serving, k=3, query_prefix="q: ", corpus_prefix="p: "
    )
    assert [one["text"] for one in passages] == ["east", "east again", "north"]
    assert passages[0]["score"] == passages[1]["score"] == pytest.approx(0.9998, abs=1e-4)
    assert len(serving.embedded) == 5


def test_equal_texts_are_found_in_the_order_of_the_corpus_by_vectors_too():
    corpus = [{"text": "same", "id": n} for n in range(999)]
    serving = ScriptedServing({}, dimensions=50)
    passages = found(["q"], corpus, serving=serving, k=4, corpus_id="id")[0]
    assert [one["id"] for one in passages] == ["0", "1", "2", "3"]


def test_a_query_without_a_vector_is_quarantined_and_a_corpus_without_one_an_error():
    vectors = {"good": [1.0, 0.0], "zero": [0.0, 0.0], "text": [1.0, 1.0]}
    serving, corpus = Written(vectors=vectors), MemoryStorage([{"text": "text"}])
    table = table_of(["good", "refused", None, "zero"])
    Retrieve(serving=serving).run(table, input_corpus=corpus)
    assert [row["query"] for row in table.rows()] == ["good", None]
    assert table.quarantined()["reason"].tolist() == ["invalid_request", "invalid_vector"]
    with pytest.raises(OperatorError, match=r"corpus's text 'odd' has no vector.*core/embed"):
        Retrieve(serving=serving).run(table, input_corpus=MemoryStorage([{"text": "odd"}]))


def test_a_retriever_searches_a_corpus_of_its_own():
    table = table_of(["abc", None, "  ", "z"])
    Retrieve(retriever=Fixed(), k=2).run(table, output_passages="p")
    assert [row["p"] and [one["text"] for one in row["p"]] for row in table.rows()] == [
        ["a", "b"], None, None, ["z"],
    ]  # fmt: skip


def test_a_retriever_works_batch_by_batch_and_what_it_raises_on_is_set_aside(tmp_path):
    queries = [{"query": query} for query in ("ab", "bad", "c")]
    step = (Retrieve(retriever=Fixed()), {})
    report, out = run_pipeline(tmp_path, MemoryStorage(queries), step, max_failures=1.0)
    assert [row["query"] for row in out] == ["ab", "c"]
    assert report.steps[0].reasons == {"ValueError": 1}


def test_another_corpus_of_a_retriever_is_another_result(tmp_path):
    for corpus, reused in (("letters", 0), ("letters", 2), ("others", 0)):
        step = (Retrieve(retriever=Fixed(corpus=corpus)), {})
        report, _ = run_pipeline(tmp_path, table_of(["ab", "c"]), step)
        assert sum(report.reused.values()) == reused


def test_a_recipe_cannot_hold_a_retriever_and_says_so():
    plan = Steps(table_of(["x"]), (Retrieve(retriever=Fixed()), {})).compile()
    with pytest.raises(RecipeError, match=r"cannot be written to a recipe.*Fixed is a retriever"):
        to_yaml(plan)


def test_one_corpus_is_wanted():
    corpus = MemoryStorage(CORPUS)
    with pytest.raises(ConfigurationError, match="a corpus is wanted"):
        Retrieve().run(table_of(["x"]))
    with pytest.raises(ConfigurationError, match="but not both"):
        Retrieve(retriever=Fixed()).run(table_of(["x"]), input_corpus=corpus)
    with pytest.raises(ConfigurationError, match="either retriever or serving"):
        Retrieve(retriever=Fixed(), serving=ScriptedServing({}))
    with pytest.raises(PlanError, match="a corpus is wanted"):
        Steps(table_of(["x"]), (Retrieve(), {})).compile()
    with pytest.raises(ConfigurationError, match="corpuss"):
        Fixed(corpuss="x")


@pytest.mark.parametrize(
    ("operator", "query", "message"),
    [
        (Retrieve(corpus_text="txt"), "x", r"corpus: no column 'txt'\. Did you mean 'text'"),
        (Retrieve(corpus_id="uid"), "x", r"corpus: no column 'uid'"),
        (Retrieve(corpus_text="id"), "x", r"column 'id' is int64; it holds texts"),
        (Retrieve(), 3, r"column 'query' is int64, retrieve wants text"),
    ],
)
def test_wrong_columns_are_found_before_the_run(operator, query, message):
    columns = {"input_corpus": MemoryStorage(CORPUS)}
    with pytest.raises(PlanError, match=message):
        Steps(MemoryStorage([{"query": query}]), (operator, columns)).compile()


@pytest.mark.parametrize("queries", [[], [None], ["cat"], ["long " * 50_000 + "cat"]])
def test_the_type_does_not_depend_on_the_rows(queries):
    assert [bool(one) for one in found(queries)] == [query is not None for query in queries]
    empty = pa.table({"text": pa.array([], pa.string())})
    for serving in (None, ScriptedServing({})):
        assert found(queries, empty, serving=serving) == [query and [] for query in queries]


def test_a_query_that_is_no_text_fails():
    table = MemoryStorage([{"query": ["a", 1]}, {"query": {"k": 1}}, {"query": "cat"}])
    Retrieve().run(table, input_corpus=MemoryStorage(CORPUS))
    assert [row["query"] for row in table.rows()] == ["cat"]
    assert table.quarantined()["reason"].tolist() == ["no_text"] * 2


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([0.0, 1.0, 2.0, math.nan]), max_size=12), st.integers(1, 5))
def test_the_top_is_that_of_a_stable_sort(scores, k):
    wanted = sorted(
        (n for n, s in enumerate(scores) if not math.isnan(s)), key=lambda n: -scores[n]
    )
    assert top(np.array(scores, float), k) == wanted[:k]


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.sampled_from(["cat", None, "dog mat", "都", "x"]), max_size=9), st.integers(1, 4)
)
def test_batches_do_not_matter(queries, size):
    for operator in (Retrieve(), Retrieve(serving=ScriptedServing({}))):
        whole, corpus = table_of(queries), MemoryStorage(CORPUS)
        parts = [TableStorage(whole.frame.slice(at, size)) for at in range(0, len(queries), size)]
        for table in (whole, *parts):
            operator.run(table, input_corpus=corpus)
        assert [row for part in parts for row in rows(part)] == whole.rows()


@pytest.mark.parametrize("by_vectors", [False, True])
def test_a_run_takes_the_corpus_from_a_file_and_goes_on_after_a_stop(tmp_path, by_vectors):
    source, path = tmp_path / "in.jsonl", tmp_path / "corpus.jsonl"
    source.write_text('{"query":"cat","n":1}\n{"query":null,"n":2}\n{"query":"mat","n":3}\n')
    path.write_text('{"text":"a cat","more":1}\n{"text":"a mat","more":2}\n')
    serving = ScriptedServing({}, dimensions=5) if by_vectors else None
    step = (Retrieve(k=1, serving=serving, corpus_id="more"), {"input_corpus": FileStorage(path)})
    late = (Apply(func=failing, whole_table=True), {})
    with pytest.raises(OperatorError, match="not yet"):
        run_pipeline(tmp_path, FileStorage(source), step, late, batch_size=1)
    report, out = run_pipeline(tmp_path, FileStorage(source), step, batch_size=2)
    assert report.reused
    assert serving is None or len(serving.embedded) == 4
    table = FileStorage(source)
    step[0].run(table, input_corpus=FileStorage(path))
    assert out == rows(table)
    assert [row["n"] for row in out] == [1, 2, 3]


def test_a_corpus_id_that_is_null_stays_null():
    corpus = [{"id": None, "text": "one cat"}, {"id": 7, "text": "a cat"}]
    table = MemoryStorage([{"query": "cat"}])
    Retrieve(corpus_id="id").run(table, input_corpus=MemoryStorage(corpus))
    assert [passage["id"] for passage in table.rows()[0]["passages"]] == [None, "7"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("猫", ["黑猫睡觉。", "猫"]),
        ("狗 觉", ["黑猫睡觉。", "狗"]),
        ("黑猫", ["黑猫睡觉。"]),
        ("ネ", ["ネコとイヌ"]),
        ("c", []),
    ],
)
def test_one_character_of_a_script_without_spaces_finds_what_has_it(query, found):
    texts = ["黑猫睡觉。", "狗", "ネコとイヌ", "a cat", "猫"]
    table = MemoryStorage([{"query": query}])
    corpus = MemoryStorage([{"text": text} for text in texts])
    Retrieve().run(table, input_corpus=corpus)
    assert sorted(one["text"] for one in table.rows()[0]["passages"]) == sorted(found)


def test_single_characters_change_no_score_of_longer_queries():
    index = Bm25Index(["黑猫睡觉", "黑猫", "睡觉吧"], 1.5, 0.75)
    idf, mean = np.log1p(1.5 / 2.5), 2.0
    lengths = np.array([3, 1, 2])
    damped = 1 + 1.5 * (1 - 0.75 + 0.75 * lengths / mean)
    wanted = idf * 2.5 / damped * np.array([1, 1, 0])
    assert index.scores("黑猫") == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("fields", "corpus", "told"),
    [
        ({"corpus_text": "txt"}, [{"text": "a"}], r"retrieve, corpus_text: no column 'txt'\. Did"),
        ({"corpus_id": "key"}, [{"text": "a"}], "retrieve, corpus_id: no column 'key'"),
        ({}, [{"text": 4}], "retrieve, corpus_text: a text wanted, found int 4"),
        ({}, [{"text": "a"}, {"text": [1]}], "found list"),
    ],
)
def test_a_corpus_that_cannot_be_searched_is_told_by_field(fields, corpus, told):
    table = MemoryStorage([{"query": "a"}])
    with pytest.raises(ColumnError, match=told):
        Retrieve(**fields).run(table, input_corpus=MemoryStorage(corpus))
