"""What goes between a run and its worker processes: steps by their configuration, rows as Arrow."""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pyarrow as pa

from dataflow_core.engine.pieces import Piece, Unreadable
from dataflow_core.engine.work import Kind, Work
from dataflow_core.operators.base import Operator
from dataflow_core.pipeline.plan import Step, Value
from dataflow_core.table.frames import Frame


@dataclass(frozen=True)
class ShippedStep:
    """A step as a worker makes it again: its operator by class and configuration.

    Attributes:
        name: The step's name.
        module: The module of the operator's class.
        qualname: The class in it.
        fields: The configuration.
        bindings: The step's columns.
        table: The table that it works on.
    """

    name: str
    module: str
    qualname: str
    fields: Mapping[str, Any]
    bindings: Mapping[str, Value]
    table: str

    @classmethod
    def of(cls, step: Step) -> ShippedStep:
        """Return a step to be shipped."""
        kind = type(step.operator)
        fields = {name: getattr(step.operator, name) for name in kind.model_fields}
        return cls(
            step.name, kind.__module__, kind.__qualname__, fields, dict(step.bindings), step.table
        )

    def unpacked(self) -> Step:
        """Return the step, with an operator of its own."""
        found: Any = importlib.import_module(self.module)
        for part in self.qualname.split("."):
            found = getattr(found, part)
        operator: Operator = found(**self.fields)
        return Step(self.name, operator, self.bindings, self.table)


@dataclass(frozen=True)
class ShippedWork:
    """Work as a worker gets it.

    Attributes:
        name: Its name.
        table: The table that goes in.
        steps: Its steps.
        kind: How the first step needs its rows.
        folder: The run directory.
        decision: The fingerprint of what the first step decided, if it did.
    """

    name: str
    table: str
    steps: tuple[ShippedStep, ...]
    kind: Kind
    folder: Path
    decision: str | None

    def unpacked(self) -> Work:
        """Return the work."""
        steps = tuple(step.unpacked() for step in self.steps)
        return Work(self.name, self.table, steps, self.kind)


def ship(work: Work, folder: Path, decision: str | None) -> bytes | None:
    """Return work as bytes; None where a worker could not make its operators again.

    Those of a script or notebook itself, or with a function of one's own, stay where they are.
    """
    if any(type(step.operator).__module__ == "__main__" for step in work.steps):
        return None
    steps = tuple(ShippedStep.of(step) for step in work.steps)
    shipped = ShippedWork(work.name, work.table, steps, work.kind, folder.resolve(), decision)
    try:
        return pickle.dumps(shipped)
    except (pickle.PicklingError, TypeError, AttributeError):
        return None


def send_piece(connection: Connection, piece: Piece) -> None:
    """Send a piece: what it is, and then its rows, which are not copied on the way."""
    unreadable = piece.unreadable
    bad = None if unreadable is None else (_stream(unreadable.rows).to_pybytes(), unreadable.places)
    connection.send(("piece", (piece.start, piece.stop, piece.places, piece.frame.ids, bad)))
    connection.send_bytes(_stream(piece.frame.to_arrow()))


def receive_rows(connection: Connection, told: tuple[Any, ...]) -> Piece:
    """Return the piece that was sent, after what it is."""
    start, stop, places, ids, bad = told
    frame = Frame.from_arrow(_table(connection.recv_bytes()), ids)
    unreadable = None if bad is None else Unreadable(_table(bad[0]), bad[1])
    return Piece(start, stop, frame, places, unreadable)


def _stream(table: pa.Table) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _table(data: bytes) -> pa.Table:
    return pa.ipc.open_stream(pa.py_buffer(data)).read_all()
