"""What the tests of embeddings share: a model whose vectors a test writes, and pipelines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from dataflow_core import MemoryStorage, Pipeline
from dataflow_core.serving.backend import Backend, ReplyError, Vectors
from dataflow_core.table.values import rows_of
from dataflow_core.testing import ScriptedServing


class Written(ScriptedServing):
    """Embeds texts as a mapping says; a text that is not in it is refused."""

    script: Any = None
    vectors: Mapping[str, list[float]]

    def open_backend(self):
        return _Written(self)


class _Written(Backend):
    def __init__(self, serving):
        self.serving = serving

    async def embed(self, texts):
        self.serving._noted_texts(texts)
        for text in texts:
            if text not in self.serving.vectors:
                raise ReplyError("request", f"no vector for {text!r}")
        return Vectors([self.serving.vectors[text] for text in texts])


class Steps(Pipeline):
    """Operators one after the other, each with its columns."""

    def __init__(self, storage, *steps):
        super().__init__(storage)
        self.steps = steps

    def forward(self):
        for operator, columns in self.steps:
            operator.run(self.storage, **columns)


def run_pipeline(folder, storage, *steps, **options):
    """Run steps into ``out.jsonl``; return the report and the rows that came out."""
    report = Steps(storage, *steps).run(folder / "out.jsonl", run_dir=folder / "run", **options)
    lines = (folder / "out.jsonl").read_text(encoding="utf-8").splitlines()
    return report, [json.loads(line) for line in lines]


def failing(_table):
    """Fail, as a step of one's own may."""
    raise ValueError("not yet")


def embedded(vectors, kind=None):
    """Return a table of rows with numbers and vectors."""
    kind = kind or pa.list_(pa.float32())
    values = [None if one is None else list(one) for one in vectors]
    columns = {"n": pa.array(range(len(values)), pa.int64()), "embedding": pa.array(values, kind)}
    return MemoryStorage(pa.table(columns))


def clouds(count, dimensions=16, centres=10, spread=0.3, seed=0):
    """Return vectors in clouds, as those of texts on a few subjects are."""
    rng = np.random.default_rng(seed)
    middles = rng.normal(size=(centres, dimensions))
    noise = rng.normal(size=(count, dimensions)) * spread
    return (middles[rng.integers(centres, size=count)] + noise).astype(np.float32)


def rows(table):
    """Return the rows of a table of any kind."""
    return rows_of(table.frame.to_arrow())


def numbers(table):
    """Return the numbers of the rows that are left."""
    return [row["n"] for row in rows(table)]
