"""A core-set has exactly as many rows as are asked for, the same ones every time."""

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_core import FileStorage, MemoryStorage
from dataflow_core.errors import ColumnError, ConfigurationError, OperatorError, PlanError
from dataflow_core.operators.general import Apply, Embed, KCenterGreedy
from dataflow_core.testing import ScriptedServing

from .vectors import Steps, clouds, embedded, failing, numbers, rows, run_pipeline


def kept(vectors, kind=None, **configuration):
    table = embedded(vectors, kind)
    KCenterGreedy(**configuration).run(table)
    return numbers(table)


def reasons(table):
    return dict(zip(table.dropped()["n"], table.dropped()["reason"], strict=True))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from([0.0, 1.0, -2.5]), min_size=2, max_size=2), max_size=25),
    st.integers(1, 25),
    st.sampled_from(["euclidean", "cosine"]),
)
def test_exactly_as_many_rows_as_wanted_come_out_also_of_equal_ones(vectors, wanted, metric):
    usable = [v for v in vectors if metric == "euclidean" or any(v)]
    found = kept(vectors, num_samples=wanted, metric=metric)
    assert len(found) == len(set(found)) == min(wanted, len(usable))
    assert found == sorted(found)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_each_centre_is_the_row_farthest_from_those_before(metric):
    vectors = clouds(60)
    seen = {tuple(kept(vectors, num_samples=k, metric=metric)) for k in range(1, 20)}
    first, *centres = sorted(seen, key=len)
    chosen = list(first)
    for further in centres:
        (new,) = set(further) - set(chosen)
        distances = distances_to(vectors, chosen, metric)
        assert distances[new] == pytest.approx(distances.max(), rel=1e-5)
        chosen.append(new)


def distances_to(vectors, chosen, metric):
    exact = vectors.astype(np.float64)
    if metric == "cosine":
        exact = exact / np.linalg.norm(exact, axis=1, keepdims=True)
        return (1 - exact @ exact[chosen].T).min(axis=1)
    return np.linalg.norm(exact[:, None] - exact[chosen], axis=2).min(axis=1)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_dropped_rows_tell_their_distance_to_the_nearest_centre(metric):
    vectors, table = clouds(50), embedded(clouds(50))
    KCenterGreedy(num_samples=7, metric=metric).run(table)
    dropped = table.dropped()
    assert set(dropped["reason"]) == {"not_selected"}
    wanted = distances_to(vectors, numbers(table), metric)[dropped["n"].to_numpy(dtype=int)]
    found = dropped["value"].astype(float).to_numpy()
    assert found == pytest.approx(wanted, rel=1e-3, abs=1e-6)


def test_every_cloud_has_a_centre():
    vectors = clouds(500, centres=12, spread=0.01, seed=3)
    table = embedded(vectors)
    KCenterGreedy(num_samples=12).run(table)
    assert table.dropped()["value"].astype(float).max() < 0.2


def test_the_seed_chooses_the_first_centre_which_stays():
    vectors = clouds(40)
    firsts = {seed: kept(vectors, num_samples=1, seed=seed)[0] for seed in range(12)}
    assert len(set(firsts.values())) > 5
    for seed, first in firsts.items():
        assert first in kept(vectors, num_samples=9, seed=seed)
    assert kept(vectors, num_samples=9) == kept(vectors, num_samples=9)


@pytest.mark.parametrize("number", [1e-30, 1.0, 1e17])
def test_equal_vectors_are_at_distance_zero_whatever_their_size(number):
    table = embedded([[number, number / 3]] * 5)
    KCenterGreedy(num_samples=3).run(table)
    assert table.dropped()["value"].tolist() == ["0.0", "0.0"]


def test_rows_without_a_vector_are_dropped_and_wrong_vectors_quarantined():
    nan, inf = float("nan"), float("inf")
    vectors = [[1, 2], None, [nan, 1], [3, 4], [], [inf, 0], [None, 1], [1e300, 0], [0, 0], [5, 5]]
    table = embedded(vectors, pa.list_(pa.float64()))
    KCenterGreedy(num_samples=2, metric="cosine").run(table)
    assert len(table) == 2
    by_reason = reasons(table)
    assert [n for n, reason in by_reason.items() if reason == "no_embedding"] == [1, 4]
    assert list(by_reason.values()).count("not_selected") == 1
    failed = table.quarantined()
    assert dict(zip(failed["n"], failed["reason"], strict=True)) == {
        2: "invalid_vector", 5: "invalid_vector", 6: "invalid_vector", 7: "invalid_vector",
        8: "zero_vector",
    }  # fmt: skip
    assert table.columns()["embedding"] == pa.list_(pa.float64())


def test_rows_without_a_vector_are_dropped_also_where_all_others_stay():
    table = embedded([None, [1.0], None])
    KCenterGreedy(num_samples=5).run(table)
    assert numbers(table) == [1]
    assert set(reasons(table).values()) == {"no_embedding"}


def test_vectors_of_unequal_length_are_an_error_that_tells_which():
    table = embedded([[1, 2], [3, 4], [1, 2, 3]])
    with pytest.raises(OperatorError, match=r"2 of 2 components .*1 of 3 components \(such as row"):
        KCenterGreedy(num_samples=1).run(table)
    assert len(table) == 3


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.float32()), pa.list_(pa.float64()), pa.large_list(pa.float32()),
        pa.list_(pa.int64()), pa.list_(pa.float16()), pa.list_(pa.float32(), 2),
    ],
    ids=str,
)  # fmt: skip
def test_lists_of_all_kinds_of_numbers_are_vectors(kind):
    vectors = [np.array(one, kind.value_type.to_pandas_dtype()) for one in ([0, 1], [3, 3], [0, 2])]
    table = embedded([*vectors, None], kind)
    assert Steps(table, (KCenterGreedy(num_samples=2), {})).compile()
    KCenterGreedy(num_samples=2).run(table)
    assert len(table) == 2
    assert table.columns()["embedding"] == kind


def test_json_values_are_vectors_where_they_are_lists_of_numbers():
    values = [[1, 2.5], "text", [2**60 + 1, 1], {"a": 1}, None, [True, 1], [10**300, 1]]
    table = MemoryStorage([{"n": n, "embedding": value} for n, value in enumerate(values)])
    KCenterGreedy(num_samples=9).run(table)
    assert [row["embedding"] for row in table.rows()] == [[1, 2.5], [2**60 + 1, 1]]
    assert table.quarantined()["n"].tolist() == [1, 3, 5, 6]
    assert "found 'text'" in table.quarantined()["message"].iloc[0]


@pytest.mark.parametrize("vectors", [[], [None], [[1.0]], [[]]])
def test_tables_of_next_to_nothing(vectors):
    table = embedded(vectors)
    KCenterGreedy(num_samples=1).run(table)
    assert len(table) == sum(bool(vector) for vector in vectors)


def test_a_column_of_nulls_alone():
    table = MemoryStorage([{"embedding": None}, {"embedding": None}])
    KCenterGreedy(num_samples=1).run(table)
    assert table.dropped()["reason"].tolist() == ["no_embedding"] * 2


def test_other_columns_are_found_before_the_run_and_in_it():
    operator = KCenterGreedy(num_samples=1)
    for value, message in (("text", "wants list"), (["a"], "vectors are lists of numbers")):
        storage = MemoryStorage([{"embedding": value}])
        with pytest.raises(PlanError, match=message):
            Steps(storage, (operator, {})).compile()
        with pytest.raises(ColumnError, match=r"k_center_greedy.*: column 'embedding' is .*string"):
            operator.run(storage)
    with pytest.raises(ConfigurationError, match="num_samples"):
        KCenterGreedy(num_samples=0)


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_a_run_of_any_batch_size_chooses_the_same(tmp_path, batch_size):
    vectors = [*clouds(60), None, [float("nan")] * 16, *clouds(5)]
    table = embedded(vectors)
    steps = (KCenterGreedy(num_samples=11, seed=4), {})
    report, found = run_pipeline(tmp_path, table, steps, batch_size=batch_size, max_failures=1.0)
    steps[0].run(table)
    assert [row["n"] for row in found] == numbers(table)
    assert report.steps[0].reasons == {"not_selected": 54, "no_embedding": 1, "invalid_vector": 1}


def test_it_composes_with_embed_and_goes_on_after_a_stop(tmp_path):
    source = tmp_path / "in.jsonl"
    lines = (json.dumps({"text": f"text {n}", "n": n}) for n in range(30))
    source.write_text("\n".join(lines))
    serving = ScriptedServing({}, dimensions=6)
    steps = [(Embed(serving=serving), {}), (KCenterGreedy(num_samples=8), {})]
    late = (Apply(func=failing, whole_table=True), {})
    with pytest.raises(OperatorError, match="not yet"):
        run_pipeline(tmp_path, FileStorage(source), *steps, late, batch_size=7)
    report, found = run_pipeline(tmp_path, FileStorage(source), *steps, batch_size=4)
    assert len(serving.embedded) == 30
    assert report.rows_out == 8
    table = FileStorage(source)
    for operator, _ in steps:
        operator.run(table)
    assert found == rows(table)
