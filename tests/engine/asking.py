"""Operators and servings that the tests of runs with models use: `asking.py FOLDER ROWS` runs one.

The run is of a folder's own, over so many rows, with a serving that notes each question in a file.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import ClassVar

import pandas as pd
from pydantic import PrivateAttr

from dataflow_core import Evaluator, FileStorage, Filter, Generator, Pipeline, Storage
from dataflow_core.operators.dataset import DatasetEvaluator, DatasetFilter
from dataflow_core.serving.backend import Backend, ChatRequest, Reply
from dataflow_core.serving.base import Serving
from dataflow_core.serving.completion import Usage
from dataflow_core.serving.messages import text_of
from dataflow_core.serving.pricing import Price
from dataflow_core.table.failures import RowFailure

_WRITTEN_SECONDS = 1.0
"""So long after an answer came it is surely on disk, also on a machine that is busy."""


class Answer(Generator):
    """Answer questions."""

    needs: ClassVar = frozenset({"chat"})

    serving: Serving

    def run(
        self, storage: Storage, input_question: str = "question", output_answer: str = "answer"
    ) -> None:
        table = storage.read([input_question])
        found = self.serving.generate_from_input(table[input_question].tolist())
        table[output_answer] = [one.cell() for one in found]
        storage.write(table)


class Judge(Evaluator):
    """Score answers: the model is to say a number, and what else it says is a failure."""

    serving: Serving

    def run(
        self, storage: Storage, input_answer: str = "answer", output_score: str = "score"
    ) -> None:
        table = storage.read([input_answer])
        asked = [f"score: {one}" for one in table[input_answer]]
        found = self.serving.generate_from_input(asked)
        table[output_score] = [_number(one.cell()) for one in found]
        storage.write(table)


class Kept(Filter):
    """Keep even numbers; breaks where two threads are in it at a time."""

    folder: str

    def run(self, storage: Storage, input_number: str = "n") -> None:
        mark = Path(self.folder, "inside")
        with mark.open("x"):
            table = storage.read([input_number])
        storage.drop(table.index[table[input_number] % 2 == 1], "odd")
        mark.unlink()


class Topics(DatasetEvaluator):
    """Ask a model for the topic of each question, and count topics."""

    serving: Serving

    def run(self, storage: Storage, input_question: str = "question") -> None:
        self.run_phases(storage, input_question=input_question)

    def sketch(self, storage, input_question):
        asked = [f"topic: {one}" for one in storage.read([input_question])[input_question]]
        found = self.serving.generate_from_input(asked)
        return pd.DataFrame({"topic": [one.text for one in found]})

    def findings(self, sketches):
        return {"topics": sketches["topic"].value_counts().sort_index().to_dict()}


class Unusual(DatasetFilter):
    """Ask a model for the kind of each question, and keep one of each kind."""

    serving: Serving

    def run(self, storage: Storage, input_question: str = "question") -> None:
        self.run_phases(storage, input_question=input_question)

    def sketch(self, storage, input_question):
        table = storage.read([input_question])
        asked = [f"kind: {one}" for one in table[input_question]]
        found = self.serving.generate_from_input(asked)
        return pd.DataFrame({"kind": [one.text for one in found]}, index=table.index)

    def decide(self, sketches):
        repeated = sketches.index[sketches["kind"].duplicated()]
        return pd.DataFrame({"reason": "usual"}, index=repeated)


def _number(cell):
    if isinstance(cell, RowFailure):
        return cell
    try:
        return float(cell)
    except ValueError:
        return RowFailure("no_number", "the judge says no number", cell)


class Noted(Serving):
    """Answers in capitals, and notes each question in a file; may kill its own process.

    Attributes:
        file: The file.
        delay: Seconds that an answer takes.
        dies_at: The number of answers at which it kills the process, once the others are written.
    """

    prefix: ClassVar[str] = "noted"

    model: str = "noted"
    file: Path
    delay: float = 0.0
    dies_at: int | None = None
    price: Price | None = Price(0.0, 1.0)

    _flying: list[int] = PrivateAttr(default_factory=lambda: [0, 0])

    @property
    def most(self) -> int:
        """The most questions that were on their way at a time."""
        return self._flying[1]

    def open_backend(self) -> Backend:
        return _Noting(self)


class _Noting(Backend):
    def __init__(self, serving: Noted) -> None:
        self._serving = serving
        self._answers = 0
        self._is_dying = False

    async def chat(self, request: ChatRequest) -> Reply:
        text = text_of(request.messages[-1])
        with self._serving.file.open("a") as file:
            file.write(f"{text}\n")
        flying = self._serving._flying
        flying[0] += 1
        flying[1] = max(flying)
        await asyncio.sleep(3600 if self._is_dying else self._serving.delay)
        flying[0] -= 1
        self._answers += 1
        if self._answers == self._serving.dies_at:
            self._is_dying = True
            await asyncio.sleep(_WRITTEN_SECONDS)
            os.kill(os.getpid(), signal.SIGKILL)
        return Reply(text.upper(), "stop", Usage(5, 1000))


class Asking(Pipeline):
    """One step that asks a model."""

    def __init__(self, storage: Storage | None, serving: Serving) -> None:
        super().__init__(storage)
        self.answer = Answer(serving=serving)

    def forward(self) -> None:
        self.answer.run(self.storage)


def questions(folder: Path, rows: int) -> FileStorage:
    """Write a file of so many questions."""
    path = folder / "questions.jsonl"
    lines = (json.dumps({"n": n, "question": f"what is {n}?"}) for n in range(rows))
    path.write_text("\n".join(lines) + "\n")
    return FileStorage(path)


def main(folder: Path, rows: int, dies_at: int | None) -> None:
    """Run the pipeline in a folder."""
    serving = Noted(file=folder / "asked", delay=0.002, dies_at=dies_at, max_concurrency=8)
    report = Asking(questions(folder, rows), serving).run(
        output=folder / "out.jsonl", run_dir=folder / "run", batch_size=50
    )
    sys.stdout.write(json.dumps(report.as_dict()["steps"][0]["calls"]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None)
