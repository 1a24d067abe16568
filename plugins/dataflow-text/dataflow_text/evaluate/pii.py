"""How much personal data is in a text."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from dataflow_text.pii.recognition import PiiRecognition
from dataflow_text.texts import TextEvaluator, TextFilter


class PiiCountEvaluator(PiiRecognition, TextEvaluator):
    """Count the e-mail addresses, telephone numbers, names and other personal data of a text.

    Adds an integer: the number of entities that `MaskPii` would mask, which says how they are
    found, and how surely. No two of them overlap; equal ones count each time. An empty text has 0.
    Letters of scripts without spaces may touch an entity.

    Source: ISO/IEC 7812 (2017), cards; ISO 13616 (2020), IBANs; Presidio (Microsoft), names.

    Attributes:
        recognizer: ``"forms"``, or ``"presidio"`` for names and documents as well (``pip install
            'dataflow-text[pii]'``; in English, unless another ``model`` is named).
        entities: What is counted, such as ``["email", "phone"]``; `MaskPii` lists them. None for
            all but organizations, nationalities and dates.
        model: The spaCy model that presidio uses: the name of an installed one, or its folder.
        min_score: The least score of what presidio finds, 0 to 1.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "Ann <ann@example.org>, 202-555-0123"}, {"text": ""}])
        >>> PiiCountEvaluator().run(table)
        >>> [row["pii_count"] for row in table.rows()]
        [2, 0]
    """

    measure_name: ClassVar[str] = "pii_count"

    def measure(self, texts: pa.Array) -> pa.Array:
        """Return the number of entities of each text."""
        counts = [len(spans) for spans in self.find(texts)]
        return pa.array(counts, pa.int64(), mask=texts.is_null().to_numpy(zero_copy_only=False))


class PiiCountFilter(PiiRecognition, TextFilter):
    """Keep texts with at most ``max_value`` entities of personal data, by default 5.

    `PiiCountEvaluator` says what is counted. With names, which presidio finds, a page of news has
    more than 5: choose a larger bound, or the entities that matter. In scripts without spaces,
    entities are found too.

    Source: ISO/IEC 7812 (2017), cards; ISO 13616 (2020), IBANs; Presidio (Microsoft), names.

    Attributes:
        recognizer: ``"forms"``, or ``"presidio"`` for names and documents as well.
        entities: What is counted; None for all but organizations, nationalities and dates.
        model: The spaCy model that presidio uses.
        min_score: The least score of what presidio finds, 0 to 1.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> texts = ["Ann <ann@example.org>, 202-555-0123", "call (415) 555-2671", "no one"]
        >>> table = MemoryStorage([{"text": text} for text in texts])
        >>> PiiCountFilter(max_value=1).run(table)
        >>> [row["pii_count"] for row in table.rows()]
        [1, 0]
    """

    evaluator: ClassVar = PiiCountEvaluator

    max_value: float | None = 5
