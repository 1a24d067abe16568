"""Find passages of a corpus that belong to queries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field, model_validator

from dataflow_core.errors import ConfigurationError, OperatorError
from dataflow_core.operators.base import Generator
from dataflow_core.operators.cells import assign_cells
from dataflow_core.operators.columns import ColumnKind, ListColumn, TextColumn
from dataflow_core.operators.general.bm25 import Bm25Index
from dataflow_core.operators.general.vectors import Matrix, unit_length
from dataflow_core.operators.retrievers import Passage, Retriever
from dataflow_core.serving.base import Capability, Serving
from dataflow_core.storage.base import Bindings, Storage
from dataflow_core.storage.bindings import missing_column
from dataflow_core.table.failures import RowFailure
from dataflow_core.table.identity import format_id

PASSAGES = pa.list_(
    pa.struct([("id", pa.string()), ("text", pa.string()), ("score", pa.float64())])
)
"""The type of a column of passages."""

_DIGITS = 6
"""Cosines are told to so many digits: of equal texts they may differ in the seventh."""


class Retrieve(Generator):
    """Add the passages of a corpus that fit a query best.

    The corpus is a second table, which is held in memory, or that of a ``retriever``. A table is
    searched by words (Okapi BM25), or, where a ``serving`` is given, by the cosine similarity of
    vectors, all of them. The passages of a query are a list of ``{id, text, score}``, the best
    first, equally good ones in the order of the corpus. By words, a passage that shares none with
    the query is not found, so that there may be fewer than ``k``, or none: an empty list.

    Words are letters, marks and digits side by side, in small letters and Unicode's form NFKC; they
    are not stemmed. What scripts without spaces write (Han, kana, Thai, Lao, Khmer, Burmese), and
    Hangul, counts as pairs of adjacent characters. A null or blank query has null passages; null
    and blank texts of the corpus are never found. A query of which the serving makes no vector goes
    to quarantine.

    Source: BM25 (Robertson and Zaragoza 2009), equation 3.15 of The Probabilistic Relevance
    Framework.

    Attributes:
        k: The most passages of a query.
        retriever: What searches a corpus of its own, in Python pipelines only; None for that of the
            second table.
        serving: The model whose vectors are compared; None to compare words.
        query_prefix: What goes before each query that the serving gets, such as ``"query: "``.
        corpus_prefix: What goes before each text of the corpus, such as ``"passage: "``.
        corpus_text: The second table's column of texts.
        corpus_id: Its column of ids, which are told as texts; None for the ids of its rows, which
            derive from the table's place in the pipeline.
        k1: BM25: how much repetitions of a word count.
        b: BM25: how much the length of a passage counts, 0 to 1.

    Raises:
        ConfigurationError: There is a retriever and a second table, or neither.
        OperatorError: The serving makes no vector of a text of the corpus.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"query": "When do cats sleep?"}, {"query": " "}])
        >>> corpus = MemoryStorage([{"text": "Dogs bark."}, {"text": "Cats sleep by day."}])
        >>> Retrieve(k=1).run(table, input_corpus=corpus)
        >>> [[p["text"] for p in row["passages"] or ()] for row in table.rows()]
        [['Cats sleep by day.'], []]
    """

    needs: ClassVar[Mapping[str, frozenset[Capability]]] = {"serving": frozenset({"embed"})}

    k: int = Field(default=5, ge=1)
    retriever: Retriever | None = None
    serving: Serving | None = None
    query_prefix: str = ""
    corpus_prefix: str = ""
    corpus_text: str = "text"
    corpus_id: str | None = None
    k1: float = Field(default=1.5, ge=0)
    b: float = Field(default=0.75, ge=0, le=1)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.retriever is not None and self.serving is not None:
            raise ValueError("give either retriever or serving: a retriever searches by itself")
        return self

    def run(
        self,
        storage: Storage,
        input_query: TextColumn = "query",
        input_corpus: Storage | None = None,
        output_passages: ListColumn = "passages",
    ) -> None:
        """Add the passages.

        Args:
            storage: The table.
            input_query: The column of queries.
            input_corpus: The second table; None where there is a retriever.
            output_passages: The column for the passages.
        """
        if (self.retriever is None) == (input_corpus is None):
            raise ConfigurationError(f"retrieve: {_ONE_CORPUS}")
        values = storage.read([input_query])[input_query].tolist()
        cells: list[Any] = [_cell_of_none(value) for value in values]
        asked = [at for at, value in enumerate(values) if isinstance(value, str) and value.strip()]
        found = self._found([values[at] for at in asked], input_corpus)
        for at, cell in zip(asked, found, strict=True):
            cells[at] = cell
        assign_cells(storage, output_passages, cells, PASSAGES, read=[input_query])

    def columns_joined(
        self, columns: Mapping[str, pa.DataType], other: Mapping[str, pa.DataType]
    ) -> dict[str, pa.DataType]:
        """Return the table's columns: none of the corpus's join them."""
        return dict(columns)

    def columns_after(
        self, columns: Mapping[str, pa.DataType], bindings: Bindings
    ) -> dict[str, pa.DataType]:
        """Return the columns with that of the passages."""
        return {**columns, str(bindings["output_passages"]): PASSAGES}

    def problems(
        self,
        columns: Mapping[str, pa.DataType],
        bindings: Bindings,
        others: Mapping[str, Mapping[str, pa.DataType]] | None = None,
    ) -> list[str]:
        """Say that there is no corpus, or two, and which columns it lacks."""
        if others is None:
            return []
        corpus = others.get("input_corpus")
        if (self.retriever is None) == (corpus is None):
            return [_ONE_CORPUS]
        if corpus is None:
            return []
        wanted = [name for name in (self.corpus_text, self.corpus_id) if name is not None]
        missing = [
            str(missing_column("retrieve, corpus", name, list(corpus)))
            for name in wanted
            if name not in corpus
        ]
        kind = corpus.get(self.corpus_text, pa.null())
        if not ColumnKind("text").accepts(kind):
            missing.append(f"the corpus's column {self.corpus_text!r} is {kind}; it holds texts.")
        return missing

    def _found(self, queries: list[str], corpus: Storage | None) -> Iterator[Any]:
        """Yield the cell of each query."""
        if not queries:
            return
        if corpus is None:
            assert self.retriever is not None  # noqa: S101 - as `run` checks
            found = self.retriever.retrieve(queries, self.k)
            for passages in found:
                yield [_as_dict(passage) for passage in passages[: self.k]]
            return
        ids, texts = self._passages(corpus)
        for scores in self._scores(queries, texts):
            if isinstance(scores, RowFailure):
                yield scores
                continue
            best = top(scores, self.k)
            yield [_as_dict(Passage(ids[at], texts[at], float(scores[at]))) for at in best]

    def _passages(self, corpus: Storage) -> tuple[list[str], list[str]]:
        """Return the ids and texts of the corpus that are not blank."""
        names = [name for name in (self.corpus_text, self.corpus_id) if name is not None]
        table = corpus.read(names)
        ids = (
            [format_id(one) for one in table.index]
            if self.corpus_id is None
            else [str(one) for one in table[self.corpus_id].tolist()]
        )
        kept = [
            (name, text)
            for name, text in zip(ids, table[self.corpus_text].tolist(), strict=True)
            if isinstance(text, str) and text.strip()
        ]
        return [name for name, _ in kept], [text for _, text in kept]

    def _scores(
        self, queries: list[str], texts: list[str]
    ) -> Iterator[npt.NDArray[np.float64] | RowFailure]:
        if self.serving is None:
            index = Bm25Index(texts, self.k1, self.b)
            return (_or_nothing(index.scores(query)) for query in queries)
        return self._cosines(self.serving, queries, texts)

    def _cosines(
        self, serving: Serving, queries: list[str], texts: list[str]
    ) -> Iterator[npt.NDArray[np.float64] | RowFailure]:
        there = self._embedded(serving, self.corpus_prefix, texts)
        for text, cell in zip(texts, there, strict=True):
            if isinstance(cell, RowFailure):
                raise OperatorError(
                    f"retrieve: the corpus's text {text!r:.60} has no vector, so that it would "
                    f"never be found: {cell.message} ({cell.reason}). Run core/embed on the corpus "
                    "first, which sets such rows aside."
                )
        matrix = _directions(there)
        asked = self._embedded(serving, self.query_prefix, queries)
        for cell in asked:
            if isinstance(cell, RowFailure):
                yield cell
            else:  # one by one, since products of matrices round by how many rows they have
                products = matrix @ _directions([cell])[0] if len(texts) else np.empty(0)
                yield np.round(products.astype(np.float64), _DIGITS)

    def _embedded(self, serving: Serving, prefix: str, texts: list[str]) -> list[Any]:
        return [_vector(one.cell()) for one in serving.embed([prefix + text for text in texts])]


def top(scores: npt.NDArray[np.float64], k: int) -> list[int]:
    """Return the places of the ``k`` greatest scores, the greatest first, of equals the first.

    Args:
        scores: The scores; NaN for what is not to be found.
        k: How many at most.
    """
    places = np.flatnonzero(~np.isnan(scores))
    if len(places) > k:
        least = np.partition(scores[places], len(places) - k)[len(places) - k]
        places = places[scores[places] >= least]
    return places[np.argsort(-scores[places], kind="stable")][:k].tolist()


def _or_nothing(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return scores with NaN for those of zero: of texts that share no word with the query."""
    return np.where(scores > 0, scores, np.nan)


def _cell_of_none(value: Any) -> RowFailure | None:
    """Return the cell of what is no query: null for a null or blank one, else a failure."""
    if isinstance(value, (list, dict, int, float)) and value == value:  # noqa: PLR0124 - NaN
        told = f"a text wanted, found {type(value).__name__} {value!r:.60}"
        return RowFailure("invalid_input", told, repr(value)[:200])
    return None


def _vector(cell: Any) -> Any:
    if isinstance(cell, RowFailure):
        return cell
    vector = np.array(cell, np.float32)
    if np.isfinite(vector).all() and vector.any():
        return vector
    return RowFailure("invalid_vector", "the model's vector is zero, or has no finite length")


def _directions(vectors: Sequence[Any]) -> Matrix:
    matrix = np.array(vectors, np.float32)
    if len(matrix):
        unit_length(matrix)
    return matrix


def _as_dict(passage: Passage) -> dict[str, Any]:
    return {"id": passage.id, "text": passage.text, "score": passage.score}


_ONE_CORPUS = (
    "a corpus is wanted: bind a second table (input_corpus=…), or give a retriever, but not both."
)
