"""Check the hooks of a plugin's module: their names, marks and arguments."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator
from typing import Any

from dataflow_core.errors import did_you_mean, nearest
from dataflow_core.plugins import hookspecs
from dataflow_core.plugins.problems import LoadingError

_PREFIX = f"{hookspecs.PROJECT}_"
_MARK = f"{hookspecs.PROJECT}_impl"
_PHASES = tuple(f"{_PREFIX}{phase}_" for phase in ("register", "before", "after", "on"))
_REFERENCE = "dataflow_core.plugins.hookspecs has all hooks with their arguments."


def hook_names() -> frozenset[str]:
    """Return the names of all hooks."""
    return frozenset(name for name in vars(hookspecs) if name.startswith(_PREFIX))


def event_hooks() -> frozenset[str]:
    """Return the names of the hooks that observe a run."""
    return frozenset(name for name in hook_names() if not registers(name))


def registers(name: str) -> bool:
    """Tell whether a hook registers something, and does not observe."""
    return name.startswith(f"{_PREFIX}register_")


def check_hooks(module: object) -> None:
    """Check the hooks of a module, or of an object that observes.

    Raises:
        LoadingError: One has a name or an argument that there is not, or is not marked, which
            pluggy would pass over in silence.
    """
    for name, function, mark in _found(module):
        if mark is None:
            _check_unmarked(name)
            continue
        hook = mark.get("specname") or name
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise LoadingError(f"{hook} is async, and no hook is awaited", "Write def, no async.")
        if hook in hook_names():
            _check_arguments(hook, function)
        elif not mark.get("optionalhook"):
            raise LoadingError(
                f"unknown hook {hook!r}.{did_you_mean(hook, hook_names())}",
                f"Rename the function; {_REFERENCE}",
            )


def _found(module: object) -> Iterator[tuple[str, Any, Any]]:
    """Yield name, function and mark of what is marked as a hook, or named like one."""
    for name in dir(module):
        function = inspect.getattr_static(module, name, None)
        if isinstance(function, (types.FunctionType, staticmethod, classmethod)):
            function = getattr(module, name)
            mark = getattr(function, _MARK, None)
            if mark is not None or name.startswith(_PREFIX):
                yield name, function, mark


def _check_unmarked(name: str) -> None:
    if name in hook_names():
        raise LoadingError(
            f"{name} is not marked as a hook",
            "Put @hookimpl above it (from dataflow_core.plugins import hookimpl).",
        )
    if name.startswith(_PHASES) and nearest(name, hook_names()):
        raise LoadingError(
            f"{name} is named like a hook, and is none.{did_you_mean(name, hook_names())}",
            f"Rename the function, and put @hookimpl above it; {_REFERENCE}",
        )


def _check_arguments(hook: str, function: Any) -> None:
    known = list(inspect.signature(getattr(hookspecs, hook)).parameters)
    for name, parameter in inspect.signature(function).parameters.items():
        needed = parameter.default is parameter.empty
        if needed and name not in known and parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            raise LoadingError(
                f"{hook} has no argument {name!r}.{did_you_mean(name, known)} "
                f"It has: {', '.join(known) or 'none'}",
                f"Take only arguments that the hook has; {_REFERENCE}",
            )
