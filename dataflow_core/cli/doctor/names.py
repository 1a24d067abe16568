"""Who owns the names ``dataflow`` and ``dataflow_core``: another distribution may, too."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from dataflow_core.plugins.discovery import CORE_DISTRIBUTION, name_and_version, normalized
from dataflow_core.plugins.doctor import Finding

PROGRAM = "dataflow"
PACKAGE = "dataflow_core"


def owners() -> dict[str, Any]:
    """Return which distributions have a program, or a package, of our names, and what PATH has."""
    programs, packages = [], []
    for distribution in distributions():
        try:
            name = normalized(name_and_version(distribution)[0])
            owns = _has_program(distribution), _has_package(distribution)
        except (OSError, ValueError, TypeError):  # its files cannot be read: who knows what it has
            continue
        if name != CORE_DISTRIBUTION:
            programs += [name] * owns[0]
            packages += [name] * owns[1]
    return {
        "program_on_path": shutil.which(PROGRAM),
        "other_programs": sorted(set(programs)),
        "other_packages": sorted(set(packages)),
    }


def findings(told: dict[str, Any]) -> Iterator[Finding]:
    """Yield where another distribution owns a name of ours.

    Args:
        told: The owners.
    """
    for other in told["other_programs"]:
        yield _finding(
            "warning",
            f"{other} has a program {PROGRAM} too, and what was installed last has the name",
            f"python -m {PACKAGE} is always this one; or uninstall the other: "
            f"pip uninstall {other} && pip install --force-reinstall --no-deps {CORE_DISTRIBUTION}",
        )
    for other in told["other_packages"]:
        yield _finding(
            "error",
            f"{other} has a package {PACKAGE} too, whose files lie among ours",
            f"pip uninstall {other} && pip install --force-reinstall --no-deps {CORE_DISTRIBUTION}",
        )
    found = told["program_on_path"]
    here = Path(sys.executable).parent
    if found is None or Path(found).parent != here:
        where = "nowhere on PATH" if found is None else f"{found}, of another environment than this"
        yield _finding(
            "note",
            f"the program {PROGRAM} is {where}",
            f"Activate the environment of {here}, or call python -m {PACKAGE}",
        )


def _finding(level: Any, cause: str, cure: str) -> Finding:
    return Finding(level=level, namespace="core", subject="names", cause=cause, cure=cure)


def _has_program(distribution: Distribution) -> bool:
    text = distribution.read_text("entry_points.txt") or ""
    if PROGRAM not in text:
        return False
    points = distribution.entry_points
    return any(one.name == PROGRAM and one.group == "console_scripts" for one in points)


def _has_package(distribution: Distribution) -> bool:
    return f"\n{PACKAGE}/__init__.py," in f"\n{distribution.read_text('RECORD') or ''}"
