"""What a check is: a function, when it applies, and whether it runs the operator."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

from dataflow_core.errors import ConformanceError
from dataflow_core.operators.base import Operator
from dataflow_core.testing.subject import Subject, explained


def always(_: Subject) -> bool:
    """Return that a check applies."""
    return True


@dataclass(frozen=True)
class Check:
    """One check of operators.

    Attributes:
        function: What checks, and raises where it finds a breach.
        applies: Whether an operator has what it is about.
        runs: Whether it runs the operator, which takes what the operator's extra brings.
    """

    function: Callable[[Subject], None]
    applies: Callable[[Subject], bool] = always
    runs: bool = False

    @property
    def name(self) -> str:
        """The function's name: ``check_pickles``."""
        return self.function.__name__

    @property
    def __name__(self) -> str:
        return self.name

    @property
    def summary(self) -> str:
        """What it checks, in a line."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    def __call__(self, operator: Subject | type[Operator]) -> None:
        """Check an operator.

        Args:
            operator: The operator as `operators` returns it, or its class.

        Raises:
            ConformanceError: It breaks the contract; the message says how.
        """
        subject = operator if isinstance(operator, Subject) else Subject(operator)
        try:
            self.function(subject)
        except Exception as error:
            raise explained(subject, self.name, error) from error
