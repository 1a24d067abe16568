"""``core/format_training``: rows into formats of training data, within a pipeline."""

from __future__ import annotations

import pyarrow as pa
import pytest

from dataflow_core import MemoryStorage, Pipeline
from dataflow_core.engine import run_plan
from dataflow_core.errors import ColumnError, ConfigurationError, PlanError
from dataflow_core.operators.general import FormatTraining

QA = [
    {"id": 1, "question": "2 + 2?", "answer": "4"},
    {"id": 2, "question": "", "answer": "5"},
    {"id": 3, "question": "3 + 3?", "answer": "6"},
]
TURNS = [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "4"}]


def formatted(rows, columns, **configuration):
    table = MemoryStorage(rows)
    FormatTraining(**configuration).run(table, **columns)
    return table


def test_the_columns_of_the_format_are_added_and_misfits_are_quarantined():
    columns = {"input_instruction": "question", "input_output": "answer"}
    table = formatted(QA, columns, format="messages")
    assert table.rows() == [
        {**QA[0], "messages": TURNS},
        {**QA[2], "messages": [{"role": "user", "content": "3 + 3?"},
                               {"role": "assistant", "content": "6"}]},
    ]  # fmt: skip
    assert table.quarantined()["reason"].tolist() == ["empty_cell"]


def test_what_is_not_bound_is_the_column_of_its_own_name():
    rows = [{"instruction": "Say hi.", "output": "Hi.", "input": "in German"}]
    alone = formatted(rows, {"input_input": "input"}, format="sharegpt", keep_columns=False)
    assert alone.rows() == [
        {"conversations": [{"from": "human", "value": "Say hi.\nin German"},
                           {"from": "gpt", "value": "Hi."}]}
    ]  # fmt: skip


def test_a_column_is_not_overwritten_unread():
    rows = [{"messages": TURNS, "output": "other"}]
    with pytest.raises(ColumnError, match="bind it: input_output: output"):
        formatted(rows, {"input_messages": "messages"}, format="alpaca")
    table = formatted(rows, {"input_messages": "messages"}, format="alpaca", keep_columns=False)
    assert table.rows() == [
        {"instruction": "2 + 2?", "input": "", "output": "4", "system": "", "history": []}
    ]


def test_pairs_prompts_and_constants():
    rows = [{"chosen": TURNS, "rejected": [TURNS[0], {"role": "assistant", "content": "5"}]}]
    table = formatted(rows, {}, format="dpo", prompt_in_answers=True)
    assert table.rows() == [{"prompt": "2 + 2?", "chosen": "4", "rejected": "5"}]
    table = formatted(
        QA[:1],
        {"input_instruction": "question", "input_ground_truth": "answer"},
        format="verl",
        constants={"data_source": "sums", "ability": "math"},
        keep_columns=False,
    )
    (row,) = table.rows()
    assert row.pop("extra_info")["row_id"] == f"{table.row_ids()[0]:016x}"
    assert row == {
        "data_source": "sums", "ability": "math",
        "prompt": [{"role": "user", "content": "2 + 2?"}],
        "reward_model": {"style": "rule", "ground_truth": "4"},
    }  # fmt: skip


def test_calls_of_tools_need_json():
    call = {"id": "c", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    turns = [TURNS[0], {"role": "assistant", "content": None, "tool_calls": [call]}]
    rows = [{"chat": turns}, {"chat": TURNS}]
    bound = {"input_messages": "chat"}
    table = formatted(rows, bound, format="messages")
    assert table.quarantined()["reason"].tolist() == ["tool_calls"]
    table = formatted(rows, bound, format="messages", tool_calls=True)
    assert [row["messages"] for row in table.rows()] == [turns, TURNS]


@pytest.mark.parametrize(
    ("configuration", "columns", "message"),
    [
        ({"format": "alpacca"}, {}, "alpaca"),
        ({"format": "text", "constants": {"text": "x"}}, {}, "is no constant"),
        ({"format": "verl", "constants": {"ability": " "}}, {}, "'ability' is empty"),
        ({"format": "text"}, {"input_output": "answer"}, "text takes no 'output'"),
        ({"format": "alpaca"}, {"input_messages": "a", "input_output": "b"}, "reads messages, or"),
        ({"format": "alpaca"}, {"input_messages": "a", "input_history": "b"}, "Leave history out"),
    ],
)
def test_a_wrong_configuration_is_refused(configuration, columns, message):
    with pytest.raises(ConfigurationError, match=message):
        formatted(QA, columns, **configuration)


class Formatting(Pipeline):
    def __init__(self, storage, **configuration):
        super().__init__(storage)
        self.format = FormatTraining(**configuration)

    def forward(self):
        self.format.run(self.storage, input_instruction="question", input_output="answer")


def test_plans_know_the_columns_before_anything_runs():
    plan = Formatting(MemoryStorage(QA), format="sharegpt", keep_columns=False).compile()
    (step,) = plan.steps
    after = step.operator.columns_after({"question": pa.string()}, step.columns)
    assert list(after) == ["conversations"]
    with pytest.raises(PlanError, match="no column 'question'"):
        Formatting(MemoryStorage([{"query": "x", "answer": "y"}]), format="alpaca").compile()


@pytest.mark.parametrize("batch_size", [1, 2, 50])
def test_batches_make_no_difference(tmp_path, batch_size):
    rows = [{"question": f"{n}?" if n % 7 else None, "answer": str(n)} for n in range(40)]
    plan = Formatting(MemoryStorage(rows), format="alpaca").compile()
    report = run_plan(
        plan, output=str(tmp_path / "out.parquet"), run_dir=tmp_path / "run",
        batch_size=batch_size, max_failures="50%",
    )  # fmt: skip
    assert (report.rows_in, report.rows_out) == (40, 34)
    whole = formatted(
        rows, {"input_instruction": "question", "input_output": "answer"}, format="alpaca"
    )
    from dataflow_core import FileStorage

    assert FileStorage(tmp_path / "out.parquet").read().to_dict("records") == whole.read().to_dict(
        "records"
    )
