"""Locks: a run is repeated as it was, or it is said why it cannot be."""

from __future__ import annotations

import json

import pytest

from dataflow_core import MemoryStorage, Pipeline
from dataflow_core.operators.general import Apply, FilterRows

RECIPE = """
dataflow: 1
name: few
steps:
- operator: core/filter_rows
  config: {where: "n > 3"}
- operator: core/deduplicate_exact
"""


@pytest.fixture
def folder(dataflow, tmp_path):
    (tmp_path / "few.yaml").write_text(RECIPE)
    lines = [json.dumps({"n": n % 9}) for n in range(20)]
    (tmp_path / "in.jsonl").write_text("\n".join([*lines[:5], "{bad", *lines[5:]]) + "\n")
    dataflow(
        tmp_path, "run", "few.yaml", "-i", "in.jsonl", "-o", "one.jsonl", "--run-dir", "one",
        "--limit", "18", "--on-bad-row", "quarantine",
    )  # fmt: skip
    return tmp_path


def test_a_lock_repeats_its_run(dataflow, folder):
    dataflow(folder, "run", "one/run.lock", "-o", "two.jsonl", "--run-dir", "two", "--fresh")
    assert (folder / "two.jsonl").read_bytes() == (folder / "one.jsonl").read_bytes()
    ledgers = [(folder / name / "ledger.parquet").read_bytes() for name in ("one", "two")]
    assert ledgers[0] == ledgers[1]
    told = [json.loads((folder / name / "run.lock").read_text()) for name in ("one", "two")]
    assert told[0] == told[1]
    assert told[0]["limit"] == 18
    assert set(told[0]["distributions"]) >= {"dataflow-llm-core", "pandas", "pyarrow"}


def test_an_input_that_moved_is_named_and_must_be_the_same(dataflow, folder):
    (folder / "in.jsonl").rename(folder / "moved.jsonl")
    missing = dataflow(folder, "run", "one/run.lock", "-o", "two.jsonl", code=2)
    assert "in.jsonl does not exist" in missing.stderr
    dataflow(folder, "run", "one/run.lock", "-i", "moved.jsonl", "-o", "two.jsonl")
    assert (folder / "two.jsonl").read_bytes() == (folder / "one.jsonl").read_bytes()
    with (folder / "moved.jsonl").open("a") as file:
        file.write('{"n": 10}\n')
    changed = dataflow(
        folder, "run", "one/run.lock", "-i", "moved.jsonl", "-o", "three.jsonl", code=1
    )
    assert "cannot be repeated as it was:\n  source: other content" in changed.stderr
    assert not (folder / "three.jsonl").exists()


def test_other_code_is_said(dataflow, folder):
    path = folder / "one" / "run.lock"
    told = json.loads(path.read_text())
    told["fingerprints"]["filter_rows"]["code"] = "dataflow-llm-core 0.0.1"
    path.write_text(json.dumps(told))
    done = dataflow(folder, "run", "one/run.lock", code=1)
    assert "filter_rows: code 'dataflow-llm-core 0.0.1' -> " in done.stderr


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--limit", "5"], "--limit would make another run"),
        (["-p", "filter_rows.where=n > 1"], "--param would make another run"),
    ],
)
def test_what_would_make_another_run_is_refused(dataflow, more, said, folder):
    assert said in dataflow(folder, "run", "one/run.lock", *more, code=2).stderr


def test_what_is_no_lock_is_said(dataflow, folder):
    (folder / "no.lock").write_text("{}")
    assert "no.lock is no lock of a run" in dataflow(folder, "run", "no.lock", code=1).stderr


JOIN = """
dataflow: 1
name: joined
sources: {names: data/names-*.jsonl}
steps:
- operator: core/derive_column
  config: {expression: "CAST(digit AS INT)"}
  columns: {output_column: m}
- operator: core/join
  columns: {input_table: {table: names}, input_on: [n]}
"""


@pytest.fixture
def joined(dataflow, tmp_path):
    """Return a folder with a run over two files, of which one row failed, and another folder."""
    folder, elsewhere = tmp_path / "a", tmp_path / "b"
    for one in (folder / "data", elsewhere):
        one.mkdir(parents=True)
    rows = [{"n": n, "digit": "x" if n == 1 else str(n)} for n in range(3)]
    (folder / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "data" / "names-1.jsonl").write_text(
        "".join(json.dumps({"n": n, "name": f"name {n}"}) + "\n" for n in range(3))
    )
    (folder / "joined.yaml").write_text(JOIN)
    dataflow(folder, "run", "joined.yaml", "-i", "in.jsonl", "-o", "out.jsonl", "--run-dir", "run")
    return folder, elsewhere


def test_a_lock_works_from_any_folder(dataflow, joined):
    folder, elsewhere = joined
    wanted = (folder / "out.jsonl").read_bytes()
    assert wanted.count(b"name") == 4
    dataflow(elsewhere, "run", "../a/run/run.lock", "-o", "two.jsonl")
    assert (elsewhere / "two.jsonl").read_bytes() == wanted
    (folder / "in.jsonl").rename(elsewhere / "moved.jsonl")
    dataflow(elsewhere, "run", "../a/run/run.lock", "-i", "moved.jsonl", "-o", "three.jsonl")
    assert (elsewhere / "three.jsonl").read_bytes() == wanted


def test_a_lock_finds_the_files_of_operators_from_any_folder(dataflow, tmp_path):
    (tmp_path / "in.jsonl").write_text('{"text": "good"}\n{"text": "bad"}\n')
    (tmp_path / "words.txt").write_text("bad\n")
    recipe = "dataflow: 1\nsteps:\n- {operator: text/blocklist_filter, config: {file: words.txt}}\n"
    (tmp_path / "clean.yaml").write_text(recipe)
    dataflow(tmp_path, "run", "clean.yaml", "-i", "in.jsonl", "--run-dir", "run")
    (tmp_path / "b").mkdir()
    dataflow(tmp_path / "b", "run", "../run/run.lock", "-o", "out.jsonl")
    assert json.loads((tmp_path / "b" / "out.jsonl").read_text())["text"] == "good"
    again = dataflow(tmp_path / "b", "runs", "why", "../run", "1", "--replay").stdout
    assert "changed since" not in again
    assert "blocklist_filter: 1 row in, 0 out" in again


def test_rows_are_seen_and_done_again_from_any_folder(dataflow, joined):
    folder, elsewhere = joined
    again = dataflow(elsewhere, "runs", "why", "../a/run", "0", "--replay").stdout
    assert "join: left out, since it needs the whole table" in again
    fix = "derive_column.expression=TRY_CAST(digit AS INT)"
    dataflow(elsewhere, "runs", "retry", "../a/run", "--param", fix)
    assert (folder / "out.jsonl").read_bytes().count(b"name") == 6
    assert list(elsewhere.iterdir()) == []


def test_rows_are_seen_again_in_a_folder_that_moved_with_all_that_is_in_it(dataflow, joined):
    moved = joined[0].rename(joined[0].with_name("c"))
    assert "changed since" not in dataflow(moved, "runs", "why", "run", "2", "--replay").stdout


@pytest.mark.parametrize("name", ["X.json", "X.yaml", "X"])
def test_a_lock_is_known_by_its_content(dataflow, name, folder):
    (folder / "one" / "run.lock").rename(folder / name)
    dataflow(folder, "run", name, "-o", "two.jsonl")
    assert (folder / "two.jsonl").read_bytes() == (folder / "one.jsonl").read_bytes()
    assert "--limit would make" in dataflow(folder, "run", name, "--limit", "5", code=2).stderr


def test_a_file_that_is_no_pipeline_says_what_one_is(dataflow, folder):
    done = dataflow(folder, "run", "in.jsonl", code=2)
    assert "in.jsonl is no pipeline: recipes are files that end in .yaml" in done.stderr


def test_a_run_with_a_function_says_why_it_has_no_recipe(dataflow, tmp_path):
    class Mine(Pipeline):
        def forward(self):
            FilterRows(where="n > 3").run(self.storage)
            Apply(func=lambda table: table).run(self.storage)

    Mine(MemoryStorage([{"n": 5}])).run(run_dir=tmp_path / "run")
    done = dataflow(tmp_path, "run", "run/run.lock", code=1)
    assert "cannot be repeated from a file" in done.stderr
    assert "apply" in done.stderr


def test_a_lock_of_a_retried_run_says_that_it_may_differ(dataflow, tmp_path):
    (tmp_path / "in.jsonl").write_text('{"a": "1"}\n{"a": "x"}\n{"a": "3"}\n')
    step = {"operator": "core/derive_column", "columns": {"output_column": "b"}}
    recipe = {
        "dataflow": 1,
        "name": "b",
        "steps": [step | {"config": {"expression": "CAST(a AS INT)"}}],
    }
    (tmp_path / "b.yaml").write_text(json.dumps(recipe))
    dataflow(tmp_path, "run", "b.yaml", "-i", "in.jsonl", "--run-dir", "run")
    fix = "derive_column.expression=TRY_CAST(a AS INT)"
    dataflow(tmp_path, "runs", "retry", "run", "--param", fix)
    again = dataflow(tmp_path, "run", "run/run.lock", "-o", "again.jsonl")
    assert "failed rows of that run were done again (derive_column)" in again.stderr
    lines = (tmp_path / "again.jsonl").read_text().splitlines()
    assert [json.loads(line)["b"] for line in lines] == [1, None, 3]
