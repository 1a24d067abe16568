"""``dataflow export``: runs and files as training data, whole or not at all."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dataflow_core.cli.main import main

RECIPE = """\
dataflow: 1
name: easy
steps:
- name: easy
  operator: core/filter_rows
  config: {where: level < 100}
"""
ROWS = [{"question": f"{n} + {n}?", "answer": str(2 * n), "level": n} for n in range(200)]


VERL = ["--constant", "data_source=sums", "--constant", "ability=math"]


def write(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def read(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


@pytest.fixture
def export(tmp_path, monkeypatch, capfd):
    """Exports ``in.jsonl``, or what is named first, and returns the code and what was said."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "in.jsonl", ROWS)

    def run(*arguments, source="in.jsonl"):
        code = main(["export", source, *map(str, arguments)])
        told = capfd.readouterr()
        return code, told.out + told.err

    return run


def summary(export, *arguments, **options):
    code, told = export(*arguments, "--json", **options)
    assert code == 0, told
    return json.loads(told)


def test_a_file_becomes_a_file(export):
    code, told = export("-f", "alpaca", "-o", "out/train.jsonl")
    assert code == 0
    assert told == (
        "out/train.jsonl: 200 rows as alpaca\ncolumns: instruction = question, output = answer\n"
    )
    assert read("out/train.jsonl")[3] == {"instruction": "3 + 3?", "input": "", "output": "6"}
    assert [path.name for path in Path("out").iterdir()] == ["train.jsonl"]


def test_the_result_of_a_run_keeps_its_ids_and_so_its_split(export, tmp_path):
    (tmp_path / "easy.yaml").write_text(RECIPE)
    assert main(["run", "easy.yaml", "-i", "in.jsonl", "--run-dir", "run", "-q"]) == 0
    split = ["-f", "messages", "--test-share", "0.25"]
    of_run = summary(export, *split, "-o", "run-data/", source="run")
    of_file = summary(export, *split, "-o", "data/")
    assert [of_run["rows_in"], of_file["rows_in"]] == [100, 200]
    for name in ("train", "test"):
        run_rows, file_rows = read(f"run-data/{name}.jsonl"), read(f"data/{name}.jsonl")
        assert run_rows == file_rows[: len(run_rows)]
    assert 30 <= of_file["files"][1]["rows"] <= 70
    other = summary(export, *split, "-o", "other/", "--seed", "1")
    assert other["rows_out"] == 200
    assert read("other/test.jsonl") != read("data/test.jsonl")


def test_runs_that_are_not_done_and_their_own_outputs_are_refused(export, tmp_path):
    (tmp_path / "easy.yaml").write_text(RECIPE)
    assert main(["run", "easy.yaml", "-i", "in.jsonl", "--run-dir", "run", "-q"]) == 0
    code, told = export("-f", "parquet", "-o", "run/output.parquet", "--force", source="run")
    assert (code, "is the output of run" in told) == (1, True)
    asked = json.loads(Path("run/run.json").read_text())
    Path("run/run.json").write_text(json.dumps({**asked, "state": "interrupted"}))
    code, told = export("-f", "text", "-o", "x.jsonl", source="run")
    assert (code, "run is interrupted" in told) == (1, True)
    code, told = export("-f", "text", "-o", "x.jsonl", source="rum")
    assert (code, "rum does not exist" in told) == (2, True)


@pytest.mark.parametrize("output", ["out.jsonl", "out.parquet", "out.csv"])
def test_a_table_is_exported_as_it_is(export, output):
    assert export("-f", output.split(".")[1], "-o", output)[0] == 0
    code, told = export("-f", "jsonl", "-o", "back.jsonl", "--column-type", "level=int64",
                        source=output) if output.endswith("csv") else export(
        "-f", "jsonl", "-o", "back.jsonl", source=output)  # fmt: skip
    assert code == 0, told
    assert read("back.jsonl") == ROWS


def test_rows_that_do_not_fit_stop_the_export_or_are_set_aside(export, tmp_path):
    bad = {"question": "why?", "answer": None, "level": -1}
    write(tmp_path / "in.jsonl", [*ROWS[:3], bad, *ROWS[3:5]])
    with Path("in.jsonl").open("a") as file:
        file.write('{"question": broken\n')
    code, told = export("-f", "sharegpt", "-o", "out.jsonl", "--on-bad-row", "error")
    assert code == 1
    assert "in.jsonl" in told
    assert not Path("out.jsonl").exists()
    told = summary(export, "-f", "sharegpt", "-o", "out.jsonl", "--on-bad-row", "quarantine")
    assert [told[name] for name in ("rows_in", "rows_out", "rows_rejected")] == [7, 5, 2]
    assert told["rejected"] == {"empty_cell": 1, "unreadable": 1}
    assert len(read("out.jsonl")) == 5
    empty, unreadable = read(told["rejects"])
    assert empty == {
        "row_id": empty["row_id"], "position": 3, "reason": "empty_cell",
        "message": "the output is null", "row": bad,
    }  # fmt: skip
    assert (unreadable["position"], unreadable["row"]) == (6, '{"question": broken')


def test_the_first_row_that_does_not_fit_is_named(export, tmp_path):
    write(tmp_path / "in.jsonl", [*ROWS[:3], {"question": " ", "answer": "x"}])
    code, told = export("-f", "alpaca", "-o", "out.jsonl")
    assert code == 1
    assert "in.jsonl, row 3 (" in told
    assert "the instruction is empty (empty_cell). Correct the row" in told
    assert not list(Path().glob("out*"))


def test_nothing_is_replaced_unless_asked_for(export):
    assert export("-f", "alpaca", "-o", "data/", "--test-share", "0.5")[0] == 0
    before = sorted((path.name, path.read_bytes()) for path in Path("data").iterdir())
    code, told = export("-f", "alpaca", "-o", "data/")
    assert (code, "data/data.jsonl, data/data_test.jsonl: there already" in told) == (1, True)
    assert sorted((path.name, path.read_bytes()) for path in Path("data").iterdir()) == before
    assert export("-f", "alpaca", "-o", "data/", "--force")[0] == 0
    assert sorted(path.name for path in Path("data").iterdir()) == [
        "data.jsonl", "dataset_info.json",
    ]  # fmt: skip
    assert list(json.loads(Path("data/dataset_info.json").read_text())) == ["data"]
    Path("out.jsonl.rejects.jsonl").write_text("mine\n")
    code, told = export("-f", "alpaca", "-o", "out.jsonl")
    assert (code, "out.jsonl.rejects.jsonl: there already" in told) == (1, True)
    assert Path("out.jsonl.rejects.jsonl").read_text() == "mine\n"
    code, told = export("-f", "jsonl", "-o", "in.jsonl", "--force")
    assert (code, "sources are never written to" in told) == (1, True)
    assert read("in.jsonl") == ROWS


def test_each_dataset_of_llama_factory_has_rejects_of_its_own(export, tmp_path):
    write(tmp_path / "in.jsonl", [*ROWS, {"question": "", "answer": "0"}])
    Path("data").mkdir()
    Path("data/dataset_info.json").write_text('{"one_test": "of another hand"}')
    aside = ["-o", "data/", "--on-bad-row", "quarantine"]
    first = summary(export, "-f", "alpaca", *aside, "--name", "one")
    second = summary(export, "-f", "sharegpt", *aside)
    assert (first["rejects"], second["rejects"]) == (
        "data.one.rejects.jsonl", "data.rejects.jsonl",
    )  # fmt: skip
    assert [len(read(told["rejects"])) for told in (first, second)] == [1, 1]
    info = json.loads(Path("data/dataset_info.json").read_text())
    assert (list(info), info["one_test"]) == (["one_test", "one", "data"], "of another hand")


def test_datasets_of_llama_factory_stand_side_by_side(export):
    export("-f", "alpaca", "-o", "data/", "--name", "sums", "--test-share", "0.5")
    told = summary(export, "-f", "messages", "-o", "data/", "--layout", "llama-factory")
    assert told["datasets"] == ["data"]
    assert json.loads(Path("data/dataset_info.json").read_text()) == {
        "sums": {
            "file_name": "sums.jsonl",
            "columns": {"prompt": "instruction", "query": "input", "response": "output"},
        },
        "sums_test": {
            "file_name": "sums_test.jsonl",
            "columns": {"prompt": "instruction", "query": "input", "response": "output"},
        },
        "data": {
            "file_name": "data.jsonl",
            "formatting": "sharegpt",
            "columns": {"messages": "messages"},
            "tags": {
                "role_tag": "role", "content_tag": "content", "user_tag": "user",
                "assistant_tag": "assistant", "observation_tag": "tool",
                "function_tag": "function_call", "system_tag": "system",
            },
        },
    }  # fmt: skip
    Path("data/data.jsonl").unlink()
    code, told = export("-f", "sharegpt", "-o", "data/")
    assert (code, "has a data set 'data' already" in told) == (1, True)


def test_verl_gets_parquet_with_a_place_for_each_row(export):
    told = summary(
        export, "-f", "verl", "-o", "data/", *VERL, "--keep", "level", "--test-share", "0.2"
    )
    assert [Path(file["path"]).name for file in told["files"]] == ["train.parquet", "test.parquet"]
    for file in told["files"]:
        rows = pq.read_table(file["path"]).to_pylist()
        assert [row["extra_info"]["index"] for row in rows] == list(range(file["rows"]))
        assert {row["extra_info"]["split"] for row in rows} == {file["split"]}
        for row in rows:
            level = row["extra_info"]["level"]
            assert row["prompt"] == [{"role": "user", "content": f"{level} + {level}?"}]
            assert row["reward_model"] == {"style": "rule", "ground_truth": str(2 * level)}


def test_columns_are_kept_beside_the_prompt(export):
    export("-f", "grpo", "-o", "out.jsonl", "--keep", "level")
    assert read("out.jsonl")[7] == {
        "prompt": [{"role": "user", "content": "7 + 7?"}], "ground_truth": "14", "level": 7,
    }  # fmt: skip


CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
TOOLED = [
    {"role": "user", "content": "1 + 1?"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "content": "2", "tool_call_id": "c1"},
    {"role": "assistant", "content": "2"},
]


def test_calls_of_tools_need_columns_of_their_own_in_parquet_alone(export, tmp_path):
    plain = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    write(tmp_path / "in.jsonl", [{"messages": plain}, {"messages": TOOLED}])
    export("-f", "messages", "-o", "out.jsonl")
    assert read("out.jsonl") == [{"messages": plain}, {"messages": TOOLED}]
    code, told = export("-f", "messages", "-o", "out.parquet")
    assert (code, "--tool-calls" in told) == (1, True)
    assert export("-f", "messages", "-o", "out.parquet", "--tool-calls")[0] == 0
    export("-f", "messages", "-o", "back.jsonl", source="out.parquet")
    assert read("back.jsonl") == read("out.jsonl")


def test_rows_of_many_shapes_are_read_with_exact_types_from_the_middle_on(export, tmp_path):
    later = {"messages": TOOLED, "level": "high"}
    write(tmp_path / "in.jsonl", [*({"messages": TOOLED[::3], "level": 1} for _ in range(30_000)),
                                  later])  # fmt: skip
    told = summary(export, "-f", "messages", "-o", "out.jsonl", "--keep", "level")
    assert told["rows_out"] == 30_001
    assert read("out.jsonl")[-1] == later
    assert read("out.jsonl")[0]["level"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-f", "alpaca", "-o", "out.txt"], "its ending names no known format"),
        (["-f", "parquet", "-o", "out.jsonl"], "Name a file that ends in .parquet"),
        (["-f", "alpaca", "-o", "out.jsonl", "--test-share", "0.1"], "Name a folder"),
        (["-f", "alpaca", "-o", "out.jsonl", "--layout", "trl"], "Name another output"),
        (["-f", "verl", "-o", "out/", "--layout", "llama-factory"], "is for alpaca, sharegpt"),
        (["-f", "alpaca", "-o", "out/", "--layout", "verl"], "is for verl"),
        (["-f", "alpaca", "-o", "out.jsonl", "--column", "output=anwser"], "mean 'answer'"),
        (["-f", "alpaca", "-o", "out.jsonl", "--keep", "levle"], "Did you mean 'level'"),
        (["-f", "alpaca", "-o", "out.jsonl", "--column", "output"], "takes NAME=VALUE"),
        (["-f", "jsonl", "-o", "out.jsonl", "--keep", "level"], "takes the table as it is"),
        (["-f", "dpo", "-o", "out.jsonl"], "--column chosen=COLUMN"),
        (["-f", "alpaca", "-o", "out/", "--name", "a/b"], "takes no folders"),
        (["-f", "alpaca", "-o", "out/", "--name", ""], "takes no folders"),
        (["-f", "alpaca", "-o", "out/", "--name", "a,b"], "what a comma parts"),
        (["-f", "alpaca", "-o", "out.jsonl", "--name", "a"], "is for the layout llama-factory"),
        (["-f", "alpaca", "-o", "-"], "the output is '-'"),
        (["-f", "verl", "-o", "out/", *VERL[:2], "--constant", "ability="], "an empty constant"),
        (["-f", "verl", "-o", "out/", *VERL, "--keep", "index"], "has 'index' itself"),
    ],
)
def test_what_does_not_go_together_is_refused_with_2_before_anything_is_written(
    export, arguments, message, tmp_path
):
    write(tmp_path / "in.jsonl", [{**row, "index": row["level"]} for row in ROWS])
    code, told = export(*arguments)
    assert (code, message in told) == (2, True), told
    assert not list(Path().glob("out*"))


def test_a_split_or_file_without_rows_is_not_written(export, tmp_path):
    code, told = export("-f", "alpaca", "-o", "out/", "--test-share", "0.0000001")
    assert (code, "none fell into the test split" in told) == (1, True)
    write(tmp_path / "in.jsonl", [{"question": "", "answer": "4"}])
    code, told = export("-f", "alpaca", "-o", "out.jsonl", "--on-bad-row", "quarantine")
    assert (code, "1 row did not fit; see out.jsonl.rejects.jsonl" in told) == (1, True)
    assert read("out.jsonl.rejects.jsonl")[0]["reason"] == "empty_cell"
    assert not Path("out.jsonl").exists()
    assert not list(Path("out").glob("*"))


def test_an_export_that_is_told_to_stop_leaves_nothing(tmp_path):
    write(tmp_path / "in.jsonl", ROWS * 1_000)
    words = ["-m", "dataflow_core", "export", "in.jsonl", "-f", "alpaca", "-o", "out.jsonl"]
    with subprocess.Popen([sys.executable, *words], cwd=tmp_path, stderr=subprocess.PIPE) as done:
        while not list(tmp_path.glob(".out.jsonl.*")):
            time.sleep(0.01)
        done.terminate()
        assert b"Interrupted." in done.communicate()[1]
    assert done.returncode == 3
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]
