"""What columns an operator may be bound to, asked directly and in plans, and cells that misfit."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from dataflow_core import Evaluator, FileStorage, Filter, MemoryStorage, Storage
from dataflow_core.errors import ColumnError, PlanError
from dataflow_core.operators import TextColumn
from dataflow_core.operators.columns import NumberColumn
from dataflow_core.operators.general import (
    Apply,
    ChunkedGenerator,
    Classify,
    DeriveColumn,
    Embed,
    Explode,
    JudgeAnswers,
    JudgeFilter,
    PairwiseJudge,
    PromptedEvaluator,
    PromptedGenerator,
    PromptedRefiner,
    Retrieve,
    Summarize,
)
from dataflow_core.pipeline.checks import check_plan
from dataflow_core.testing import ScriptedServing

from .vectors import Steps

ROW = {"question": "q", "answer": "a", "reference": "r", "answer_a": "x", "answer_b": "y"}


def serving(told="{}"):
    return ScriptedServing(lambda _: told, corrections=0)


class Length(Evaluator):
    """Measure texts."""

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_length: NumberColumn = "length",
        output_double: NumberColumn | None = None,
    ) -> None:
        """Add the lengths."""
        table = storage.read([input_text])
        table[output_length] = table[input_text].str.len()
        if output_double is not None:
            table[output_double] = table[output_length] * 2
        storage.write(table)


class Shout(Filter):
    """Keep texts, in capitals, in their place."""

    def run(
        self, storage: Storage, input_text: TextColumn = "text", output_text: TextColumn = "text"
    ) -> None:
        """Write capitals."""
        table = storage.read([input_text])
        table[output_text] = table[input_text].str.upper()
        storage.write(table)


def problems(storage, *steps):
    return check_plan(Steps(storage, *steps).compile(check=False), storage.columns())


@pytest.mark.parametrize(
    ("operator", "columns", "column", "told"),
    [
        (
            JudgeAnswers(serving=serving()),
            {"output_verdict": "said", "output_explanation": "said"},
            "said",
            "output_verdict and output_explanation are both 'said'",
        ),
        (
            PairwiseJudge(serving=serving()),
            {"output_consistent": "winner"},
            "winner",
            "output_winner and output_consistent are both 'winner'",
        ),
        (
            Length(),
            {"input_text": "answer", "output_double": "length"},
            "length",
            "output_length and output_double are both 'length'",
        ),
        (
            PromptedRefiner(serving=serving(), instruction="Mend."),
            {"input_text": "answer", "output_text": "answer"},
            None,
            "",
        ),
        (
            JudgeAnswers(serving=serving()),
            {"output_explanation": "reference"},
            "reference",
            "output_explanation is 'reference', the column of input_reference",
        ),
        (
            JudgeFilter(serving=serving()),
            {"output_verdict": "answer"},
            "answer",
            "output_verdict is 'answer', the column of input_answer",
        ),
        (
            Summarize(serving=serving()),
            {"input_text": "question", "output_summary": "question"},
            "question",
            "output_summary is 'question', the column of input_text",
        ),
    ],
)
def test_a_column_that_is_bound_twice_is_refused_in_plans_and_directly(
    operator, columns, column, told
):
    table = MemoryStorage([ROW])
    found = [p for p in problems(table, (operator, columns)) if p.level == "error"]
    if column is None:
        assert found == []
        operator.run(table, **columns)
        return
    (problem,) = found
    assert (problem.step, problem.column) == (operator.step_name(), column)
    assert problem.code in ("shared_output", "overwritten_input")
    assert told in problem.message
    with pytest.raises(PlanError, match=told):
        Steps(table, (operator, columns)).compile()
    with pytest.raises(ColumnError, match=f"step '{operator.step_name()}': {told}"):
        operator.run(table, **columns)
    assert table.rows() == [ROW]


def test_what_works_in_place_may_take_the_place_of_its_input():
    table = MemoryStorage([{"text": "a", "items": ["x", "y"]}])
    Shout().run(table)
    Explode().run(table, input_list="items", output_item="items")
    assert table.rows() == [{"text": "A", "items": "x"}, {"text": "A", "items": "y"}]
    Shout().run(table, input_text="items", output_text="items")
    assert [row["items"] for row in table.rows()] == ["X", "Y"]


def test_a_column_of_the_source_that_is_replaced_is_a_warning():
    table = MemoryStorage([{"text": "a", "length": 3, "double": 4}])
    found = problems(
        table,
        (Length(), {}),
        (DeriveColumn(expression="double + 1"), {"output_column": "double"}),
        (PromptedRefiner(serving=serving("b"), instruction="Mend."), {}),
    )
    (problem,) = found
    assert (problem.level, problem.code, problem.step, problem.column) == (
        "warning", "replaced_column", "length", "length",
    )  # fmt: skip
    Length().run(table)
    assert table.rows()[0]["length"] == 1


def test_a_column_of_the_pipeline_s_own_is_replaced_without_a_word():
    table = MemoryStorage([{"text": "a"}])
    use = DeriveColumn(expression="length + 1")
    steps = [(Length(), {}), (use, {"output_column": "n"}), (Length(), {})]
    assert problems(table, *steps) == []


TAKE_TEXTS = {
    "chunked": (ChunkedGenerator(serving=serving("z"), instruction="Do."), "text"),
    "prompted": (PromptedGenerator(serving=serving("z"), instruction="Do."), "text"),
    "evaluator": (PromptedEvaluator(serving=serving("Score: 3")), "text"),
    "refiner": (PromptedRefiner(serving=serving("z"), instruction="Do."), "text"),
    "classify": (Classify(serving=serving('{"label": "a"}'), labels=["a", "b"]), "text"),
    "embed": (Embed(serving=ScriptedServing({}, dimensions=2)), "text"),
    "retrieve": (Retrieve(), "query"),
    "judge": (JudgeAnswers(serving=serving('{"verdict": "correct"}')), "answer"),
}


def run(name, cells):
    operator, column = TAKE_TEXTS[name]
    table = MemoryStorage(
        [{column: cell, "reference": "r", "n": n} for n, cell in enumerate(cells)]
    )
    more = {"input_corpus": MemoryStorage([{"text": "a z"}])} if name == "retrieve" else {}
    operator.run(table, **more)
    return table


@pytest.mark.parametrize("name", sorted(TAKE_TEXTS))
def test_a_column_of_another_type_is_refused_as_in_a_plan(name):
    operator, column = TAKE_TEXTS[name]
    told = f"input_{column}: column '{column}' is int64, {operator.step_name()} wants text"
    with pytest.raises(ColumnError, match=told):
        run(name, [1, None, 3])
    with pytest.raises(ColumnError, match="is bool"):
        run(name, [True, None])


@pytest.mark.parametrize("name", sorted(TAKE_TEXTS))
def test_cells_that_are_no_text_are_set_aside_whatever_the_operator(name):
    odd = [5, 2.5, True, ["a"], {"k": 1}]
    table = run(name, [*odd, "z", None, " "])
    assert [row["n"] for row in table.rows()] == [5, 6, 7]
    gone = table.quarantined()
    assert gone["reason"].tolist() == ["no_text"] * len(odd)
    assert "a text wanted, found int 5" in gone["message"].tolist()[0]
    assert gone["message"].str.startswith(f"input_{TAKE_TEXTS[name][1]}: ").all()


@pytest.mark.parametrize("size", [1, 2, 100])
def test_in_a_run_no_cell_s_fate_depends_on_its_batch(tmp_path, size):
    path = tmp_path / "in.jsonl"
    cells = [1, 2, "a", [3], None, "b", True]
    path.write_text("".join(f"{json.dumps({'text': one})}\n" for one in cells), encoding="utf-8")
    operator = PromptedGenerator(serving=serving("z"), instruction="Do.")
    report = Steps(FileStorage(path), (operator, {})).run(
        tmp_path / "out.jsonl", run_dir=tmp_path / "run", batch_size=size, max_failures=10
    )
    rows = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(row)["text"] for row in rows] == ["a", None, "b"]
    assert report.steps[0].quarantined == 4


def test_a_type_that_only_a_run_tells_sets_rows_aside(tmp_path):
    table = MemoryStorage(pa.table({"n": [1, 2]}))
    copy = Apply(func=lambda frame: frame.assign(text=frame["n"]))
    summarize = Summarize(serving=serving("z"))
    report = Steps(table, (copy, {"output_columns": ["text"]}), (summarize, {})).run(
        tmp_path / "out.jsonl", run_dir=tmp_path / "run", max_failures=10
    )
    assert report.steps[-1].quarantined == 2
