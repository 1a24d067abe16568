"""Answers as JSON, of a schema."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from dataflow_core.errors import ConfigurationError
from dataflow_core.prompts.answers.base import AnswerForm, Unparsable
from dataflow_core.table.failures import RowFailure

if TYPE_CHECKING:
    from dataflow_core.serving.completion import Completion
    from dataflow_core.serving.structured import AnswerSchema


class JsonAnswer(AnswerForm):
    """A JSON value of a schema.

    A serving has answers fit the schema, natively where the server can, repairs what is broken, and
    asks once more for what does not fit.

    Attributes:
        fields: The JSON schema, in headers ``schema``; without, any value, or what the operator
            says.
    """

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    kind: Literal["json"] = "json"
    fields: dict[str, Any] = Field(default_factory=dict, alias="schema")

    @property
    def json_schema(self) -> Mapping[str, Any]:
        """The schema."""
        return self.fields

    @cached_property
    def _schema(self) -> AnswerSchema:
        from dataflow_core.serving.structured import AnswerSchema

        return AnswerSchema.of(self.fields)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        try:
            _ = self._schema
        except ConfigurationError as error:
            raise ValueError(str(error).replace("json_schema: ", "schema: ", 1)) from error
        return self

    def parse(self, text: str) -> Any:
        """Return the value in a text, repaired where it can be, that fits the schema."""
        read = self._schema.read(text)
        if not read.ok:
            raise Unparsable(read.message, read.reason)
        return read.value

    def value(self, completion: Completion) -> Any:
        """Return what the serving has read."""
        return completion.cell()


class SparingJsonAnswer(JsonAnswer):
    """A JSON object that is asked for whole, and read without those fields that people alone read.

    Attributes:
        spared: The fields that an answer may lack, or have of another type; null then.
    """

    spared: tuple[str, ...]

    def parse(self, text: str) -> Any:
        """Return the object in a text, with null for what it lacks and may lack."""
        try:
            return super().parse(text)
        except Unparsable:
            if (found := self._without_spared(text)) is None:
                raise
            return found

    def value(self, completion: Completion) -> Any:
        """Return what the serving has read, or what a refused answer says all the same."""
        told = super().value(completion)
        if not isinstance(told, RowFailure) or told.raw is None or told.reason not in _UNFIT:
            return told
        found = self._without_spared(told.raw)
        return told if found is None else found

    def _without_spared(self, text: str) -> dict[str, Any] | None:
        read = self._rest.read(text)
        if not read.ok:
            return None
        kept = {name: _text_or_none(read.value.get(name)) for name in self.spared}
        return {**read.value, **kept}

    @cached_property
    def _rest(self) -> AnswerSchema:
        from dataflow_core.serving.structured import AnswerSchema

        needed = [name for name in self.fields["required"] if name not in self.spared]
        free: dict[str, Any] = {name: {} for name in self.spared}
        properties = {**self.fields["properties"], **free}
        return AnswerSchema.of({**self.fields, "properties": properties, "required": needed})


_UNFIT = ("schema_mismatch", "unparsable_answer")


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None
