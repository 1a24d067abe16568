"""The configuration that the operators on personal data share: what is found, and by what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, Self, TypeAlias, cast, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from dataflow_core.downloads import Download
from dataflow_core.operators import Operator
from dataflow_core.storage import Bindings
from dataflow_text.pii.forms import SIGN, WIDE_SIGN, Formed, find_forms
from dataflow_text.pii.presidio import SMALL_ENGLISH, Named, download_of, find_named, missing
from dataflow_text.pii.spans import Span, without_overlaps

Entity: TypeAlias = Literal[Formed, Named]

# Found only if asked for: most organizations, nationalities and dates are no personal data.
_NOT_PERSONAL = ("organization", "nrp", "date_time")


class PiiRecognition(Operator):
    """The base of operators on personal data: where it is in texts.

    Attributes:
        recognizer: ``"forms"``, or ``"presidio"`` for names and documents as well.
        entities: What is looked for; None for all, without organizations, nationalities and dates.
        model: The spaCy model that presidio uses.
        min_score: The least score of what presidio finds, 0 to 1.
    """

    recognizer: Literal["forms", "presidio"] = "forms"
    entities: Annotated[tuple[Entity, ...], Field(min_length=1)] | None = None
    model: str = Field(SMALL_ENGLISH, min_length=1)
    min_score: float = Field(0.4, ge=0, le=1)

    @model_validator(mode="after")
    def _findable(self) -> Self:
        named = [entity for entity in self.entities or () if entity in get_args(Named)]
        if named and self.recognizer == "forms":
            raise ValueError(
                f"entities: {', '.join(named)} have no form. Give recognizer='presidio', or leave "
                "them out."
            )
        return self

    def problems(
        self,
        columns: Mapping[str, pa.DataType],
        bindings: Bindings,
        others: Mapping[str, Mapping[str, pa.DataType]] | None = None,
    ) -> list[str]:
        """Say whether presidio or the model is wanted and not installed."""
        given = bindings.get("input_measure") is not None
        names = self.recognizer == "presidio" and self._chosen(get_args(Named))
        return missing(self.model) if names and not given else []

    @classmethod
    def downloads(cls) -> Iterable[Download]:
        """Return the model by which presidio finds names."""
        return [download_of(SMALL_ENGLISH)]

    def find(self, texts: pa.Array) -> list[list[Span]]:
        """Return where the personal data of each text is, in order and without overlaps.

        Args:
            texts: Some texts; a null has none.

        Raises:
            ConfigurationError: Presidio or the model is wanted and not installed.
        """
        found: list[list[Span]] = [[] for _ in texts]
        promising = pc.fill_null(self._promising(texts), False)
        rows = np.flatnonzero(promising)
        for row, spans in zip(rows, self._find(texts.filter(promising).to_pylist()), strict=True):
            found[row] = spans
        return found

    def _promising(self, texts: pa.Array) -> pa.Array:
        """Tell which texts may have an entity: a name has a letter; most texts have no form."""
        if self.recognizer != "forms":
            return pc.match_substring_regex(texts, r"[\p{L}\p{N}]")
        found = pc.match_substring_regex(texts, SIGN)
        others = pc.invert(pc.or_(found, pc.string_is_ascii(texts)))
        wide = pc.match_substring_regex(texts.filter(others), WIDE_SIGN)
        return pc.replace_with_mask(found, pc.fill_null(others, False), wide)

    def _find(self, texts: list[str]) -> list[list[Span]]:
        formed = cast("tuple[Formed, ...]", self._chosen(get_args(Formed)))
        forms = [find_forms(text, formed) for text in texts]
        if self.recognizer == "forms" or not texts:
            return forms
        named = cast("tuple[Named, ...]", self._chosen(get_args(Named)))
        names = find_named(texts, named, self.model, self.min_score) if named else [[]] * len(texts)
        return [
            without_overlaps(text, [*sure, *likely])
            for text, sure, likely in zip(texts, forms, names, strict=True)
        ]

    def _chosen(self, entities: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of some entities that are looked for."""
        if self.entities is None:
            return tuple(entity for entity in entities if entity not in _NOT_PERSONAL)
        return tuple(entity for entity in entities if entity in self.entities)
