"""The schema of an answer: what is asked for, and the reading of what comes back."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import jsonschema_rs
from pydantic import BaseModel, ValidationError
from pydantic.errors import PydanticUserError

from dataflow_core.errors import ConfigurationError
from dataflow_core.serving.structured.extraction import Extraction, extract
from dataflow_core.serving.structured.fitting import Fit
from dataflow_core.serving.structured.places import Path, place
from dataflow_core.serving.structured.reading import Read
from dataflow_core.serving.structured.shapes import (
    SCALARS,
    closed,
    demands_something,
    kind_of,
    kinds_at_root,
    only,
)
from dataflow_core.serving.structured.strict import strict_schema
from dataflow_core.serving.structured.tolerant import Parsed, dumped, parse_whole
from dataflow_core.serving.structured.wording import Problem

Given = Mapping[str, Any] | type[BaseModel]
"""What an answer's schema is made of."""


class AnswerSchema:
    """The schema that answers are to have. Make one with `of`.

    Attributes:
        json: The JSON schema, as plain data.
        name: What the schema is called, in the letters that servers allow.
        model: The pydantic model whose instances the answers become, if one was given.
    """

    def __init__(
        self, schema: dict[str, Any], model: type[BaseModel] | None, *, formats: bool
    ) -> None:
        self.json = schema
        self.model = model
        self.name = _name(schema, model)
        self._formats = formats
        self._fit = _fit(schema, formats=formats)
        self._kinds = kinds_at_root(schema)
        self._parts: dict[tuple[str, ...], AnswerSchema | None] = {}

    @classmethod
    def of(cls, given: Given) -> AnswerSchema:
        """Return the schema that a JSON schema or a pydantic model says.

        Args:
            given: The schema. Its references must be to parts of itself: nothing is fetched. A
                model's fields are all that an answer may have, unless the model allows others.

        Raises:
            ConfigurationError: It is no valid JSON schema, or the model has none.

        Example:
            >>> schema = AnswerSchema.of({"properties": {"n": {"type": "integer"}}})
            >>> schema.read('Here it is: {"n": "3",}').value
            {'n': 3}
        """
        if isinstance(given, type) and issubclass(given, BaseModel):
            return cls(_schema_of(given), given, formats=False)  # the model knows its formats
        return cls(_checked(given), None, formats=True)

    def __repr__(self) -> str:
        return f"<AnswerSchema {self.name}>"

    def __reduce__(self) -> tuple[Callable[..., AnswerSchema], tuple[Any, ...]]:
        return _made, (self.json, self.model, self._formats)

    def only(self, fields: Sequence[str]) -> AnswerSchema | None:
        """Return the schema of an object of some of this one's fields, all of them required.

        Returns:
            None where these are all its fields, or some are not named by the schema, or cannot be
            asked for without the others.
        """
        names = tuple(fields)
        if names not in self._parts:
            part = only(self.json, names)
            made = None if part is None else AnswerSchema(part, None, formats=self._formats)
            self._parts[names] = made
        return self._parts[names]

    @cached_property
    def digest(self) -> bytes:
        """16 bytes that stand for the JSON schema."""
        told = dumped(self.json).encode("utf-8", "surrogatepass")
        return hashlib.blake2b(told, digest_size=16).digest()

    def strict(self) -> dict[str, Any] | None:
        """Return the schema for OpenAI's strict mode, or None where that cannot express it.

        All properties are required there and no others allowed; those that may be missing may be
        null instead. An answer in that form is read like any other.
        """
        return strict_schema(self.json)

    def instructions(self) -> str:
        """Return what to add to a prompt where the server cannot enforce a schema."""
        return (
            "Answer with one JSON value and nothing else: no explanation, no code fence. Inside "
            'its texts, write " as \\" and each backslash twice. It must fit this JSON schema:\n'
            + dumped(self.json)
        )

    def read(self, text: str, *, truncated: bool = False) -> Read:
        """Return what an answer says: parsed, mended where nothing is lost by it, and validated.

        A text, number, boolean or null at the root must be all that the answer says; objects and
        arrays are found between sentences too.

        Args:
            text: The answer, without its reasoning.
            truncated: Whether the model had to stop before its end.
        """
        if not text.isascii():  # half a surrogate pair becomes its escape, and is found as that
            text = text.encode("utf-8", "backslashreplace").decode("utf-8")
        try:
            value = parse_whole(text)
        except (ValueError, RecursionError):
            return self._read_extracted(text, truncated=truncated)
        if truncated and type(value) in {int, float}:
            return _cut_off(())
        if self._fit.fits(value):
            return self._finished(value, ())
        return self.fitted(Parsed(value, len(text)))

    def fitted(self, parsed: Parsed) -> Read:
        """Return what a value is when it is made to fit, as far as nothing is lost by it."""
        if not parsed.doubts and self._fit.fits(parsed.value):
            return self._finished(parsed.value, parsed.repairs)
        fitted = self._fit.fitted(parsed.value)
        repaired = (*parsed.repairs, *fitted.repairs)
        problems = _problems(parsed, fitted.problems)
        if problems:
            return Read(None, problems, repaired, fitted.value, "schema_mismatch")
        return self._finished(fitted.value, repaired)

    def _finished(self, value: Any, repaired: tuple[str, ...]) -> Read:
        if self.model is None:
            return Read(value, repaired=repaired)
        try:
            return Read(self.model.model_validate(value), repaired=repaired)
        except ValidationError as error:
            problems = tuple(_problems_of_model(error, value))
            return Read(None, problems, repaired, value, "schema_mismatch")

    def _read_extracted(self, text: str, *, truncated: bool) -> Read:
        extraction = extract(
            text, arrays="array" in self._kinds, scalars=not self._kinds.isdisjoint(SCALARS)
        )
        if extraction.empty:
            return _cut_off(()) if truncated else _nothing()
        if extraction.open or (truncated and not extraction.complete):
            told = _unreadable(extraction)
            return _cut_off(told) if truncated else Read(None, told, reason="unparsable_answer")
        found = [one for one in extraction.found if one.parsed.value != self.json]
        reads = [self.fitted(_with_repairs(one.parsed, extraction.repairs)) for one in found]
        return self._chosen(extraction, reads)

    def _chosen(self, extraction: Extraction, reads: Sequence[Read]) -> Read:
        """Return the one reading that fits; where there is none or a choice, why."""
        fitting = _distinct([read for read in reads if read.ok])
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            several = Problem((), f"it has {len(fitting)} different values that fit; send only one")
            return Read(None, (several,), reason="unparsable_answer")
        near = _distinct([read for read in reads if kind_of(read.draft) in self._kinds])
        if len(near) == 1 and not extraction.unreadable:
            return near[0]
        if near and not extraction.unreadable:
            several = Problem((), f"it has {len(near)} values, and none of them fits")
            return Read(None, (several, *near[0].problems), reason="schema_mismatch")
        if len(reads) == 1 and not extraction.unreadable:
            return reads[0]
        return Read(None, _unreadable(extraction), reason="unparsable_answer")


def _made(schema: dict[str, Any], model: type[BaseModel] | None, formats: bool) -> AnswerSchema:
    return AnswerSchema(schema, model, formats=formats)


def _nothing() -> Read:
    return Read(None, (Problem((), "it is empty"),), reason="empty_answer")


def _cut_off(told: tuple[Problem, ...]) -> Read:
    cut = Problem((), "it was cut off before its end; allow more tokens (max_tokens)")
    return Read(None, (cut, *told), reason="truncated")


def _unreadable(extraction: Extraction) -> tuple[Problem, ...]:
    told = [Problem((), f"it cannot be read as JSON: {error}") for error in extraction.unreadable]
    return tuple(told) or (Problem((), "it has no JSON value of the kind that was asked for"),)


def _with_repairs(parsed: Parsed, repairs: Sequence[str]) -> Parsed:
    return Parsed(parsed.value, parsed.end, (*repairs, *parsed.repairs), parsed.doubts)


def _distinct(reads: Sequence[Read]) -> list[Read]:
    """Return the readings with different values, or drafts where they do not fit."""
    kept: dict[str, Read] = {}
    for read in reads:
        value = read.value if read.ok else read.draft
        plain = not isinstance(value, BaseModel)
        kept.setdefault(dumped(value, sort_keys=True) if plain else repr(value), read)
    return list(kept.values())


def _problems(parsed: Parsed, problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Return the doubts of a value and its problems, except those that come of the doubts."""
    doubts = [Problem(doubt.path, doubt.message) for doubt in parsed.doubts]
    doubtful = {doubt.path for doubt in doubts}
    return (*doubts, *(problem for problem in problems if problem.path not in doubtful))


def _problems_of_model(error: ValidationError, value: Any) -> list[Problem]:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        Problem(_place_in(value, one["loc"]), one["msg"].removeprefix("Value error, "))
        for one in found
    ]


def _place_in(value: Any, steps: Sequence[str | int]) -> Path:
    """Return the part of a model's path that is one in the value; the rest names types."""
    path: list[str | int] = []
    for step in steps:
        try:
            value = value[step]
        except (LookupError, TypeError):
            continue
        path.append(step)
    return tuple(path)


def _name(schema: Mapping[str, Any], model: type[BaseModel] | None) -> str:
    named = model.__name__ if model else schema.get("title")
    letters = re.sub(r"[^A-Za-z0-9_-]+", "_", named if isinstance(named, str) else "").strip("_")
    return letters[:64] or "answer"


def _schema_of(model: type[BaseModel]) -> dict[str, Any]:
    try:
        return closed(model.model_json_schema())
    except PydanticUserError as error:
        raise ConfigurationError(
            f"json_schema: the model {model.__name__} has no JSON schema: {error.message}. Use "
            "field types that JSON has, or give the JSON schema itself."
        ) from error


def _checked(given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise ConfigurationError(
            f"json_schema: found {given!r}, wanted a JSON schema as a dict, such as "
            '{"type": "object", "properties": {"score": {"type": "integer"}}}, or a pydantic model.'
        )
    if given and not demands_something(given):
        raise ConfigurationError(
            f"json_schema: {', '.join(map(repr, given))} are no keywords of JSON schema, so that "
            'any answer would fit. Fields stand under "properties": {"type": "object", '
            '"properties": {"score": {"type": "integer"}}}.'
        )
    return {key: _plain(part, (key,)) for key, part in given.items()}


def _plain(value: Any, path: Path) -> Any:
    """Return a part of a schema as plain data.

    Raises:
        ConfigurationError: It is none.
    """
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _plain(part, (*path, key)) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part, (*path, index)) for index, part in enumerate(value)]
    if value is None or type(value) in {str, int, bool}:
        return value
    if type(value) is float and math.isfinite(value):
        return value
    raise ConfigurationError(
        f"json_schema: {place(path)} is {value!r}, which JSON does not have. Schemas are made of "
        "dicts with texts as keys, lists, texts, numbers, booleans and None; types are named: "
        '{"type": "integer"}.'
    )


def _fit(schema: dict[str, Any], *, formats: bool) -> Fit:
    try:
        return Fit(schema, formats=formats)
    except jsonschema_rs.ValidationError as error:
        raise ConfigurationError(_refusal(error)) from error
    except ValueError as error:
        raise ConfigurationError(f"json_schema: {error}.") from error


_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")


def _refusal(error: jsonschema_rs.ValidationError) -> str:
    where, found = place(tuple(error.instance_path)), error.message.rstrip(".")
    if list(error.schema_path)[-2:] == ["type", "anyOf"]:  # no property that is named type
        told = f"{where} is not valid JSON schema: {error.instance!r} is no type"
        return f"json_schema: {told}. There are: {', '.join(_TYPES)}."
    if error.instance_path:
        return f"json_schema: {where} is not valid JSON schema: {found}. Correct it there."
    return (
        f"json_schema: it cannot be used: {found}. References are to parts of the schema itself, "
        'as in {"$ref": "#/$defs/NAME"}; nothing is fetched.'
    )
