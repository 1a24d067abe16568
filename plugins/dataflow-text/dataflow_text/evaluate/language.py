"""The language of texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AfterValidator, Field, model_validator

from dataflow_core import Evaluator, Filter, Operator, Storage
from dataflow_core.operators import NumberColumn, TextColumn
from dataflow_core.storage import Bindings
from dataflow_text.evaluate.language_codes import Model, explain_unknown, plain_code
from dataflow_text.evaluate.language_models import identify, missing
from dataflow_text.texts import each_piece, texts_of

_FIELDS = ["language", "score"]

Code = Annotated[str, AfterValidator(plain_code)]


class _WithModel(Operator):
    model: Model = "py3langid"
    max_characters: int = Field(300, ge=1, le=1_000_000)

    def problems(
        self,
        columns: Mapping[str, pa.DataType],
        bindings: Bindings,
        others: Mapping[str, Mapping[str, pa.DataType]] | None = None,
    ) -> list[str]:
        """Say whether the model's library is not installed."""
        return missing(self.model)


class LanguageEvaluator(_WithModel, Evaluator):
    """Tell the language of a text, and how sure that is.

    Adds an ISO 639 code (of two letters where there is one, else three; Norwegian Bokmål is ``no``
    and Chinese ``zh``, whatever the model calls them) and a confidence, above 0 and at most 1. Both
    are null for a null text, for one without letters, and for one in which the model finds nothing
    to go by. A word or two in a script of many languages are a guess, with low confidence.

    Models: ``py3langid`` tells 139 languages; its confidence is a probability. ``cld2`` (``pip
    install 'dataflow-text[cld2]'``) tells 162; its confidence is the share of the text that is in
    the language. ``fasttext`` (``pip install 'dataflow-text[fasttext]'``; the model's licence is
    CC BY-SA 3.0) tells 176, in documents better than in sentences; its confidence is a
    probability.

    Source: langid.py (Lui and Baldwin 2012), for the default model.

    Attributes:
        model: ``"py3langid"``, ``"cld2"`` or ``"fasttext"``.
        max_characters: How much of the beginning of a text is looked at.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "Où est la bibliothèque ?"}, {"text": "1 + 1 = 2"}])
        >>> LanguageEvaluator().run(table)
        >>> [row["language"] for row in table.rows()]
        ['fr', None]
    """

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_language: TextColumn = "language",
        output_score: NumberColumn = "language_score",
    ) -> None:
        """Add the language and the confidence.

        Args:
            storage: The table.
            input_text: The column of texts.
            output_language: The column for the language's code.
            output_score: The column for the confidence.
        """
        found = each_piece(self._identify, texts_of(storage.read([input_text])[input_text]))
        for column, field in zip((output_language, output_score), _FIELDS, strict=True):
            storage.assign(column, pc.struct_field(found, field))

    def _identify(self, texts: pa.Array) -> pa.Array:
        """Return a language and a confidence for each text."""
        starts = pc.utf8_slice_codeunits(texts, 0, self.max_characters)
        told = pc.fill_null(pc.match_substring_regex(starts, r"\p{L}"), False)
        found = pa.StructArray.from_arrays(
            list(identify(starts.filter(told), self.model)), names=_FIELDS
        )
        # Each text's place among those with letters, or none.
        places = pa.array(np.cumsum(told) - 1, mask=~np.asarray(told).astype(bool))
        return found.take(places)


class LanguageFilter(_WithModel, Filter):
    """Keep texts in some languages, with a least confidence.

    The language and the confidence stay as columns; `LanguageEvaluator` says what they are. Texts
    go with reason ``"no_language"`` where there is none to tell, ``"other_language"``, or
    ``"low_confidence"``, with the confidence as value. Languages with and without spaces are told.

    Source: langid.py (Lui and Baldwin 2012), for the default model.

    Attributes:
        languages: The codes of the languages kept, such as ``["en", "zh"]``: ISO 639, of two
            letters where there is one. A code that the model never answers with is refused.
        min_score: The smallest confidence kept, 0 to 1.
        model: ``"py3langid"``, ``"cld2"`` or ``"fasttext"``.
        max_characters: How much of the beginning of a text is looked at.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> texts = ["The cat sat on the mat.", "Die Katze saß auf der Matte."]
        >>> table = MemoryStorage([{"text": text} for text in texts])
        >>> LanguageFilter(languages=["de"]).run(table)
        >>> [row["text"] for row in table.rows()]
        ['Die Katze saß auf der Matte.']
    """

    languages: tuple[Code, ...] = Field(min_length=1)
    min_score: float = Field(0.5, ge=0, le=1)

    @model_validator(mode="after")
    def _told_by_the_model(self) -> Self:
        if unknown := explain_unknown(self.languages, self.model):
            raise ValueError(f"languages: {unknown}")
        return self

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_language: TextColumn = "language",
        output_score: NumberColumn = "language_score",
    ) -> None:
        """Add the language and the confidence, and drop texts in other languages.

        Args:
            storage: The table.
            input_text: The column of texts.
            output_language: The column for the language's code.
            output_score: The column for the confidence.
        """
        evaluator = LanguageEvaluator(model=self.model, max_characters=self.max_characters)
        evaluator.run(storage, input_text, output_language, output_score)
        table = storage.read([output_language, output_score])
        language, score = table[output_language], table[output_score]
        ours, sure = language.isin(self.languages), score >= self.min_score
        reasons = np.where(ours, "low_confidence", "other_language").astype(object)
        reasons[language.isna()] = "no_language"
        self.keep(
            storage, ours & sure, reason=pd.Series(reasons, index=language.index), value=score
        )
