"""Column expressions: SQL's expression language over the columns of a table, evaluated by Arrow.

SQL, because data engineers know it and because its null logic is defined: a comparison with null is
null. The text is parsed by sqlglot and compiled to Arrow's compute functions; nothing is ever
evaluated as Python, and only what `FUNCTIONS` and the operators below name can be reached.

    word_count >= 20 AND language IN ('en', 'de') AND text IS NOT NULL
    len(text) > 100 AND NOT contains(text, 'lorem ipsum')
    regexp_matches(url, '^https://') OR score / votes > 0.5
    'math' IN tags
    CASE WHEN score >= 4 THEN 'good' ELSE 'poor' END
    CAST(published AS date) >= DATE '2024-01-01' AND TRY_CAST(price AS double) < 10

``/`` divides as floats and ``//`` cuts towards zero; the remainder ``%`` has the sign of the
dividend; dividing by zero gives null. ``round`` rounds halves away from zero. ``substr`` counts
characters from 1, from the end where negative. ``concat`` and ``||`` are null where a part is.
``CAST`` fails on a row whose value does not convert, ``TRY_CAST`` gives null there. Times without
a zone are ``timestamp``, those with one ``timestamptz``. Column names are case-sensitive. A
``LIKE`` pattern escapes ``%`` and ``_`` with a backslash. Regular expressions are RE2's, whose time
is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from dataflow_core.errors import ExpressionError, did_you_mean
from dataflow_core.operators import expression_functions as fn
from dataflow_core.operators.decoding import plain
from dataflow_core.operators.expression_functions import Datum
from dataflow_core.storage.bindings import missing_column
from dataflow_core.table.types import is_json

Columns = Mapping[str, pa.Array]


class ValueMisfit(ValueError):
    """A value on which an expression cannot be evaluated, though it fits the columns' types."""


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
            _require_known(text, node)
        names = (node.name for node in self._tree.find_all(exp.Column, bfs=False))
        self.columns: tuple[str, ...] = tuple(dict.fromkeys(names))
        """The columns that it names, in order."""

    def evaluate(self, columns: Columns, rows: int) -> pa.Array:
        """Return the value of the expression for each row.

        Args:
            columns: The columns that it names.
            rows: The number of rows.

        Raises:
            ColumnError: A column is not among them.
            ExpressionError: The expression does not fit the columns' types.
            ValueMisfit: It fits them, but a value does not convert or overflows.
        """
        try:
            return self._evaluate(columns, rows)
        except (pa.ArrowInvalid, OverflowError) as error:
            self.type({name: columns[name].type for name in self.columns})
            raise ValueMisfit(f"{self.text!r} fails on a value: {_short(error)}") from error

    def _evaluate(self, columns: Columns, rows: int) -> pa.Array:
        self._require(columns)
        try:
            value = _Evaluation(columns).of(self._tree)
        except ExpressionError as error:
            raise ExpressionError(f"{self.text!r}: {error}.") from None
        except (pa.ArrowInvalid, OverflowError):
            raise
        except pa.ArrowException as error:
            raise self._misfit(error) from error
        except RecursionError:
            raise ExpressionError(_too_deep(self.text)) from None
        return pa.repeat(value, rows) if isinstance(value, pa.Scalar) else value

    def type(self, columns: Mapping[str, pa.DataType]) -> pa.DataType:
        """Return the type of the result over columns of these types.

        Raises:
            ColumnError: A column is not among them.
            ExpressionError: The expression does not fit them.
        """
        self._require(columns)
        empty = {name: pa.array([], columns[name]) for name in self.columns}
        try:
            return self._evaluate(empty, 0).type
        except (pa.ArrowInvalid, OverflowError) as error:
            raise self._misfit(error) from error

    def known_type(self, columns: Mapping[str, pa.DataType]) -> pa.DataType | None:
        """Return the type as `type` does, None where a column is missing or not known yet.

        Raises:
            ExpressionError: The expression does not fit the columns.
        """
        if any(pat.is_null(columns.get(name, pa.null())) for name in self.columns):
            return None
        return self.type(columns)

    def _misfit(self, error: Exception) -> ExpressionError:
        return ExpressionError(f"{self.text!r} does not fit its columns: {_short(error)}")

    def _require(self, columns: Mapping[str, Any]) -> None:
        for name in self.columns:
            if name not in columns:
                raise missing_column(repr(self.text), name, list(columns))


class _Evaluation:
    """Evaluates a tree over the columns of one batch."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def of(self, node: exp.Expression) -> Datum:
        handler = _HANDLERS.get(type(node))
        if handler is not None:
            return handler[0](self, node)
        function, arguments = _FUNCTIONS[type(node)]
        return function(*(self.of(node.args[name]) for name in arguments))

    def all_of(self, nodes: Iterable[exp.Expression]) -> list[Datum]:
        return [self.of(node) for node in nodes]

    def flag(self, node: exp.Expression) -> Datum:
        value = self.of(node)
        if not (pat.is_boolean(value.type) or pat.is_null(value.type)):
            raise ExpressionError(
                f"{node.sql('duckdb')} is {value.type}, a condition wanted: compare it with "
                "something"
            )
        return pc.cast(value, pa.bool_())

    def column(self, node: exp.Column) -> pa.Array:
        column = plain(self._columns[node.name])
        if is_json(column.type):
            raise ExpressionError(
                f"column {node.name!r} holds JSON values of differing shapes, which have no one "
                "type to compare; bring it to one type first with core/apply"
            )
        return column


def _parse(text: str) -> exp.Expression:
    try:
        return sqlglot.parse_one(text, read="duckdb")
    except SqlglotError as error:
        first = (getattr(error, "errors", None) or [{}])[0]
        where = f" at character {first['col']}" if first.get("col") else ""
        raise ExpressionError(
            f"{text!r} does not parse{where}: "
            f"{_syntax(first.get('description') or _short(error))}. An expression is like "
            "\"word_count >= 20 AND language IN ('en', 'de')\"; texts stand in single quotes, "
            "column names with spaces in double quotes."
        ) from None
    except RecursionError:
        raise ExpressionError(_too_deep(text)) from None


def _syntax(what: str) -> str:
    """Say in a user's words what the parser says in its own."""
    if what.startswith("Required keyword"):
        return "something is missing here"
    if what.startswith("Error tokenizing"):
        return "a quote is not closed"
    return what.rstrip(".")


def _require_known(text: str, node: exp.Expression) -> None:
    """Refuse what the language does not have, and arguments that would be ignored."""
    allowed = _ARGUMENTS.get(type(node))
    if allowed is None or (isinstance(node, exp.If) and not isinstance(node.parent, exp.Case)):
        raise ExpressionError(_unsupported(text, node))
    if isinstance(node, exp.Column) and node.args.get("table"):
        raise ExpressionError(
            f"{text!r}: {node.sql('duckdb')} looks like a field of a struct. Only whole columns "
            "can be named; if the column's name has a dot, write it in double quotes."
        )
    ignored = [name for name, value in node.args.items() if value and name not in allowed]
    if ignored:
        raise ExpressionError(
            f"{text!r}: {node.sql('duckdb')} uses {', '.join(ignored)}, which is not supported in "
            "a column expression."
        )
    if isinstance(node, exp.Substring) and node.args.get("start") is None:
        raise ExpressionError(
            f"{text!r}: substr wants where to start, such as substr(text, 1, 80)."
        )


def _unsupported(text: str, node: exp.Expression) -> str:
    known = ", ".join(FUNCTIONS)
    if isinstance(node, exp.Anonymous):
        name = str(node.this)
        close = did_you_mean(name.lower(), FUNCTIONS)
        return f"{text!r}: no function {name!r}.{close} Known: {known}."
    return (
        f"{text!r}: {node.key} is not supported in a column expression. Supported: comparison, "
        f"AND, OR, NOT, IN, BETWEEN, IS NULL, LIKE, arithmetic, CASE, CAST and the functions "
        f"{known}."
    )


def _too_deep(text: str) -> str:
    return f"{text[:60]!r}… is nested too deeply; use fewer parentheses or several steps."


def _literal(_: _Evaluation, node: exp.Literal) -> pa.Scalar:
    if node.is_string:
        return pa.scalar(node.this, pa.string())
    return _integer(int(node.this)) if node.is_int else pa.scalar(float(node.this))


def _integer(value: int) -> pa.Scalar:
    if not -(2**63) <= value < 2**64:
        raise ExpressionError(f"{value} is beyond 64 bits")
    return pa.scalar(value, pa.uint64() if value >= 2**63 else pa.int64())


def _negation(evaluation: _Evaluation, node: exp.Neg) -> Datum:
    if isinstance(node.this, exp.Literal) and node.this.is_int:
        return _integer(-int(node.this.this))
    return fn.negate(evaluation.of(node.this))


def _conditions(combine: Callable[[Datum, Datum], Datum]) -> Callable[[_Evaluation, Any], Datum]:
    # A chain of many conditions is nested as deep as it is long, so it is taken flat.
    return lambda evaluation, node: reduce(combine, map(evaluation.flag, node.flatten()))


def _in(evaluation: _Evaluation, node: exp.In) -> Datum:
    value = evaluation.of(node.this)
    if (field := node.args.get("field")) is not None:
        return fn.list_contains(evaluation.of(field), value)
    if not node.expressions:
        raise ExpressionError("IN wants values in parentheses, or a list column")
    found = (fn.equal(value, item) for item in evaluation.all_of(node.expressions))
    return reduce(pc.or_kleene, found)


def _is(evaluation: _Evaluation, node: exp.Is) -> Datum:
    value = evaluation.of(node.this)
    if isinstance(node.expression, exp.Null):
        return pc.is_null(value)
    if not isinstance(node.expression, exp.Boolean):
        raise ExpressionError("IS wants NULL, TRUE or FALSE on its right; compare values with =")
    return pc.fill_null(fn.equal(value, evaluation.of(node.expression)), False)


def _case(evaluation: _Evaluation, node: exp.Case) -> Datum:
    default = node.args.get("default")
    result = evaluation.of(default) if default is not None else pa.scalar(None)
    for branch in reversed(node.args["ifs"]):
        if node.this is None:
            condition = evaluation.flag(branch.this)
        else:
            condition = fn.equal(evaluation.of(node.this), evaluation.of(branch.this))
        result = fn.choose(condition, evaluation.of(branch.args["true"]), result)
    return result


def _casts(
    convert: Callable[[Datum, pa.DataType], Datum],
) -> Callable[[_Evaluation, Any], Datum]:
    def evaluate(evaluation: _Evaluation, node: Any) -> Datum:
        name = node.to.sql("duckdb").lower()
        if name not in _CAST_TYPES:
            raise ExpressionError(f"cannot cast to {name}; known: {', '.join(_CAST_TYPES)}")
        return convert(evaluation.of(node.this), _CAST_TYPES[name])

    return evaluate


def _like(ignore_case: bool) -> Callable[[_Evaluation, Any], Datum]:
    def evaluate(evaluation: _Evaluation, node: Any) -> Datum:
        value = fn.text(evaluation.of(node.this))
        found = pc.match_like(value, _constant(node.expression), ignore_case=ignore_case)
        return pc.invert(found) if node.args.get("negate") else found

    return evaluate


def _text_test(function: Callable[..., Datum]) -> Callable[[_Evaluation, Any], Datum]:
    return lambda evaluation, node: function(
        fn.text(evaluation.of(node.this)), _constant(node.expression)
    )


def _contains(evaluation: _Evaluation, node: Any) -> Datum:
    value = evaluation.of(node.this)
    if pat.is_list(value.type) or pat.is_large_list(value.type):
        return fn.list_contains(value, evaluation.of(node.expression))
    return pc.match_substring(fn.text(value), _constant(node.expression))


def _round(evaluation: _Evaluation, node: exp.Round) -> Datum:
    digits = node.args.get("decimals")
    return fn.rounded(evaluation.of(node.this), 0 if digits is None else _fixed(evaluation, digits))


def _substring(evaluation: _Evaluation, node: exp.Substring) -> Datum:
    start, count = (
        None if node.args.get(name) is None else _fixed(evaluation, node.args[name])
        for name in ("start", "length")
    )
    return fn.substring(evaluation.of(node.this), start or 0, count)


def _constant(node: exp.Expression) -> str:
    if not (isinstance(node, exp.Literal) and node.is_string):
        raise ExpressionError(f"a text in single quotes wanted, found {node.sql('duckdb')}")
    return str(node.this)


def _fixed(evaluation: _Evaluation, node: exp.Expression) -> int:
    value = evaluation.of(node)
    if not (isinstance(value, pa.Scalar) and pat.is_integer(value.type)):
        raise ExpressionError(f"a fixed whole number wanted, found {node.sql('duckdb')}")
    return int(value.as_py())


def _short(error: Exception) -> str:
    return re.sub(r"\x1b\[\d*m", "", str(error)).split("\n")[0][:200]


_BOTH = ("this", "expression")

_FUNCTIONS: dict[type[exp.Expression], tuple[Callable[..., Datum], tuple[str, ...]]] = {
    exp.EQ: (fn.equal, _BOTH),
    exp.NEQ: (fn.not_equal, _BOTH),
    exp.GT: (fn.greater, _BOTH),
    exp.GTE: (fn.greater_equal, _BOTH),
    exp.LT: (fn.less, _BOTH),
    exp.LTE: (fn.less_equal, _BOTH),
    exp.Add: (fn.add, _BOTH),
    exp.Sub: (fn.subtract, _BOTH),
    exp.Mul: (fn.multiply, _BOTH),
    exp.Div: (fn.divide, _BOTH),
    exp.IntDiv: (fn.whole_divide, _BOTH),
    exp.Mod: (fn.modulo, _BOTH),
    exp.Between: (fn.between, ("this", "low", "high")),
    exp.Paren: (lambda value: value, ("this",)),
    exp.Length: (fn.length, ("this",)),
    exp.Lower: (lambda value: pc.utf8_lower(fn.text(value)), ("this",)),
    exp.Upper: (lambda value: pc.utf8_upper(fn.text(value)), ("this",)),
    exp.Trim: (lambda value: pc.utf8_trim_whitespace(fn.text(value)), ("this",)),
    exp.Abs: (pc.abs_checked, ("this",)),
}
"""Operators and functions of values alone, with their arguments."""

_HANDLERS: dict[
    type[exp.Expression], tuple[Callable[[_Evaluation, Any], Datum], tuple[str, ...]]
] = {
    exp.Column: (_Evaluation.column, ("this",)),
    exp.Literal: (_literal, ("this", "is_string")),
    exp.Boolean: (lambda _, node: pa.scalar(bool(node.this)), ("this",)),
    exp.Null: (lambda *_: pa.scalar(None), ()),
    exp.Neg: (_negation, ("this",)),
    exp.And: (_conditions(pc.and_kleene), _BOTH),
    exp.Or: (_conditions(pc.or_kleene), _BOTH),
    exp.Not: (lambda e, node: pc.invert(e.flag(node.this)), ("this",)),
    exp.In: (_in, ("this", "expressions", "field")),
    exp.Is: (_is, _BOTH),
    exp.Case: (_case, ("this", "ifs", "default")),
    exp.Cast: (_casts(fn.cast), ("this", "to")),
    exp.TryCast: (_casts(fn.try_cast), ("this", "to", "safe")),
    exp.Coalesce: (
        lambda e, node: fn.first_present(e.all_of([node.this, *node.expressions])),
        ("this", "expressions"),
    ),
    exp.DPipe: (
        lambda e, node: fn.joined(e.all_of([node.this, node.expression])),
        (*_BOTH, "safe"),
    ),
    exp.Concat: (
        lambda e, node: fn.joined(e.all_of(node.expressions)),
        ("expressions", "safe", "coalesce"),
    ),
    exp.Like: (_like(ignore_case=False), (*_BOTH, "negate")),
    exp.ILike: (_like(ignore_case=True), (*_BOTH, "negate")),
    exp.Contains: (_contains, _BOTH),
    exp.ArrayContains: (_contains, _BOTH),
    exp.StartsWith: (_text_test(pc.starts_with), _BOTH),
    exp.EndsWith: (_text_test(pc.ends_with), _BOTH),
    exp.RegexpLike: (_text_test(fn.matches), _BOTH),
    exp.Round: (_round, ("this", "decimals")),
    exp.Substring: (_substring, ("this", "start", "length")),
}
"""Nodes that need more than the values of their arguments; with the arguments that they heed."""

_ARGUMENTS: dict[type[exp.Expression], tuple[str, ...]] = {
    **{node: arguments for node, (_, arguments) in _FUNCTIONS.items()},
    **{node: arguments for node, (_, arguments) in _HANDLERS.items()},
    exp.Identifier: ("this", "quoted"),
    exp.DataType: ("this",),
    exp.If: ("this", "true"),
}
"""All that the language has: what stands in no table here is refused when an expression is made."""

_CAST_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "int": pa.int64(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", "UTC"),
}

FUNCTIONS: tuple[str, ...] = (
    "len", "lower", "upper", "trim", "substr", "contains", "starts_with", "ends_with",
    "regexp_matches", "list_contains", "coalesce", "concat", "abs", "round",
)  # fmt: skip
"""The functions of the language."""


def columns_for(names: Iterable[str], table: Any) -> dict[str, pa.Array]:
    """Return the named columns of a DataFrame as Arrow arrays."""
    from dataflow_core.table.columns import arrow_column

    return {name: arrow_column(table[name]) for name in names}
