"""What the operators and functions of column expressions compute, on Arrow arrays and scalars.

Each is exact or an error: a comparison never rounds an integer, an overflow never wraps around.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from dataflow_core.errors import ExpressionError

Datum: TypeAlias = "pa.Array | pa.Scalar"


def comparison(
    vectorised: Callable[[Datum, Datum], Datum], exact: Callable[[Any, Any], bool]
) -> Callable[[Datum, Datum], Datum]:
    """Return a comparison: Arrow's, and Python's where Arrow would have to round an integer."""

    def compare(left: Datum, right: Datum) -> Datum:
        left, right = _aligned(left, right)
        try:
            return vectorised(left, right)
        except pa.ArrowNotImplementedError:
            raise ExpressionError(
                f"{left.type} and {right.type} cannot be compared; CAST one of them"
            ) from None
        except pa.ArrowInvalid:
            return _row_by_row(exact, left, right)

    return compare


equal = comparison(pc.equal, operator.eq)
not_equal = comparison(pc.not_equal, operator.ne)
greater = comparison(pc.greater, operator.gt)
greater_equal = comparison(pc.greater_equal, operator.ge)
less = comparison(pc.less, operator.lt)
less_equal = comparison(pc.less_equal, operator.le)


def between(value: Datum, low: Datum, high: Datum) -> Datum:
    """Tell whether a value lies between two others, both included."""
    return pc.and_kleene(greater_equal(value, low), less_equal(value, high))


def arithmetic(function: Callable[[Datum, Datum], Datum]) -> Callable[[Datum, Datum], Datum]:
    """Return an arithmetic operation that copes with columns of nulls and unsigned integers."""
    return lambda left, right: function(*_aligned(left, right))


add = arithmetic(pc.add_checked)
subtract = arithmetic(pc.subtract_checked)
multiply = arithmetic(pc.multiply_checked)


def divide(left: Datum, right: Datum) -> Datum:
    """Divide as floats; null where the divisor is zero."""
    divisor = pc.cast(right, pa.float64(), safe=False)
    return pc.divide(pc.cast(left, pa.float64(), safe=False), _nonzero(divisor))


def whole_divide(left: Datum, right: Datum) -> Datum:
    """Divide and cut towards zero; null where the divisor is zero."""
    left, right = _aligned(left, right)
    if pat.is_integer(left.type) and pat.is_integer(right.type):
        return pc.divide(left, _nonzero(right))
    return pc.trunc(divide(left, right))


def modulo(left: Datum, right: Datum) -> Datum:
    """Return the remainder, which has the dividend's sign; null where the divisor is zero."""
    left, right = _aligned(left, right)
    return pc.subtract(left, pc.multiply(right, whole_divide(left, right)))


def negate(value: Datum) -> Datum:
    """Change the sign."""
    if pat.is_unsigned_integer(value.type):
        value = pc.cast(value, pa.int64())
    return pc.negate_checked(value)


def rounded(value: Datum, digits: int) -> Datum:
    """Round to digits after the point, halves away from zero."""
    return pc.round(value, ndigits=digits, round_mode="half_towards_infinity")


def length(value: Datum) -> Datum:
    """Return the number of characters of a text, or of items of a list."""
    count = pc.list_value_length(value) if _is_list(value.type) else pc.utf8_length(text(value))
    return pc.cast(count, pa.int64())


def substring(value: Datum, start: int, count: int | None) -> Datum:
    """Cut a text from a character on, counted from 1, or from the end where negative."""
    if start == 0 or (count is not None and count < 0):
        raise ExpressionError(
            "substr counts characters from 1 (from -1 at the end), and no fewer than 0"
        )
    first = start - 1 if start > 0 else start
    stop = None if count is None else first + count
    # Counted from the end, a stop of 0 would be the beginning of the text.
    return pc.utf8_slice_codeunits(text(value), first, None if first < 0 and stop == 0 else stop)


def joined(parts: Sequence[Datum]) -> Datum:
    """Join texts (and numbers as texts); null where any of them is null."""
    return pc.binary_join_element_wise(*(pc.cast(part, pa.string()) for part in parts), "")


def first_present(values: Sequence[Datum]) -> Datum:
    """Return the first value that is not null."""
    typed = [value for value in values if not pat.is_null(value.type)]
    return pc.coalesce(*typed) if typed else values[0]


def choose(condition: Datum, chosen: Datum, other: Datum) -> Datum:
    """Return one value where a condition is true, another where it is false or null."""
    chosen, other = _aligned(chosen, other)
    return pc.if_else(pc.fill_null(condition, False), chosen, other)


def list_contains(values: Datum, wanted: Datum) -> Datum:
    """Tell whether lists have a fixed value among their items."""
    if not isinstance(wanted, pa.Scalar):
        raise ExpressionError("only a fixed value can be looked for in a list column")
    if pat.is_null(values.type):
        return pc.cast(values, pa.bool_())
    if not _is_list(values.type):
        raise ExpressionError(f"IN wants a list column on its right, found {values.type}")
    hits = pc.fill_null(equal(pc.list_flatten(values), wanted), False)
    rows = pc.list_parent_indices(values).filter(hits)
    found = pc.is_in(pa.array(range(len(values)), pa.int64()), value_set=pc.cast(rows, pa.int64()))
    known = pc.and_(pc.is_valid(values), pa.scalar(wanted.is_valid))
    return pc.if_else(known, found, pa.scalar(None, pa.bool_()))


def text(value: Datum) -> Datum:
    """Return a column of nulls as a text column, and others as they are."""
    return pc.cast(value, pa.string()) if pat.is_null(value.type) else value


def _is_list(kind: pa.DataType) -> bool:
    return bool(pat.is_list(kind) or pat.is_large_list(kind))


def _aligned(left: Datum, right: Datum) -> tuple[Datum, Datum]:
    """Give both sides types that Arrow brings together without loss, where there are such."""
    if pat.is_null(left.type) and pat.is_null(right.type):
        return pc.cast(left, pa.int64()), pc.cast(right, pa.int64())
    return _like(left, right), _like(right, left)


def _like(value: Datum, other: Datum) -> Datum:
    if pat.is_null(value.type):
        return pc.cast(value, other.type)
    small = isinstance(value, pa.Scalar) and pat.is_int64(value.type) and value.is_valid
    if small and pat.is_uint64(other.type) and value.as_py() >= 0:
        return pc.cast(value, pa.uint64())
    return value


def _nonzero(divisor: Datum) -> Datum:
    zero = pc.equal(divisor, pa.scalar(0, divisor.type))
    return pc.if_else(zero, pa.scalar(None, divisor.type), divisor)


def _row_by_row(exact: Callable[[Any, Any], bool], left: Datum, right: Datum) -> Datum:
    rows = max((len(side) for side in (left, right) if isinstance(side, pa.Array)), default=None)
    pairs = zip(_python_values(left, rows or 1), _python_values(right, rows or 1), strict=True)
    found = [None if a is None or b is None else exact(a, b) for a, b in pairs]
    return pa.array(found, pa.bool_()) if rows is not None else pa.scalar(found[0], pa.bool_())


def _python_values(side: Datum, rows: int) -> list[Any]:
    return [side.as_py()] * rows if isinstance(side, pa.Scalar) else side.to_pylist()
