"""Suites: several checks of one thing, all of which are made before any is told to fail."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from dataflow_core.errors import ConformanceError


def make_checks(what: str, checks: Sequence[Callable[[Any], None]], given: Any) -> None:
    """Make checks, and raise one error that has all failures.

    Args:
        what: What is checked, for the message.
        checks: The checks.
        given: What each is called with.

    Raises:
        ConformanceError: Some fail.
    """
    failed = []
    for check in checks:
        try:
            check(given)
        except Exception as error:  # noqa: BLE001  told below, with all others
            told = (
                str(error)
                if isinstance(error, ConformanceError)
                else f"{type(error).__name__}: {error}"
            )
            failed.append(f"  {check.__name__}: {summary_of(check)}\n    {told}")
    if failed:
        lines = "\n".join(failed)
        raise ConformanceError(f"{what}: {len(failed)} of {len(checks)} checks fail:\n{lines}")


def summary_of(check: Callable[..., None]) -> str:
    """Return what a check is about: the beginning of its docstring, in a line."""
    return " ".join((inspect.getdoc(check) or "").partition("\n\n")[0].split())


def without_nulls(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows without keys that are null, which some formats cannot tell from missing ones."""
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def require(holds: object, fault: str) -> None:
    """Raise if something does not hold.

    Raises:
        ConformanceError: It does not.
    """
    if not holds:
        raise ConformanceError(fault)
