"""The perplexity of texts under a small model that the user trains."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataflow_core import Operator
from dataflow_core.errors import ConfigurationError
from dataflow_core.storage import Bindings
from dataflow_text.evaluate.character_model import CharacterModel
from dataflow_text.texts import TextEvaluator, TextFilter


class _WithModel(Operator):
    model: Path

    def problems(
        self,
        columns: Mapping[str, pa.DataType],
        bindings: Bindings,
        others: Mapping[str, Mapping[str, pa.DataType]] | None = None,
    ) -> list[str]:
        """Say whether the file is missing or no model, unless the measure is given."""
        if bindings.get("input_measure") is not None:
            return []
        try:
            _model_in(self.model)
        except ConfigurationError as error:
            return [str(error)]
        return []


class PerplexityEvaluator(_WithModel, TextEvaluator):
    """Measure how much the characters of a text surprise a model of good text.

    The perplexity per character: 1 is a text that the model foresees; English that is like what the
    model was trained on has about 10, Chinese some hundreds, shuffled English over 100. There is no
    upper end. The model knows three characters at a time: it finds noise, other languages and lists
    of codes, and does not judge meaning. It works in any language that it was trained on, with or
    without spaces. A null or empty text has no measure.

    Train the model on texts that are good: `CharacterModel.train(texts).save(path)`.

    Source: Kneser-Ney (Chen and Goodman 1999), for the model.

    Attributes:
        model: The path of the model's file.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> from dataflow_text import CharacterModel
        >>> CharacterModel.train(["the cat sat on the mat", "the dog ran"]).save("model.npz")
        >>> table = MemoryStorage([{"text": "the cat ran"}, {"text": "nrt eacht "}])
        >>> PerplexityEvaluator(model="model.npz").run(table)
        >>> [round(row["perplexity"]) for row in table.rows()]
        [2, 18]
    """

    measure_name: ClassVar[str] = "perplexity"

    def measure(self, texts: pa.Array) -> pa.Array:
        """Return the perplexity of each text."""
        told = pc.fill_null(pc.not_equal(texts, ""), False)
        measures = np.zeros(len(texts))
        wanted = np.asarray(told).astype(bool)
        measures[wanted] = np.exp(_model_in(self.model).surprise(texts.filter(told).to_pylist()))
        return pa.array(measures, mask=~wanted)


class PerplexityFilter(_WithModel, TextFilter):
    """Keep texts whose perplexity per character lies within bounds.

    `PerplexityEvaluator` says what is measured. There is no bound unless one is given: look at the
    perplexities of texts that are good and of some that are not. With or without spaces, any
    language will do that the model was trained on.

    Source: Kneser-Ney (Chen and Goodman 1999), for the model.

    Attributes:
        model: The path of the model's file.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> from dataflow_text import CharacterModel
        >>> CharacterModel.train(["the cat sat on the mat", "the dog ran"]).save("model.npz")
        >>> table = MemoryStorage([{"text": "the cat ran"}, {"text": "nrt eacht "}])
        >>> PerplexityFilter(model="model.npz", max_value=6).run(table)
        >>> [row["text"] for row in table.rows()]
        ['the cat ran']
    """

    evaluator: ClassVar = PerplexityEvaluator


def _model_in(path: Path) -> CharacterModel:
    return _load(path, path.stat().st_mtime_ns if path.exists() else 0)


@functools.lru_cache(maxsize=4)
def _load(path: Path, _modified: int) -> CharacterModel:
    """Load a model once for each version of its file."""
    return CharacterModel.load(path)
