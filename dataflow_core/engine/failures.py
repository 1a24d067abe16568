"""Failed rows, held against what is allowed: a run in which too many fail stops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from dataflow_core.engine.failure_limit import FailureLimit
from dataflow_core.engine.ledger import StepAccount
from dataflow_core.errors import RunError


class Failures:
    """The failed rows of a run's steps.

    Args:
        limit: How many of a step's rows may fail.
        folder: The run directory, for messages.
    """

    def __init__(self, limit: FailureLimit, folder: Path) -> None:
        self._limit = limit
        self._folder = folder
        self._making: set[str] = set()

    def check(self, account: StepAccount) -> None:
        """Stop where more rows failed than allowed; judged over all rows, not batch by batch.

        Raises:
            RunError: More failed.
        """
        if self._limit.is_broken(account.quarantined, account.rows_in):
            self._refuse(account)

    def check_early(
        self, account: StepAccount, steps: Sequence[str], total: Callable[[], float | None]
    ) -> None:
        """Stop where too many rows failed already.

        Args:
            account: What a step did so far.
            steps: The steps of its stage, in order.
            total: Returns how many rows flow into the stage at most; None where nobody knows.

        Raises:
            RunError: Too many failed.
        """
        if account.made:
            self._making.add(account.step)
        most = None
        makes = self._making.intersection(steps[: steps.index(account.step)])
        if account.quarantined and not makes:  # else nobody need know
            most = total()
        if self._limit.is_reached_early(account.quarantined, account.rows_in, most):
            self._refuse(account)

    def _refuse(self, account: StepAccount) -> None:
        kinds = (
            f"{reason}: {' '.join(first.split()):.200}" if first else reason
            for reason, first in account.failures.items()
        )
        raise RunError(
            f"step {account.step!r}: {account.quarantined:,} of {account.rows_in:,} rows failed "
            f"({'; '.join(kinds)}), more than the {self._limit} allowed. "
            f"The failed rows and their messages: {self._folder}/quarantine."
        )
