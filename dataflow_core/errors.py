"""The exception tree: everything that this project raises on purpose is a `DataflowError`.

    DataflowError
    ├── StorageError              a source or target cannot be read or written
    │   ├── SourceError           missing, empty, unreadable, or not what its ending says
    │   ├── BadRowError           one row of a source cannot be parsed
    │   └── FormatError           a format cannot express a column or value
    ├── ConfigurationError        an operator or pipeline got a wrong parameter
    │   └── PromptError           a prompt template is wrong, or does not fit its operator
    ├── ColumnError               an operator is bound to a column that is not there
    ├── ExpressionError           a column expression does not compile or fit its columns
    ├── OperatorError             an operator failed or broke its contract (identity, sums)
    ├── PlanError                 a pipeline cannot be compiled, or fails its checks
    │   └── RecipeError           a recipe file is wrong, with its file and line
    ├── StoreError                a request store cannot be opened, read or written
    ├── RunError                  a run cannot start or go on (its directory, its limits)
    ├── ServingError              a model cannot be asked at all, whatever the row
    │   ├── ServingRefused        the server refuses everything: wrong key, unknown model, no credit
    │   └── ServingGone           the server cannot be reached any more, or never could
    ├── ScriptError               a script to migrate cannot be read or written
    ├── PluginError               a plugin cannot be loaded, or a name is unknown or taken
    └── ConformanceError          something of a plugin is not as its contract says

    FutureWarning
    └── DataflowDeprecationWarning   something is used that will go: since when, until when

    KeyboardInterrupt
    └── RunStopped                a run was asked to stop, and can go on where it stopped
        └── BudgetReached         the next request could cost more than is left of the budget

A message says what failed, where, what was found, what was wanted, and how to fix it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

__all__ = [
    "BadRowError",
    "BudgetReached",
    "ColumnError",
    "ConfigurationError",
    "DataflowDeprecationWarning",
    "DataflowError",
    "ExpressionError",
    "FormatError",
    "OperatorError",
    "PlanError",
    "PluginError",
    "PromptError",
    "RecipeError",
    "RunError",
    "RunStopped",
    "ScriptError",
    "ServingError",
    "ServingGone",
    "ServingRefused",
    "SourceError",
    "StorageError",
    "StoreError",
    "did_you_mean",
    "nearest",
]


class DataflowError(Exception):
    """The root of every error that this project raises on purpose.

    Args:
        *message: The message.
        unknown_name: Whether all that is wrong is that somebody named what is not there: a plugin
            or something that one registers, a run, a file. On a command line that is wrong usage.
    """

    def __init__(self, *message: object, unknown_name: bool = False) -> None:
        super().__init__(*message)
        self.unknown_name = unknown_name


class StorageError(DataflowError):
    """A source or target cannot be read or written."""


class SourceError(StorageError):
    """A source is missing, empty, unreadable, or not what its ending says."""


class BadRowError(StorageError):
    """One row of a source cannot be parsed; the message has file, line and column."""


class FormatError(StorageError):
    """A format cannot express a column or a value without altering it."""


class ConfigurationError(DataflowError):
    """An operator or pipeline got an unknown, missing or invalid parameter."""


class PromptError(ConfigurationError):
    """A prompt template cannot be read, is malformed, or does not fit its operator."""


class ColumnError(DataflowError):
    """An operator is bound to a column that is not there, or that has another type."""


class ExpressionError(DataflowError):
    """A column expression does not compile, or does not fit the columns that it names."""


class OperatorError(DataflowError):
    """An operator failed, or broke its contract on row identity or ledger sums."""


class PlanError(DataflowError):
    """A pipeline cannot be compiled, or a plan cannot run as asked."""


class RecipeError(PlanError):
    """A recipe file is wrong; the message names file and line.

    Args:
        message: The message.
        faults: Each fault in the file with its line, in the file's order.
    """

    def __init__(self, message: str, faults: Sequence[tuple[int, str]] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)


class StoreError(DataflowError):
    """A request store cannot be opened, read or written."""


class RunError(DataflowError):
    """A run cannot start or go on."""


class RunStopped(KeyboardInterrupt):
    """Somebody asked a run to stop: what was done is kept, and the same command goes on."""


class BudgetReached(RunStopped):
    """A run has spent its budget: what was done is kept, and with more money it goes on."""


class ScriptError(DataflowError):
    """A script to migrate cannot be read or written: its encoding, its syntax, or its file."""


class ServingError(DataflowError):
    """A model cannot be asked at all; what fails for one row only is a failure of that row."""


class ServingRefused(ServingError):
    """A server refuses every request: the key is wrong, the model unknown, or no credit left."""


class ServingGone(ServingError):
    """A server cannot be reached any more, or never could.

    Attributes:
        last: How the last request to it failed.
    """

    def __init__(self, message: str, last: str = "") -> None:
        super().__init__(message)
        self.last = last


class DataflowDeprecationWarning(FutureWarning):
    """Something is used that will go in a later version; the message says what to use instead.

    A FutureWarning, since Python hides a DeprecationWarning from the people who run a script or a
    recipe, and these must change it.
    """


class PluginError(DataflowError):
    """A plugin cannot be loaded, or a registered name is unknown or claimed twice."""


class ConformanceError(DataflowError, AssertionError):
    """An operator, a plugin, a storage, a serving or an engine breaks its contract."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name closest to ``name``, or None when none is close."""
    known = [str(candidate) for candidate in known]
    folded = {candidate.lower(): candidate for candidate in known}
    if name.lower() in folded:
        return folded[name.lower()]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return close[0] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the closest known name, or an empty string."""
    close = nearest(name, known)
    return f" Did you mean {close!r}?" if close else ""
