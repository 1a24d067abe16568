"""A schema as OpenAI's strict mode wants it: closed objects, all of whose properties are required.

A property that may be missing becomes one that may be null; `fitting` takes that null out again.
Keywords that only narrow a value, and that the mode does not know, are left out: every answer is
validated by the whole schema anyway. Where the shape itself cannot be told (free keys, conditions,
tuples), there is no strict schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_KEPT = (
    "type", "description", "enum", "const", "pattern",
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    "minItems", "maxItems",
)  # fmt: skip
_DROPPED = frozenset(
    {
        "$schema", "$id", "$comment", "title", "default", "examples", "deprecated", "readOnly",
        "writeOnly", "format", "minLength", "maxLength", "uniqueItems", "contentEncoding",
        "contentMediaType", "discriminator", "minProperties", "maxProperties",
    }
)  # fmt: skip
_SHAPES = frozenset(
    {
        "properties", "required", "additionalProperties", "items", "anyOf", "oneOf", "allOf",
        "$ref", "$defs", "definitions",
    }
)  # fmt: skip
_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
)
_NULL = {"type": "null"}


class _NotStrict(Exception):
    """A part of a schema that strict mode has no way to say."""


def strict_schema(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a schema as strict mode wants it; None where it has no way to say it.

    Example:
        >>> strict_schema({"type": "object", "properties": {"a": {"type": "integer"}}})["required"]
        ['a']
    """
    try:
        strict = _strict(schema)
    except _NotStrict:
        return None
    strict = _with_root_inside(strict)
    return strict if strict.get("type") == "object" else None


def _with_root_inside(strict: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with no reference at its root, where strict mode wants an object."""
    definitions = strict.get("$defs", {})
    name = strict.get("$ref", "").removeprefix("#/$defs/")
    if name not in definitions:
        return strict
    return {**definitions[name], "$defs": definitions}


def _strict(schema: Any) -> dict[str, Any]:
    if not isinstance(schema, Mapping) or not schema:
        raise _NotStrict
    if "allOf" in schema:
        return _strict(_merged(schema))
    if set(schema) - _SHAPES - _DROPPED - set(_KEPT):
        raise _NotStrict
    strict = _definitions(schema)
    if "$ref" in schema:  # strict mode wants nothing beside a reference
        return strict | {"$ref": schema["$ref"]}
    strict |= {key: schema[key] for key in _KEPT if key in schema}
    if schema.get("format") in _FORMATS:
        strict["format"] = schema["format"]
    strict |= _choice(schema)
    strict |= _object(schema)
    strict |= _array(schema)
    if not strict.keys() & {"type", "enum", "const", "anyOf"}:
        raise _NotStrict
    return strict


def _merged(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema with its only ``allOf`` part in it, as pydantic writes a described field."""
    rest = {key: part for key, part in schema.items() if key != "allOf"}
    parts = schema["allOf"]
    if (
        len(parts) != 1
        or not isinstance(parts[0], Mapping)
        or set(rest) - _DROPPED - {"description"}
    ):
        raise _NotStrict
    return {**rest, **parts[0]}


def _definitions(schema: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in ("$defs", "definitions"):
        if key in schema:
            found[key] = {name: _strict(part) for name, part in schema[key].items()}
    return found


def _choice(schema: Mapping[str, Any]) -> dict[str, Any]:
    options = schema.get("anyOf", schema.get("oneOf"))
    if options is None:
        return {}
    if "anyOf" in schema and "oneOf" in schema:
        raise _NotStrict
    return {"anyOf": [_strict(option) for option in options]}


def _object(schema: Mapping[str, Any]) -> dict[str, Any]:
    if not _is_of("object", schema) and "properties" not in schema:
        return {}
    properties = schema.get("properties")
    if not properties or schema.get("additionalProperties", False) is not False:
        raise _NotStrict  # free keys
    required = schema.get("required", ())
    if set(required) - set(properties):
        raise _NotStrict
    return {
        "properties": {
            name: _strict(part) if name in required else _or_null(_strict(part))
            for name, part in properties.items()
        },
        "required": list(properties),
        "additionalProperties": False,
    }


def _array(schema: Mapping[str, Any]) -> dict[str, Any]:
    if not _is_of("array", schema) and "items" not in schema:
        return {}
    return {"items": _strict(schema.get("items"))}


def _is_of(kind: str, schema: Mapping[str, Any]) -> bool:
    kinds = schema.get("type", ())
    return kinds == kind or (not isinstance(kinds, str) and kind in kinds)


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    if _is_of("null", schema) and "enum" not in schema:
        return schema
    options = schema.get("anyOf")
    if options is not None:
        return schema if _NULL in options else {**schema, "anyOf": [*options, _NULL]}
    return {"anyOf": [schema, _NULL]}
