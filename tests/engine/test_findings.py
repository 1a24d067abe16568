"""What reports say beside the sums: distributions of measures, and findings about the data set."""

from __future__ import annotations

import json
from collections import Counter
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from dataflow_core import Evaluator, MemoryStorage, Storage
from dataflow_core.engine import decisions
from dataflow_core.errors import OperatorError
from dataflow_core.operators import BoundsFilter, NumberColumn
from dataflow_core.operators.dataset import DatasetEvaluator
from dataflow_core.operators.general import FilterRows, SelectColumns, Sort

from .test_runs import run

ROWS = [{"n": n, "kind": "abc"[n % 3]} for n in range(40)]


class Squares(Evaluator):
    """Add squares; raise on negative numbers."""

    def run(
        self, storage: Storage, input_n: NumberColumn = "n", output_square: NumberColumn = "square"
    ) -> None:
        table = storage.read([input_n])
        if (table[input_n] < 0).any():
            raise ValueError("no negative numbers")
        table[output_square] = table[input_n] ** 2
        storage.write(table)


class SquareFilter(BoundsFilter):
    """Keep rows by their square."""

    evaluator: ClassVar = Squares
    min_value: float | None = 4
    max_value: float | None = 900

    def run(
        self, storage: Storage, input_n: NumberColumn = "n", output_square: NumberColumn = "square"
    ) -> None:
        self.keep_within_bounds(
            storage, output_square, input_n=input_n, output_square=output_square
        )


class Kinds(DatasetEvaluator):
    """Count the values of a column, in sketches that can be merged."""

    def run(self, storage: Storage, input_kind: str = "kind") -> None:
        self.run_phases(storage, input_kind=input_kind)

    def sketch(self, storage: Storage, **bindings: str) -> pd.DataFrame:
        counts = Counter(storage.read([bindings["input_kind"]])[bindings["input_kind"]])
        return pd.DataFrame({"kind": list(counts), "count": list(counts.values())}).astype(
            {"kind": "string[pyarrow]", "count": "int64"}
        )

    def merge(self, sketches: pd.DataFrame) -> pd.DataFrame:
        return sketches.groupby("kind", as_index=False)["count"].sum()

    def findings(self, sketches: pd.DataFrame) -> dict[str, object]:
        counts = self.merge(sketches)
        return {
            "kinds": len(counts),
            "counts": dict(zip(counts["kind"], counts["count"].tolist(), strict=True)),
            "listed": counts["kind"].tolist(),
        }


def told(report):
    steps = json.loads((report.run_dir / "report.json").read_text("utf-8"))["steps"]
    return {step["step"]: step for step in steps}


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_the_report_says_how_a_bound_measure_is_distributed_and_where_it_cuts(tmp_path, batch_size):
    report = run(tmp_path, MemoryStorage(ROWS), (SquareFilter(), {}), batch_size=batch_size)

    found = told(report)["square_filter"]["measures"]["square"]
    quantiles, mean = found.pop("quantiles"), found.pop("mean")
    assert mean == pytest.approx(513.5, rel=0.002)
    assert found == {
        "rows": 40, "absent": 0, "minimum": 0.0, "maximum": 1521.0,
        "low": 4.0, "high": 900.0, "below": 2, "above": 9,
    }  # fmt: skip
    exact = np.quantile(np.arange(40.0) ** 2, [0.25, 0.5, 0.9], method="inverted_cdf")
    assert [quantiles[q] for q in ("0.25", "0.5", "0.9")] == pytest.approx(exact, rel=0.004)
    assert report.measures().splitlines() == [
        "measure  mean  1%  5%  50%    95%    99%      kept  below  above",
        "square    514   0   1  362  1,368  1,520  4 to 900      2      9",
    ]
    assert report.measures() in str(report)


def test_bounds_on_one_side_and_odd_numbers_are_written_short(tmp_path):
    rows = [{"n": n} for n in (0.0, 1e-3, 1e160)]
    steps = [(SquareFilter(min_value=None, max_value=0.25), {})]
    report = run(tmp_path, MemoryStorage(rows), *steps, max_failures=1.0)
    assert report.measures().splitlines()[1].split() == [
        "square", "5.99e+307", "0", "0", "9.98e-07", "1.8e+308", "1.8e+308", "to", "0.25", "0", "1",
    ]  # fmt: skip


def test_measures_without_bounds_stand_in_the_file_alone(tmp_path):
    class Told(Evaluator):
        def run(self, storage: Storage, input_n: NumberColumn = "n") -> None:
            numbers = storage.read([input_n])[input_n].to_numpy(float, na_value=np.nan)
            storage.observe("n", numbers)

    report = run(tmp_path, MemoryStorage([*ROWS, {"n": None, "kind": "a"}]), (Told(), {}))
    assert report.measures() == ""
    assert told(report)["told"]["measures"]["n"]["absent"] == 1


def test_batches_that_fail_and_are_halved_count_each_measured_row_once(tmp_path):
    rows = [{"n": -1 if n in (3, 17, 31) else n} for n in range(40)]
    report = run(
        tmp_path, MemoryStorage(rows), (SquareFilter(), {}), batch_size=16, max_failures=0.5
    )
    (step,) = report.steps
    assert (step.rows_in, step.quarantined) == (40, 3)
    found = step.measures["square"]
    assert (found.rows, found.below, found.above) == (37, 2, 8)
    assert sum(found.bins.values()) == 37


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
@pytest.mark.parametrize("merged_lines", [1, 1 << 20])
def test_findings_do_not_depend_on_batches_nor_on_merges(
    tmp_path, monkeypatch, batch_size, merged_lines
):
    monkeypatch.setattr(decisions, "_MERGED_LINES", merged_lines)
    report = run(
        tmp_path,
        MemoryStorage(ROWS),
        (FilterRows(where="n >= 10"), {}),
        (Kinds(), {}),
        (FilterRows(where="n < 30"), {}),
        batch_size=batch_size,
    )
    expected = {
        "kinds": 3, "counts": {"a": 10, "b": 10, "c": 10}, "listed": ["a", "b", "c"],
    }  # fmt: skip
    assert told(report)["kinds"]["findings"] == report.steps[1].findings == expected
    assert report.findings().splitlines() == [
        "step   finding  value",
        "kinds  kinds    3",
        "kinds  counts   a 10, b 10, c 10",
    ]
    assert (report.steps[1].rows_in, report.rows_out) == (30, 20)


def test_rows_flow_through_while_they_are_sketched(tmp_path):
    plan_of = [(Kinds(), {}), (FilterRows(where="n < 30"), {}), (Kinds(), {})]
    report = run(tmp_path, MemoryStorage(ROWS), *plan_of)
    assert [path.name for path in (report.run_dir / "tables").iterdir()] == ["kinds_2"]
    assert [step.findings["counts"]["a"] for step in report.steps[::2]] == [14, 10]


def test_findings_stand_beside_barriers_and_branches(tmp_path):
    report = run(
        tmp_path,
        MemoryStorage(ROWS),
        (Kinds(), {}),
        (Sort(), {"input_columns": ["n"]}),
        (Kinds(), {}),
        (SelectColumns(columns=["n"]), {}),
        batch_size=9,
    )
    assert report.steps[0].findings == report.steps[2].findings
    assert report.rows_out == 40


def test_a_table_without_rows_has_findings(tmp_path):
    report = run(tmp_path, MemoryStorage(ROWS), (FilterRows(where="n > 99"), {}), (Kinds(), {}))
    assert report.steps[1].findings == {"kinds": 0, "counts": {}, "listed": []}


def test_outside_a_run_the_table_tells_measures_and_findings():
    table = MemoryStorage(ROWS)
    SquareFilter().run(table)
    Kinds().run(table)
    assert table.findings() == {
        "kinds": {"kinds": 3, "counts": {"a": 10, "b": 9, "c": 10}, "listed": ["a", "b", "c"]}
    }
    (measure,) = table.measures().to_dict("records")
    assert (measure["step"], measure["measure"]) == ("square_filter", "square")
    assert (measure["rows"], measure["below"], measure["above"]) == (40, 2, 9)
    assert measure["0.5"] == pytest.approx(361, rel=0.004)
    assert MemoryStorage(ROWS).measures().empty
    assert MemoryStorage(ROWS).findings() == {}


class Noting(Evaluator):
    """Note something from a batch, which nobody may."""

    def run(self, storage: Storage) -> None:
        storage.note({"rows": len(storage.read())})


def test_a_row_operator_cannot_note_what_depends_on_batches(tmp_path):
    with pytest.raises(OperatorError, match=r"'noting'.*sees one batch.*DatasetEvaluator"):
        Noting().run(MemoryStorage(ROWS))
    with pytest.raises(OperatorError, match="sees one batch"):
        run(tmp_path, MemoryStorage(ROWS), (Noting(), {}))


@pytest.mark.parametrize("value", [np.int64(3), float("nan"), pd.Timestamp("2024-01-01"), {1, 2}])
def test_findings_that_json_has_not_are_refused(value, tmp_path):
    class Odd(Kinds):
        def findings(self, sketches: pd.DataFrame) -> dict[str, object]:
            return {"odd": [value]}

    with pytest.raises(OperatorError, match=r"step 'odd', finding 'odd': .*numbers"):
        Odd().run(MemoryStorage(ROWS))
    with pytest.raises(OperatorError, match=r"step 'odd', finding 'odd': .*numbers"):
        run(tmp_path, MemoryStorage(ROWS), (Odd(), {}))


def test_an_evaluator_that_raises_stops_the_run(tmp_path):
    class Broken(Kinds):
        def sketch(self, storage: Storage, **bindings: str) -> pd.DataFrame:
            raise ValueError("no")

    with pytest.raises(OperatorError, match="step 'broken' failed: ValueError: no"):
        run(tmp_path, MemoryStorage(ROWS), (Broken(), {}))
