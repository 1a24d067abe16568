"""Where a plugin's author mends it: its hook module, and files with their lines."""

from __future__ import annotations

import importlib.util
import json
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataflow_core.plugins.catalogue import Registered
from dataflow_core.plugins.discovery import CORE_DISTRIBUTION, GROUP, core_claim

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoints


def is_editable(distribution: str) -> bool:
    """Tell whether a distribution is installed from the folder that its author works in.

    Source: PEP 610, ``dir_info.editable`` in ``direct_url.json``.
    """
    found = _installed(distribution)
    try:
        told = json.loads((found and found.read_text("direct_url.json")) or "{}")
    except ValueError:
        return False
    directory = told.get("dir_info") if isinstance(told, dict) else None
    return isinstance(directory, dict) and directory.get("editable") is True


def hook_file(namespace: str, distribution: str) -> Path | None:
    """Return the file of a plugin's hook module; None where there is none."""
    if distribution == CORE_DISTRIBUTION:
        return module_file(core_claim().module)
    claims = [one for one in _entry_points(distribution) if one.name == namespace]
    return module_file(claims[0].value) if claims else None


def module_file(module: str) -> Path | None:
    """Return the source of a module whose package is imported or can be; None for none."""
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    return Path(found.origin) if found and found.origin and found.has_location else None


def place_of_specification(registered: Registered[Any]) -> str:
    """Return where a specification stands: path, and line if its target is written there."""
    path = hook_file(registered.namespace, registered.distribution)
    if path is None:
        return f"the hook module of {registered.distribution}"
    target = registered.spec.target
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    quoted = (f'"{target}"', f"'{target}'")
    found = (at for at, text in enumerate(lines, 1) if any(one in text for one in quoted))
    line = next(found, None)
    return place(path, line)


def place_of_error(error: BaseException, distribution: str) -> str:
    """Return the innermost place in a distribution's own package that an error came by.

    Args:
        error: A syntax error tells its own place; others have it in their traceback.
        distribution: The distribution; its modules are those of its entry points' packages.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return place(error.filename, error.lineno)
    folders = [path.parent for path in _packages(distribution)]
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if any(Path(frame.filename).is_relative_to(folder) for folder in folders)
    ]
    return place(own[-1].filename, own[-1].lineno) if own else ""


def place(path: str | Path, line: int | None) -> str:
    """Return a path with a line, as in ``"poems/count.py, line 3"``."""
    return f"{path}, line {line}" if line else str(path)


def _packages(distribution: str) -> list[Path]:
    found = _entry_points(distribution)
    files = (module_file(one.value.partition(".")[0]) for one in found)
    return [path for path in files if path is not None]


def _entry_points(distribution: str) -> EntryPoints | tuple[()]:
    found = _installed(distribution)
    return found.entry_points.select(group=GROUP) if found else ()


def _installed(distribution: str) -> Distribution | None:
    from importlib import metadata  # built-in commands look for no plugin

    try:
        return metadata.distribution(distribution)
    except (metadata.PackageNotFoundError, ValueError):
        return None
