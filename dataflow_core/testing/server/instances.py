"""Instances of JSON schemas: small, fitting, and the same ones for the same seed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import xxhash

from dataflow_core.testing.server.question import Refusal
from dataflow_core.testing.server.strings import fitting_string

_DEEP = 5
"""From this depth on, an instance has only what it needs."""
_DEEPEST = 40

_TYPES_OF = {
    "object": ("properties", "required", "additionalProperties", "minProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems"),
    "string": ("minLength", "maxLength", "pattern", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
_EFFORT = {"object": 3, "array": 2}


def instance_of(schema: Any, text: str, seed: str = "") -> Any:
    """Return a value that fits a JSON schema.

    It knows ``type``, ``properties``, ``required``, ``enum``, ``const``, ``items``,
    ``prefixItems``, bounds of numbers, strings, arrays and objects, ``multipleOf``, ``format``,
    ``pattern``, ``uniqueItems``, ``anyOf``, ``oneOf``, ``allOf``, and ``$ref`` within the schema;
    types may be in capitals and ``nullable``, as Gemini's are.

    Args:
        schema: The schema.
        text: What strings begin with, where the schema lets them.
        seed: Another one makes other choices.

    Raises:
        Refusal: It has no instance, or none is found.

    Example:
        >>> schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 7}}}
        >>> instance_of(schema, "ok")["n"] >= 7
        True
    """
    return _Maker(schema, text, seed).made(schema, 0)


def misfit_of(schema: Any, text: str, seed: str = "") -> Any:
    """Return a value that does not fit a JSON schema, but is near.

    Of an object it lacks the first property required; else it is of another type.
    """
    value = {} if schema is None else instance_of(schema, text, seed)
    if not isinstance(value, dict):
        return {"unexpected": text}
    required = _Maker(schema, text, seed).required() if schema is not None else []
    if not required:
        return {"unexpected": text} if schema is None else [text]
    return {name: kept for name, kept in value.items() if name != required[0]}


class _Maker:
    """Makes one instance, and with it the choices that the schema leaves open."""

    def __init__(self, root: Any, text: str, seed: str) -> None:
        self._root = root
        self._text = text
        self._seed = seed
        self._turn = 0

    def required(self) -> list[str]:
        """Return the properties that the root requires, in its first alternative."""
        return list(self._flat(self._root, 0).get("required", ()))

    def made(self, schema: Any, depth: int) -> Any:
        if depth > _DEEPEST:
            raise _refused("it has no end")
        flat = self._flat(schema, depth)
        if "const" in flat:
            return flat["const"]
        if "enum" in flat:
            return self._one_of(flat["enum"])
        makers = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "integer": self._integer,
            "number": self._number,
        }
        kind = self._type(flat, depth)
        if kind in makers:
            return makers[kind](flat, depth)
        return None if kind == "null" else bool(self._pick(2))

    def _flat(self, schema: Any, depth: int) -> dict[str, Any]:
        """Return a schema without references and alternatives."""
        if schema is False:
            raise _refused("a part of it is false, which nothing fits")
        flat = dict(schema) if isinstance(schema, Mapping) else {}
        for _ in range(_DEEPEST):
            if "$ref" in flat:
                flat = _merged(self._target(flat.pop("$ref")), flat)
            elif "allOf" in flat:
                for part in flat.pop("allOf"):
                    flat = _merged(flat, part)
            elif alternatives := (flat.get("anyOf") or flat.get("oneOf")):
                rest = {k: v for k, v in flat.items() if k not in ("anyOf", "oneOf")}
                flat = _merged(rest, self._alternative(alternatives, depth))
            else:
                return flat
        raise _refused("its references have no end")

    def _target(self, reference: Any) -> Mapping[str, Any]:
        found = self._root
        for part in str(reference).removeprefix("#").split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, Mapping) or name not in found:
                raise _refused(f"there is no {reference}")
            found = found[name]
        return found if isinstance(found, Mapping) else {}

    def _alternative(self, options: list[Any], depth: int) -> Any:
        if depth < _DEEP:
            return self._one_of([one for one in options if one is not False])
        return min(options, key=lambda one: self._effort(one, 0))

    def _effort(self, schema: Any, depth: int) -> int:
        """Tell how much a schema makes one write, roughly; those that recur most."""
        if not isinstance(schema, Mapping) or depth > _DEEPEST:
            return _DEEPEST
        if "$ref" in schema:
            return 1 + self._effort(self._target(schema["$ref"]), depth + 1)
        options = schema.get("anyOf") or schema.get("oneOf")
        if options:
            return 1 + min(self._effort(one, depth + 1) for one in options)
        return _EFFORT.get(_guessed(schema), 0) + len(schema.get("required", ()))

    def _type(self, flat: Mapping[str, Any], depth: int) -> str:
        kind = flat.get("type")
        if isinstance(kind, list):
            kinds = [one for one in kind if one != "null"] or ["null"]
            kind = "null" if "null" in kind and depth >= _DEEP else self._one_of(kinds)
        return str(kind).lower() if kind else _guessed(flat)

    def _object(self, flat: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties, required = flat.get("properties", {}), flat.get("required", ())
        names = [name for name in properties if depth < _DEEP or name in required]
        made = {name: self.made(properties[name], depth + 1) for name in names}
        others = flat.get("additionalProperties", True)
        made |= {name: self.made(others, depth + 1) for name in required if name not in made}
        wanted = flat.get("minProperties", 0 if properties or not isinstance(others, dict) else 1)
        while len(made) < wanted:
            made[f"key_{len(made)}"] = self.made(others, depth + 1)
        return made

    def _array(self, flat: Mapping[str, Any], depth: int) -> list[Any]:
        first = flat.get("prefixItems", [])
        least, most = flat.get("minItems", 0), flat.get("maxItems", math.inf)
        rest = flat.get("items", not first)
        size = max(least, len(first) if rest is False else len(first) + (depth < _DEEP))
        made: list[Any] = []
        tries = 0
        while len(made) < min(size, most):
            one = self.made(first[len(made)] if len(made) < len(first) else rest, depth + 1)
            tries += 1
            if flat.get("uniqueItems") and one in made:
                if tries > 50 + 10 * size and len(made) < least:
                    raise _refused("it has too few different items")
                if tries > 50 + 10 * size:
                    break
                continue
            made.append(one)
        return made

    def _string(self, flat: Mapping[str, Any], depth: int) -> str:
        self._turn += 1
        begin = self._text if self._turn == 1 else f"{self._text} {self._turn}"
        found = fitting_string(flat, begin + self._seed, self._pick)
        if found is None:
            raise _refused(f"no string for the pattern {flat.get('pattern')!r} is found")
        return found

    def _integer(self, flat: Mapping[str, Any], depth: int) -> int:
        step = flat.get("multipleOf", 1)
        step = step if step == int(step) else 1
        low, high = _range(flat, step)
        first = math.ceil(low / step)
        return int(self._between(first, math.floor(high / step)) * step)

    def _number(self, flat: Mapping[str, Any], depth: int) -> float:
        if "multipleOf" in flat:
            step = flat["multipleOf"]
            low, high = _range(flat, step)
            return float(self._between(math.ceil(low / step), math.floor(high / step)) * step)
        low, high = _range(flat, 0)
        share = (1 + self._pick(8)) / 10
        return float(
            round(low + share * (high - low), 6) if high - low > 1e-3 else (low + high) / 2
        )

    def _between(self, low: int, high: int) -> int:
        if low > high:
            raise _refused("its bounds leave no number")
        return low + self._pick(min(high - low + 1, 1000))

    def _one_of(self, choices: list[Any]) -> Any:
        if not choices:
            raise _refused("it leaves no choice")
        return choices[self._pick(len(choices))]

    def _pick(self, count: int) -> int:
        self._turn += 1
        told = f"{self._text}{self._seed} {self._turn}".encode("utf-8", "surrogatepass")
        return xxhash.xxh3_64_intdigest(told) % count


def _guessed(schema: Mapping[str, Any]) -> str:
    """Return the type of a schema that names none, by what else it has."""
    kind = schema.get("type")
    if kind:
        return str(kind[0] if isinstance(kind, list) else kind).lower()
    for name, keywords in _TYPES_OF.items():
        if any(keyword in schema for keyword in keywords):
            return name
    return "string"


def _merged(first: Any, second: Any) -> dict[str, Any]:
    """Return what fits both of two schemas, where they do not contradict each other."""
    if second is False or first is False:
        raise _refused("a part of it is false, which nothing fits")
    one = dict(first) if isinstance(first, Mapping) else {}
    other = dict(second) if isinstance(second, Mapping) else {}
    merged = {**one, **other}
    for name, join in _JOINED.items():
        if name in one and name in other:
            merged[name] = join(one[name], other[name])
    return merged


_JOINED: dict[str, Any] = {
    "properties": lambda one, other: {**one, **other},
    "required": lambda one, other: list(dict.fromkeys([*one, *other])),
    "enum": lambda one, other: [value for value in one if value in other],
    "allOf": lambda one, other: [*one, *other],
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems"), min),
}


def _range(flat: Mapping[str, Any], step: float) -> tuple[float, float]:
    """Return the lowest and the highest number; those that are excluded by less than a step."""
    low, high = flat.get("minimum", -math.inf), flat.get("maximum", math.inf)
    if isinstance(flat.get("exclusiveMinimum"), int | float):
        low = max(low, math.nextafter(flat["exclusiveMinimum"], math.inf))
    if isinstance(flat.get("exclusiveMaximum"), int | float):
        high = min(high, math.nextafter(flat["exclusiveMaximum"], -math.inf))
    width = 100 * max(step, 1)
    if low == -math.inf:
        low = min(0.0, high - width) if high != math.inf else 0.0
    if high == math.inf:
        high = low + width
    if low > high:
        raise _refused("its bounds leave no number")
    return low, high


def _refused(why: str) -> Refusal:
    message = f"Invalid schema for response_format: {why}."
    return Refusal(400, message, "invalid_json_schema", param="response_format")
