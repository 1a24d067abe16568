"""Examples: what the conformance kit makes an operator of, where it cannot tell by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataflow_core.serving.base import Serving

Rows = Sequence[Mapping[str, Any]]

Configuration = Mapping[str, Any] | Callable[[Path], Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Example:
    """How to make an operator, and a few rows that it does something with.

    What is left out the kit makes up: fields keep their defaults, columns the names that ``run``
    gives them, rows follow from the kinds of the columns, and a serving answers in the form that
    the prompt asks for.

    Attributes:
        configuration: The operator's fields; or a function of an empty folder that makes files
            there, and returns the fields.
        columns: The ``input_*`` and ``output_*`` of ``run``, those that are not as by default. For
            a second table, its rows.
        rows: Some rows, at least two, such that no operator on the way fails on one.
        serving: Who answers, in place of each of the operator's servings: what it answers must
            depend on the question alone, so give a function or a mapping, not a list.
        expected_failures: The reasons of checks that the operator fails and may fail, by check.
            One that passes all the same fails.

    Example:
        >>> Example(configuration={"labels": ["sport", "politics"]}).rows is None
        True
    """

    configuration: Configuration = field(default_factory=dict)
    columns: Mapping[str, Any] = field(default_factory=dict)
    rows: Rows | None = None
    serving: Serving | None = None
    expected_failures: Mapping[str, str] = field(default_factory=dict)
