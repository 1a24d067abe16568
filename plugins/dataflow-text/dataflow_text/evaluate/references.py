"""Evaluators that compare a text with one or several references."""

from __future__ import annotations

import functools
import importlib
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pandas as pd
import pyarrow as pa

from dataflow_core import Evaluator, Storage
from dataflow_core.operators import AnyColumn, NumberColumn, TextColumn, to_arrow
from dataflow_text.not_text import NotText
from dataflow_text.texts import texts_of

Scorer = Callable[[str, list[str]], float | None]

# Scripts that write no spaces between words, with letters that Unicode counts as common.
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ーｰ〆"


class ReferenceEvaluator(Evaluator):
    """An evaluator with one number for each text and its references.

    A null text, and one without a reference, has no measure. A subclass names its column and
    defines `make_scorer`.
    """

    measure_name: ClassVar[str]

    @abstractmethod
    def make_scorer(self) -> Scorer:
        """Return the function that scores a text against its references, of which it has some."""

    def default_output(self) -> str:
        """Return the name of the column where none is given."""
        return self.measure_name

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        input_reference: AnyColumn = "reference",
        output_measure: NumberColumn | None = None,
    ) -> None:
        """Add the measure.

        Args:
            storage: The table.
            input_text: The column of texts.
            input_reference: The column of references: a text each, or a list of texts.
            output_measure: The column for the measure; None for the measure's own name.
        """
        table = storage.read([input_text, input_reference])
        texts = texts_of(table[input_text]).to_pylist()
        references = references_of(table[input_reference])
        score = self.make_scorer()
        measures = [
            score(text, known) if text is not None and known else None
            for text, known in zip(texts, references, strict=True)
        ]
        column = pa.array(measures, pa.float64())
        storage.assign(output_measure or self.default_output(), column)

    def writes(self, bindings: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        """Return the column for the measure."""
        return {"output_measure": (bindings["output_measure"] or self.default_output(),)}


def references_of(values: pd.Series) -> list[list[str]]:
    """Return the references of each row, without nulls.

    Args:
        values: A column of texts, or of lists of texts.

    Raises:
        NotText: A reference is no text.
    """
    if values.dtype == object:
        return [_references(cell) for cell in values.tolist()]
    return [_references(cell) for cell in to_arrow(values.array, None).to_pylist()]


def split_words(text: str) -> list[str]:
    """Return the words of a text, in lower case.

    A word is a run of letters, digits, marks and underscores; in scripts that write no spaces, a
    letter.
    """
    words: list[str] = _words().findall(text.lower())
    return words


@functools.cache
def _words() -> Any:
    spaced = rf"[[\p{{L}}\p{{N}}_]--[{_UNSPACED}]]"
    inner = rf"[[\p{{L}}\p{{N}}\p{{M}}_]--[{_UNSPACED}]]"
    regex = importlib.import_module("regex")
    return regex.compile(rf"(?V1)[{_UNSPACED}]\p{{M}}*+|{spaced}{inner}*+")


def _references(cell: Any) -> list[str]:
    if cell is None or cell is pd.NA:
        return []
    found = [cell] if isinstance(cell, str) else cell
    if not isinstance(found, list) or not all(isinstance(x, str | None) for x in found):
        raise NotText(f"a text or a list of texts wanted as reference, found {cell!r:.60}")
    return [text for text in found if text is not None]
