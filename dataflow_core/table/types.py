"""Join Arrow types, and convert columns between them without altering a value.

Batches of one source, and parts of one step, may differ in type: a column is null in the first and
a struct in the last. `unify` finds the narrowest type that carries both; `convert` brings a column
to it. Nested values that do not share one shape are carried as JSON (Arrow's ``arrow.json`` type).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.types as pat

from dataflow_core.errors import FormatError

JSON_TYPE: pa.DataType = pa.json_(pa.string())

ABSENT = "__dataflow_absent__"
"""Hidden column (list of strings): the top-level keys that a row lacked, as opposed to null."""

ROW_ID = "__dataflow_row_id__"
"""Hidden column (uint64): the row's id, in the part files of a run."""

HIDDEN = (ABSENT, ROW_ID)


# orjson would write dates, UUIDs and data classes as texts of its own choice.
_STRICT = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_LONG_TEXT, _LONG_BYTES = re.compile(r"[0-9]{19}"), re.compile(rb"[0-9]{19}")


class TypeMisfit(ValueError):
    """A value cannot be carried by the wanted type without being altered."""


def is_json(kind: pa.DataType) -> bool:
    """Tell whether a column holds JSON text of values that share no one shape."""
    return isinstance(kind, pa.BaseExtensionType) and kind.extension_name == "arrow.json"


def is_text(kind: pa.DataType) -> bool:
    """Tell whether the values of a type are texts, in any of Arrow's layouts."""
    if pat.is_dictionary(kind):
        return is_text(kind.value_type)
    return bool(pat.is_string(kind) or pat.is_large_string(kind) or pat.is_string_view(kind))


def is_nested(kind: pa.DataType) -> bool:
    """Tell whether the values of a type are Python lists, dicts or JSON of any shape."""
    return is_json(kind) or pat.is_nested(kind)


def unify(left: pa.DataType, right: pa.DataType) -> pa.DataType:
    """Return the narrowest type that carries every value of both types unaltered.

    Args:
        left: One Arrow type.
        right: Another Arrow type.

    Returns:
        One of the two where it carries the other, a wider number, or JSON.
    """
    if left.equals(right) or pat.is_null(right):
        return left
    if pat.is_null(left):
        return right
    if pat.is_dictionary(left) or pat.is_dictionary(right):
        return unify(_decoded(left), _decoded(right))
    if _number(left) and _number(right):
        return _wider_number(left, right)
    if _text(left) and _text(right):
        return pa.large_string()
    if pat.is_list(left) and pat.is_list(right):
        return _unify_lists(left, right)
    if pat.is_struct(left) and pat.is_struct(right):
        return _unify_structs(left, right)
    return _as_json(left, right)


def unify_schemas(schemas: Iterable[pa.Schema], *, any_integer: bool = False) -> pa.Schema:
    """Return the joint schema of tables with these schemas, columns in order of first sight.

    Args:
        schemas: The schemas.
        any_integer: Whether integers that meet floats may be too large for a double; such a column
            becomes JSON.
    """
    fields: dict[str, pa.DataType] = {}
    for schema in schemas:
        for field in schema:
            known = fields.get(field.name)
            if known is None:
                fields[field.name] = field.type
            elif any_integer and mixes_numbers(known, field.type):
                fields[field.name] = JSON_TYPE
            else:
                fields[field.name] = unify(known, field.type)
    return pa.schema([pa.field(name, kind) for name, kind in fields.items()])


def mixes_numbers(left: pa.DataType, right: pa.DataType) -> bool:
    """Tell whether one type is of integers where the other is of floats, at any depth."""
    if pat.is_list(left) and pat.is_list(right):
        return mixes_numbers(left.value_type, right.value_type)
    if pat.is_struct(left) and pat.is_struct(right):
        both = {f.name for f in left} & {f.name for f in right}
        return any(mixes_numbers(left.field(n).type, right.field(n).type) for n in both)
    pairs = ((left, right), (right, left))
    return any(pat.is_integer(one) and pat.is_floating(other) for one, other in pairs)


def convert(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Bring a column to a wider type, exactly.

    Args:
        column: The column; its type is one that `unify` joined into ``kind``.
        kind: The wanted type.

    Returns:
        The column in the wanted type, every value as it was.

    Raises:
        TypeMisfit: A value would be altered.
    """
    if column.type.equals(kind):
        return column
    if is_json(kind):
        return _chunked(json_array(column.to_pylist()))
    if pat.is_null(column.type):
        return pa.chunked_array([pa.nulls(len(column), kind)])
    try:
        return column.cast(kind, safe=True)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise TypeMisfit(f"{column.type} does not convert to {kind}: {error}") from error


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Bring a table to a schema that `unify_schemas` made of its own and others.

    A column that the table lacks is added as null, and marked as absent for every row, so that a
    format which can tell a missing key from a null leaves it missing.
    """
    if table.schema.equals(schema):
        return table
    known = dict(zip(table.column_names, table.columns, strict=True))
    columns = {
        field.name: convert(known[field.name], field.type)
        if field.name in known
        else pa.chunked_array([pa.nulls(table.num_rows, field.type)])
        for field in schema
        if field.name != ABSENT
    }
    missing = [n for n in columns if n not in known and n not in HIDDEN]
    if ABSENT in schema.names or ABSENT in known or missing:
        columns[ABSENT] = _absent_with(table, missing)
    return pa.table(columns)


def concat(tables: Sequence[pa.Table]) -> pa.Table:
    """Concatenate tables whose schemas may differ, widening types where needed."""
    if not tables:
        return pa.table({})
    schemas = [table.schema for table in tables]
    try:
        return _concat(tables, unify_schemas(schemas))
    except TypeMisfit:
        return _concat(tables, unify_schemas(schemas, any_integer=True))


def _concat(tables: Sequence[pa.Table], schema: pa.Schema) -> pa.Table:
    if any(ABSENT in conform(table.slice(0, 0), schema).column_names for table in tables):
        schema = with_absent(schema)
    return pa.concat_tables([conform(table, schema).select(schema.names) for table in tables])


def with_absent(schema: pa.Schema) -> pa.Schema:
    """Return the schema with the hidden column of missing keys, once."""
    return (
        schema if ABSENT in schema.names else schema.append(pa.field(ABSENT, pa.list_(pa.string())))
    )


def visible(schema: pa.Schema) -> pa.Schema:
    """Return the schema without hidden columns."""
    return pa.schema([field for field in schema if field.name not in HIDDEN])


def json_text(value: Any) -> str | None:
    """Write a Python value as compact JSON text; None stays None.

    Raises:
        FormatError: JSON has no form for the value (NaN, infinity, a lone surrogate, a key that is
            no string, or another type).
    """
    if value is None:
        return None
    try:
        text = orjson.dumps(value, option=_STRICT).decode()
    except TypeError:
        return _wide_json_text(value)
    # orjson writes NaN and infinity as null; the strict writer refuses them.
    return _wide_json_text(value) if "null" in text else text


def json_array(values: Iterable[Any]) -> pa.Array:
    """Return Python values as one array of Arrow's JSON type; None stays null."""
    storage = pa.array([json_text(value) for value in values], pa.string())
    return pa.ExtensionArray.from_storage(JSON_TYPE, storage)


def json_values(column: pa.ChunkedArray | pa.Array) -> list[Any]:
    """Return the Python values of a column of Arrow's JSON type; null becomes None."""
    return [None if text is None else parse_json(text) for text in column.to_pylist()]


def parse_json(text: str | bytes) -> Any:
    """Parse JSON, keeping integers of any size exact.

    Raises:
        ValueError: The text is not JSON.
    """
    value = orjson.loads(text)
    # orjson reads an integer beyond 64 bits as a float. Such texts are rare; ask the exact parser.
    return json.loads(text) if _has_big_integer(text) else value


def _has_big_integer(text: str | bytes) -> bool:
    return bool(_LONG_BYTES.search(text) if isinstance(text, bytes) else _LONG_TEXT.search(text))


def _wide_json_text(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        text.encode()
    except (TypeError, ValueError) as error:
        raise FormatError(f"JSON cannot express a {type(value).__name__}: {error}") from error
    return text


def _absent_with(table: pa.Table, missing: list[str]) -> pa.ChunkedArray:
    known = table[ABSENT].to_pylist() if ABSENT in table.column_names else [None] * table.num_rows
    if not missing:
        return pa.chunked_array([pa.array(known, pa.list_(pa.string()))])
    rows = [(row or []) + missing for row in known]
    return pa.chunked_array([pa.array(rows, pa.list_(pa.string()))])


def _decoded(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pat.is_dictionary(kind) else kind


def _number(kind: pa.DataType) -> bool:
    return bool(pat.is_integer(kind) or pat.is_floating(kind))


def _text(kind: pa.DataType) -> bool:
    return bool(pat.is_string(kind) or pat.is_large_string(kind))


def _wider_number(left: pa.DataType, right: pa.DataType) -> pa.DataType:
    if pat.is_floating(left) and pat.is_floating(right):
        return max(left, right, key=lambda kind: kind.bit_width)
    if pat.is_floating(left) or pat.is_floating(right):
        return pa.float64()
    if pat.is_signed_integer(left) == pat.is_signed_integer(right):
        return max(left, right, key=lambda kind: kind.bit_width)
    unsigned = right if pat.is_signed_integer(left) else left
    return JSON_TYPE if unsigned.bit_width == 64 else pa.int64()


def _unify_lists(left: pa.DataType, right: pa.DataType) -> pa.DataType:
    inner = unify(left.value_type, right.value_type)
    return JSON_TYPE if is_json(inner) else pa.list_(inner)


def _unify_structs(left: pa.DataType, right: pa.DataType) -> pa.DataType:
    if [f.name for f in left] != [f.name for f in right]:
        return JSON_TYPE
    inner = [unify(left.field(i).type, right.field(i).type) for i in range(left.num_fields)]
    if any(is_json(kind) for kind in inner):
        return JSON_TYPE
    return pa.struct([pa.field(left.field(i).name, kind) for i, kind in enumerate(inner)])


def _as_json(left: pa.DataType, right: pa.DataType) -> pa.DataType:
    for kind in (left, right):
        if not _json_can_hold(kind):
            raise FormatError(
                f"a column has values of type {left} and of type {right}; no common type carries "
                "both unaltered. Cast one of them before they meet."
            )
    return JSON_TYPE


def _json_can_hold(kind: pa.DataType) -> bool:
    if pat.is_list(kind) or pat.is_large_list(kind):
        return _json_can_hold(kind.value_type)
    if pat.is_struct(kind):
        return all(_json_can_hold(field.type) for field in kind)
    return bool(
        is_json(kind) or pat.is_null(kind) or pat.is_boolean(kind) or _number(kind) or _text(kind)
    )


def _chunked(array: pa.Array) -> pa.ChunkedArray:
    return pa.chunked_array([array])


def null_count(column: pa.ChunkedArray | pa.Array) -> int:
    """Return the number of nulls of a column."""
    import pyarrow.compute as pc  # a third of pyarrow's start-up, which asking about runs saves

    return int(pc.sum(pc.is_null(column)).as_py() or 0)
