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
    """Return the example that a specification names; None where there is none of the operator.

    The target is an `Example`, or a mapping of examples by the operators' names.

    Raises:
        ConformanceError: There is no such target, or it is something else.
    """
    target = registered.spec.example
    if not target:
        return None
    found = _imported(registered, target)
    if isinstance(found, Mapping):
        found = found.get(registered.spec.name, found.get(registered.full_name))
    if found is not None and not isinstance(found, Example):
        raise ConformanceError(
            f"{registered.full_name}: its specification names the example {target!r}, which is "
            f"{found!r}. It takes an Example, or a mapping of them by the operators' names."
        )
    return found


def example_names(registered: Registered[OperatorSpec]) -> list[str]:
    """Return the names in the mapping that a specification names as its example; else none.

    Raises:
        ConformanceError: There is no such target.
    """
    target = registered.spec.example
    found = _imported(registered, target) if target else None
    return list(found) if isinstance(found, Mapping) else []


def _imported(registered: Registered[OperatorSpec], target: str) -> Any:
    module, _, name = target.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConformanceError(
            f"{registered.full_name}: its specification names the example {target!r}, which cannot "
            f'be imported: {error}. Write example="package.conformance:EXAMPLES".'
        ) from error
