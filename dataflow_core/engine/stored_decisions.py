"""Decisions of two-phase operators on disk, so that they are taken once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from dataflow_core.engine.stored_frames import from_stored, to_stored
from dataflow_core.serving.tally import Tally
from dataflow_core.storage.formats.atomic import AtomicFile

_FINGERPRINT = b"dataflow_fingerprint"
_FINDINGS = b"dataflow_findings"
_CALLS = b"dataflow_calls"


def save_decision(
    path: Path,
    fingerprint: str,
    step: str,
    decision: pd.DataFrame,
    findings: Mapping[str, Any],
    calls: Tally,
) -> None:
    """Write a decision down, atomically.

    Args:
        path: The file.
        fingerprint: That of the step.
        step: The step's name, for messages.
        decision: What `TwoPhase.decide` returned.
        findings: What `TwoPhase.findings` returned.
        calls: What the step has asked of models for it.
    """
    told = {_FINGERPRINT: fingerprint.encode(), _FINDINGS: json.dumps(findings).encode()}
    told[_CALLS] = json.dumps(calls.as_dict()).encode()
    _write(path, to_stored(step, decision), told)


def relabel_decision(path: Path, fingerprints: Mapping[str, str]) -> None:
    """Give a decision another fingerprint: the new one of its old one, if there is one."""
    table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    new = fingerprints.get(table.schema.metadata[_FINGERPRINT].decode())
    if new is not None:
        _write(path, table, {_FINGERPRINT: new.encode()})


def load_decision(path: Path, fingerprint: str) -> tuple[pd.DataFrame, Mapping[str, Any]] | None:
    """Return a decision and its findings; None where there is none with this fingerprint."""
    try:
        file = pa.memory_map(str(path))
    except FileNotFoundError:
        return None
    table = pa.ipc.open_file(file).read_all()
    if table.schema.metadata.get(_FINGERPRINT) != fingerprint.encode():
        return None
    findings: Mapping[str, Any] = json.loads(table.schema.metadata[_FINDINGS])
    return from_stored([table]), findings


def calls_of_decision(path: Path) -> Tally:
    """Return what was asked of models for a decision that is there."""
    with pa.memory_map(str(path)) as file:
        told = pa.ipc.open_file(file).schema.metadata.get(_CALLS, b"{}")
    return Tally.from_dict(json.loads(told))


def _write(path: Path, table: pa.Table, told: Mapping[bytes, bytes]) -> None:
    table = table.replace_schema_metadata({**table.schema.metadata, **told})
    file = AtomicFile(path)
    try:
        with pa.ipc.new_file(pa.PythonFile(file, mode="w"), table.schema) as writer:
            writer.write_table(table)
    except BaseException:
        file.discard()
        raise
    file.commit()
