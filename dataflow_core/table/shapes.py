"""Python values parsed from JSON to Arrow, exactly: nothing is rounded, cut or merged.

`Shape` gathers what the values of a column are; the type that it names does not depend on the
pieces in which the values arrived. `column_of` brings values to a given type or refuses.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.types as pat

from dataflow_core.table.types import JSON_TYPE, TypeMisfit, is_json, json_array

_NULL = type(None)


class Shape:
    """What the values of one column are, gathered piece by piece."""

    def __init__(self, depth: int = 0) -> None:
        self._depth = depth
        self._kinds: set[type] = set()
        self._low = 0
        self._high = 0
        self._item: Shape | None = None
        self._fields: dict[str, Shape] | None = None
        self._ragged = False

    def add(self, values: Sequence[Any]) -> None:
        """Take more values of the column."""
        kinds = set(map(type, values))
        self._kinds |= kinds
        if int in kinds:
            self._add_integers([value for value in values if type(value) is int])
        if list in kinds:
            self._add_lists([value for value in values if type(value) is list])
        if dict in kinds:
            self._add_objects([value for value in values if type(value) is dict])

    def type(self) -> pa.DataType:
        """Return the narrowest Arrow type that carries all values: JSON if no other does."""
        kinds = self._kinds - {_NULL}
        if not kinds:
            return pa.null()
        if kinds == {int, float}:
            exact = self._low >= -_EXACT and self._high <= _EXACT
            return pa.float64() if exact else JSON_TYPE
        if len(kinds) > 1:
            return JSON_TYPE
        (kind,) = kinds
        if kind is int:
            return self._integer_type()
        if kind is list:
            return self._list_type()
        return self._struct_type() if kind is dict else _SCALARS.get(kind, JSON_TYPE)

    def _add_integers(self, values: list[int]) -> None:
        self._low = min([self._low, *values])
        self._high = max([self._high, *values])

    def _add_lists(self, values: list[list[Any]]) -> None:
        if self._depth >= _DEEPEST:
            self._ragged = True
            return
        self._item = self._item or Shape(self._depth + 1)
        self._item.add(list(chain.from_iterable(values)))

    def _add_objects(self, values: list[dict[str, Any]]) -> None:
        shapes = set(map(tuple, values))
        if self._depth >= _DEEPEST:
            self._ragged = True
            return
        if self._fields is None:
            self._fields = {name: Shape(self._depth + 1) for name in next(iter(shapes))}
        if shapes != {tuple(self._fields)} or self._ragged:
            self._ragged = True
            return
        for name, field in self._fields.items():
            field.add([value[name] for value in values])

    def _integer_type(self) -> pa.DataType:
        if self._low >= -(1 << 63) and self._high < 1 << 63:
            return pa.int64()
        return pa.uint64() if self._low >= 0 and self._high < 1 << 64 else JSON_TYPE

    def _list_type(self) -> pa.DataType:
        inner = self._item.type() if self._item else pa.null()
        return JSON_TYPE if self._ragged or is_json(inner) else pa.list_(inner)

    def _struct_type(self) -> pa.DataType:
        # An object without keys has no shape to share; as JSON every format can hold it.
        if self._ragged or not self._fields:
            return JSON_TYPE
        inner = {name: field.type() for name, field in self._fields.items()}
        if any(is_json(kind) for kind in inner.values()):
            return JSON_TYPE
        return pa.struct([pa.field(name, kind) for name, kind in inner.items()])


def exact_array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Return values as an array of exactly this type.

    Args:
        values: Values of JSON's kinds; None for null.
        kind: The wanted type.

    Raises:
        TypeMisfit: A value does not fit the type unaltered.
    """
    if is_json(kind):
        return json_array(values)
    if not _fits(values, kind):
        raise TypeMisfit(f"a value does not fit type {kind}")
    try:
        return pa.array(values, kind)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError) as error:
        raise TypeMisfit(f"a value does not fit type {kind}") from error


def _fits(values: Sequence[Any], kind: pa.DataType) -> bool:
    """Tell whether values fit a type; Arrow itself would alter some in silence."""
    kinds = set(map(type, values)) - {_NULL}
    if pat.is_string(kind) or pat.is_large_string(kind):
        return kinds <= {str}
    if pat.is_boolean(kind):
        return kinds <= {bool}
    if pat.is_integer(kind):
        return kinds <= {int}
    if pat.is_float64(kind):
        return kinds <= {float} or (kinds <= {int, float} and _exact_doubles(values))
    if pat.is_list(kind) or pat.is_large_list(kind):
        return kinds <= {list} and _fits(
            list(chain.from_iterable(value for value in values if value is not None)),
            kind.value_type,
        )
    if pat.is_struct(kind):
        return kinds <= {dict} and _objects_fit([v for v in values if v is not None], kind)
    return not kinds


def _objects_fit(values: list[dict[str, Any]], kind: pa.DataType) -> bool:
    names = tuple(field.name for field in kind)
    if not set(map(tuple, values)) <= {names}:
        return False
    return all(_fits([value[n] for value in values], kind.field(n).type) for n in names)


def _exact_doubles(values: Sequence[Any]) -> bool:
    return all(type(value) is not int or -_EXACT <= value <= _EXACT for value in values)


# Up to here every integer is exact in a double; Arrow converts none beyond.
_EXACT = 1 << 53
# Beyond this depth Arrow's types give out; JSON does not.
_DEEPEST = 40
_SCALARS = {bool: pa.bool_(), str: pa.string(), float: pa.float64()}
