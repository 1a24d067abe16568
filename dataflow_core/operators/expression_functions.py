"""What the operators and functions of column expressions compute, on Arrow arrays and scalars.

Each is exact or an error: a comparison never rounds an integer, an overflow never wraps around.
"""

from __future__ import annotations

import decimal
import operator
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from dataflow_core.errors import ExpressionError
from dataflow_core.table.types import is_text

Datum: TypeAlias = "pa.Array | pa.Scalar"

_TYPED = " (columns of CSV are text, unless --column-type NAME=int64 or the like says other)"


def comparison(
    vectorised: Callable[[Datum, Datum], Datum], exact: Callable[[Any, Any], bool]
) -> Callable[[Datum, Datum], Datum]:
    """Return a comparison: Arrow's, and Python's where Arrow would have to round a number."""

    def compare(left: Datum, right: Datum) -> Datum:
        left, right = _decimal_like(*_aligned(left, right)), _decimal_like(*_aligned(right, left))
        if _rounds(left.type, right.type):
            return _row_by_row(exact, left, right)
        try:
            _require_same_clock(left.type, right.type)
            return vectorised(left, right)
        except pa.ArrowNotImplementedError:
            raise ExpressionError(
                f"{left.type} and {right.type} cannot be compared; CAST one of them"
                f"{_TYPED if is_text(left.type) != is_text(right.type) else ''}"
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
    if pat.is_decimal(left.type) or pat.is_decimal(right.type):
        return _decimal_remainder(left, right)
    if pat.is_floating(left.type) or pat.is_floating(right.type):
        return _float_remainder(pc.cast(left, pa.float64()), pc.cast(right, pa.float64()))
    return pc.subtract(left, pc.multiply(right, whole_divide(left, right)))


def negate(value: Datum) -> Datum:
    """Change the sign."""
    if pat.is_unsigned_integer(value.type):
        value = pc.cast(value, pa.int64())
    return pc.negate_checked(value)


def cast(value: Datum, kind: pa.DataType) -> Datum:
    """Bring values to a type, or fail on one that it cannot carry."""
    if pat.is_timestamp(kind) and pat.is_timestamp(value.type) and value.type.tz == kind.tz:
        return value
    return pc.cast(value, kind)


def try_cast(value: Datum, kind: pa.DataType) -> Datum:
    """Bring values to a type; null where a value does not convert."""
    try:
        return cast(value, kind)
    except pa.ArrowInvalid:
        if isinstance(value, pa.Scalar) or len(value) == 1:
            none = pa.scalar(None, kind)
            return none if isinstance(value, pa.Scalar) else pa.nulls(1, kind)
    half = len(value) // 2
    return pa.concat_arrays([try_cast(value[:half], kind), try_cast(value[half:], kind)])


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


def matches(value: Datum, pattern: str) -> Datum:
    """Tell whether a regular expression is found in texts."""
    try:
        pc.match_substring_regex(pa.scalar(""), pattern)  # Arrow checks no pattern without texts.
    except pa.ArrowInvalid as error:
        raise ExpressionError(str(error)) from None
    return pc.match_substring_regex(value, pattern)


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


def _decimal_like(value: Datum, other: Datum) -> Datum:
    """Return a fixed float beside decimals as the decimal that was written: 0.1 is one tenth."""
    if not (isinstance(value, pa.Scalar) and pat.is_floating(value.type)):
        return value
    if not (value.is_valid and pat.is_decimal(other.type) and np.isfinite(value.as_py())):
        return value
    try:
        return pa.scalar(decimal.Decimal(repr(value.as_py())))
    except pa.ArrowInvalid:  # More digits than a decimal has: compared as a float, exactly.
        return value


def _rounds(left: pa.DataType, right: pa.DataType) -> bool:
    pairs = ((left, right), (right, left))
    return any(pat.is_decimal(one) and pat.is_floating(other) for one, other in pairs)


def _require_same_clock(left: pa.DataType, right: pa.DataType) -> None:
    times = pat.is_timestamp(left) and pat.is_timestamp(right)
    if times and (left.tz is None) != (right.tz is None):
        raise ExpressionError(
            f"{left} and {right} cannot be compared: one has a time zone, the other has none; "
            "CAST one of them as timestamp or timestamptz"
        )


def _float_remainder(left: Datum, right: Datum) -> Datum:
    """C's fmod, which is exact."""
    right = _nonzero(right)
    with np.errstate(invalid="ignore"):
        found = np.fmod(_numbers(left), _numbers(right))
    known = pc.and_(pc.is_valid(left), pc.is_valid(right))
    found = pa.scalar(float(found)) if isinstance(known, pa.Scalar) else pa.array(found)
    return pc.if_else(known, found, pa.scalar(None, pa.float64()))


def _numbers(value: Datum) -> Any:
    filled = pc.fill_null(value, 1.0)
    return filled.as_py() if isinstance(filled, pa.Scalar) else filled.to_numpy()


def _decimal_remainder(left: Datum, right: Datum) -> Datum:
    kinds = (left.type, right.type)
    if not all(pat.is_decimal(kind) or pat.is_integer(kind) for kind in kinds):
        raise ExpressionError(f"{left.type} % {right.type} would round; CAST one of them")
    scale = max(kind.scale for kind in kinds if pat.is_decimal(kind))
    wide = any(pat.is_decimal256(kind) for kind in kinds)
    kind = pa.decimal256(76, scale) if wide else pa.decimal128(38, scale)
    context = decimal.Context(prec=160)

    def remainder(one: Any, other: Any) -> Any:
        return context.remainder(decimal.Decimal(one), decimal.Decimal(other)) if other else None

    return _row_by_row(remainder, left, right, kind)


def _row_by_row(
    exact: Callable[[Any, Any], Any], left: Datum, right: Datum, kind: pa.DataType | None = None
) -> Datum:
    rows = max((len(side) for side in (left, right) if isinstance(side, pa.Array)), default=None)
    fractions = _rounds(left.type, right.type)
    sides = (_python_values(side, rows, fractions) for side in (left, right))
    found = [None if a is None or b is None else exact(a, b) for a, b in zip(*sides, strict=True)]
    kind = kind or pa.bool_()
    return pa.array(found, kind) if rows is not None else pa.scalar(found[0], kind)


def _python_values(side: Datum, rows: int | None, fractions: bool) -> list[Any]:
    if isinstance(side, pa.Scalar):
        return _python_values(pa.array([side.as_py()], side.type), None, fractions) * (
            1 if rows is None else rows
        )
    values: list[Any] = side.to_pylist()
    if not (fractions and pat.is_decimal(side.type)):
        return values
    # Python's fractions compare with any float, NaN too.
    return [None if value is None else Fraction(value) for value in values]
