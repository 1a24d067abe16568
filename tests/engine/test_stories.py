"""What run directories tell of single rows: the whole ledger, row by row, and the steps again."""

from __future__ import annotations

import json
import os
import shutil

import pandas as pd
import pytest

from dataflow_core import FileStorage, MemoryStorage, Refiner
from dataflow_core.engine.replay import replay
from dataflow_core.engine.row_story import LISTED, ends_of, fate_text, ids_with, story_at, story_of
from dataflow_core.engine.rundir import RunDirectory
from dataflow_core.engine.stored_rows import find_rows
from dataflow_core.engine.stored_runs import StoredRun, find_run
from dataflow_core.errors import DataflowError, RunError
from dataflow_core.operators.general import (
    Apply,
    DeduplicateExact,
    DeriveColumn,
    Explode,
    FilterRows,
    Sort,
)

from . import faults
from .pipelines import Nothing, Steps

TEXTS = [
    {"n": 0, "text": "one"},
    {"n": 1, "text": "two"},
    {"n": 2, "text": "one"},
    {"n": 3, "text": None},
    {"n": 4, "text": "四" * 500},
]


class Shout(Refiner):
    """Write texts in capital letters."""

    def run(self, storage, input_text="text"):
        table = storage.read([input_text])
        table[input_text] = table[input_text].str.upper()
        storage.write(table)


def source(tmp_path, rows=TEXTS):
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return FileStorage(path, on_bad_row="quarantine")


def done(tmp_path, *steps, rows=TEXTS, name="run", **options):
    report = Steps(source(tmp_path, rows), *steps).run(
        output=tmp_path / "out.jsonl", run_dir=tmp_path / name, **options
    )
    return StoredRun(report.run_dir)


def opened(place, on_bad_row, types):
    return FileStorage(place, on_bad_row=on_bad_row, types=types)


@pytest.mark.parametrize("name", list(faults.PIPELINES))
def test_the_stories_of_all_rows_are_the_ledger(name, tmp_path):
    faults.prepare(tmp_path / "x")
    faults.run(name, tmp_path / "x", batch_size=50)
    run = StoredRun(tmp_path / "x" / "run")
    ledger = pd.read_parquet(run.path / "ledger.parquet").astype(object)
    ledger = ledger.where(ledger.notna(), None)
    places = {row: [] for row in ledger["row_id"]}
    for one in find_rows(run, list(places)):
        places[one.id()].append(one)
    for row, lines in ledger.groupby("row_id"):
        ends = {(end.fate, end.step, end.reason) for end in ends_of(run, places[row])}
        assert ends == set(lines[["fate", "step", "reason"]].itertuples(index=False, name=None))
    assert len(ledger["row_id"].unique()) >= faults.ROWS


def test_a_dropped_row_is_told_with_its_reason_and_values(tmp_path):
    run = done(tmp_path, (FilterRows(where="n <> 1"), {}))
    story = story_at(run, 1)
    assert (story.source, story.position) == ("source", 1)
    (end,) = story.ends
    assert (end.fate, end.step, end.reason) == ("dropped", "filter_rows", "condition_is_false")
    assert end.values == {"n": 1, "text": "two"}
    assert story.tables == {}


def test_a_duplicate_and_the_row_that_it_repeats_tell_of_each_other(tmp_path):
    run = done(tmp_path, (DeduplicateExact(), {"input_columns": ["text"]}))
    first, second = story_at(run, 0), story_at(run, 2)
    assert second.ends[0].fate == "duplicate"
    assert (second.repeats.row, second.repeats.fates) == (first.row, ["output"])
    assert (second.repeats.source, second.repeats.position) == ("source", first.position)
    assert [one.row for one in first.repeated] == [second.row]
    assert first.counts["repeated"] == 1


def test_rows_made_of_others_are_followed_both_ways(tmp_path):
    rows = [{"n": n, "lists": [[n, n + 1], [n + 2]]} for n in range(3)]
    run = done(
        tmp_path,
        (Explode(), {"input_list": "lists"}),
        (Explode(), {"input_list": "lists"}),
        (FilterRows(where="lists <> 3"), {}),
        rows=rows,
    )
    story = story_at(run, 1)
    assert {end.fate for end in story.ends} == {"expanded"}
    assert [len(child.children) for child in story.children] == [2, 1]
    grandchild = story.children[1].children[0]
    assert grandchild.fates == ["dropped by filter_rows (condition_is_false)"]
    back = story_of(run, grandchild.row)
    assert [one.row for one in back.parents] == [story.children[1].row, story.row]
    assert (back.source, back.position, back.root) == (None, None, story.row)


def test_of_many_relatives_the_first_are_listed_and_all_counted(tmp_path):
    rows = [{"items": list(range(500)), "t": "same"}, *({"items": [], "t": "same"},) * 400]
    run = done(tmp_path, (DeduplicateExact(), {"input_columns": ["t"]}),
               (Explode(), {"input_list": "items"}), rows=rows)  # fmt: skip
    story = story_at(run, 0)
    assert (len(story.children), len(story.repeated)) == (LISTED, LISTED)
    assert story.counts == {"children": 500, "repeated": 400}
    assert len(ids_with(run, "t", "same")) == LISTED + 1


def test_an_unreadable_row_is_told_with_its_bytes(tmp_path):
    storage = source(tmp_path)
    with (tmp_path / "in.jsonl").open("a") as file:
        file.write("{broken\n")
    Steps(storage, (FilterRows(where="n >= 0"), {})).run(
        output=tmp_path / "out.jsonl", run_dir=tmp_path / "run"
    )
    run = StoredRun(tmp_path / "run")
    (end,) = story_at(run, 5).ends
    assert (end.fate, end.step, end.reason) == ("quarantined", "source", "unreadable")
    assert end.values["raw"] == b"{broken"
    with pytest.raises(RunError, match="could not be read"):
        replay(run, story_at(run, 5), opened)


def test_ids_may_be_short_if_they_fit_one_row(tmp_path):
    run = done(tmp_path, (FilterRows(where="n > 1"), {}), rows=[{"n": n} for n in range(300)])
    whole = story_at(run, 7).row
    assert story_of(run, whole[:10].upper()).row == whole
    with pytest.raises(RunError, match=r"more than one row .* begins with '.'.*more digits"):
        story_of(run, whole[0])
    with pytest.raises(RunError, match="no row '0123456789abcdef'"):
        story_of(run, "0123456789abcdef")
    with pytest.raises(RunError, match="'xyz' is no row id"):
        story_of(run, "xyz")
    with pytest.raises(RunError, match=r"no row 300 .* has 300 rows"):
        story_at(run, 300)


def test_rows_are_found_by_value(tmp_path):
    rows = [{"n": n, "t": f"t{n % 3}", "f": n / 2, "tags": [n], "m": n if n % 2 else "x"}
            for n in range(9)]  # fmt: skip
    run = done(tmp_path, (FilterRows(where="n > 4"), {}), rows=rows)
    position = {story_at(run, n).row: n for n in range(9)}
    for column, value, found in [
        ("n", "7", [7]), ("t", "t1", [1, 4, 7]), ("f", "2.5", [5]), ("tags", "[3]", [3]),
        ("m", "x", [0, 2, 4, 6, 8]), ("m", "3", [3]),
    ]:  # fmt: skip
        assert sorted(position[row] for row in ids_with(run, column, value)) == found
    with pytest.raises(RunError, match=r"has a column 'tag'\. Did you mean 'tags'"):
        ids_with(run, "tag", "x")
    with pytest.raises(RunError, match="ended with n = 'many'"):
        ids_with(run, "n", "many")


def named_alike(bad):
    """Return rows whose columns have names of the account, one of them with a wrong digit."""
    return [
        {"n": n, "step": f"s{n}", "step_": "own", "reason": ["r"], "value": n, "row_id": f"id{n}",
         "message": None, "related_row_id": n, "digit": "x" if n == bad else str(n)}
        for n in range(4)
    ]  # fmt: skip


def test_columns_that_are_named_like_those_of_an_account_keep_their_names(tmp_path):
    rows = named_alike(bad=3)
    derive = (DeriveColumn(expression="CAST(digit AS INT)"), {"output_column": "m"})
    run = done(tmp_path, (FilterRows(where="n > 0"), {}), derive, rows=rows, max_failures=2)
    stories = [story_at(run, n) for n in range(4)]
    fates = [story.ends[0].fate for story in stories]
    assert fates == ["dropped", "output", "output", "quarantined"]
    for n in (0, 3):
        assert list(stories[n].ends[0].values.items()) == list(rows[n].items())
    for n, story in enumerate(stories):
        for column, value in [("step", f"s{n}"), ("value", str(n)), ("row_id", f"id{n}"),
                              ("related_row_id", str(n))]:  # fmt: skip
            assert ids_with(run, column, value) == [story.row]
    assert len(ids_with(run, "step_", "own")) == 4
    assert len(ids_with(run, "reason", '["r"]')) == 4
    for name in ("reason_", "step__"):
        with pytest.raises(RunError, match=f"no row of .* has a column '{name}'"):
            ids_with(run, name, "x")


def test_dropped_rows_keep_their_columns_names_when_failed_ones_are_done_again(tmp_path):
    rows = named_alike(bad=2)
    rows[2]["maybe"] = 1

    def run(name, cast, **options):
        derive = (DeriveColumn(expression=f"{cast}(digit AS INT)"), {"output_column": "m"})
        drop = (FilterRows(where="n > 3"), {})
        return done(tmp_path, derive, drop, rows=rows, name=name, batch_size=2, **options)

    run("again", "CAST", max_failures=2)
    again, whole = run("again", "TRY_CAST", retry_failed=True), run("whole", "TRY_CAST")
    for n in range(4):
        assert story_at(again, n).ends == story_at(whole, n).ends
        assert ids_with(again, "step", f"s{n}") == [story_at(again, n).row]
    assert story_at(again, 2).ends[0].values == {**rows[2], "m": None}


def test_dropped_rows_tell_missing_keys_from_nulls(tmp_path):
    rows = [{"n": 0, "t": None}, {"n": 1}, {"n": 2, "t": "a"}]
    run = done(tmp_path, (FilterRows(where="n > 1"), {}), rows=rows)
    assert [story_at(run, n).ends[0].values for n in range(3)] == rows


def test_values_before_and_after_each_step_are_seen_again(tmp_path):
    run = done(
        tmp_path,
        (FilterRows(where="n < 4"), {}),
        (Shout(), {"input_text": "text"}),
        (DeriveColumn(expression="n + 1"), {"output_column": "next"}),
        (DeduplicateExact(), {"input_columns": ["text"]}),
        (Nothing(), {}),
    )
    found = replay(run, story_at(run, 2), opened)
    assert found.notes == []
    assert found.source == {"n": 2, "text": "one"}
    kept, shout, derive, unique = found.steps
    assert kept.preview.changes == []
    assert [(c.column, c.before, c.after) for c in shout.preview.changes] == [
        ("text", "one", "ONE")
    ]
    assert derive.preview.new_columns == ["next"]
    assert [gone.reason for gone in unique.preview.gone] == ["duplicate"]


def test_a_step_that_needs_the_whole_table_is_left_out_and_the_row_taken_up_behind(tmp_path):
    run = done(
        tmp_path,
        (Shout(), {"input_text": "text"}),
        (Sort(), {"input_columns": ["n"]}),
        (FilterRows(where="n < 4"), {}),
        (DeduplicateExact(), {"input_columns": ["text"]}),
    )
    steps = replay(run, story_at(run, 1), opened).steps
    assert [(one.step, one.left_out) for one in steps] == [
        ("shout", None),
        ("sort", "it needs the whole table"),
        ("filter_rows", None),
        ("deduplicate_exact", None),
    ]
    assert steps[-1].preview.rows_out == 1


def test_only_the_rows_of_the_story_are_seen_again(tmp_path):
    rows = [{"n": n, "items": ["a", "b", "c"]} for n in range(3)]
    explode = (Explode(), {"input_list": "items"})
    run = done(tmp_path, explode, (Shout(), {"input_text": "items"}), rows=rows)
    parent = story_at(run, 1)
    assert replay(run, parent, opened).steps[-1].preview.rows_in == 3
    child = story_of(run, parent.children[1].row)
    found = replay(run, child, opened)
    assert found.row == parent.row
    (change,) = found.steps[-1].preview.changes
    assert (change.row, change.before, change.after) == (child.row, "b", "B")


def test_rows_made_of_others_are_compared_with_those(tmp_path):
    rows = [{"n": n, "lang": "fr", "items": ["a", "b"]} for n in range(3)]
    run = done(tmp_path, (Explode(), {"input_list": "items"}), rows=rows)
    parent = story_at(run, 1)
    (explode,) = replay(run, parent, opened).steps
    children = [child.row for child in parent.children]
    assert [(one.row, one.parent) for one in explode.preview.made] == [
        (child, parent.row) for child in children
    ]
    assert [(c.row, c.column, c.before, c.after) for c in explode.preview.changes] == [
        (children[0], "items", ["a", "b"], "a"),
        (children[1], "items", ["a", "b"], "b"),
    ]
    assert explode.preview.changed == {"items": 2}


def test_what_changed_since_the_run_is_said(tmp_path):
    run = done(tmp_path, (FilterRows(where="n <> 1"), {}))
    source(tmp_path, [{"n": 9, "text": "new"}] * 5)
    found = replay(run, story_at(run, 1), opened)
    assert found.notes == [
        "source: other content, or read in another way",
        "in the run, the row left at filter_rows (condition_is_false); now it does not",
    ]


def test_what_cannot_be_seen_again_is_an_error(tmp_path):
    run = done(tmp_path, (Apply(func=lambda table: table), {}))
    with pytest.raises(RunError, match=r"step 'apply' .* holds a Python function"):
        replay(run, story_at(run, 1), opened)
    report = Steps(MemoryStorage(TEXTS), (FilterRows(where="n > 1"), {})).run(
        output=tmp_path / "o.jsonl", run_dir=tmp_path / "memory"
    )
    run = StoredRun(report.run_dir)
    with pytest.raises(RunError, match=r"in memory, which is gone\..*--input"):
        replay(run, story_at(run, 3), opened)
    path = tmp_path / "in.jsonl"
    assert replay(run, story_at(run, 3), opened, str(path)).source == {"n": 3, "text": None}


def stopped(tmp_path):
    """Return a run that failed in its second stage, after a commit of ten rows."""

    def fail_late(table):
        if table["n"].iloc[0] >= 10:
            raise DataflowError("too late")
        return table

    with pytest.raises(DataflowError, match="too late"):
        done(
            tmp_path,
            (FilterRows(where="n % 2 = 0"), {}),
            (Sort(), {"input_columns": ["n"]}),
            (Apply(func=fail_late), {}),
            rows=[{"n": n} for n in range(40)],
            batch_size=10,
            commit_seconds=0,
        )
    return StoredRun(tmp_path / "run")


def test_an_unfinished_run_tells_what_is_committed(tmp_path):
    run = stopped(tmp_path)
    assert run.state == "failed"
    assert run.asked["error"].endswith("too late")
    assert [(s.name, s.is_finished) for s in run.stages] == [
        ("filter_rows", True),
        ("sort", True),
        ("apply", False),
    ]
    assert story_at(run, 3).ends[0].fate == "dropped"
    (end,) = story_at(run, 38).ends
    assert (end.fate, end.step) == ("waiting", "sort")
    with pytest.raises(RunError, match=r"no row .* is not through \(failed\)"):
        story_at(run, 40)


def test_a_row_is_output_only_once_that_is_written(tmp_path):
    run = done(tmp_path, (FilterRows(where="n > 1"), {}))
    asked = json.loads((run.path / "run.json").read_text())
    assert story_at(run, 2).ends[0].fate == "output"
    for exported in (None, {"paths": ["out.jsonl"], "rows": 3, "table": "x"}):
        told = asked | {"state": "failed", "exported": exported}
        (run.path / "run.json").write_text(json.dumps(told))
        run = StoredRun(run.path)
        (end,) = story_at(run, 2).ends
        assert end.fate == "through"
        assert fate_text(end) == "through all steps; the output is not written yet"
        assert story_at(run, 0).ends[0].fate == "dropped"


def test_what_a_crash_left_is_neither_told_nor_touched(tmp_path):
    run = stopped(tmp_path)
    journal = run.path / "journals" / "filter_rows.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:2]) + lines[2][:-9])
    run = StoredRun(run.path)
    assert story_at(run, 3).ends[0].fate == "dropped"
    with pytest.raises(RunError, match="what was not committed is not told"):
        story_at(run, 13)
    assert run.rows() == (10, None)
    assert journal.read_bytes() == b"".join(lines[:2]) + lines[2][:-9]


def test_tables_of_an_earlier_plan_are_not_told(tmp_path):
    done(tmp_path, (FilterRows(where="n > 3"), {}), (Sort(), {"input_columns": ["n"]}))
    run = done(tmp_path, (FilterRows(where="n < 3"), {}), (Nothing(), {}))
    assert [stage.name for stage in run.stages] == ["nothing"]
    assert list(story_at(run, 1).tables) == ["nothing"]
    assert [end.fate for end in story_at(run, 4).ends] == ["dropped"]


def test_a_run_that_nobody_works_on_was_killed(tmp_path):
    run = done(tmp_path, (Nothing(), {}))
    asked = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps(asked | {"state": "running"}))
    assert StoredRun(run.path).state == "killed"
    with RunDirectory.create(run.path, "steps"):
        assert StoredRun(run.path).state == "running"
    (run.path / ".lock").unlink()
    assert StoredRun(run.path).state == "killed"


def test_runs_are_found_by_path_name_and_age(tmp_path, monkeypatch):
    run = done(tmp_path, (Nothing(), {}))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match="no run 'last', and none in dataflow-runs"):
        find_run("last")
    for age, name in enumerate(("good-1", "good-2", "odd")):
        shutil.copytree(run.path, tmp_path / "dataflow-runs" / name)
        os.utime(tmp_path / "dataflow-runs" / name / "run.json", (1000 - age, 1000 - age))
    assert find_run("last").name == "good-1"
    assert find_run("odd").path == find_run("dataflow-runs/odd").path
    assert find_run(str(run.path)).name == "run"
    with pytest.raises(RunError, match=r"no run 'good-3'\. Did you mean 'good-2'"):
        find_run("good-3")
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match=r"empty holds no run"):
        find_run("empty")
    (tmp_path / "empty" / "run.json").write_text("{")
    with pytest.raises(RunError, match=r"run\.json is damaged"):
        find_run("empty")
    (tmp_path / "empty" / "run.json").write_text("[1]")
    with pytest.raises(RunError, match="names and values wanted, found list"):
        find_run("empty")
    (tmp_path / "empty" / "run.json").write_text('{"format": 1}')
    with pytest.raises(RunError, match="another version"):
        find_run("empty")
