"""How many rows may fail: shares and numbers, as people write them."""

from __future__ import annotations

import json

import pytest

from dataflow_core import FileStorage
from dataflow_core.engine.failure_limit import FailureLimit
from dataflow_core.errors import ConfigurationError, RunError
from dataflow_core.operators import RowFailure
from dataflow_core.operators.general import Apply, Explode

from .pipelines import Steps


@pytest.mark.parametrize(
    ("given", "limit", "shown"),
    [
        ("5%", FailureLimit(0.05), "5%"),
        ("0.5 %", FailureLimit(0.005), "0.5%"),
        ("0.05", FailureLimit(0.05), "5%"),
        (0.05, FailureLimit(0.05), "5%"),
        (1.0, FailureLimit(1.0), "100%"),
        ("100%", FailureLimit(1.0), "100%"),
        (1, FailureLimit(rows=1), "1"),
        ("2000", FailureLimit(rows=2000), "2,000"),
        (0, FailureLimit(0.0), "0%"),
        ("0", FailureLimit(0.0), "0%"),
    ],
)
def test_a_limit_is_a_share_or_a_number(given, limit, shown):
    assert FailureLimit.of(given) == limit
    assert str(limit) == shown


@pytest.mark.parametrize("given", ["many", "-1", "101%", 1.5, "5%%", "", "nan", "1e3"])
def test_what_is_neither_is_refused_with_what_is_wanted(given):
    with pytest.raises(ConfigurationError, match=r"it takes a share, such as '5%' or 0\.05, or a"):
        FailureLimit.of(given)


@pytest.mark.parametrize(
    ("limit", "failed", "rows", "is_broken"),
    [
        (FailureLimit(0.05), 10, 21, False),  # few
        (FailureLimit(0.05), 10, 20, True),  # few, but half of all
        (FailureLimit(0.05), 11, 220, False),
        (FailureLimit(0.05), 12, 220, True),
        (FailureLimit(0.0), 1, 10**6, True),
        (FailureLimit(rows=3), 3, 3, False),
        (FailureLimit(rows=3), 4, 10**6, True),
    ],
)
def test_a_limit_is_broken_by_more(limit, failed, rows, is_broken):
    assert limit.is_broken(failed, rows) is is_broken


def test_a_step_stops_early_only_where_the_end_is_certain():
    assert FailureLimit(0.0).is_reached_early(1, 5)
    assert FailureLimit(rows=3).is_reached_early(4, 5)
    assert not FailureLimit(0.05).is_reached_early(900, 900)
    assert FailureLimit(0.05).is_reached_early(1_000, 1_000)
    assert not FailureLimit(0.05).is_reached_early(1_000, 1_001)


def test_a_share_stops_a_run_as_soon_as_it_is_certain(tmp_path):
    lines = "".join(json.dumps({"n": n, "more": [1] * 9}) + "\n" for n in range(4000))
    (tmp_path / "in.jsonl").write_text(lines)
    seen = []

    def half(table):
        seen.append(len(table))
        table["n"] = [RowFailure("odd") if n % 2 else n for n in table["n"]]
        return table

    def run(*steps):
        seen.clear()
        options = {"run_dir": tmp_path / "run", "batch_size": 100, "max_failures": "10%"}
        Steps(FileStorage(tmp_path / "in.jsonl"), *steps).run(fresh=True, **options)

    with pytest.raises(RunError, match="more than the 10% allowed"):
        run((Apply(func=half), {}))
    assert 800 <= sum(seen) < 1500
    # Behind a step that makes rows, nobody knows how many will come.
    with pytest.raises(RunError, match="more than the 10% allowed"):
        run((Explode(), {"input_list": "more"}), (Apply(func=half), {}))
    assert sum(seen) == 36_000
