"""Have a model sort texts into classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import pyarrow as pa
from pydantic import AfterValidator, BeforeValidator

from dataflow_core.operators.base import Evaluator
from dataflow_core.operators.columns import AnyColumn, TextColumn
from dataflow_core.operators.prompted import PromptedForJson, object_of
from dataflow_core.prompts import Prompt
from dataflow_core.storage.base import Bindings, Storage


def _described(given: Any) -> Any:
    """Let labels be named without a description of each."""
    if not isinstance(given, (list, tuple, Mapping)):
        told = "labels are a list of texts, or a mapping from each to what it stands for"
        raise ValueError(told)  # noqa: TRY004  pydantic takes no other
    if wrong := [label for label in given if not isinstance(label, str)]:
        raise ValueError(f"a label is a text, found {wrong[0]!r}: write {str(wrong[0])!r}")
    if isinstance(given, Mapping):
        if unclear := [name for name, told in given.items() if not isinstance(told, str)]:
            name = unclear[0]
            raise ValueError(f"what {name!r} stands for is a text, found {given[name]!r}")
        return given
    if twice := sorted({label for label in given if given.count(label) > 1}):
        raise ValueError(f"{', '.join(twice)}: given twice")
    return dict.fromkeys(given, "")


def _told_apart(labels: dict[str, str]) -> dict[str, str]:
    if len(labels) < 2:
        raise ValueError("give two labels at least")
    if any(not label.strip() or label != label.strip() for label in labels):
        raise ValueError("a label is a text without space around it, and not empty")
    if len({label.casefold() for label in labels}) < len(labels):
        raise ValueError("two labels differ in capital letters alone")
    return labels


Labels = Annotated[dict[str, str], BeforeValidator(_described), AfterValidator(_told_apart)]
"""Labels with a description of each, which may be empty; a list of labels stands for that."""


class Classify(PromptedForJson, Evaluator):
    """Have a model sort each text into one of several classes, or into all that apply.

    The answer is JSON of which the schema lists the labels. What is no label is a failure
    (``schema_mismatch``), after the serving has asked once more for it: it is never taken for the
    label that it resembles or has in it. Texts that are null or blank get null.

    Attributes:
        labels: The labels: a list, or a mapping from each to what it stands for.
        multiple: Whether any number of labels may apply, none included. The column then holds
            lists, in the order of `labels`.
        criteria: By what to sort, where the labels do not tell.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> from dataflow_core.testing import ScriptedServing
        >>> table = MemoryStorage([{"text": "Great soup!"}, {"text": None}])
        >>> serving = ScriptedServing(lambda text: '{"label": "praise"}')
        >>> labels = {"praise": "The guest is content.", "complaint": "The guest is not."}
        >>> Classify(serving=serving, labels=labels).run(table)
        >>> [row["label"] for row in table.rows()]
        ['praise', None]
    """

    beyond_prompt = frozenset({"labels", "multiple"})

    labels: Labels
    multiple: bool = False
    criteria: str = ""
    prompt: Prompt = Prompt("core/classify")

    @property
    def wanted(self) -> dict[str, Any]:
        """An object with the label, or the labels."""
        one = {"type": "string", "enum": list(self.labels)}
        return object_of(
            {"labels": {"type": "array", "items": one}} if self.multiple else {"label": one}
        )

    def columns_after(
        self, columns: Mapping[str, pa.DataType], bindings: Bindings
    ) -> dict[str, pa.DataType]:
        """Return the table's columns with that of the labels: texts, or lists of texts."""
        kind = pa.list_(pa.string()) if self.multiple else pa.string()
        return {**columns, str(bindings["output_label"]): kind}

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_label: AnyColumn = "label",
    ) -> None:
        """Add the labels.

        Args:
            storage: The table.
            input_text: The column of texts.
            output_label: The column for the labels.
        """
        asked = self.ask(storage, {"text": input_text})
        asked.write(storage, {output_label: asked.column(self._label)})

    def _label(self, answer: Mapping[str, Any]) -> Any:
        if not self.multiple:
            return answer["label"]
        return [label for label in self.labels if label in answer["labels"]]
