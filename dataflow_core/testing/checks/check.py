"""What a check is: a function, when it applies, and what it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from dataflow_core.errors import ConformanceError
from dataflow_core.operators.base import Operator
from dataflow_core.testing.checks.construction import check_example
from dataflow_core.testing.checks.suite import summary_of
from dataflow_core.testing.subject import Subject, explained


class ExampleFails(ConformanceError):
    """The example fails already, so that a check with it would tell nothing new."""


def always(_: Subject) -> bool:
    """Return that a check applies."""
    return True


@dataclass(frozen=True)
class Check:
    """One check of operators.

    Attributes:
        function: What checks, and raises where it finds a breach.
        applies: Whether an operator has what it is about.
        needs: What it takes: the operator's class alone; the operator as its example makes it; one
            that finds all that its extra brings, so that running it can be tried; one that runs.
    """

    function: Callable[[Subject], None]
    applies: Callable[[Subject], bool] = always
    needs: Literal["class", "operator", "trial", "run"] = "run"

    @property
    def name(self) -> str:
        """The function's name: ``check_pickles``."""
        return self.function.__name__

    @property
    def __name__(self) -> str:
        return self.name

    @property
    def summary(self) -> str:
        """What it checks, in a sentence or two."""
        return summary_of(self.function)

    def concerns(self, subject: Subject) -> bool:
        """Tell whether it applies, or fails because that cannot be told.

        An operator that is at fault as a whole fails in `check_example`, and in no other.
        """
        if subject.fault:
            return self.function is check_example
        try:
            return self.applies(subject)
        except Exception:  # noqa: BLE001  the check itself finds it, and tells it
            return True

    def __call__(self, operator: Subject | type[Operator]) -> None:
        """Check an operator.

        Args:
            operator: The operator as `operators` returns it, or its class.

        Raises:
            ConformanceError: It breaks the contract; the message says how.
        """
        subject = operator if isinstance(operator, Subject) else Subject(operator)
        if self.function is not check_example:
            self._require_example(subject)
        try:
            self.function(subject)
        except Exception as error:
            runs = self.needs in ("trial", "run")
            raise explained(subject, self.name, error, runs=runs) from error

    def _require_example(self, subject: Subject) -> None:
        if self.needs in ("operator", "trial") and subject.lack:
            raise ExampleFails(f"{subject.name}: it cannot be made, as check_example says.")
        if self.needs == "run" and _fails(subject):
            raise ExampleFails(f"{subject.name}: its example fails, as {subject.told_by} says.")


def _fails(subject: Subject) -> bool:
    """Tell whether the example fails, which is tried once."""
    if subject.example_fails is None:
        try:
            check_example(subject)
            subject.example_fails = bool(subject.example_fails)
        except Exception:  # noqa: BLE001  check_example tells which
            subject.example_fails = True
    return subject.example_fails
