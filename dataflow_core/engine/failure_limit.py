"""How many rows of a step may fail before a run stops."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass

from dataflow_core.errors import ConfigurationError

FEW = 10
"""So many rows may fail whatever the share, unless they are half of all, or the share is 0."""

HOPELESS = 1_000
"""After so many rows of which none came through, a step need not go on failing."""


ANY_NUMBER = sys.maxsize
"""A limit that no run breaks."""


@dataclass(frozen=True)
class FailureLimit:
    """The most rows of a step that may fail: a share of those that went in, or a number.

    Attributes:
        share: The share, 0 to 1.
        rows: The number, instead of a share.
    """

    share: float = 0.05
    rows: int | None = None

    @classmethod
    def of(cls, given: float | str) -> FailureLimit:
        """Return the limit that a person means.

        Args:
            given: ``"5%"`` or 0.05 for a share, ``"100"`` or 100 for so many rows, 0 for none.

        Raises:
            ConfigurationError: It is none of these.
        """
        found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*(%?)\s*", str(given))
        if found is None:
            raise _refusal(given)
        number, is_share = float(found[1]), bool(found[2])
        if is_share:
            number /= 100
        elif isinstance(given, float) or "." in found[1] or number == 0:
            is_share = True
        if is_share and number <= 1:
            return cls(number)
        if is_share:
            raise _refusal(given)
        return cls(rows=int(number))

    def is_reached_early(self, failed: int, rows: int, most: float | None = None) -> bool:
        """Tell whether a step need not go on: the limit will be broken however it goes on.

        Args:
            failed: Its rows that have failed so far.
            rows: Its rows so far.
            most: As many rows as it will get at most; None where that is not known.
        """
        if self.rows is not None:
            return failed > self.rows
        if most is not None and failed > max(self.share * most, FEW):
            return True
        return failed == rows >= HOPELESS or (self.share == 0 and failed > 0)

    def is_broken(self, failed: int, rows: int) -> bool:
        """Tell whether too many of all rows of a step failed."""
        if self.rows is not None:
            return failed > self.rows
        few = self.share > 0 and failed <= FEW and failed * 2 < rows
        return not few and failed > self.share * rows

    def __str__(self) -> str:
        return f"{self.rows:,}" if self.rows is not None else f"{self.share * 100:g}%"


def _refusal(given: object) -> ConfigurationError:
    return ConfigurationError(
        f"max_failures is {given!r}; it takes a share, such as '5%' or 0.05, or a number of rows, "
        "such as 100."
    )
