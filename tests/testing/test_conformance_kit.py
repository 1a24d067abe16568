"""The kit itself: each check finds what it is about, by name, and sound operators pass."""

from __future__ import annotations

import functools
import os
import random
import sqlite3
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest
from pydantic import PrivateAttr, field_serializer, field_validator

from dataflow_core import Evaluator, Generator, MemoryStorage, Refiner, Storage
from dataflow_core.errors import ConformanceError
from dataflow_core.operators import (
    Filter,
    IntegerColumn,
    ListColumn,
    NumberColumn,
    TextColumn,
)
from dataflow_core.operators.dataset import DatasetEvaluator, DatasetFilter
from dataflow_core.operators.prompted import Prompted
from dataflow_core.prompts import Prompt
from dataflow_core.serving.base import Serving
from dataflow_core.testing import Example, ScriptedServing, check_operator
from dataflow_core.testing.checks import CHECKS
from dataflow_core.testing.conformance import check_all
from dataflow_core.testing.subject import Subject


class Upper(Refiner):
    """Write texts in upper case."""

    def run(
        self, storage: Storage, input_text: TextColumn = "text", output_text: TextColumn = "text"
    ) -> None:
        table = storage.read([input_text])
        table[output_text] = [self.changed(one) for one in table[input_text].tolist()]
        storage.write(table)

    def changed(self, text: Any) -> Any:
        return None if pd.isna(text) else text.upper()


class Counted(Upper):
    """Write texts in upper case, so many times."""

    times: int = 1


class NeedsLabels(Upper):
    """Need a field."""

    labels: list[str]


class LooksAround(Upper):
    """Look into a folder when it is made."""

    def model_post_init(self, context: Any) -> None:
        os.listdir(".")  # noqa: PTH208


@functools.cache
def _loaded() -> str:
    return Path(__file__).read_text(encoding="utf-8")


class LoadsOnce(Upper):
    """Read a file when the first one is made."""

    def model_post_init(self, context: Any) -> None:
        _loaded()


class OpensADatabase(Upper):
    """Open a database when it is made."""

    def model_post_init(self, context: Any) -> None:
        sqlite3.connect(":memory:").close()


class Cuts(Counted):
    """Cut its field to what it can do."""

    @field_validator("times")
    @classmethod
    def _at_most_three(cls, value: int) -> int:
        return min(value, 3)


class Forgets(Counted):
    """Forget its field on the way to a recipe."""

    @field_serializer("times")
    def _nothing(self, value: int) -> int:
        return 7


class HoldsAFunction(Upper):
    """Hold what no other process can have."""

    _way: Any = PrivateAttr(default=lambda text: text)


class Undescribed(Upper):
    pass


class WritesToOther(Evaluator):
    """Write to the second table."""

    def run(
        self, storage: Storage, input_table: Storage, output_rows: IntegerColumn = "rows"
    ) -> None:
        table = storage.read([])
        other = input_table.read()
        input_table.drop(other.index[:1], "taken")
        table[output_rows] = len(other)
        storage.write(table)

    def columns_joined(self, columns: Any, other: Any) -> dict[str, Any]:
        return dict(columns)


class AddsMore(Upper):
    """Add a column that nobody knows of."""

    def run(
        self, storage: Storage, input_text: TextColumn = "text", output_text: TextColumn = "text"
    ) -> None:
        table = storage.read([input_text])
        table["more"] = 1
        storage.write(table)


class PromisesNumbers(Evaluator):
    """Promise numbers, and write texts."""

    def run(self, storage: Storage, output_score: NumberColumn = "score") -> None:
        table = storage.read([])
        table[output_score] = "much"
        storage.write(table)


class Meddles(Upper):
    """Change all columns of texts."""

    def run(
        self, storage: Storage, input_text: TextColumn = "text", output_text: TextColumn = "text"
    ) -> None:
        table = storage.read()
        for name in table.columns:
            if len(table) and table[name].map(lambda one: isinstance(one, str)).all():
                table[name] = table[name].map(lambda one: one + "!")
        storage.write(table)


class LosesTheIndex(Upper):
    """Number the rows anew."""

    def run(
        self, storage: Storage, input_text: TextColumn = "text", output_text: TextColumn = "text"
    ) -> None:
        storage.write(storage.read().reset_index(drop=True))


class Unstorable(DatasetFilter):
    """Sketch what cannot be kept."""

    def run(self, storage: Storage, input_text: TextColumn = "text") -> None:
        self.run_phases(storage, input_text=input_text)

    def sketch(self, storage: Storage, **bindings: Any) -> pd.DataFrame:
        ids = storage.read([bindings["input_text"]]).index
        return pd.DataFrame({"seen": [object() for _ in ids]}, index=ids)

    def decide(self, sketches: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"reason": []}, index=sketches.index[:0])


class FirstOfBatch(Upper):
    """Compare with the first row."""

    def run(
        self, storage: Storage, input_text: TextColumn = "text", output_text: TextColumn = "text"
    ) -> None:
        table = storage.read([input_text])
        values = table[input_text].tolist()
        table[output_text] = [str(one == values[0]) for one in values]
        storage.write(table)


class SeenBefore(Filter):
    """Drop texts that it saw before, in any batch."""

    _seen: set[Any] = PrivateAttr(default_factory=set)

    def run(self, storage: Storage, input_text: TextColumn = "text") -> None:
        texts = storage.read([input_text])[input_text]
        new = [not (one in self._seen or self._seen.add(one)) for one in texts.tolist()]
        self.keep(storage, pd.Series(new, index=texts.index, dtype="boolean"))


class CountsItsRows(DatasetFilter):
    """Drop nothing or all, by what it counted in its sketches."""

    _rows: int = PrivateAttr(default=0)

    def run(self, storage: Storage, input_text: TextColumn = "text") -> None:
        self.run_phases(storage, input_text=input_text)

    def sketch(self, storage: Storage, **bindings: Any) -> pd.DataFrame:
        table = storage.read([bindings["input_text"]])
        self._rows += len(table)
        return table.set_axis(["text"], axis="columns")

    def decide(self, sketches: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"reason": "counted"}, index=sketches.index[: self._rows // 2])


class CountsBatches(DatasetEvaluator):
    """Find out how many batches there are."""

    def run(self, storage: Storage, input_text: TextColumn = "text") -> None:
        self.run_phases(storage, input_text=input_text)

    def sketch(self, storage: Storage, **bindings: Any) -> pd.DataFrame:
        return pd.DataFrame({"batches": [len(storage.read([])) and 1]})

    def findings(self, sketches: pd.DataFrame) -> dict[str, Any]:
        return {"batches": int(sketches["batches"].sum())}


class MergesWrongly(CountsBatches):
    """Forget all but the last sketch."""

    def sketch(self, storage: Storage, **bindings: Any) -> pd.DataFrame:
        return pd.DataFrame({"batches": [len(storage.read([]))]})

    def merge(self, sketches: pd.DataFrame) -> pd.DataFrame:
        return sketches.tail(1)


class Tosses(Upper):
    """Toss a coin."""

    def changed(self, text: Any) -> Any:
        return str(random.random())


class NeedsARow(Upper):
    """Look at the first row."""

    def run(
        self, storage: Storage, input_text: TextColumn = "text", output_text: TextColumn = "text"
    ) -> None:
        table = storage.read([input_text])
        table[input_text].iloc[0]
        storage.write(table)


class NeedsTwoRows(Upper):
    """Look at the second row."""

    def run(
        self, storage: Storage, input_text: TextColumn = "text", output_text: TextColumn = "text"
    ) -> None:
        table = storage.read([input_text])
        if len(table):
            table[input_text].iloc[1]
        storage.write(table)


class FailsOnNull(Upper):
    """Take every cell for a text."""

    def changed(self, text: Any) -> Any:
        return text.upper()


class FailsOnEmpty(Upper):
    """Take the first word."""

    def changed(self, text: Any) -> Any:
        return None if pd.isna(text) else text.split()[0]


class FailsOnLong(Upper):
    """Refuse long texts by an error."""

    def changed(self, text: Any) -> Any:
        if not pd.isna(text) and len(text) > 10_000:
            raise ValueError("too long")
        return text


class FailsOnChinese(Upper):
    """Take all texts for English."""

    def changed(self, text: Any) -> Any:
        return (
            text.encode("latin-1").decode("latin-1") if not pd.isna(text) and text.strip() else text
        )


class HidesItsColumn(Upper):
    """Say that it reads nothing."""

    def reads(self, bindings: Any) -> dict[str, tuple[str, ...]]:
        return {"input_text": ()}


class ReadsAnother(Upper):
    """Read a column that a field names."""

    other: str = "other"

    def run(
        self, storage: Storage, input_text: TextColumn = "text", output_text: TextColumn = "text"
    ) -> None:
        storage.write(storage.read([input_text, self.other]))


class Asks(Generator):
    """Have a model answer; what fails is an empty text."""

    swallowed: ClassVar[set[str] | None] = None

    serving: Serving

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_answer: TextColumn = "answer",
    ) -> None:
        table = storage.read([input_text])
        texts = [None if pd.isna(one) else one for one in table[input_text].tolist()]
        table[output_answer] = self.cells([one or "nothing" for one in texts])
        storage.write(table)

    def cells(self, texts: list[str]) -> list[Any]:
        return [self._cell(one) for one in self.serving.generate_from_input(texts)]

    def _cell(self, answer: Any) -> Any:
        swallowed = type(self).swallowed
        if answer.ok or (swallowed is not None and answer.error.reason not in swallowed):
            return answer.cell()
        return ""


class AsksAndTakesNothingForAnAnswer(Asks):
    """Have a model answer; nothing is an answer too."""

    swallowed = frozenset({"empty_answer"})


class MixesAnswers(Asks):
    """Have a model answer; where one fails, the others move up."""

    def cells(self, texts: list[str]) -> list[Any]:
        asked = self.serving.generate_from_input(texts)
        return [one.cell() for one in sorted(asked, key=lambda one: not one.ok)]


class AsksTwice(Asks):
    """Have a model answer, and say it shorter; what fails then is an empty text."""

    def cells(self, texts: list[str]) -> list[Any]:
        first = self.serving.generate_from_input(texts)
        second = self.serving.generate_from_input([one.text and f"{one.text}?" for one in first])
        pairs = zip(first, second, strict=True)
        return [two.text or "" if one.ok else one.cell() for one, two in pairs]


class MayAsk(Asks):
    """Have a model answer, if there is one; what fails is an empty text."""

    serving: Serving | None = None

    def cells(self, texts: list[str]) -> list[Any]:
        return super().cells(texts) if self.serving is not None else ["nobody"] * len(texts)


class AsksSoundly(Asks):
    """Have a model answer; what fails is a failure."""

    def _cell(self, answer: Any) -> Any:
        return answer.cell()


class MarksNulls(Upper):
    """Add a column where there are nulls."""

    def run(
        self, storage: Storage, input_text: TextColumn = "text", output_text: TextColumn = "text"
    ) -> None:
        table = storage.read([input_text])
        if table[input_text].isna().any():
            table["had_nulls"] = True
        storage.write(table)


class LooksAside(Evaluator):
    """Count the cells of a row, of whatever columns."""

    def run(
        self, storage: Storage, input_text: TextColumn = "text", output_n: IntegerColumn = "n"
    ) -> None:
        table = storage.read()
        table[output_n] = table.notna().sum(axis="columns")
        storage.write(table)


ROWS = ({"text": "one", "other": "x", "tags": ["a"]}, {"text": "two", "other": "y", "tags": []})
ON_OTHER = {"columns": {"input_table": [{"a": 1}, {"a": 2}]}}
BREACHES = [
    (NeedsLabels, {}, {"check_example"}),
    (LooksAround, {}, {"check_construction_does_no_io"}),
    (LoadsOnce, {}, {"check_construction_does_no_io"}),
    (OpensADatabase, {}, {"check_construction_does_no_io"}),
    (Cuts, {"configuration": {"times": 5}}, {"check_construction_only_stores"}),
    (Forgets, {"configuration": {"times": 5}}, {"check_configuration_round_trips"}),
    (HoldsAFunction, {}, {"check_pickles"}),
    (Undescribed, {}, {"check_docstring"}),
    (WritesToOther, ON_OTHER, {"check_input_is_not_mutated"}),
    (AddsMore, {}, {"check_declared_columns", "check_empty_table", "check_reads_what_it_declares"}),
    (PromisesNumbers, {}, {"check_declared_columns"}),
    (Meddles, {}, {"check_other_columns_stay"}),
    (LosesTheIndex, {}, {"check_row_identity"}),
    (Unstorable, {}, {"check_ledger_sums"}),
    (FirstOfBatch, {}, {"check_batch_independence", "check_ledger_sums"}),
    (SeenBefore, {}, {"check_batch_independence"}),
    (CountsItsRows, {}, {"check_batch_independence"}),
    (CountsBatches, {}, {"check_batch_independence", "check_ledger_sums"}),
    (MergesWrongly, {}, {"check_batch_independence"}),
    (Tosses, {}, {"check_deterministic", "check_batch_independence", "check_ledger_sums"}),
    (NeedsARow, {}, {"check_empty_table"}),
    (NeedsTwoRows, {"rows": ROWS}, {"check_one_row", "check_batch_independence"}),
    (FailsOnNull, {}, {"check_null_values"}),
    (FailsOnEmpty, {}, {"check_empty_texts"}),
    (FailsOnLong, {}, {"check_long_texts"}),
    (FailsOnChinese, {}, {"check_other_scripts"}),
    (HidesItsColumn, {}, {"check_missing_column"}),
    (ReadsAnother, {"rows": ROWS}, {"check_reads_what_it_declares"}),
    (Asks, {}, {"check_failure_is_quarantined", "check_empty_answer_is_quarantined"}),
    (AsksAndTakesNothingForAnAnswer, {}, {"check_empty_answer_is_quarantined"}),
    (AsksTwice, {}, {"check_failure_is_quarantined"}),
    (MixesAnswers, {}, {"check_failure_is_quarantined"}),
    (MayAsk, {}, {"check_failure_is_quarantined", "check_empty_answer_is_quarantined"}),
    (MarksNulls, {}, {"check_null_values"}),
    (LooksAside, {}, {"check_reads_what_it_declares"}),
]


@pytest.mark.parametrize(
    ("cls", "example", "names"), BREACHES, ids=lambda one: getattr(one, "__name__", "")
)
def test_each_breach_is_found_by_name_and_nothing_else_is(cls, example, names):
    results = check_all([Subject(cls, Example(**example))])
    assert {one.check: one.message for one in results if one.outcome == "failed"}.keys() == names


def test_every_check_has_an_operator_that_breaks_it():
    found = {name for _, _, names in BREACHES for name in names}
    of_plugins = {"check_specification", "check_import_budget"}  # see test_plugin_checks
    assert found | of_plugins == {check.name for check in CHECKS}


class Asking(Prompted, Generator):
    """Have a model say it shorter."""

    prompt: Prompt = Prompt("Shorter: {{ text }}")

    def run(
        self, storage: Storage, input_text: TextColumn = "text", output_short: TextColumn = "short"
    ) -> None:
        asked = self.ask(storage, {"text": input_text})
        asked.write(storage, {output_short: asked.column()})


class Tagged(Evaluator):
    """Count tags."""

    def run(
        self, storage: Storage, input_tags: ListColumn = "tags", output_n: IntegerColumn = "n"
    ) -> None:
        table = storage.read([input_tags])
        table[output_n] = [0 if one is pd.NA else len(one) for one in table[input_tags].tolist()]
        storage.write(table)


class Long(Filter):
    """Keep long texts."""

    def run(self, storage: Storage, input_text: TextColumn = "text") -> None:
        lengths = storage.read([input_text])[input_text].str.len()
        self.keep(storage, lengths > 40, value=lengths)


class DescribedInChinese(Upper):
    """把文本写成大写。"""


class Unwritable(Upper):
    """Hold what no recipe can."""

    mark: bytes = b"\xff"


class HasNoNumber(Upper):
    """Write texts in upper case, whatever its number is."""

    number: float = float("nan")


SOUND = [Upper, Counted, Asking, Tagged, Long, DescribedInChinese, HasNoNumber]


@pytest.mark.parametrize("cls", SOUND)
def test_sound_operators_pass_without_an_example(cls):
    check_operator(cls)


def test_answers_listed_in_the_order_of_the_requests_go_to_the_others_when_one_is_refused():
    listed = ScriptedServing(["first", "second"], max_concurrency=1)
    check_operator(AsksSoundly, Example(rows=ROWS, serving=listed))


def test_what_an_example_needs_is_told_with_the_line_to_write():
    with pytest.raises(ConformanceError) as caught:
        check_operator(NeedsLabels)
    assert "labels (list[str])" in str(caught.value)
    assert 'examples={"NeedsLabels": Example(configuration={"labels": …})}' in str(caught.value)


def test_rows_are_blamed_only_by_checks_that_run():
    results = check_all([Subject(HoldsAFunction), Subject(FailsOnNull), Subject(Unwritable)])
    told = {one.check: one.message for one in results if one.outcome == "failed"}
    assert "made up" not in told["check_pickles"]
    assert "made up" not in told["check_configuration_round_trips"]
    assert "The rows were made up" in told["check_null_values"]


def test_the_table_of_failures_has_each_check_once():
    with pytest.raises(ConformanceError, match=r"Tosses: 3 of \d+ checks fail:") as caught:
        check_operator(Tosses)
    assert str(caught.value).count("check_deterministic") == 1


def test_expected_failures_are_strict():
    check_operator(FailsOnNull, expected_failures={"check_null_values": "nulls are dropped before"})
    with pytest.raises(ConformanceError, match="it passes, and was expected to fail"):
        check_operator(Upper, expected_failures={"check_null_values": "none"})
    with pytest.raises(ConformanceError, match="Did you mean 'check_null_values'"):
        check_operator(Upper, expected_failures={"check_null_value": "none"})


def test_an_example_may_expect_a_failure():
    example = Example(expected_failures={"check_null_values": "nulls are dropped before"})
    check_operator(FailsOnNull, example)


def test_a_row_whose_answer_fails_is_a_failure_not_a_pass():
    storage = MemoryStorage([{"text": "one"}])
    operator, serving = Subject(Asking).failing("refused")
    operator.run(storage)
    assert serving.requests
    assert storage.quarantined()["reason"].tolist() == ["invalid_request"]
