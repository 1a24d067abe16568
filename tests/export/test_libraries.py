"""Exported files as Hugging Face's ``datasets`` loads them, which TRL, verl and LLaMA-Factory use.

Skipped where the library is absent; ``nox -s export`` installs it.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

from dataflow_core import MemoryStorage
from dataflow_core.export.row_source import StorageRows
from dataflow_core.export.writing import ExportOptions, export

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of libraries beneath it, when they are imported
    datasets = pytest.importorskip("datasets", reason="datasets is not installed: nox -s export")

MESSAGES = [
    {"role": "system", "content": "Sei kurz. 简短。"},
    {"role": "user", "content": "2 + 2?"},
    {"role": "assistant", "content": "4"},
]
CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
ROWS = [
    {"messages": MESSAGES, "chosen": f"{n}", "rejected": f"-{n + 1}", "gold": str(n), "level": n}
    for n in range(60)
]

pytestmark = pytest.mark.filterwarnings("ignore")


def exported(folder, name, rows=ROWS, **options):
    output = f"{folder}/{name}{options.pop('ending', '/')}"
    return export(StorageRows(MemoryStorage(rows)), ExportOptions(name, output, **options))


def loaded(tmp_path, *arguments, **options):
    return datasets.load_dataset(*arguments, cache_dir=str(tmp_path / "cache"), **options)


def prompt(rows):
    return [{"role": one["role"], "content": one["content"]} for one in rows]


@pytest.mark.parametrize("name", ["messages", "dpo-messages", "grpo"])
def test_a_folder_for_trl_loads_by_its_path_with_both_splits(tmp_path, name):
    done = exported(tmp_path, name, keep=("level",), test_share=0.3)
    found = loaded(tmp_path, str(tmp_path / name))
    assert {split: len(found[split]) for split in found} == {
        split: rows for split, (_, rows) in done.files.items()
    }
    assert sorted([*found["train"]["level"], *found["test"]["level"]]) == list(range(60))
    first = found["train"][0]
    if name == "messages":
        assert prompt(first["messages"]) == MESSAGES
    else:
        assert prompt(first["prompt"]) == MESSAGES[:-1]
    if name == "dpo-messages":
        answer = [{"role": "assistant", "content": str(first["level"])}]
        assert prompt(first["chosen"]) == answer
    if name == "grpo":
        assert first["ground_truth"] == str(first["level"])


def test_rows_set_aside_are_not_loaded(tmp_path):
    rows = [*ROWS, {**ROWS[0], "messages": []}]
    done = exported(tmp_path, "messages", rows, on_bad_row="quarantine")
    assert done.rejected == {"empty_cell": 1}
    assert len(loaded(tmp_path, str(tmp_path / "messages"))["train"]) == 60


def test_a_folder_for_verl_loads_as_parquet(tmp_path):
    constants = {"data_source": "sums", "ability": "math"}
    done = exported(tmp_path, "verl", constants=constants, keep=("level",), test_share=0.2)
    for split, (path, rows) in done.files.items():
        found = loaded(tmp_path, "parquet", data_files=str(path))["train"]
        assert len(found) == rows
        first = found[0]
        assert set(first) == {"data_source", "prompt", "ability", "reward_model", "extra_info"}
        assert prompt(first["prompt"]) == MESSAGES[:-1]
        assert first["reward_model"]["ground_truth"] == str(first["extra_info"]["level"])
        assert (first["extra_info"]["split"], first["extra_info"]["index"]) == (split, 0)


@pytest.mark.parametrize("name", ["alpaca", "sharegpt", "dpo-alpaca", "dpo-sharegpt", "messages"])
def test_a_folder_for_llama_factory_has_the_columns_that_its_list_names(tmp_path, name):
    exported(tmp_path, name, layout="llama-factory")
    info = json.loads((tmp_path / name / "dataset_info.json").read_text())[name]
    path = str(tmp_path / name / info["file_name"])
    found = loaded(tmp_path, "json", data_files=path)["train"]
    assert set(info["columns"].values()) == set(found.column_names)
    assert len(found) == 60


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
def test_calls_of_tools_are_loaded(tmp_path, ending):
    called = [
        MESSAGES[1],
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "content": "2", "tool_call_id": "c1"},
        MESSAGES[2],
    ]
    done = exported(tmp_path, "messages", [{"messages": called}], ending=ending, tool_calls=True)
    kind = {".jsonl": "json"}.get(ending, "parquet")
    path: Path = done.files["train"][0]
    found = loaded(tmp_path, kind, data_files=str(path))["train"][0]["messages"]
    kept = [{name: item for name, item in one.items() if item is not None} for one in found]
    assert kept == [
        {name: item for name, item in one.items() if item is not None} for one in called
    ]
