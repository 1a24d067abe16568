"""A run that wants so many rows of which one in seven is accepted: `wanting.py FOLDER WANTED [N]`.

Its serving notes each answer in a file, and kills the process at the Nth of them.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import zlib
from pathlib import Path
from typing import ClassVar

from dataflow_core import FileStorage, Pipeline
from dataflow_core.operators.general import PromptedEvaluator, Want
from dataflow_core.prompts import PromptTemplate
from dataflow_core.serving.backend import Backend, ChatRequest, Reply
from dataflow_core.serving.base import Serving
from dataflow_core.serving.completion import Usage
from dataflow_core.serving.messages import text_of

PROMPT = PromptTemplate(user="Rate: {{ text }}", answer="score")


class Seventh(Serving):
    """Scores one text in seven with 5, and notes each that it scored.

    Attributes:
        file: Where it notes them.
        dies_at: The number of answers after which it kills the process, once they are kept.
    """

    prefix: ClassVar[str] = "seventh"

    model: str = "seventh"
    file: Path
    dies_at: int | None = None

    def open_backend(self) -> Backend:
        return _Scoring(self)


class _Scoring(Backend):
    def __init__(self, serving: Seventh) -> None:
        self._serving = serving
        self._answers = 0
        self._is_dying = False

    async def chat(self, request: ChatRequest) -> Reply:
        text = text_of(request.messages[-1])
        if self._answers == self._serving.dies_at:
            self._is_dying = True
            await asyncio.sleep(1.0)  # until what was answered is in the store
            os.kill(os.getpid(), signal.SIGKILL)
        self._answers += 1
        await asyncio.sleep(3600 if self._is_dying else 0.002)
        with self._serving.file.open("a") as file:
            file.write(f"{text!r}\n")
        return Reply(f"Score: {5 if is_good(text) else 2}", "stop", Usage(20, 3))


def is_good(text: str) -> bool:
    """Return whether a text is one of the seventh part."""
    return zlib.crc32(text.encode()) % 7 == 0


class Wanting(Pipeline):
    """Texts are scored until there are as many good ones as are wanted."""

    def __init__(self, storage, serving: Serving, wanted: int, **fields) -> None:
        super().__init__(storage)
        self.judge = PromptedEvaluator(serving=serving, prompt=PROMPT)
        self.want = Want(rows=wanted, where="score >= 4", **fields)

    def forward(self) -> None:
        self.judge.run(self.storage)
        self.want.run(self.storage)


def main(folder: Path, wanted: int, dies_at: int | None) -> None:
    """Run the pipeline in a folder."""
    serving = Seventh(file=folder / "answered", dies_at=dies_at, max_concurrency=16)
    storage = FileStorage(folder / "texts.jsonl")
    Wanting(storage, serving, wanted).run(folder / "out.jsonl", run_dir=folder / "run")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None)
