"""Have a model read facts out of texts, into columns of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import pyarrow as pa
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, model_validator

from dataflow_core.errors import ColumnError
from dataflow_core.operators.base import Generator
from dataflow_core.operators.columns import TextColumn
from dataflow_core.operators.prompted import Asked, PromptedForJson, object_of
from dataflow_core.prompts import Prompt
from dataflow_core.storage.base import Bindings, Storage
from dataflow_core.table.failures import RowFailure

_COLUMNS: Mapping[str, pa.DataType] = {
    "string": pa.string(),
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "list": pa.list_(pa.string()),
}
_LARGEST = 2**63 - 1


def _texts(given: Any) -> Any:
    if not isinstance(given, (list, tuple)) or not given:
        raise ValueError("give a list of strings, one at least")
    if wrong := [one for one in given if not isinstance(one, str)]:
        raise ValueError(
            f"its values are strings, found {wrong[0]!r}. For numbers leave enum out, and say in "
            "the description which there are"
        )
    return given


class ExtractedField(BaseModel):
    """A fact to read out of a text.

    Attributes:
        type: What it is: ``"string"``, ``"number"``, ``"integer"``, ``"boolean"``, or ``"list"``
            for a list of strings.
        description: What it means, and in what unit or form to write it.
        enum: The only values that it may have, where these are strings; None for any.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["string", "number", "integer", "boolean", "list"] = "string"
    description: str = ""
    enum: Annotated[tuple[str, ...], BeforeValidator(_texts)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_text(cls, given: Any) -> Any:
        return {"description": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _lists_strings(self) -> Self:
        if self.enum is not None and self.type not in ("string", "list"):
            raise ValueError(f"enum lists strings, and the type is {self.type!r}")
        return self

    @property
    def json_schema(self) -> dict[str, Any]:
        """What JSON may stand for it; null where the text does not say."""
        told: dict[str, Any] = {"description": self.description} if self.description else {}
        one: dict[str, Any] = {} if self.enum is None else {"enum": list(self.enum)}
        if self.type == "list":
            return {"type": ["array", "null"], "items": {"type": "string", **one}, **told}
        if one:
            one = {"enum": [*one["enum"], None]}
        return {"type": [self.type, "null"], **one, **told}

    def cell(self, value: Any) -> Any:
        """Return what stands in the column, or the failure of the row."""
        if self.type == "string" and value is not None:
            return value if value.strip() else None
        if self.type == "number" and value is not None:
            return float(value) if abs(value) < 1e308 else _too_large(value)
        if self.type == "integer" and value is not None and abs(value) > _LARGEST:
            return _too_large(value)
        return value


def _too_large(value: Any) -> RowFailure:
    return RowFailure("number_too_large", "a number that no column holds", str(value)[:200])


def _some(fields: dict[str, ExtractedField]) -> dict[str, ExtractedField]:
    if not fields:
        raise ValueError("name the fields to read")
    if wrong := [name for name in fields if not name.strip() or name.startswith("__dataflow_")]:
        raise ValueError(f"{wrong[0]!r} cannot be the name of a column")
    return fields


Fields = Annotated[dict[str, ExtractedField], AfterValidator(_some)]


class ExtractFields(PromptedForJson, Generator):
    """Have a model read facts out of each text, each into a column of its own type.

    A fact that the text does not tell is null: there are no defaults, and the model is told to
    guess nothing. An answer of another form fails (``schema_mismatch``, ``unparsable_answer``,
    ``number_too_large``), and its row goes to quarantine with all of its fields. Texts that are
    null or blank get nulls.

    Attributes:
        fields: The facts by the names of their columns. Each is a description, for a string, or
            has ``type`` (``string``, ``number``, ``integer``, ``boolean``, ``list`` for a list of
            strings), ``description`` and ``enum``.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> from dataflow_core.testing import ScriptedServing
        >>> table = MemoryStorage([{"text": "Ada Lovelace was born in 1815."}])
        >>> serving = ScriptedServing(lambda text: '{"name": "Ada Lovelace", "died": null}')
        >>> fields = {"name": "Whom it is about.", "died": {"type": "integer"}}
        >>> ExtractFields(serving=serving, fields=fields).run(table)
        >>> {name: table.rows()[0][name] for name in fields}
        {'name': 'Ada Lovelace', 'died': None}
    """

    beyond_prompt = frozenset({"fields"})

    fields: Fields
    prompt: Prompt = Prompt("core/extract_fields")

    @property
    def wanted(self) -> dict[str, Any]:
        """An object of the fields."""
        return object_of({name: one.json_schema for name, one in self.fields.items()})

    def writes(self, bindings: Bindings) -> dict[str, tuple[str, ...]]:
        """Return the columns of the fields."""
        return {"fields": tuple(self.fields)}

    def columns_after(
        self, columns: Mapping[str, pa.DataType], bindings: Bindings
    ) -> dict[str, pa.DataType]:
        """Return the table's columns with those of the fields, each of its type."""
        return {**columns, **{name: _COLUMNS[one.type] for name, one in self.fields.items()}}

    def problems(
        self,
        columns: Mapping[str, pa.DataType],
        bindings: Bindings,
        others: Mapping[str, Mapping[str, pa.DataType]] | None = None,
    ) -> list[str]:
        """Return how its prompt does not fit it, and which columns it would overwrite."""
        return [*super().problems(columns, bindings, others), *self._taken(columns)]

    def run(self, storage: Storage, input_text: TextColumn = "text") -> None:
        """Add the columns of the fields.

        Args:
            storage: The table.
            input_text: The column of texts.

        Raises:
            ColumnError: The table has a column of a field's name.
        """
        if taken := self._taken(storage.columns() or {}):
            raise ColumnError(taken[0])
        asked = self.ask(storage, {"text": input_text})
        asked.write(storage, {name: self._column(asked, name) for name in self.fields})

    def _column(self, asked: Asked, name: str) -> Any:
        return asked.column(lambda answer: self.fields[name].cell(answer[name]))

    def _taken(self, columns: Mapping[str, Any]) -> list[str]:
        return [
            f"fields: the table has a column {name!r} already, which would be overwritten. Call "
            "the field otherwise, or rename the column before."
            for name in self.fields
            if name in columns
        ]
