"""Answers as JSON, of a schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, Field

from dataflow_core.prompts.answers.base import AnswerForm, Unparsable

if TYPE_CHECKING:
    from dataflow_core.serving.completion import Completion


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

    def parse(self, text: str) -> Any:
        """Return the value in a text, repaired where it can be, that fits the schema."""
        from dataflow_core.serving.structured import AnswerSchema

        read = AnswerSchema.of(self.fields).read(text)
        if not read.ok:
            raise Unparsable(read.message, read.reason)
        return read.value

    def value(self, completion: Completion) -> Any:
        """Return what the serving has read."""
        return completion.cell()
