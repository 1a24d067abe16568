"""Answers as JSON, of a schema."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from dataflow_core.errors import ConfigurationError
from dataflow_core.prompts.answers.base import AnswerForm, Unparsable

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
