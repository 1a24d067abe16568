"""What a JSON schema says of an answer's root, and parts of a schema as schemas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

SCALARS = frozenset({"string", "number", "boolean", "null"})
"""The kinds of values that are no containers."""

_ALL = SCALARS | {"array", "object"}
_KINDS = {
    str: "string",
    bool: "boolean",
    int: "number",
    float: "number",
    list: "array",
    dict: "object",
}
_DEFINITIONS = ("$defs", "definitions")
_OWN_NAMES = frozenset({"$id", "id", "$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef"})
_KEYWORDS = frozenset(
    {
        "$ref", "$dynamicRef", "$recursiveRef", "type", "enum", "const", "properties", "required",
        "additionalProperties", "patternProperties", "propertyNames", "minProperties",
        "maxProperties", "items", "prefixItems", "contains", "minItems", "maxItems", "uniqueItems",
        "anyOf", "oneOf", "allOf", "not", "if", "minimum", "maximum", "exclusiveMinimum",
        "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern", "format",
        "dependentRequired", "dependentSchemas", "unevaluatedProperties", "unevaluatedItems",
    }
)  # fmt: skip


def kind_of(value: Any) -> str:
    """Return the kind of a value: a type of JSON schema, with integers among the numbers."""
    return _KINDS.get(type(value), "null")


def demands_something(schema: Mapping[str, Any]) -> bool:
    """Return whether a schema has a keyword that an answer can fail."""
    return not _KEYWORDS.isdisjoint(schema)


def closed(schema: Any) -> Any:
    """Return a model's schema with ``additionalProperties: false`` on objects that do not say."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(part) for key, part in schema.items()}
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict):
        made.setdefault("additionalProperties", False)
    return made


def kinds_at_root(schema: Mapping[str, Any]) -> frozenset[str]:
    """Return the kinds that an answer may be, as far as the schema tells without being tried."""
    return _kinds(schema, schema, ())


def _kinds(schema: Any, root: Mapping[str, Any], seen: Sequence[str]) -> frozenset[str]:
    if not isinstance(schema, Mapping):
        return _ALL
    found = _ALL
    if "$ref" in schema and schema["$ref"] not in seen:
        reference = schema["$ref"]
        found &= _kinds(_resolved(reference, root), root, (*seen, reference))
    if "type" in schema:
        kinds = schema["type"]
        names = [kinds] if isinstance(kinds, str) else kinds
        found &= {"number" if name == "integer" else name for name in names}
    elif "properties" in schema:
        found &= {"object"}
    if "const" in schema or "enum" in schema:
        found &= {kind_of(value) for value in schema.get("enum", [schema.get("const")])}
    for key in ("anyOf", "oneOf"):
        parts = [_kinds(part, root, seen) for part in schema.get(key, ())]
        found &= frozenset[str]().union(*parts) if parts else _ALL
    for part in schema.get("allOf", ()):
        found &= _kinds(part, root, seen)
    return found


def only(schema: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any] | None:
    """Return the schema of an object of some of the fields; None where that cannot be told apart.

    Args:
        schema: The schema of the whole.
        fields: Names of properties at its root.
    """
    if any(_is_bound_to_root(node) for node in _nodes(schema)):
        return None
    root: Any = schema
    seen: set[str] = set()
    while isinstance(root, Mapping) and "$ref" in root and root["$ref"] not in seen:
        seen.add(root["$ref"])
        root = _resolved(root["$ref"], schema)
    properties = root.get("properties", {}) if isinstance(root, Mapping) else {}
    if not fields or not set(fields) < set(properties):
        return None
    definitions = {key: schema[key] for key in _DEFINITIONS if key in schema}
    return {
        **({"$schema": schema["$schema"]} if "$schema" in schema else {}),
        "type": "object",
        "properties": {name: properties[name] for name in properties if name in fields},
        "required": [name for name in properties if name in fields],
        "additionalProperties": False,
        **definitions,
    }


def _is_bound_to_root(node: Mapping[str, Any]) -> bool:
    """Return whether a part of a schema means something else, or nothing, outside of it."""
    if any(isinstance(node.get(name), str) for name in _OWN_NAMES):
        return True
    reference = node.get("$ref")
    allowed = tuple(f"#/{key}/" for key in _DEFINITIONS)
    return isinstance(reference, str) and not reference.startswith(allowed)


def _nodes(schema: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(schema, Mapping):
        yield schema
        for part in schema.values():
            yield from _nodes(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _nodes(part)


def _resolved(reference: str, root: Mapping[str, Any]) -> Any:
    """Return the part of a schema that a reference names; everything where it is not a path."""
    node: Any = root
    for step in reference.removeprefix("#").split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(node, Mapping) or key not in node:
            return {}
        node = node[key]
    return node if reference.startswith("#") else {}
