"""Rows that mean the same: which one stays, what is missed, and that nothing else matters."""

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_core import FileStorage, MemoryStorage
from dataflow_core.errors import ColumnError, ConfigurationError, OperatorError, PlanError
from dataflow_core.operators.general import Apply, Embed, SemanticDeduplicate
from dataflow_core.operators.general import semantic_deduplicate as module
from dataflow_core.table.identity import format_id
from dataflow_core.testing import ScriptedServing

from .vectors import Steps, clouds, embedded, failing, numbers, rows, run_pipeline


def with_duplicates(count=300, copies=200, noise=0.05, seed=1):
    """Return vectors in clouds, and others that are near some of them, all mixed."""
    rng = np.random.default_rng(seed)
    vectors = clouds(count, dimensions=24, spread=0.6, seed=seed)
    near = vectors[rng.integers(count, size=copies)]
    near = near + rng.normal(size=near.shape) * noise * rng.integers(3, size=(copies, 1))
    return rng.permutation(np.concatenate([vectors, near])).astype(np.float32)


def by_brute_force(vectors, threshold, order=None):
    """Return the row that each row repeats, or None, in the plainest way."""
    exact = vectors.astype(np.float64)
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    repeated, stay = {}, []
    for row in range(len(exact)) if order is None else order:
        cosines = exact[stay] @ exact[row]
        if stay and cosines.max() >= threshold:
            repeated[row] = stay[int(cosines.argmax())], cosines.max()
        else:
            stay.append(row)
    return repeated


def repeats(table):
    """Return what each dropped row repeats, by number, and how similar the two are."""
    ids, dropped = table.ids, table.dropped()
    return {
        int(n): (ids[related], float(value))
        for n, related, value in zip(
            dropped["n"], dropped["related_row_id"], dropped["value"], strict=True
        )
    }


def deduplicated(vectors, **configuration):
    table = embedded(vectors)
    table.ids = {format_id(one): n for n, one in enumerate(table.row_ids())}
    SemanticDeduplicate(**configuration).run(table)
    return table


@pytest.mark.parametrize("threshold", [0.8, 0.95, 0.999])
@pytest.mark.parametrize("at_once", [7, 64, 2048])
def test_one_cluster_agrees_with_brute_force(threshold, at_once, monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", at_once)
    vectors = with_duplicates()
    found = repeats(deduplicated(vectors, threshold=threshold))
    wanted = by_brute_force(vectors, threshold)
    assert {row: other for row, (other, _) in found.items()} == {
        row: other for row, (other, _) in wanted.items()
    }
    for row, (_, similarity) in found.items():
        assert similarity == pytest.approx(wanted[row][1], abs=1e-5)
    assert len(found) > 50


def test_more_clusters_miss_some_and_neighbours_find_them_again():
    vectors, shares = with_duplicates(2000, 1500), {}
    wanted = by_brute_force(vectors, 0.9)
    for neighbours in (1, 3, 40):
        table = deduplicated(vectors, threshold=0.9, clusters=40, neighbours=neighbours)
        shares[neighbours] = len(repeats(table)) / len(wanted)
    assert 0.9 < shares[1] <= shares[3] <= shares[40] == 1


def test_no_two_rows_that_stay_in_a_cluster_are_similar_and_those_that_go_are_to_one():
    vectors = with_duplicates(600, 600)
    table = deduplicated(vectors, threshold=0.9, clusters=12, kept="farthest")
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    left = set(numbers(table))
    for row, (other, similarity) in repeats(table).items():
        assert other in left
        assert unit[row] @ unit[other] == pytest.approx(similarity, abs=1e-5)
        assert similarity >= 0.9 - 1e-5
    assert set(table.dropped()["reason"]) == {"semantic_duplicate"}


def test_the_one_least_similar_to_the_centroid_stays_if_asked():
    vectors = with_duplicates()
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    middle = unit.mean(axis=0)
    order = np.argsort(unit @ (middle / np.linalg.norm(middle)), kind="stable")
    wanted = by_brute_force(vectors, 0.9, order)
    found = repeats(deduplicated(vectors, threshold=0.9, kept="farthest"))
    assert {row: other for row, (other, _) in found.items()} == {
        row: other for row, (other, _) in wanted.items()
    }


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3).filter(any), max_size=30),
    st.integers(1, 8),
    st.integers(1, 3),
    st.sampled_from(["first", "farthest"]),
)
def test_equal_directions_are_found_at_a_threshold_of_one(vectors, clusters, neighbours, kept):
    table = embedded([np.array(one, float) / 7 for one in vectors])
    configuration = {"clusters": clusters, "neighbours": neighbours, "kept": kept}
    SemanticDeduplicate(threshold=1, **configuration).run(table)
    directions = {tuple(np.array(one) / np.gcd.reduce(one)) for one in vectors}
    left = [tuple(np.array(vectors[n]) / np.gcd.reduce(vectors[n])) for n in numbers(table)]
    assert len(left) == len(set(left)) == len(directions)


@pytest.mark.parametrize("clusters", [None, 1, 3, 1000])
def test_all_rows_may_be_equal(clusters):
    table = deduplicated(np.ones((2100, 3)), clusters=clusters)
    assert numbers(table) == [0]
    assert set(repeats(table).values()) == {(0, 1.0)}


def test_large_tables_get_clusters_of_their_own(monkeypatch):
    monkeypatch.setattr(module, "_WHOLE", 100)
    asked = []
    found = module.spherical_centroids
    monkeypatch.setattr(
        module,
        "spherical_centroids",
        lambda v, count, seed: asked.append(count) or found(v, count, seed),
    )
    deduplicated(with_duplicates(150, 106))
    deduplicated(with_duplicates(50, 50))
    assert asked == [16, 1]


def test_rows_without_a_vector_stay_and_wrong_ones_are_quarantined():
    vectors = [[1, 0], None, [float("nan"), 1], [2, 0], [], [0, 0], None, [0, 1], [float("inf"), 1]]
    table = embedded(vectors, pa.list_(pa.float64()))
    SemanticDeduplicate().run(table)
    assert numbers(table) == [0, 1, 4, 6, 7]
    assert table.dropped()["n"].tolist() == [3]
    assert dict(zip(table.quarantined()["n"], table.quarantined()["reason"], strict=True)) == {
        2: "invalid_vector", 5: "zero_vector", 8: "invalid_vector",
    }  # fmt: skip
    assert table.columns()["embedding"] == pa.list_(pa.float64())


@pytest.mark.parametrize("vectors", [[], [None], [[1.0]], [[]], [None, None]])
def test_tables_of_next_to_nothing(vectors):
    table = embedded(vectors)
    SemanticDeduplicate(clusters=3).run(table)
    assert len(table) == len(vectors)


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(OperatorError, match="semantic_deduplicate: vectors of unequal length"):
        SemanticDeduplicate().run(embedded([[1, 2], [1]]))
    with pytest.raises(PlanError, match="vectors are lists of numbers"):
        Steps(MemoryStorage([{"embedding": ["a"]}]), (SemanticDeduplicate(), {})).compile()
    with pytest.raises(ColumnError, match="int64"):
        SemanticDeduplicate().run(MemoryStorage([{"embedding": 1}]))
    for wrong in ({"threshold": 1.5}, {"clusters": 0}, {"neighbours": 0}, {"kept": "last"}):
        with pytest.raises(ConfigurationError, match=next(iter(wrong))):
            SemanticDeduplicate(**wrong)


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
@pytest.mark.parametrize("kept", ["first", "farthest"])
def test_a_run_of_any_batch_size_drops_the_same(tmp_path, batch_size, kept):
    vectors = [*with_duplicates(60, 40), None, [float("nan")] * 24]
    table = embedded(vectors)
    step = (SemanticDeduplicate(clusters=4, kept=kept, neighbours=2), {})
    _, found = run_pipeline(tmp_path, table, step, batch_size=batch_size, max_failures=1.0)
    step[0].run(table)
    assert [row["n"] for row in found] == numbers(table)
    assert len(found) < 100


def test_it_composes_with_embed_and_goes_on_after_a_stop(tmp_path):
    source = tmp_path / "in.jsonl"
    lines = (json.dumps({"text": f"text {n % 10}" if n % 7 else "", "n": n}) for n in range(30))
    source.write_text("\n".join(lines))
    serving = ScriptedServing({}, dimensions=6)
    steps = [(Embed(serving=serving), {}), (SemanticDeduplicate(threshold=1.0), {})]
    late = (Apply(func=failing, whole_table=True), {})
    with pytest.raises(OperatorError, match="not yet"):
        run_pipeline(tmp_path, FileStorage(source), *steps, late, batch_size=7)
    report, found = run_pipeline(tmp_path, FileStorage(source), *steps, batch_size=4)
    assert len(serving.embedded) == 10
    assert report.rows_out == 10 + 5
    table = FileStorage(source)
    for operator, _ in steps:
        operator.run(table)
    assert found == rows(table)
