"""Turn texts into vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from dataflow_core.operators.base import Generator
from dataflow_core.operators.cells import assign_cells, no_text
from dataflow_core.operators.columns import ListColumn, TextColumn
from dataflow_core.operators.general.vectors import EMBEDDING
from dataflow_core.serving.base import Capability, Serving
from dataflow_core.serving.completion import Embedding
from dataflow_core.storage.base import Bindings, Storage
from dataflow_core.table.failures import RowFailure


class Embed(Generator):
    """Add the vector of each text, as a model makes it.

    Vectors are lists of 32-bit floats (Arrow's ``list<float>``): four bytes a component in Parquet
    and Arrow files. JSONL has no such type: it has the same numbers, which are read back as 64-bit
    floats of equal value, and take about 20 bytes each.

    A null or blank text is not asked about, and has a null vector. What is no text sends its row to
    quarantine (``"no_text"``). A text of which the model makes
    none sends its row to quarantine, with the serving's reason; so does a vector that has NaN or an
    infinite component (reason ``"invalid_vector"``), or none but zeros where it is to be normalized
    (``"zero_vector"``). Texts longer than the model takes are the server's business: some cut
    them, some refuse them. Scripts and languages are the model's.

    Attributes:
        serving: The model, which has to make vectors.
        prefix: What goes before each text, as some models want it: ``"query: "`` and
            ``"passage: "`` for E5 (Wang et al. 2022, arXiv 2212.03533), an instruction for BGE's
            queries.
        normalize: Whether vectors are scaled to a Euclidean length of 1, so that their dot product
            is their cosine similarity.

    Raises:
        ServingError: No request can succeed: wrong key, unknown model, or the server is gone.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> from dataflow_core.testing import ScriptedServing
        >>> table = MemoryStorage([{"text": "a cat"}, {"text": " "}])
        >>> Embed(serving=ScriptedServing({}, dimensions=2), prefix="passage: ").run(table)
        >>> [row["embedding"] and [round(x, 2) for x in row["embedding"]] for row in table.rows()]
        [[-0.55, 0.83], None]
        >>> str(table.columns()["embedding"])
        'list<item: float>'
    """

    needs: ClassVar[frozenset[Capability]] = frozenset({"embed"})
    in_place: ClassVar[bool] = True

    serving: Serving
    prefix: str = ""
    normalize: bool = False

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_embedding: ListColumn = "embedding",
    ) -> None:
        """Add the vectors.

        Args:
            storage: The table.
            input_text: The column of texts.
            output_embedding: The column for the vectors.
        """
        given = storage.read([input_text])[input_text].tolist()
        cells: list[Any] = [no_text(text, "input_text") for text in given]
        asked = [at for at, text in enumerate(given) if isinstance(text, str) and text.strip()]
        vectors = self.serving.embed([self.prefix + given[at] for at in asked])
        for at, vector in zip(asked, vectors, strict=True):
            cells[at] = self._cell(vector)
        assign_cells(storage, output_embedding, cells, EMBEDDING, read=[input_text])

    def columns_after(
        self, columns: Mapping[str, pa.DataType], bindings: Bindings
    ) -> dict[str, pa.DataType]:
        """Return the columns with that of the vectors."""
        return {**columns, str(bindings["output_embedding"]): EMBEDDING}

    def _cell(self, embedding: Embedding) -> Any:
        if not embedding.ok:
            return embedding.cell()
        vector = np.array(embedding.vector, np.float32)
        if not np.isfinite(vector).all():
            return RowFailure("invalid_vector", "the model's vector has NaN or infinite components")
        if not self.normalize:
            return vector
        length = np.sqrt(np.square(vector, dtype=np.float64).sum())
        if length == 0:
            return RowFailure("zero_vector", "the model's vector is zero: it has no direction")
        return (vector / length).astype(np.float32)
