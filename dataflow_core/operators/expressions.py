"""Column expressions: SQL's expression language over the columns of a table, evaluated by Arrow.

SQL, because data engineers know it and because its null logic is defined: a comparison with null is null.
The text is parsed by sqlglot and compiled to Arrow's compute functions; nothing is ever evaluated as Python,
and only what `FUNCTIONS` and the operators below name can be reached.

    word_count >= 20 AND language IN ('en', 'de') AND text IS NOT NULL
    len(text) > 100 AND NOT contains(text, 'lorem ipsum')
    regexp_matches(url, '^https://') OR score / votes > 0.5
    'math' IN tags
    CASE WHEN score >= 4 THEN 'good' ELSE 'poor' END
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from dataflow_core.errors import ExpressionError, did_you_mean
from dataflow_core.table.types import is_json

Columns = Mapping[str, pa.Array]
Datum = pa.Array | pa.Scalar


class Expression:
    """A parsed expression.

    Args:
        text: The expression, in SQL.

    Raises:
        ExpressionError: It does not parse, or uses something that is not supported.

    Example:
        >>> table = {"words": pa.array([3, 30, None])}
        >>> Expression("words >= 20").evaluate(table, 3).to_pylist()
        [False, True, None]
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._tree = _parse(text)
        for node in self._tree.walk():
            if type(node) not in _KNOWN:
                raise ExpressionError(_unsupported(text, node))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns that it names, in order."""
        names = [_column_name(self.text, node) for node in self._tree.find_all(exp.Column, bfs=False)]
        return tuple(dict.fromkeys(names))

    def evaluate(self, columns: Columns, rows: int) -> pa.Array:
        """Return the value of the expression for each row.

        Args:
            columns: The columns that it names.
            rows: The number of rows.

        Raises:
            ExpressionError: The expression does not fit the columns' types, or a value overflows.
        """
        try:
            value = _Evaluation(self.text, columns).of(self._tree)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, pa.ArrowKeyError) as e:
            raise ExpressionError(f"{self.text!r} does not fit its columns: {_short(e)}") from e
        return pa.repeat(value, rows) if isinstance(value, pa.Scalar) else value

    def type(self, columns: Mapping[str, pa.DataType]) -> pa.DataType:
        """Return the type of the result over columns of these types.

        Raises:
            ExpressionError: The expression does not fit them.
        """
        empty = {name: pa.array([], columns[name]) for name in self.columns}
        return self.evaluate(empty, 0).type


class _Evaluation:
    """Evaluates a tree over the columns of one batch."""

    def __init__(self, text: str, columns: Columns) -> None:
        self._text = text
        self._columns = columns

    def of(self, node: exp.Expression) -> Datum:
        if isinstance(node, exp.Column):
            return self._column(node)
        handler = _HANDLERS.get(type(node))
        if handler is not None:
            return handler(self, node)
        function, arguments = _FUNCTIONS[type(node)]
        return function(*(self.of(node.args[name]) for name in arguments if node.args.get(name)))

    def flag(self, node: exp.Expression) -> Datum:
        value = self.of(node)
        if not (pat.is_boolean(value.type) or pat.is_null(value.type)):
            raise ExpressionError(
                f"{self._text!r}: {node.sql('duckdb')} is {value.type}, a condition wanted. "
                "Compare it with something."
            )
        return pc.cast(value, pa.bool_())

    def _column(self, node: exp.Column) -> pa.Array:
        column = self._columns[_column_name(self._text, node)]
        if is_json(column.type):
            raise ExpressionError(
                f"{self._text!r}: column {node.name!r} holds JSON values of differing shapes, which "
                "have no one type to compare. Bring it to one type first with core/apply."
            )
        return column


def _parse(text: str) -> exp.Expression:
    try:
        tree = sqlglot.parse_one(text, read="duckdb")
    except SqlglotError as error:
        first = (getattr(error, "errors", None) or [{}])[0]
        where = f" at character {first['col']}" if first.get("col") else ""
        what = first.get("description") or _short(error)
        raise ExpressionError(
            f"{text!r} does not parse{where}: {what}. An expression is like "
            "\"word_count >= 20 AND language IN ('en', 'de')\"; texts stand in single quotes, column "
            "names with spaces in double quotes."
        ) from None
    return tree


def _unsupported(text: str, node: exp.Expression) -> str:
    if isinstance(node, exp.Anonymous):
        name = str(node.this)
        return (
            f"{text!r}: no function {name!r}.{did_you_mean(name.lower(), FUNCTIONS)} "
            f"Known: {', '.join(FUNCTIONS)}."
        )
    return (
        f"{text!r}: {node.key} is not supported in a column expression. Supported: comparison, AND, OR, "
        "NOT, IN, BETWEEN, IS NULL, LIKE, arithmetic, CASE, CAST and the functions "
        f"{', '.join(FUNCTIONS)}."
    )


def _column_name(text: str, node: exp.Column) -> str:
    if node.args.get("table"):
        raise ExpressionError(
            f"{text!r}: {node.sql('duckdb')} looks like a field of a struct. Only whole columns can be "
            f"named; if the column's name has a dot, write it in double quotes."
        )
    return node.name


def _literal(_: _Evaluation, node: exp.Literal) -> pa.Scalar:
    if node.is_string:
        return pa.scalar(node.this, pa.string())
    if node.is_int:
        return pa.scalar(int(node.this))
    return pa.scalar(float(node.this))


def _in(evaluation: _Evaluation, node: exp.In) -> Datum:
    value = evaluation.of(node.this)
    if (field := node.args.get("field")) is not None:
        return _list_contains(evaluation.of(field), value)
    found: Datum | None = None
    for item in node.expressions:
        equal = _equal(value, evaluation.of(item))
        found = equal if found is None else pc.or_kleene(found, equal)
    if found is None:
        raise ExpressionError(f"{node.sql('duckdb')}: IN wants values in parentheses, or a list column")
    return found


def _is(evaluation: _Evaluation, node: exp.Is) -> Datum:
    value = evaluation.of(node.this)
    if isinstance(node.expression, exp.Null):
        return pc.is_null(value)
    return pc.fill_null(_equal(value, evaluation.of(node.expression)), False)


def _case(evaluation: _Evaluation, node: exp.Case) -> Datum:
    default = node.args.get("default")
    result = evaluation.of(default) if default is not None else pa.scalar(None)
    for branch in reversed(node.args["ifs"]):
        chosen = evaluation.of(branch.args["true"])
        if pat.is_null(result.type):
            result = pa.scalar(None, chosen.type)
        condition = pc.fill_null(evaluation.flag(branch.this), False)
        result = pc.if_else(condition, chosen, result)
    return result


def _cast(evaluation: _Evaluation, node: exp.Cast) -> Datum:
    name = node.to.sql("duckdb").lower()
    if name not in _CAST_TYPES:
        raise ExpressionError(
            f"{node.sql('duckdb')}: cannot cast to {name}; known: {', '.join(_CAST_TYPES)}"
        )
    return pc.cast(evaluation.of(node.this), _CAST_TYPES[name])


def _coalesce(evaluation: _Evaluation, node: exp.Coalesce) -> Datum:
    return pc.coalesce(*(evaluation.of(item) for item in (node.this, *node.expressions)))


def _concat(evaluation: _Evaluation, node: exp.Concat) -> Datum:
    texts = [pc.cast(evaluation.of(item), pa.string()) for item in node.expressions]
    return pc.binary_join_element_wise(*texts, "")


def _like(ignore_case: bool) -> Callable[[_Evaluation, Any], Datum]:
    def evaluate(evaluation: _Evaluation, node: Any) -> Datum:
        return pc.match_like(
            evaluation.of(node.this), _constant(node.expression), ignore_case=ignore_case
        )

    return evaluate


def _text_test(function: Callable[..., Datum]) -> Callable[[_Evaluation, Any], Datum]:
    def evaluate(evaluation: _Evaluation, node: Any) -> Datum:
        value = evaluation.of(node.this)
        if pat.is_list(value.type) or pat.is_large_list(value.type):
            return _list_contains(value, evaluation.of(node.expression))
        return function(value, _constant(node.expression))

    return evaluate


def _constant(node: exp.Expression) -> str:
    if not (isinstance(node, exp.Literal) and node.is_string):
        raise ExpressionError(f"a text in single quotes wanted, found {node.sql('duckdb')}")
    return str(node.this)


def _list_contains(values: Datum, wanted: Datum) -> Datum:
    if not (pat.is_list(values.type) or pat.is_large_list(values.type)):
        raise ExpressionError(f"IN wants a list column on its right, found {values.type}")
    if not isinstance(wanted, pa.Scalar):
        raise ExpressionError("only a fixed value can be looked for in a list column")
    hits = pc.equal(pc.list_flatten(values), pc.cast(wanted, values.type.value_type))
    rows = pc.list_parent_indices(values).filter(pc.fill_null(hits, False))
    found = pc.is_in(pa.array(range(len(values)), pa.int64()), value_set=pc.cast(rows, pa.int64()))
    return pc.if_else(pc.is_valid(values), found, pa.scalar(None, pa.bool_()))


def _equal(left: Datum, right: Datum) -> Datum:
    return pc.equal(left, right)


def _length(value: Datum) -> Datum:
    nested = pat.is_list(value.type) or pat.is_large_list(value.type)
    length = pc.list_value_length(value) if nested else pc.utf8_length(value)
    return pc.cast(length, pa.int64())


def _divide(left: Datum, right: Datum) -> Datum:
    divisor = pc.cast(right, pa.float64())
    zero = pc.equal(divisor, 0.0)
    divisor = pc.if_else(zero, pa.scalar(None, pa.float64()), divisor)
    return pc.divide(pc.cast(left, pa.float64()), divisor)


def _modulo(left: Datum, right: Datum) -> Datum:
    zero = pc.equal(right, 0)
    divisor = pc.if_else(zero, pa.scalar(None, right.type), right)
    quotient = pc.floor(pc.divide(pc.cast(left, pa.float64()), pc.cast(divisor, pa.float64())))
    return pc.subtract(left, pc.multiply(divisor, pc.cast(quotient, left.type)))


def _round(value: Datum, digits: Datum | None = None) -> Datum:
    return pc.round(value, ndigits=0 if digits is None else digits.as_py())


def _substring(value: Datum, start: Datum, length: Datum | None = None) -> Datum:
    first = start.as_py() - 1
    stop = None if length is None else first + length.as_py()
    return pc.utf8_slice_codeunits(value, start=first, stop=stop)


def _short(error: Exception) -> str:
    return str(error).split("\n")[0][:200]


_BINARY: dict[type[exp.Expression], Callable[..., Datum]] = {
    exp.EQ: pc.equal,
    exp.NEQ: pc.not_equal,
    exp.GT: pc.greater,
    exp.GTE: pc.greater_equal,
    exp.LT: pc.less,
    exp.LTE: pc.less_equal,
    exp.Add: pc.add_checked,
    exp.Sub: pc.subtract_checked,
    exp.Mul: pc.multiply_checked,
    exp.Div: _divide,
    exp.Mod: _modulo,
}

_FUNCTIONS: dict[type[exp.Expression], tuple[Callable[..., Datum], tuple[str, ...]]] = {
    **{node: (function, ("this", "expression")) for node, function in _BINARY.items()},
    exp.Neg: (pc.negate_checked, ("this",)),
    exp.Paren: (lambda value: value, ("this",)),
    exp.Length: (_length, ("this",)),
    exp.Lower: (pc.utf8_lower, ("this",)),
    exp.Upper: (pc.utf8_upper, ("this",)),
    exp.Trim: (pc.utf8_trim_whitespace, ("this",)),
    exp.Abs: (pc.abs_checked, ("this",)),
    exp.Round: (_round, ("this", "decimals")),
    exp.Substring: (_substring, ("this", "start", "length")),
}

_HANDLERS: dict[type[exp.Expression], Callable[[_Evaluation, Any], Datum]] = {
    exp.Literal: _literal,
    exp.Boolean: lambda _, node: pa.scalar(bool(node.this)),
    exp.Null: lambda _, node: pa.scalar(None),
    exp.And: lambda e, node: pc.and_kleene(e.flag(node.this), e.flag(node.expression)),
    exp.Or: lambda e, node: pc.or_kleene(e.flag(node.this), e.flag(node.expression)),
    exp.Not: lambda e, node: pc.invert(e.flag(node.this)),
    exp.In: _in,
    exp.Is: _is,
    exp.Between: lambda e, node: pc.and_kleene(
        pc.greater_equal(e.of(node.this), e.of(node.args["low"])),
        pc.less_equal(e.of(node.this), e.of(node.args["high"])),
    ),
    exp.Case: _case,
    exp.Cast: _cast,
    exp.Coalesce: _coalesce,
    exp.DPipe: lambda e, node: pc.binary_join_element_wise(
        pc.cast(e.of(node.this), pa.string()), pc.cast(e.of(node.expression), pa.string()), ""
    ),
    exp.Concat: _concat,
    exp.Like: _like(ignore_case=False),
    exp.ILike: _like(ignore_case=True),
    exp.Contains: _text_test(pc.match_substring),
    exp.ArrayContains: _text_test(pc.match_substring),
    exp.StartsWith: _text_test(pc.starts_with),
    exp.EndsWith: _text_test(pc.ends_with),
    exp.RegexpLike: _text_test(pc.match_substring_regex),
}

_KNOWN: frozenset[type] = frozenset(
    [*_FUNCTIONS, *_HANDLERS, exp.Column, exp.Identifier, exp.DataType, exp.If]
)

_CAST_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "int": pa.int64(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
}

FUNCTIONS: tuple[str, ...] = (
    "len", "lower", "upper", "trim", "substr", "contains", "starts_with", "ends_with",
    "regexp_matches", "list_contains", "coalesce", "concat", "abs", "round",
)  # fmt: skip
"""The functions of the language."""


def columns_for(names: Iterable[str], table: Any) -> dict[str, pa.Array]:
    """Return the named columns of a DataFrame as Arrow arrays."""
    from dataflow_core.table.frames import arrow_column

    return {name: arrow_column(table[name]) for name in names}
