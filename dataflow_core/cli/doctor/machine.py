"""The machine: its cores and memory, the folders that are written to, and the room in them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dataflow_core.downloads import hugging_face_cache
from dataflow_core.engine.run_paths import RUNS
from dataflow_core.plugins.doctor import Finding
from dataflow_core.serving.models import models_folder

LITTLE_ROOM = 1_000_000_000
"""Bytes: where fewer are free, a run may not fit."""

_MEMORY = Path("/proc/meminfo")


def machine() -> dict[str, Any]:
    """Return the cores that this process may use, and the memory; None where it is not told."""
    total, available = _memory()
    return {
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory": total,
        "memory_available": available,
    }


def folders() -> list[dict[str, Any]]:
    """Return the folders that are written to, whether they can be, and the free bytes of each."""
    return [
        _folder("runs and kept answers", RUNS.absolute()),
        _folder("models", models_folder()),
        _folder("Hugging Face's cache", hugging_face_cache()),
        _folder("temporary files", Path(tempfile.gettempdir())),
    ]


def findings(told: Sequence[dict[str, Any]]) -> Iterator[Finding]:
    """Yield which folders cannot be written to, or have little room.

    Args:
        told: The folders.
    """
    for one in told:
        path = one["path"]
        if not one["writable"]:
            cure = f"Give yourself the right to write to {path}, or choose another folder{_by(one)}"
            yield _finding("error", one, f"{path} cannot be written to", cure)
        elif one["free"] < LITTLE_ROOM:
            room = f"{path} has {one['free'] / 1e9:.2f} GB of room"
            yield _finding("warning", one, room, f"Make room, or choose another folder{_by(one)}")


def _folder(purpose: str, path: Path) -> dict[str, Any]:
    there = next(one for one in (path, *path.parents) if one.exists())
    return {
        "purpose": purpose,
        "path": str(path),
        "exists": path.exists(),
        "writable": there.is_dir() and os.access(there, os.W_OK | os.X_OK),
        "free": shutil.disk_usage(there).free,
    }


def _by(folder: dict[str, Any]) -> str:
    return {
        "runs and kept answers": ": run in another one, or name it with --run-dir.",
        "models": ": DATAFLOW_MODELS=FOLDER.",
        "Hugging Face's cache": ": HF_HOME=FOLDER.",
    }.get(folder["purpose"], ": TMPDIR=FOLDER.")


def _finding(level: Any, folder: dict[str, Any], cause: str, cure: str) -> Finding:
    return Finding(
        level=level,
        namespace="core",
        subject=f"the folder of {folder['purpose']}",
        cause=cause,
        cure=cure,
    )


def _memory() -> tuple[int | None, int | None]:
    """Return the bytes of memory, in all and available."""
    if not _MEMORY.exists():
        pages, size = "SC_PHYS_PAGES", "SC_PAGE_SIZE"
        known = {pages, size} <= os.sysconf_names.keys()
        return (os.sysconf(pages) * os.sysconf(size) if known else None), None
    lines = (line.split() for line in _MEMORY.read_text().splitlines())
    told = {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines if len(words) > 1}
    return told.get("MemTotal"), told.get("MemAvailable")
