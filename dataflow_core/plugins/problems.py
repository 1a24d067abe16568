"""What is wrong with a plugin that could not be loaded: the cause, and the cure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dataflow_core.errors import PluginError
from dataflow_core.wording import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginProblem:
    """Why one plugin was not loaded, or why it is no longer called.

    Attributes:
        namespace: The plugin's namespace: the name of its entry point.
        distribution: The distribution that it came with; several where they claim one namespace.
        version: The version of the distribution.
        cause: What went wrong, in one line.
        cure: What to do about it, in one line.
        detail: The traceback, where there is one.
    """

    namespace: str
    distribution: str
    version: str
    cause: str
    cure: str
    detail: str = ""

    @property
    def line(self) -> str:
        """The problem in one line: the namespace and the cause."""
        return f"{self.namespace} ({self.cause})"

    @property
    def explanation(self) -> str:
        """The problem with its distribution and its cure."""
        whose = f"plugin {self.namespace!r} ({self.distribution} {self.version})"
        return f"{whose}: {self.cause}. {self.cure}"


class LoadingError(PluginError):
    """Raised while one plugin loads, and turned into a `PluginProblem` at once.

    Args:
        cause: What is wrong, in one line.
        cure: What to do about it; None for the usual advice.
    """

    def __init__(self, cause: str, cure: str | None = None) -> None:
        super().__init__(cause)
        self.cause = cause
        self.cure = cure


def summarize(problems: Sequence[PluginProblem]) -> str:
    """Return one line on plugins that could not be loaded; empty if there are none."""
    if not problems:
        return ""
    listed = ", ".join(problem.line for problem in problems)
    count = counted(len(problems), "plugin")
    return f"{count} could not be loaded: {listed}; see `dataflow plugins doctor`"


def one_line(error: BaseException) -> str:
    """Return an exception's type and the first line of its message, if it can tell one."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # noqa: BLE001  a stranger's exception may fail to say what it is
        lines = []
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
