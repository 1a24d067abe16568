"""The expression language: results, null logic, exactness, and what is refused."""

import datetime as dt
import math
import operator
import re
import time
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_core.errors import ColumnError, ExpressionError
from dataflow_core.operators.expressions import FUNCTIONS, Expression, ValueMisfit
from dataflow_core.table.types import json_array

BIG = 2**53 + 1

COLUMNS = {
    "i": pa.array([7, -7, None, 0]),
    "j": pa.array([2, 2, 3, 0]),
    "f": pa.array([2.5, -2.5, None, 0.0]),
    "s": pa.array(["Ab", "日本語", "😀x", None]),
    "t": pa.array(["", "  a ", "a%b", "axb"]),
    "b": pa.array([True, False, None, True]),
    "big": pa.array([BIG, 2**62, None, -BIG]),
    "u": pa.array([2**64 - 1, 1, None, 0], pa.uint64()),
    "tags": pa.array([["a", "b"], [], None, [None, "c"]]),
    "nothing": pa.nulls(4),
    "two words": pa.array([1, 2, 3, 4]),
    "a.b": pa.array([1, 2, 3, 4]),
    "select": pa.array([1, 2, 3, 4]),
    'quo"te': pa.array([1, 2, 3, 4]),
    "列": pa.array([1, 2, 3, 4]),
    "m": pa.array([Decimal("0.10"), Decimal("-0.30"), None, Decimal("1.00")]),
    "tenths": pa.array([0.1, -0.3, None, float("nan")]),
    "d": pa.array([dt.date(2024, 1, 1), dt.date(2023, 12, 31), None, dt.date(1970, 1, 1)]),
    "ts": pa.array([0, 1_704_067_200_000_000_001, None, -1], pa.timestamp("ns")),
    "tz": pa.array([0, 1, None, 2], pa.timestamp("us", "UTC")),
    "day": pa.array(["2024-01-01", "2023-12-31", None, "1970-01-01"]),
    "coded": pa.array(["x", "y", None, "x"]).dictionary_encode(),
    "view": pa.array(["x", "y", None, "x"], pa.string_view()),
    "mixed": json_array([1, "x", None, [1]]),
}

T, F, N = True, False, None

RESULTS = {
    # Three-valued logic
    "i = NULL": [N, N, N, N],
    "i > 0": [T, F, N, F],
    "i <> 7": [F, T, N, T],
    "NOT b": [F, T, N, F],
    "b AND i > 0": [T, F, N, F],
    "b OR i >= 0": [T, F, N, T],
    "b AND FALSE": [F, F, F, F],
    "b OR TRUE": [T, T, T, T],
    "i IN (7, 0)": [T, F, N, T],
    "i IN (7, NULL)": [T, N, N, N],
    "i NOT IN (7, NULL)": [F, N, N, N],
    "i BETWEEN 0 AND 7": [T, F, N, T],
    "i NOT BETWEEN 0 AND 7": [F, T, N, F],
    "i IS NULL": [F, F, T, F],
    "i IS NOT NULL": [T, T, F, T],
    "b IS TRUE": [T, F, F, T],
    "b IS NOT TRUE": [F, T, T, F],
    "nothing > 1": [N, N, N, N],
    "nothing = nothing": [N, N, N, N],
    "lower(nothing)": [N, N, N, N],
    "len(nothing)": [N, N, N, N],
    "nothing LIKE 'a'": [N, N, N, N],
    "'a' IN nothing": [N, N, N, N],
    "coalesce(nothing, 1)": [1, 1, 1, 1],
    # Arithmetic
    "i + j": [9, -5, N, 0],
    "i - 0.5": [6.5, -7.5, N, -0.5],
    "i / j": [3.5, -3.5, N, N],
    "i // j": [3, -3, N, N],
    "i % j": [1, -1, N, N],
    "7 % -2": [1, 1, 1, 1],
    "-7 % 2": [-1, -1, -1, -1],
    "i % 0": [N, N, N, N],
    "i / 0": [N, N, N, N],
    "-i": [-7, 7, N, 0],
    "abs(i)": [7, 7, N, 0],
    "round(f)": [3.0, -3.0, N, 0.0],
    "round(0.125, 2)": [0.13] * 4,
    "round(i, -1)": [10, -10, N, 0],
    "1 + 2 * 3": [7] * 4,
    "(1 + 2) * 3": [9] * 4,
    # Exactness
    f"big = {BIG}": [T, F, N, F],
    f"big = {BIG - 1}.0": [F, F, N, F],
    f"big > {BIG - 1}.0": [T, T, N, F],
    "big + 1": [BIG + 1, 2**62 + 1, N, -BIG + 1],
    f"big % {BIG - 1}": [1, 0, N, -1],
    f"big // 2 = {BIG // 2}": [T, F, N, F],
    "i > 6.5": [T, F, N, F],
    "u > 5": [T, F, N, F],
    "u > -1": [T, T, N, T],
    "u = i": [F, F, N, T],
    "u = 18446744073709551615": [T, F, N, F],
    "u % 10": [5, 1, N, 0],
    "-9223372036854775808 < i": [T, T, N, T],
    f"{BIG} = {BIG - 1}.0": [F] * 4,
    "1e17 % 7": [1e17 % 7] * 4,
    "f % 0.3": [math.fmod(2.5, 0.3), math.fmod(-2.5, 0.3), N, 0.0],
    "f % i": [2.5, -2.5, N, N],
    "m % 0": [N] * 4,
    "m % m": [Decimal("0.00"), Decimal("0.00"), N, Decimal("0.00")],
    "m = 0.1": [T, F, N, F],
    "m > 0.1": [F, F, N, T],
    "0.1 >= m": [T, T, N, F],
    "m = tenths": [F, F, N, F],
    "tenths > m": [T, T, N, F],
    "m < 1": [T, T, N, F],
    # Layouts
    "coded = 'x'": [T, F, N, T],
    "upper(coded)": ["X", "Y", N, "X"],
    "coded": ["x", "y", N, "x"],
    "view = coded": [T, T, N, T],
    "len(view)": [1, 1, N, 1],
    # Times
    "d >= DATE '2024-01-01'": [T, F, N, F],
    "d = CAST(day AS date)": [T, T, N, T],
    "CAST(day AS timestamp) > TIMESTAMP '2023-12-31 10:00'": [T, F, N, F],
    "ts > CAST('2024-01-01' AS date)": [F, T, N, F],
    "CAST(ts AS timestamp) = ts": [T, T, N, T],
    "tz > CAST('1970-01-01 00:00:00Z' AS timestamptz)": [F, T, N, T],
    # Texts
    "len(s)": [2, 3, 2, N],
    "upper(s)": ["AB", "日本語", "😀X", N],
    "lower(s)": ["ab", "日本語", "😀x", N],
    "trim(t)": ["", "a", "a%b", "axb"],
    "substr(s, 1, 1)": ["A", "日", "😀", N],
    "substr(s, 2)": ["b", "本語", "x", N],
    "substr(s, -1)": ["b", "語", "x", N],
    "substr(s, -2, 2)": ["Ab", "本語", "😀x", N],
    "substr(s, 9)": ["", "", "", N],
    "s || '!'": ["Ab!", "日本語!", "😀x!", N],
    "concat(s, '-', i)": ["Ab-7", "日本語--7", N, N],
    "coalesce(s, 'none')": ["Ab", "日本語", "😀x", "none"],
    "s = 'it''s'": [F, F, F, N],
    "contains(s, '本')": [F, T, F, N],
    "starts_with(s, '😀')": [F, F, T, N],
    "ends_with(s, '語')": [F, T, F, N],
    "s LIKE 'A%'": [T, F, F, N],
    "s NOT LIKE 'A%'": [F, T, T, N],
    "NOT s LIKE 'A%'": [F, T, T, N],
    "s ILIKE 'aB'": [T, F, F, N],
    "s NOT ILIKE 'aB'": [F, T, T, N],
    "s LIKE '日_語'": [F, T, F, N],
    "t LIKE 'a\\%b'": [F, F, T, F],
    "regexp_matches(s, '^[A-Z]')": [T, F, F, N],
    "s ~ 'x$'": [F, F, T, N],
    "s < 'B'": [T, F, F, N],
    # Lists
    "'a' IN tags": [T, F, N, F],
    "list_contains(tags, 'c')": [F, F, N, T],
    "contains(tags, 'b')": [T, F, N, F],
    "'a' NOT IN tags": [F, T, N, T],
    "NULL IN tags": [N, N, N, N],
    "len(tags)": [2, 0, N, 2],
    # CASE and CAST
    "CASE WHEN i > 0 THEN 'up' WHEN i < 0 THEN 'down' END": ["up", "down", N, N],
    "CASE WHEN i > 0 THEN 1 ELSE 2.5 END": [1.0, 2.5, 2.5, 2.5],
    "CASE WHEN i > 0 THEN NULL ELSE 'n' END": [N, "n", "n", "n"],
    "CASE j WHEN 2 THEN 'two' WHEN 0 THEN 'zero' ELSE '?' END": ["two", "two", "?", "zero"],
    "CAST(i AS TEXT)": ["7", "-7", N, "0"],
    "CAST(i AS DOUBLE)": [7.0, -7.0, N, 0.0],
    "CAST('12' AS BIGINT)": [12] * 4,
    "TRY_CAST(t AS BIGINT)": [N, N, N, N],
    "TRY_CAST(concat('1', t) AS BIGINT)": [1, N, N, N],
    "TRY_CAST(f AS INT)": [N, N, N, 0],
    "TRY_CAST('x' AS DATE)": [N] * 4,
    "CAST(i AS BOOLEAN)": [T, T, N, F],
    # Names
    '"two words" > 2': [F, F, T, T],
    '"a.b" > 2': [F, F, T, T],
    '"select" > 2': [F, F, T, T],
    '"quo""te" > 2': [F, F, T, T],
    "列 > 2": [F, F, T, T],
    "/* why */ i > 0 -- because": [T, F, N, F],
    "TRUE": [T] * 4,
}


def value_of(text, columns=COLUMNS, rows=4):
    return Expression(text).evaluate(columns, rows).to_pylist()


@pytest.mark.parametrize("text", RESULTS)
def test_results(text):
    found = value_of(text)
    assert found == RESULTS[text]
    assert [type(value) for value in found] == [type(value) for value in RESULTS[text]]


@pytest.mark.parametrize("text", RESULTS)
def test_an_empty_table_has_the_same_type(text):
    empty = {name: column.slice(0, 0) for name, column in COLUMNS.items()}
    expression = Expression(text)
    assert expression.evaluate(empty, 0).to_pylist() == []
    assert (
        expression.type({n: c.type for n, c in COLUMNS.items()})
        == expression.evaluate(COLUMNS, 4).type
    )


@pytest.mark.parametrize("text", RESULTS)
def test_rows_do_not_depend_on_their_batch(text):
    parts = []
    for row in range(4):
        parts += value_of(text, {n: c.slice(row, 1) for n, c in COLUMNS.items()}, 1)
    assert parts == RESULTS[text]


def test_columns_are_named_once_in_order():
    assert Expression('j > i OR "two words" < j AND s IS NULL').columns == (
        "j",
        "i",
        "two words",
        "s",
    )


REFUSED = {
    "SELECT 1": "select is not supported",
    "SELECT i FROM t": "select is not supported",
    "i > (SELECT 1)": "subquery is not supported",
    "i IN (SELECT 1)": "not supported",
    "EXISTS (SELECT 1)": "not supported",
    "1; 2": "not supported",
    "i > 1; DROP TABLE x": "not supported",
    "DROP TABLE x": "not supported",
    "COPY x TO 'y'": "not supported",
    "ATTACH 'x'": "not supported",
    "PRAGMA x": "not supported",
    "CREATE TABLE x AS SELECT 1": "not supported",
    "INSERT INTO x VALUES (1)": "not supported",
    "read_csv('x')": "not supported",
    "read_text('/etc/passwd') = 'x'": "no function 'read_text'",
    "getenv('HOME')": "no function 'getenv'",
    "__import__('os')": "no function '__import__'",
    "i.__class__": "looks like a field of a struct",
    "a.b > 1": "double quotes",
    "s.upper()": "not supported",
    "lambda x: x": "does not parse",
    "x -> x + 1": "not supported",
    "list_transform(tags, x -> x)": "not supported",
    "tags[1] = 'a'": "not supported",
    "count(*)": "not supported",
    "sum(i)": "not supported",
    "row_number() OVER ()": "not supported",
    "random()": "not supported",
    "current_date": "not supported",
    "$1": "not supported",
    "?": "not supported",
    "i AS x": "not supported",
    "i, j": "does not parse",
    "[1, 2]": "not supported",
    "if(i > 0, 1, 2)": "not supported",
    "lenght(s) > 1": "Did you mean 'len'",
    "regex_matches(s, 'a')": "Did you mean 'regexp_matches'",
    "i >": "does not parse at character 3: something is missing",
    "len(s": "does not parse",
    "s = 'a": "a quote is not closed",
    "": "does not parse",
    # What would otherwise be ignored
    "ltrim(s)": "position",
    "trim(s, 'A')": "expression",
    "regexp_matches(s, 'a', 'i')": "flag",
    "round(i, 1, 2)": "truncate",
    "i BETWEEN SYMMETRIC 7 AND 0": "symmetric",
    "substr(s)": "where to start",
    "(" * 2000 + "1" + ")" * 2000: "nested too deeply",
    "NOT " * 20000 + "TRUE": "nested too deeply",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:40])
def test_refused_when_made(text):
    with pytest.raises(ExpressionError, match="(?s)" + re.escape(REFUSED[text])):
        Expression(text)


MISFITS = {
    "s > 1": "string and int64 cannot be compared; CAST one of them (columns of CSV are text",
    "i = '7'": "cannot be compared",
    "s IN (1, 2)": "cannot be compared",
    "tags = tags": "cannot be compared",
    "i AND b": "i is int64, a condition wanted",
    "NOT s": "s is string, a condition wanted",
    "mixed = 1": "column 'mixed' holds JSON values of differing shapes",
    "upper(i)": "does not fit its columns",
    "CAST(i AS BLOB)": "cannot cast to blob; known: text, int",
    "CAST(i AS DATE)": "does not fit its columns",
    "ts < tz": "one has a time zone",
    "m % f": "would round",
    "99999999999999999999999 > i": "beyond 64 bits",
    "regexp_matches(s, '(')": "Invalid regular expression",
    "regexp_matches(s, s)": "a text in single quotes wanted",
    "substr(s, 0)": "from 1",
    "substr(s, i)": "a fixed whole number wanted, found i",
    "round(f, i)": "a fixed whole number wanted, found i",
    "i IN tags": "only a fixed value",
    "'x' IN s": "IN wants a list column on its right, found string",
    "i IS 7": "compare values with =",
}


@pytest.mark.parametrize("text", MISFITS)
def test_misfits_name_the_expression_and_the_reason(text):
    with pytest.raises(ExpressionError, match=re.escape(MISFITS[text])) as caught:
        value_of(text)
    assert repr(text) in str(caught.value)


VALUES = {"big * 1024": "overflow", "CAST(s AS INT)": "parse string", "CAST(f AS INT)": "truncated"}


@pytest.mark.parametrize("text", VALUES)
def test_a_value_that_does_not_convert_is_no_misfit_of_types(text):
    with pytest.raises(ValueMisfit, match=re.escape(VALUES[text])) as caught:
        value_of(text)
    assert repr(text) in str(caught.value)


def test_an_unknown_column_is_named_with_the_nearest():
    with pytest.raises(ColumnError, match=r"no column 'tag'\. Did you mean 'tags'"):
        value_of("'a' IN tag")
    with pytest.raises(ColumnError, match="no column 'I'"):
        Expression("I > 0").type({"i": pa.int64()})


def test_every_listed_function_is_used_above():
    used = " ".join(RESULTS)
    assert [name for name in FUNCTIONS if f"{name}(" not in used] == []


def test_long_chains_of_conditions_are_no_deep_nesting():
    assert value_of(" OR ".join(f"i = {n}" for n in range(3000))) == [T, F, N, T]


def test_a_regular_expression_that_explodes_elsewhere_is_harmless():
    texts = {"s": pa.array(["a" * 50_000 + "!"])}
    started = time.perf_counter()
    assert value_of("regexp_matches(s, '^(a+)+$')", texts, 1) == [F]
    assert time.perf_counter() - started < 30


NUMBERS = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-3, 3),
    st.sampled_from([2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1]),
)
FLOATS = st.one_of(
    st.none(), st.sampled_from([0.5, -1.0, 2.0**53, 2.0**63, -(2.0**63), 3.0]), st.floats(-9, 9)
)
TESTS = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def oracle_and(left, right):
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(NUMBERS, FLOATS, NUMBERS), min_size=1, max_size=6),
    st.sampled_from(list(TESTS)),
    st.sampled_from(list(TESTS)),
)
def test_comparisons_agree_with_python(rows, first, second):
    i, f, k = (list(values) for values in zip(*rows, strict=True))
    columns = {
        "i": pa.array(i, pa.int64()),
        "f": pa.array(f, pa.float64()),
        "k": pa.array(k, pa.int64()),
    }

    def compare(name, left, right):
        return None if left is None or right is None else TESTS[name](left, right)

    wanted_and = [
        oracle_and(compare(first, a, b), compare(second, c, a))
        for a, b, c in zip(i, f, k, strict=True)
    ]
    assert value_of(f"i {first} f AND k {second} i", columns, len(rows)) == wanted_and
    wanted_not = [
        None if (v := compare(first, b, a)) is None else not v for a, b in zip(i, f, strict=True)
    ]
    assert value_of(f"NOT (f {first} i)", columns, len(rows)) == wanted_not


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(-(2**62), 2**62), st.integers(-(2**62), 2**62)), min_size=1))
def test_division_and_remainder_belong_together(rows):
    columns = {
        name: pa.array(values) for name, values in zip("ab", zip(*rows, strict=True), strict=True)
    }
    quotients, remainders = (
        value_of("a // b", columns, len(rows)),
        value_of("a % b", columns, len(rows)),
    )
    for (a, b), quotient, remainder in zip(rows, quotients, remainders, strict=True):
        if b == 0:
            assert quotient is None and remainder is None  # noqa: PT018
        else:
            assert quotient * b + remainder == a
            assert abs(remainder) < abs(b)
            assert remainder * a >= 0
