"""The contract between operators and storages: configuration, bindings, row identity, failures."""

from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from pandas.api.types import is_object_dtype

from dataflow_core import Evaluator, Filter, Generator, MemoryStorage, Operator, Refiner, Storage
from dataflow_core.errors import ColumnError, ConfigurationError, OperatorError
from dataflow_core.operators import RowFailure, TextColumn
from dataflow_core.storage.table_storage import TableStorage
from dataflow_core.table.identity import format_id


class Shout(Refiner):
    """Write texts in capitals."""

    times: int = 1
    mark: str = "!"

    def run(
        self, storage: Storage, input_text: TextColumn = "text", output_text: str | None = None
    ) -> None:
        table = storage.read([input_text])
        table[output_text or input_text] = table[input_text].str.upper() + self.mark * self.times
        storage.write(table)


class Needy(Evaluator):
    """Takes what must be given."""

    limit: int

    def run(
        self, storage: Storage, input_texts: tuple[str, ...], output_score: str = "score"
    ) -> None:
        table = storage.read(input_texts)
        table[output_score] = self.limit
        storage.write(table)


class LongEnough(Filter):
    """Keep texts of at least ``least`` characters."""

    least: int = 3

    def run(self, storage: Storage, input_text: TextColumn = "text") -> None:
        lengths = storage.read([input_text])[input_text].str.len()
        self.keep(storage, lengths >= self.least, reason="too_short", value=lengths)


ROWS = [{"id": n, "text": text} for n, text in enumerate(["ab", "Überfluss", None, "日本語"])]


def storage_of(rows=None):
    return MemoryStorage(ROWS if rows is None else rows)


def refiner(change, **options):
    """Return a refiner that writes what ``change`` makes of the whole table."""

    class Changer(options.pop("base", Refiner)):
        scope: ClassVar = options.get("scope", "row")
        makes_rows: ClassVar[bool] = options.get("makes_rows", False)

        def run(self, storage: Storage) -> None:
            result = change(storage.read())
            if result is not None:
                storage.write(result)

    return Changer()


# Configuration


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        (
            {"time": 2},
            r"Shout got.*\n  time: no such parameter\. Did you mean 'times'\?.*times, mark",
        ),
        ({"times": "many"}, r"times: Input should be a valid integer.*\(found 'many'\)"),
        ({"times": None}, r"times: .*\(found None\)"),
        ({"times": [], "mark": 3}, r"times: .*\n  mark: "),
    ],
)
def test_wrong_configuration_names_parameter_and_value(configuration, message):
    with pytest.raises(ConfigurationError, match=message):
        Shout(**configuration)


def test_missing_configuration_is_named():
    with pytest.raises(ConfigurationError, match="limit: required, not given"):
        Needy()


def test_configuration_is_frozen():
    operator = Shout()
    with pytest.raises(ValueError, match="frozen"):
        operator.times = 3


def test_equal_configuration_is_an_equal_operator():
    assert Shout(times=2) == Shout(times=2) != Shout(times=3)


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("PIIRemover", "pii_remover"),
        ("Shout", "shout"),
        ("Top5Words", "top5_words"),
        ("LLMJudge", "llm_judge"),
    ],
)
def test_step_names_are_snake_case(name, step):
    assert type(name, (Refiner,), {"__module__": __name__}).step_name() == step


# Bindings


@pytest.mark.parametrize(
    ("bindings", "message"),
    [
        (
            {"input_txt": "text"},
            r"Shout\.run has no parameter 'input_txt'\. Did you mean 'input_text'",
        ),
        ({"input_text": 3}, r"input_text is 3; it takes a column name, as a string"),
        ({"input_text": None}, r"input_text is None"),
        ({"input_text": ""}, r"input_text is ''"),
        ({"input_text": ["text"]}, r"it takes a column name"),
    ],
)
def test_wrong_bindings_are_refused(bindings, message):
    table = storage_of()
    with pytest.raises(ConfigurationError, match=message):
        Shout().run(table, **bindings)
    assert table.rows() == ROWS


def test_a_required_binding_must_be_given():
    with pytest.raises(ConfigurationError, match="needs input_texts: name the column"):
        Needy(limit=1).run(storage_of())
    with pytest.raises(ConfigurationError, match="column names, as a list of strings"):
        Needy(limit=1).run(storage_of(), input_texts=["text", 3])


def test_bindings_by_position_optional_and_one_for_several():
    table = storage_of()
    Shout().run(table, "text", "loud")
    assert table.rows()[1]["loud"] == "ÜBERFLUSS!"
    Needy(limit=4).run(table, "text", output_score="s")
    assert table.rows()[0] == {"id": 0, "text": "ab", "loud": "AB!", "s": 4}
    with pytest.raises(ConfigurationError, match="takes 2 columns"):
        Shout().run(table, "text", "loud", "more")


def test_other_parameters_belong_into_the_configuration():
    class Odd(Refiner):
        """Wrong."""

        def run(self, storage: Storage, input_text: str = "text", limit: int = 3) -> None:
            """Do nothing."""

    with pytest.raises(
        ConfigurationError, match=r"Odd\.run has a parameter 'limit'.*field of the class"
    ):
        Odd().run(storage_of())


@pytest.mark.parametrize("wrong", ["data.jsonl", pd.DataFrame(), None])
def test_a_storage_comes_first(wrong):
    with pytest.raises(ConfigurationError, match=r"Shout\.run takes a storage first.*FileStorage"):
        Shout().run(wrong)


def test_an_operator_without_run_says_so():
    with pytest.raises(NotImplementedError, match="does not define run"):
        Operator.run(Shout(), storage_of())


# Columns


def test_a_missing_column_is_named_with_step_parameter_and_nearest():
    table = storage_of([{"texts": "a"}])
    with pytest.raises(
        ColumnError, match=r"step 'shout', input_text: no column 'text'\. Did you mean 'texts'"
    ):
        Shout().run(table)
    assert table.rows() == [{"texts": "a"}]


def test_columns_that_were_not_read_are_carried_along_in_place():
    rows = [
        {"a": {"deep": [1, None]}, "text": "x", "z": 2**60 + 1},
        {"a": None, "text": "y", "z": None},
    ]
    table = storage_of(rows)
    Shout().run(table, output_text="loud")
    assert table.rows() == [{**row, "loud": row["text"].upper() + "!"} for row in rows]
    assert list(table.columns()) == ["a", "text", "z", "loud"]


def test_columns_that_were_read_and_not_written_are_removed():
    table = storage_of()
    refiner(lambda frame: frame[["text"]]).run(table)
    assert list(table.columns()) == ["text"]


def test_types_are_those_that_ordinary_code_works_on():
    rows = [
        {"n": 2**60 + 1, "x": 1.5, "b": True, "s": "a", "l": [1], "d": {"k": 1}, "j": [1, "x"]},
        dict.fromkeys("nxbsldj"),
    ]
    table = storage_of(rows).read()
    assert [str(table[name].dtype) for name in "nxb"] == ["Int64", "Float64", "boolean"]
    assert table["n"].tolist() == [2**60 + 1, pd.NA]
    assert (table["n"] % 2).tolist() == [1, pd.NA]
    assert all(isinstance(table[name].dtype, pd.ArrowDtype) for name in "sld")
    assert is_object_dtype(table["j"])
    assert table["j"].tolist() == [[1, "x"], None]
    assert table.index.dtype == np.uint64


def test_a_table_that_was_read_is_the_operators_own():
    rows = [
        {"n": 1, "s": "a", "l": [1], "j": {"k": [1, "x"]}},
        {"n": 2, "s": "b", "l": [2], "j": [3]},
    ]
    table = storage_of(rows)
    table.read()  # Reading twice must not lend the same objects.
    frame = table.read()
    frame.loc[:, "n"] = 9
    frame.loc[:, "s"] = "changed"
    frame["j"].iloc[0]["k"].append("changed")
    assert table.rows() == rows
    table.write(frame[["n", "s", "l"]].assign(j=frame["j"]))
    assert table.rows()[0] == {"n": 9, "s": "changed", "l": [1], "j": {"k": [1, "x", "changed"]}}


def test_written_objects_are_not_shared_with_the_operator():
    table, cell = storage_of([{"n": 1}]), {"k": [1, "x"]}
    frame = table.read()
    frame["made"] = pd.Series([cell], index=frame.index, dtype=object)
    table.write(frame)
    cell["k"].append("later")
    assert table.rows() == [{"n": 1, "made": {"k": [1, "x"]}}]


def test_written_numbers_are_not_shared_with_the_operator():
    table = storage_of([{"n": 1}])
    frame = table.read()
    table.write(frame)
    frame.loc[:, "n"] = 99
    assert table.rows() == [{"n": 1}]


# Row identity

BROKEN = {
    "loses rows": (
        lambda t: t.iloc[1:],
        "1 of 4 rows were lost.*'refine' returns every row.*RowFailure",
    ),
    "loses all rows": (lambda t: t.iloc[:0], "4 of 4 rows were lost"),
    "reorders": (lambda t: t.iloc[::-1], "another order.*scope"),
    "repeats": (lambda t: t.iloc[[0, 0, 1, 2, 3]], "more than once.*makes_rows"),
    "resets the index": (lambda t: t.reset_index(drop=True), "row ids.*no reset_index"),
    "resets the index to column": (lambda t: t.reset_index(), "row ids.*no reset_index"),
    "concatenates": (lambda t: pd.concat([t, t], ignore_index=True), "ignore_index"),
    "merges": (lambda t: t.merge(t, on="id"), "no merge without index"),
    "invents rows": (lambda t: t.set_axis(t.index ^ np.uint64(1)), "row ids"),
    "returns no frame": (lambda t: t["text"], "write takes a DataFrame, found Series"),
    "reserved name": (lambda t: t.assign(__dataflow_x=1), "'__dataflow_x' is reserved"),
    "raises": (lambda _: 1 / 0, "failed: ZeroDivisionError"),
    "bytes and numbers": (lambda t: t.assign(x=[b"a", 1, 2.5, None]), "column 'x'"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_breaking_the_contract_is_an_error_that_leaves_the_table(what):
    change, message = BROKEN[what]
    table = storage_of()
    before = table.read()
    with pytest.raises(OperatorError, match=f"(?s)step 'changer'.*{message}"):
        refiner(change).run(table)
    assert table.rows() == ROWS
    pd.testing.assert_frame_equal(table.read(), before)
    Shout().run(table)
    assert table.rows()[0]["text"] == "AB!"


def test_an_operator_that_fails_after_writing_leaves_the_table():
    def change(frame):
        raise RuntimeError("after")

    class Late(Refiner):
        """Writes, drops, and then fails."""

        def run(self, storage: Storage) -> None:
            storage.write(storage.read().assign(text="gone"))
            change(None)

    table = storage_of()
    with pytest.raises(OperatorError, match="step 'late' failed: RuntimeError: after"):
        Late().run(table)
    assert table.rows() == ROWS
    assert table.outcomes == []


def test_a_dataset_operator_may_reorder():
    table = storage_of()
    refiner(lambda t: t.iloc[::-1], scope="dataset").run(table)
    assert [row["id"] for row in table.rows()] == [3, 2, 1, 0]


@pytest.mark.parametrize("base", [Generator, Evaluator, Refiner])
def test_only_filters_lose_rows(base):
    with pytest.raises(OperatorError, match="rows were lost"):
        refiner(lambda t: t.iloc[1:], base=base).run(storage_of())
    table = storage_of()
    refiner(lambda t: t.iloc[1:], base=Filter).run(table)
    assert table.dropped()["reason"].tolist() == ["changer"]


# Filters


def test_a_filter_drops_with_reason_and_value():
    table = storage_of()
    ids = table.read().index
    LongEnough().run(table)
    assert [row["id"] for row in table.rows()] == [1, 3]
    dropped = table.dropped()
    assert dropped.index.tolist() == [format_id(ids[0]), format_id(ids[2])]
    assert dropped["step"].tolist() == ["long_enough"] * 2
    assert dropped["reason"].tolist() == ["too_short"] * 2
    assert dropped["value"].tolist()[0] == "2"
    assert pd.isna(dropped["value"].iloc[1])
    assert dropped["id"].tolist() == [0, 2]


def test_a_filter_of_nothing_and_of_everything():
    table = storage_of([{"text": "abc"}])
    LongEnough().run(table)
    assert len(table.dropped()) == 0
    LongEnough(least=9).run(table)
    assert table.rows() == []
    LongEnough().run(table)
    assert table.rows() == []


def test_keep_takes_reasons_for_each_row():
    class Why(Filter):
        """Keep nothing."""

        def run(self, storage: Storage) -> None:
            table = storage.read(["id"])
            keep = table["id"].gt(2)
            self.keep(storage, keep, reason=("small_" + table["id"].astype(str)))

    table = storage_of()
    Why().run(table)
    assert table.dropped()["reason"].tolist() == ["small_0", "small_1", "small_2"]


def test_dropping_what_is_not_there_is_an_error():
    table = storage_of()
    with pytest.raises(OperatorError, match="cannot drop rows that are not in the table"):
        table.drop([12345], "because")
    assert table.rows() == ROWS


# Failures


def fail_where(mask):
    def change(frame):
        answers = [
            RowFailure("unparsable_answer", "no box", raw="I think 4") if bad else "fine"
            for bad in mask
        ]
        frame["answer"] = pd.Series(answers, index=frame.index, dtype=object)
        return frame

    return refiner(change, base=Generator)


def test_a_failed_row_goes_to_quarantine_and_the_others_go_on():
    table = storage_of()
    ids = table.read().index
    fail_where([False, True, False, False]).run(table)
    assert [row["answer"] for row in table.rows()] == ["fine"] * 3
    failed = table.quarantined()
    assert failed.index.tolist() == [format_id(ids[1])]
    row = failed.iloc[0]
    assert (row["reason"], row["message"], row["value"]) == (
        "unparsable_answer",
        "no box",
        "I think 4",
    )
    assert (row["step"], row["id"], row["text"]) == ("changer", 1, "Überfluss")
    assert len(table.dropped()) == 0


def test_all_rows_may_fail():
    table = storage_of()
    fail_where([True] * 4).run(table)
    assert table.rows() == []
    assert len(table.quarantined()) == 4


def test_a_failure_in_two_columns_is_one_failed_row():
    def change(frame):
        for name in ("a", "b"):
            frame[name] = pd.Series(
                [RowFailure(f"bad_{name}"), 1, 2, 3], index=frame.index, dtype=object
            )
        return frame

    table = storage_of()
    refiner(change).run(table)
    assert table.quarantined()["reason"].tolist() == ["bad_a"]
    assert [row["b"] for row in table.rows()] == [1, 2, 3]


# Operators within operators


def test_an_operator_may_run_others_and_is_one_step():
    class Both(Filter):
        """Shout, then filter."""

        def run(self, storage: Storage, input_text: str = "text") -> None:
            Shout(mark="").run(storage, input_text, "loud")
            LongEnough(least=9).run(storage, "loud")

    table = storage_of()
    Both().run(table)
    assert table.rows() == [{"id": 1, "text": "Überfluss", "loud": "ÜBERFLUSS"}]
    assert [outcome.step for outcome in table.outcomes] == ["both"]
    assert table.dropped()["step"].tolist() == ["both"] * 3


def test_a_failing_inner_operator_leaves_the_table_to_the_outer_ones_start():
    class Both(Refiner):
        """Shout, then ask for a column that is not there."""

        def run(self, storage: Storage) -> None:
            Shout().run(storage)
            Shout().run(storage, "missing")

    table = storage_of()
    with pytest.raises(ColumnError, match="missing"):
        Both().run(table)
    assert table.rows() == ROWS


# Row makers


class Letters(Generator):
    """Make a row of each letter."""

    makes_rows: ClassVar[bool] = True
    in_place: ClassVar[bool] = True

    def run(
        self, storage: Storage, input_text: str = "text", output_letter: str = "letter"
    ) -> None:
        table = storage.read([input_text])
        texts = ["" if pd.isna(text) else text for text in table[input_text]]
        rows = table.loc[table.index.repeat([len(text) for text in texts])].copy()
        rows[output_letter] = [letter for text in texts for letter in text]
        storage.write(rows)


def test_children_do_not_depend_on_the_batch_and_know_their_parents():
    whole = storage_of()
    parents = whole.read().index
    Letters().run(whole)
    assert [row["letter"] for row in whole.rows()] == list("abÜberfluss日本語")
    assert [row["id"] for row in whole.rows()][:3] == [0, 0, 1]
    children, ids = whole.outcomes[0].children, []
    for start in range(4):
        part = TableStorage(storage_of().frame.slice(start, 1))
        Letters().run(part)
        ids += part.read([]).index.tolist()
    assert ids == whole.read([]).index.tolist() == children.tolist()
    assert len(set(ids) | set(parents)) == len(ids) + len(parents)
    assert whole.dropped()["reason"].tolist() == ["made_no_rows"]
    assert whole.outcomes[0].expanded == 3


class Rare(Letters):
    """Letters, but for the most frequent one."""

    def run(self, storage, input_text="text", output_letter="letter"):
        super().run(storage, input_text, output_letter)
        letters = storage.read()
        storage.write(letters[letters[output_letter] != "s"])


def test_children_that_are_written_no_more_are_dropped():
    storage = storage_of()
    Rare().run(storage)
    assert [row["letter"] for row in storage.rows()] == list("abÜberflu日本語")
    gone = storage.dropped()
    assert gone["reason"].tolist() == ["made_no_rows"] * 3
    assert sorted(gone["letter"].fillna("")) == ["", "s", "s"]


def test_rows_made_twice_keep_their_own_ids():
    table = storage_of()
    Letters().run(table)
    first = table.read([]).index
    Letters().run(table, "letter")
    assert set(first).isdisjoint(table.read([]).index)


# Empty tables


@pytest.mark.parametrize("operator", [Shout(), LongEnough(), Letters()])
def test_empty_tables_are_ordinary(operator):
    table = storage_of([{"text": "a", "id": 1}])
    table.drop(table.read([]).index, "gone")
    operator.run(table)
    assert table.rows() == []
    assert "text" in table.columns()
