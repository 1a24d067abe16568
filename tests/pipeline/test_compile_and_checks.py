"""Compiling a pipeline: what is recorded, what is refused, and every problem at once."""

import dataclasses
import json

import pandas as pd
import pyarrow as pa
import pytest

from dataflow_core import Evaluator, FileStorage, MemoryStorage, Pipeline, Refiner, Storage
from dataflow_core.errors import ConfigurationError, PlanError
from dataflow_core.operators import TextColumn
from dataflow_core.operators.columns import IntegerColumn
from dataflow_core.operators.general import (
    Apply,
    Concatenate,
    DeduplicateExact,
    DeriveColumn,
    Explode,
    FilterRows,
    Join,
    RenameColumns,
    Sample,
    SelectColumns,
    Sort,
)
from dataflow_core.pipeline.checks import Problem, check_plan, require_sound
from dataflow_core.pipeline.plan import Plan, Step, TableRef


class CountWords(Evaluator):
    """Count words."""

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_count: IntegerColumn = "words",
    ) -> None:
        table = storage.read([input_text])
        table[output_count] = table[input_text].str.count(r"\S+")
        storage.write(table)


class Clean(Refiner):
    """Strip texts."""

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_text: TextColumn | None = None,
    ) -> None:
        """Do nothing."""


def pipeline_of(forward, storage=None, **attributes):
    class Made(Pipeline):
        def __init__(self):
            super().__init__(storage)
            for name, value in attributes.items():
                setattr(self, name, value)

        def forward(self):
            forward(self)

    return Made()


def steps_of(plan):
    return [
        (step.name, type(step.operator).__name__, dict(step.bindings), step.table)
        for step in plan.steps
    ]


class PretrainFilter(Pipeline):
    """Two branches of one table, joined with names from a second one."""

    def __init__(self, storage=None, names=None):
        super().__init__(storage)
        self.names = (
            names if names is not None else MemoryStorage([{"lang": "de", "name": "German"}])
        )
        self.count = CountWords()
        self._long = FilterRows(where="words > 1")
        self.label = Join(unmatched="drop")

    def forward(self):
        self.count.run(self.storage)
        branch = self.storage.fork()
        self._long.run(self.storage)
        FilterRows(where="words <= 1").run(branch)
        self.label.run(self.storage, input_table=self.names, input_on=["lang"])
        Concatenate().run(self.storage, input_table=branch)


ROWS = [
    {"lang": "de", "text": "ja ja"},
    {"lang": "fr", "text": "oui oui"},
    {"lang": "en", "text": "no"},
]


def test_compile_records_names_bindings_forks_and_second_tables():
    plan = PretrainFilter(MemoryStorage(ROWS)).compile()
    assert plan.name == "pretrain_filter"
    assert steps_of(plan) == [
        ("count", "CountWords", {"input_text": "text", "output_count": "words"}, "source"),
        ("long", "FilterRows", {}, "count"),
        ("filter_rows", "FilterRows", {}, "count"),
        ("label", "Join", {"input_table": TableRef("names"), "input_on": ("lang",)}, "long"),
        ("concatenate", "Concatenate", {"input_table": TableRef("filter_rows")}, "label"),
    ]
    assert list(plan.sources) == ["source", "names"]
    assert plan.result == "concatenate"
    columns = plan.columns({"lang": pa.string(), "text": pa.string()})
    assert set(columns["concatenate"]) == {"lang", "text", "words", "name"}


def test_compile_runs_nothing_and_restores_the_storages():
    table, calls = MemoryStorage(ROWS), []
    pipeline = pipeline_of(
        lambda p: p.apply.run(p.storage), table, apply=Apply(func=lambda t: calls.append(1) or t)
    )
    pipeline.compile()
    assert calls == []
    assert pipeline.storage is table
    pipeline.forward()
    assert calls == [1]


def test_steps_on_a_second_table_are_part_of_the_plan():
    names = MemoryStorage([{"lang": "de", "x": 1}, {"lang": "de", "x": 1}])

    def forward(p):
        p.dedup.run(p.names)
        p.join.run(p.storage, input_table=p.names, input_on=["lang"])

    pipeline = pipeline_of(
        forward,
        MemoryStorage(ROWS),
        names=names,
        dedup=DeduplicateExact(),
        join=Join(),
        unused=names.fork(),
    )
    plan = pipeline.compile()
    assert steps_of(plan)[0][3] == "names"
    assert plan.step("join").bindings["input_table"] == TableRef("dedup")
    assert list(plan.sources) == ["source", "names"]
    assert len(names) == 2
    assert pipeline.names is names
    pipeline.forward()
    assert [row.get("x") for row in pipeline.storage.rows()] == [1, None, None]


def test_an_operator_used_twice_makes_two_steps():
    def forward(p):
        p.count.run(p.storage)
        p.count.run(p.storage, "lang", "letters")

    plan = pipeline_of(forward, MemoryStorage(ROWS), count=CountWords()).compile()
    assert [step.name for step in plan.steps] == ["count", "count_2"]


@pytest.mark.parametrize(
    ("what", "call"),
    [
        ("read", lambda p: p.storage.read()),
        ("write", lambda p: p.storage.write(pd.DataFrame())),
        ("drop", lambda p: p.storage.drop([1], "x")),
        ("extend", lambda p: p.storage.extend(p.storage)),
    ],
)
def test_work_outside_operators_is_refused(what, call):
    pipeline = pipeline_of(call, MemoryStorage(ROWS))
    with pytest.raises(
        PlanError, match=rf"forward\(\) calls storage\.{what}\(\) while.*core/apply"
    ):
        pipeline.compile()
    assert isinstance(pipeline.storage, MemoryStorage)


def test_pipelines_that_do_nothing_are_refused():
    with pytest.raises(PlanError, match=r"made: forward\(\) applies no operator to self\.storage"):
        pipeline_of(lambda _: None).compile()
    with pytest.raises(NotImplementedError, match="does not define forward"):
        Pipeline().forward()
    with pytest.raises(ConfigurationError, match="takes a storage, found str"):
        Pipeline("reviews.jsonl")


def test_a_pipeline_without_storage_compiles_unchecked():
    plan = pipeline_of(lambda p: CountWords().run(p.storage, "anything")).compile()
    assert plan.sources == {"source": None}


# Checks


def problems_of(forward, rows=ROWS, **attributes):
    storage = MemoryStorage(rows)
    plan = pipeline_of(forward, storage, **attributes).compile(check=False)
    return check_plan(plan, storage.columns())


def test_a_missing_column_has_all_its_fields_and_is_not_repeated():
    def forward(p):
        CountWords().run(p.storage, "texts", "words")
        Clean().run(p.storage, "texts")
        RenameColumns(names={"lng": "language"}).run(p.storage)
        FilterRows(where="language = 'de' AND words > 3").run(p.storage)

    first, second = problems_of(forward)
    message = "no column 'texts'. Did you mean 'text'? The table has: lang, text."
    assert first == Problem(
        "error", "missing_column", "count_words", "input_text", "texts", message, nearest="text"
    )
    assert (second.step, second.parameter, second.column, second.nearest) == (
        "rename_columns", "names", "lng", "lang",
    )  # fmt: skip
    assert json.dumps(first.as_dict())
    assert str(first) == f"error: step 'count_words', input_text: {message}"


def test_what_the_table_has_is_said_once_after_all_that_it_lacks():
    def forward(p):
        Clean().run(p.storage, "text_a")
        CountWords().run(p.storage, "text_b", "size")
        Clean().run(p.storage, "text_c")

    plan = pipeline_of(forward).compile(check=False)
    with pytest.raises(PlanError) as refusal:
        require_sound(plan, check_plan(plan, {"text": pa.string()}))
    first, second, third = str(refusal.value).splitlines()[1:]
    assert first == "  step 'clean', input_text: no column 'text_a'. Did you mean 'text'?"
    assert second.endswith("no column 'text_b'. Did you mean 'text'? The table has: text.")
    assert third.endswith("no column 'text_c'. Did you mean 'text'? The table has: text, size.")


def test_only_columns_that_are_there_are_listed_and_suggested():
    def forward(p):
        Clean().run(p.storage, "text_a")
        CountWords().run(p.storage, "text_b", "size")
        RenameColumns(names={"text_c": "text_d"}).run(p.storage)
        CountWords().run(p.storage, "text_e", "words")

    said = [problem.message for problem in problems_of(forward)]
    assert said == [
        f"no column 'text_{name}'. Did you mean 'text'? The table has: lang, text{more}."
        for name, more in (("a", ""), ("b", ""), ("c", ", size"), ("e", ", size"))
    ]


def test_sibling_branches_are_checked_on_their_own():
    def forward(p):
        branch = p.storage.fork()
        FilterRows(where="size > 1").run(p.storage)
        FilterRows(where="size < 1").run(branch)
        Concatenate().run(p.storage, input_table=branch)
        FilterRows(where="size = 1").run(p.storage)

    assert [problem.step for problem in problems_of(forward)] == ["filter_rows", "filter_rows_2"]


def test_a_type_mismatch_names_both_types():
    def forward(p):
        CountWords().run(p.storage, "n")
        Explode().run(p.storage, "text")

    first, second = problems_of(forward, [{"n": 1, "text": "a"}])
    assert (first.code, first.column, first.parameter) == ("type_mismatch", "n", "input_text")
    assert "column 'n' is int64, count_words wants text" in first.message
    assert (second.code, second.column) == ("type_mismatch", "text")


@pytest.mark.parametrize("value", [None, [1, "x"]])
def test_null_and_mixed_columns_may_be_anything(value):
    assert problems_of(lambda p: CountWords().run(p.storage, "v"), [{"v": value}]) == []


def test_derived_types_are_known_downstream():
    def forward(p):
        DeriveColumn(expression="len(text)").run(p.storage, "size")
        DeriveColumn(template="{{ size }}").run(p.storage, "shown")
        CountWords().run(p.storage, "shown", "a")
        CountWords().run(p.storage, "size", "b")

    assert [(p.step, p.code) for p in problems_of(forward)] == [("count_words_2", "type_mismatch")]


def test_overwritten_before_use():
    def forward(p):
        CountWords().run(p.storage)
        DeriveColumn(expression="1").run(p.storage, "words")

    (problem,) = problems_of(forward)
    assert (problem.level, problem.code, problem.step, problem.column) == (
        "error", "overwritten_before_use", "derive_column", "words",
    )  # fmt: skip
    assert "which step 'count_words' makes" in problem.message


@pytest.mark.parametrize(
    "use",
    [
        lambda p: FilterRows(where="words > 1").run(p.storage),
        lambda p: DeriveColumn(expression="words + 1").run(p.storage, "words"),
        lambda p: Apply(func=lambda table: table).run(p.storage),
        lambda p: DeduplicateExact().run(p.storage),
        lambda p: Sample(count=1).run(p.storage, "words"),
        lambda p: Sort().run(p.storage, ["words"]),
    ],
)
def test_a_column_that_was_read_may_be_overwritten(use):
    def forward(p):
        CountWords().run(p.storage)
        use(p)
        DeriveColumn(expression="1").run(p.storage, "words")

    assert problems_of(forward) == []


def test_unused_outputs_are_warnings():
    def forward(p):
        CountWords().run(p.storage)
        SelectColumns(columns=["text"]).run(p.storage)

    (problem,) = problems_of(forward)
    assert (problem.level, problem.code, problem.step, problem.column) == (
        "warning", "unused_output", "count_words", "words",
    )  # fmt: skip
    assert pipeline_of(forward, MemoryStorage(ROWS)).compile()


def test_unused_branches_are_warnings():
    def forward(p):
        CountWords().run(p.storage.fork())
        CountWords().run(p.storage)

    (problem,) = problems_of(forward)
    assert (problem.level, problem.code, problem.step) == ("warning", "unused_table", "count_words")


def test_all_errors_come_in_one_message_in_order_of_steps():
    def forward(p):
        CountWords().run(p.storage, "tex")
        DeriveColumn(expression="1").run(p.storage, "words")
        Sort().run(p.storage, ["langs", "zzzz"])

    with pytest.raises(PlanError) as caught:
        pipeline_of(forward, MemoryStorage(ROWS)).compile()
    lines = str(caught.value).split("\n")
    assert lines[0] == "made cannot run, 4 problems:"
    assert [line.split(":")[0] for line in lines[1:]] == [
        "  step 'count_words', input_text",
        "  step 'derive_column'",
        "  step 'sort', input_columns",
        "  step 'sort', input_columns",
    ]


def test_columns_of_a_join_have_their_suffix():
    lookup = MemoryStorage([{"lang": "de", "text": 5, "extra": 1}])

    def forward(p):
        Join(suffix="_right").run(p.storage, p.lookup, ["lang"])
        FilterRows(where="text_right > 1 AND extra = 1").run(p.storage)
        CountWords().run(p.storage, "text")

    assert problems_of(forward, lookup=lookup) == []
    pipeline_of(forward, MemoryStorage(ROWS), lookup=lookup).forward()


def test_types_of_concatenated_columns_are_widened():
    more = MemoryStorage([{"text": 1, "n": 2.5}])

    def forward(p):
        Concatenate().run(p.storage, p.more)

    plan = pipeline_of(forward, MemoryStorage([{"text": "a", "n": 1}]), more=more).compile()
    table = MemoryStorage([{"text": "a", "n": 1}])
    Concatenate().run(table, more)
    assert plan.columns({"text": pa.string(), "n": pa.int64()})["concatenate"] == dict(
        table.columns()
    )


def test_check_reads_only_the_head_of_a_file(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a b"}\n', encoding="utf-8")
    storage = FileStorage(path)
    pipeline_of(lambda p: CountWords().run(p.storage), storage).compile()
    assert storage._frame is None


# Plans and stages


def plan_of(*steps, result=None, sources=None):
    made = [Step(name, operator, bindings, table) for name, operator, bindings, table in steps]
    return Plan("p", tuple(made), sources or {"source": None}, result or steps[-1][0])


ROW, WHOLE, PHASES = FilterRows(where="TRUE"), Sort(), DeduplicateExact()
JOIN = {"input_table": TableRef("b"), "input_on": ("k",)}


@pytest.mark.parametrize(
    ("plan", "stages"),
    [
        (
            plan_of(
                ("a", ROW, {}, "source"),
                ("b", ROW, {}, "a"),
                ("c", PHASES, {}, "b"),
                ("d", ROW, {}, "c"),
            ),
            [("rows", "source", ["a", "b"]), ("two-phase", "b", ["c", "d"])],
        ),
        (
            plan_of(
                ("a", WHOLE, {"input_columns": ("k",)}, "source"),
                ("b", ROW, {}, "a"),
                ("c", WHOLE, {}, "b"),
            ),
            [
                ("whole-table", "source", ["a"]),
                ("rows", "a", ["b"]),
                ("whole-table", "b", ["c"]),
            ],
        ),
        (
            plan_of(
                ("a", ROW, {}, "source"),
                ("b", ROW, {}, "a"),
                ("c", ROW, {}, "a"),
                ("d", Join(), JOIN, "c"),
            ),
            [
                ("rows", "source", ["a"]),
                ("rows", "a", ["b"]),
                ("rows", "a", ["c"]),
                ("whole-table", "c", ["d"]),
            ],
        ),
        (
            plan_of(("a", ROW, {}, "source"), ("b", ROW, {}, "a"), result="a"),
            [("rows", "source", ["a"]), ("rows", "a", ["b"])],
        ),
        (
            plan_of(
                ("a", Apply(func=len), {}, "source"),
                ("b", Apply(func=len, whole_table=True), {}, "a"),
            ),
            [("rows", "source", ["a"]), ("whole-table", "a", ["b"])],
        ),
    ],
)
def test_stages(plan, stages):
    found = [
        (stage.kind, stage.table, [step.name for step in stage.steps]) for stage in plan.stages
    ]
    assert found == stages


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([("a", ROW, {}, "source"), ("a", ROW, {}, "a")], "two tables are named 'a'"),
        ([("source", ROW, {}, "source")], "two tables are named 'source'"),
        (
            [("a", ROW, {}, "b"), ("b", ROW, {}, "source")],
            "step 'a': works on table 'b', which no earlier step",
        ),
        ([("a", Join(), JOIN, "source")], "works on table 'b'"),
    ],
)
def test_plans_that_hang_in_the_air_are_refused(steps, message):
    with pytest.raises(PlanError, match=message):
        plan_of(*steps)
    with pytest.raises(PlanError, match="its result 'zz' is no step or source"):
        plan_of(("a", ROW, {}, "source"), result="zz")


def test_plans_are_immutable():
    plan = plan_of(("a", ROW, {}, "source"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.name = "q"


def test_operators_find_what_is_wrong_with_their_configuration():
    class Misused(Pipeline):
        def __init__(self, storage):
            super().__init__(storage)
            self.text_as_number = FilterRows(where="text > 5")
            self.no_condition = FilterRows(where="n + 1")
            self.names = MemoryStorage([{"m": 1, "name": "one"}])
            self.join = Join()

        def forward(self):
            self.text_as_number.run(self.storage)
            self.no_condition.run(self.storage)
            self.join.run(self.storage, input_table=self.names, input_on=["n"])

    with pytest.raises(PlanError) as refusal:
        Misused(MemoryStorage([{"n": 1, "text": "a"}])).compile()

    message = str(refusal.value)
    assert "3 problems" in message
    for part in ("'text_as_number'", "'no_condition'", "'join'", "no column 'n'"):
        assert part in message
