"""The suites for storages, servings and engines pass what is sound, and name what is not."""

from __future__ import annotations

import dataclasses
import itertools
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataflow_core import FileStorage, MemoryStorage
from dataflow_core.engine import run_plan
from dataflow_core.errors import ConformanceError
from dataflow_core.serving import OpenAIServing
from dataflow_core.serving.backend import Backend, Reply, Vectors
from dataflow_core.testing import (
    Faults,
    FaultServer,
    ScriptedServing,
    check_engine,
    check_serving,
    check_storage,
)
from dataflow_core.testing.checks.serving_suite import check_serving_embeddings

ROWS = [{"id": at, "text": None if at == 1 else f"text {at}"} for at in range(5)]


@pytest.mark.parametrize("ending", ["jsonl", "csv", "json"])
def test_file_storages_pass(tmp_path, ending):
    path = tmp_path / f"rows.{ending}"
    lines = {
        "jsonl": "".join(json.dumps(row) + "\n" for row in ROWS),
        "json": json.dumps(ROWS),
        "csv": "id,text\n" + "".join(f"{row['id']},{row['text'] or ''}\n" for row in ROWS),
    }
    path.write_text(lines[ending], encoding="utf-8")
    check_storage(lambda: FileStorage(str(path)))


def test_memory_storages_pass():
    check_storage(lambda: MemoryStorage(ROWS))


class Forgetful(MemoryStorage):
    """Lend the same table each time."""

    def read(self, columns=None):
        table = super().read(columns)
        if columns is None:
            self.__dict__.setdefault("lent", table)
            return self.__dict__["lent"]
        return table.rename(columns=str.upper)


class Endless(MemoryStorage):
    """Read more than the limit."""

    def __init__(self, rows):
        super().__init__(rows)
        self.source = _Endless(self.source.table)


class _Endless(type(MemoryStorage(ROWS).source)):
    def batches(self, schema, batch_rows=1000, batch_bytes=0, limit=None):
        return super().batches(schema, batch_rows)


class Mistyped(MemoryStorage):
    """Tell other types than there are."""

    def columns(self):
        return dict.fromkeys(super().columns(), pa.string())


def test_faults_of_a_storage_are_named():
    with pytest.raises(ConformanceError, match=r"columns: .*\n.*other types.* id is int64"):
        check_storage(lambda: Mistyped(ROWS))
    with pytest.raises(ConformanceError, match="check_storage_columns"):
        check_storage(lambda: Forgetful(ROWS))
    with pytest.raises(ConformanceError, match="1 of 11 checks fail:\n  check_storage_limit"):
        check_storage(lambda: Endless(ROWS))
    changing = itertools.count()
    with pytest.raises(ConformanceError, match="check_storage_reads_the_same"):
        check_storage(lambda: MemoryStorage([{"n": next(changing)}, {"n": 0}]))


def test_a_serving_over_http_passes():
    with FaultServer(Faults()) as server:
        check_serving(lambda: OpenAIServing(model="m", base_url=server.url))


def test_a_scripted_serving_passes():
    check_serving(lambda: ScriptedServing(lambda text: text.upper()))


class Backwards(ScriptedServing):
    """Give the vectors of several texts from the last to the first."""

    @property
    def texts_together(self):
        return 8

    def open_backend(self):
        return _Backwards()


class _Backwards(Backend):
    async def embed(self, texts):
        return Vectors([[float(len(one)), float(ord(one[0]))] for one in reversed(texts)])


def test_vectors_in_another_order_are_found():
    with pytest.raises(ConformanceError, match="come in another order"):
        check_serving_embeddings(lambda: Backwards([]))


class Numbering(ScriptedServing):
    """Answer with the number of the request, and say nothing of tokens."""

    def open_backend(self):
        return _Numbering()


class _Numbering(Backend):
    def __init__(self):
        self.numbers = itertools.count()

    async def chat(self, request):
        return Reply(str(next(self.numbers)))


def test_faults_of_a_serving_are_named():
    with pytest.raises(ConformanceError) as caught:
        check_serving(lambda: Numbering([]))
    for name in ("check_serving_order", "check_serving_completions", "check_serving_embeddings"):
        assert f"  {name}:" in str(caught.value)
    assert "check_serving_identity" not in str(caught.value)


@pytest.mark.parametrize("options", [{}, {"batch_size": 3}])
def test_the_local_engine_passes(options):
    check_engine(lambda plan, folder: run_plan(plan, run_dir=folder, max_failures=0.25, **options))


def test_an_engine_that_tells_of_no_made_rows_is_named():
    def run(plan, folder):
        report = run_plan(plan, run_dir=folder, max_failures=0.25)
        steps = [dataclasses.replace(one, made=0, expanded=0) for one in report.steps]
        return dataclasses.replace(report, steps=tuple(steps))

    with pytest.raises(ConformanceError, match="1 of 7 checks fail:\n  check_engine_made_rows"):
        check_engine(run)


def test_faults_of_an_engine_are_named():
    def run(plan, folder):
        report = run_plan(plan, run_dir=folder, max_failures=0.25)
        table = pq.read_table(report.output)
        pq.write_table(table.slice(1), report.output)
        steps = [dataclasses.replace(one, quarantined=0) for one in report.steps]
        return dataclasses.replace(report, steps=tuple(steps))

    with pytest.raises(ConformanceError) as caught:
        check_engine(run)
    assert "check_engine_rows" in str(caught.value)
    assert "check_engine_errors" not in str(caught.value)
