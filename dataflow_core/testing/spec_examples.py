"""The example that an operator's specification names."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dataflow_core.errors import ConformanceError
from dataflow_core.testing.example import Example

if TYPE_CHECKING:
    from dataflow_core.plugins import Registered
    from dataflow_core.plugins.specs import OperatorSpec


def example_of(registered: Registered[OperatorSpec]) -> Example | None:
    """Return the example that a specification names; None if it names none.

    The target is an `Example`, or a mapping of examples by the operators' names.

    Raises:
        ConformanceError: There is no such target, or it is something else.
    """
    target = registered.spec.example
    if not target:
        return None
    found = _imported(registered, target)
    if isinstance(found, Mapping):
        found = found.get(registered.spec.name) or found.get(registered.full_name)
    if not isinstance(found, Example):
        raise ConformanceError(
            f"{registered.full_name}: its specification names the example {target!r}, which is "
            f"{found!r}. It takes an Example, or a mapping with one under "
            f"{registered.spec.name!r}."
        )
    return found


def _imported(registered: Registered[OperatorSpec], target: str) -> Any:
    module, _, name = target.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConformanceError(
            f"{registered.full_name}: its specification names the example {target!r}, which cannot "
            f'be imported: {error}. Write example="package.conformance:EXAMPLES".'
        ) from error
