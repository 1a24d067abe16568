"""What is deprecated, and how it is told: the core's own hooks, functions and the like stand here.

Former names stand where the name is: in specifications, operators and constructors.

A deprecation says since when, until when, and what to use instead. It is told as a
`DataflowDeprecationWarning` at the place of whoever uses the old thing, once for each place as
Python's own filters have it: the first frame outside of the core and of pydantic, or the line of a
recipe. ``docs/compatibility.md`` shows each form.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import FrameType
from typing import Any, TypeVar, cast

from dataflow_core.errors import ConfigurationError, DataflowDeprecationWarning

__all__ = ["Deprecation", "Former", "FormerNames", "deprecated", "renamed_parameters"]

CORE = "dataflow-llm-core"
_MACHINERY = frozenset({"dataflow_core", "pydantic", "pydantic_core", "functools", "contextlib"})

AnyCallable = TypeVar("AnyCallable", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Deprecation:
    """One thing that will go.

    Attributes:
        what: What it is, such as ``"the function read_all"``.
        since: The version of the distribution in which it was deprecated.
        removed_in: The version in which it is gone.
        instead: What to use: ``"FileStorage(path)"``; empty where there is nothing.
        distribution: The distribution that the versions are of.
    """

    what: str
    since: str
    removed_in: str
    instead: str = ""
    distribution: str = CORE

    @property
    def message(self) -> str:
        """The warning's text."""
        use = f"; use {self.instead}" if self.instead else ""
        return (
            f"{self.what} is deprecated since {self.distribution} {self.since} and goes in "
            f"{self.removed_in}{use}"
        )

    def warning(self) -> DataflowDeprecationWarning:
        """Return the warning, for a hook's ``warn_on_impl`` and ``warn_on_impl_args``."""
        return DataflowDeprecationWarning(self.message)

    def warn(self) -> None:
        """Warn the caller of the function that calls this."""
        frame = inspect.currentframe()
        _tell(self.message, frame.f_back if frame else None)


class Former(str):
    """A former name of something that was renamed, and until when it is understood.

    It is a string, so that it stands where names do, as in ``aliases`` of a specification.

    Args:
        name: The former name.
        since: The version of the distribution that brought the new name.
        removed_in: The version that understands the former name no more.
    """

    __slots__ = ("removed_in", "since")
    since: str
    removed_in: str

    def __new__(cls, name: str, *, since: str, removed_in: str) -> Former:
        """Make the string, and note the versions."""
        former = super().__new__(cls, name)
        former.since, former.removed_in = since, removed_in
        return former

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, str]]:
        return (str(self),), {"since": self.since, "removed_in": self.removed_in}


FormerNames = Mapping[str, "Former | tuple[Former, ...]"]
"""The former names of fields or parameters, by the name that they have now."""

HOOKS: Mapping[str, Deprecation] = {}
"""The deprecated hooks, and arguments as ``"hook.argument"``; whoever implements them is warned."""

OTHERS: tuple[Deprecation, ...] = ()
"""The deprecated functions, classes, parameters and options of the core."""


def now_called(kind: str, former: str, name: str, owner: str = "") -> str:
    """Return the warning's text for something that has another name.

    Args:
        kind: What it is, such as ``"operator"``.
        former: Its former name; a `Former` tells the versions too.
        name: Its name.
        owner: What it is a part of, such as the operator of a field.
    """
    whose = f" of {owner}" if owner else ""
    text = f"the {kind} {str(former)!r}{whose} is now called {name!r}; use the new name"
    if isinstance(former, Former):
        text += f" (since {former.since}; the former name goes in {former.removed_in})"
    return text


def warn_of_former_name(kind: str, former: str, name: str, owner: str = "") -> None:
    """Warn whoever used a former name, at the first place outside of the core."""
    frame = inspect.currentframe()
    _tell(now_called(kind, former, name, owner), frame.f_back if frame else None, str(former))


def by_former_name(names: FormerNames) -> dict[str, tuple[Former, str]]:
    """Return each former name, and the name that it stands for, by the former name's text."""
    return {
        str(former): (former, name)
        for name, formers in names.items()
        for former in (formers if isinstance(formers, tuple) else (formers,))
    }


def with_new_names(
    kind: str, owner: str, names: FormerNames, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return arguments by the names that they have now, and warn of former ones.

    Args:
        kind: What they are, such as ``"field"``.
        owner: Whose they are, for messages.
        names: The former names.
        given: The arguments.

    Raises:
        ConfigurationError: One is given by both of its names.
    """
    formers = by_former_name(names)
    renamed: dict[str, Any] = {}
    for key, value in given.items():
        former, name = formers.get(key, (key, key))
        if former != name:
            if name in given or name in renamed:
                raise ConfigurationError(
                    f"{owner}: {key!r} is the former name of {name!r}, and both are given. "
                    f"Keep {name!r}."
                )
            warn_of_former_name(kind, former, name, owner)
        renamed[name] = value
    return renamed


def deprecated(deprecation: Deprecation) -> Callable[[AnyCallable], AnyCallable]:
    """Mark a function or class: calling it, or making an instance, warns.

    Args:
        deprecation: What is told.

    Example:
        >>> OLD = Deprecation(what="double", since="0.2", removed_in="0.4", instead="2 * x")
        >>> @deprecated(OLD)
        ... def double(x):
        ...     return 2 * x
        >>> with warnings.catch_warnings(record=True, action="always") as told:
        ...     double(2)
        4
        >>> print(told[0].message)
        double is deprecated since dataflow-llm-core 0.2 and goes in 0.4; use 2 * x
    """

    def mark(thing: AnyCallable) -> AnyCallable:
        if isinstance(thing, type):
            cls: Any = thing
            cls.__init__ = _warning(cls.__init__, deprecation)
            return thing
        return cast("AnyCallable", _warning(thing, deprecation))

    return mark


def renamed_parameters(names: FormerNames) -> Callable[[AnyCallable], AnyCallable]:
    """Let a function, or a pipeline's ``__init__``, understand former names of its parameters.

    Args:
        names: The former names, by the parameter's name now.
    """

    def mark(function: AnyCallable) -> AnyCallable:
        owner = function.__qualname__.removesuffix(".__init__")

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            kwargs = with_new_names("parameter", owner, names, kwargs)
            return function(*args, **kwargs)

        call.former_names = names  # type: ignore[attr-defined]
        return cast("AnyCallable", call)

    return mark


def former_names_of(function: Any) -> FormerNames:
    """Return the former names of a function's parameters, as `renamed_parameters` noted them."""
    names: FormerNames = getattr(function, "former_names", {})
    return names


def overdue(removed_in: str, version: str) -> bool:
    """Tell whether a version has come in which something was to be gone."""
    from packaging.version import Version

    return Version(version) >= Version(removed_in)


_place: ContextVar[tuple[str, int, Mapping[str, int]] | None] = ContextVar("_place", default=None)


@contextmanager
def told_at(path: str, line: int, lines: Mapping[str, int] | None = None) -> Iterator[None]:
    """Tell deprecations at a line of a file, as long as it is read.

    Args:
        path: The file, or an option.
        line: The line, or 0 for an option.
        lines: The lines of former names that have one of their own.
    """
    token = _place.set((path, line, lines or {}))
    try:
        yield
    finally:
        _place.reset(token)


def _warning(function: Any, deprecation: Deprecation) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        _tell(deprecation.message, inspect.currentframe())
        return function(*args, **kwargs)

    return call


def _tell(message: str, frame: FrameType | None, former: str = "") -> None:
    """Warn at the place of the caller: a recipe's line, or the first frame that is no machinery.

    Args:
        message: The text.
        frame: The frame that found the deprecated thing in use.
        former: The former name that was used, which may have a line of its own in a recipe.
    """
    if place := _place.get():
        path, line, lines = place
        tell_once(message, (path, lines.get(former, line)), "<recipe>")
        return
    caller = frame
    while caller is not None and (caller is frame or _package(caller) in _MACHINERY):
        caller = caller.f_back
    if caller is None:  # The program itself was started, as by `dataflow run`.
        tell_once(message, (__file__, 1), __name__)
    else:
        module = str(caller.f_globals.get("__name__", "<unknown>"))
        tell_once(message, (caller.f_code.co_filename, caller.f_lineno), module)


_told: set[tuple[str, tuple[str, int]]] = set()
"""What was told where. Python's own registry forgets whenever anybody changes its filters."""


def tell_once(message: str, place: tuple[str, int], module: str) -> None:
    """Warn, unless the same was told of the same place and Python's filters want it once.

    Args:
        message: The text.
        place: File and line.
        module: The module's name, for filters.
    """
    asked_for = any(
        action in ("always", "error") and issubclass(DataflowDeprecationWarning, category)
        for action, _, category, *_ in warnings.filters
    )
    if asked_for or (message, place) not in _told:
        _told.add((message, place))
        warnings.warn_explicit(message, DataflowDeprecationWarning, *place, module=module)


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]
