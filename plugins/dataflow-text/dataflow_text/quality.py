"""Quality rules on texts: each a measure with its source, and a filter with its bounds."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataflow_text.texts import TextEvaluator, TextFilter, bytes_of, count_in_each
from dataflow_text.words import count_words


class WordCountEvaluator(TextEvaluator):
    r"""Count the words of a text.

    A word is a run of characters between white space (of any kind that Unicode knows). In Chinese,
    Japanese, Thai, Lao, Khmer and Burmese, which write no spaces, each letter counts as a word, and
    punctuation and marks beside it as none. Adds an integer; an empty text has 0.

    Source: Gopher (Rae et al. 2021), appendix A.1.1, for the measure in languages with spaces.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "One  two\nthree"}, {"text": "你好，世界"}])
        >>> WordCountEvaluator().run(table)
        >>> [row["word_count"] for row in table.rows()]
        [3, 4]
    """

    measure_name: ClassVar[str] = "word_count"

    def measure(self, texts: pa.Array) -> pa.Array:
        """Return the number of words of each text."""
        return count_words(texts)


class WordCountFilter(TextFilter):
    """Keep texts of ``min_value`` to ``max_value`` words, as `WordCountEvaluator` counts them.

    Source: Gopher (Rae et al. 2021), appendix A.1.1: 50 to 100,000 words.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "too short"}, {"text": "long enough for a test"}])
        >>> WordCountFilter(min_value=3).run(table)
        >>> table.rows()
        [{'text': 'long enough for a test', 'word_count': 5}]
    """

    evaluator: ClassVar = WordCountEvaluator

    min_value: float | None = 50
    max_value: float | None = 100_000


class CurlyBracketEvaluator(TextEvaluator):
    """Measure the share of curly brackets among the characters of a text, 0 to 1.

    Independent of language; an empty text has 0.

    Source: C4 (Raffel et al. 2020), section 2.2, which drops every page with a curly bracket; as a
    share, it spares long texts that quote one.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "{ab}"}])
        >>> CurlyBracketEvaluator().run(table)
        >>> table.rows()
        [{'text': '{ab}', 'curly_bracket_share': 0.5}]
    """

    measure_name: ClassVar[str] = "curly_bracket_share"

    def measure(self, texts: pa.Array) -> pa.Array:
        """Return the share of curly brackets of each text."""
        data, places = bytes_of(texts)
        brackets = np.flatnonzero((data == ord("{")) | (data == ord("}")))
        lengths = pc.max_element_wise(pc.utf8_length(texts), 1, skip_nulls=False)
        return pc.divide(pa.array(count_in_each(brackets, places), pa.float64()), lengths)


class CurlyBracketFilter(TextFilter):
    """Drop texts whose share of curly brackets is above ``max_value``: most likely code.

    Source: C4 (Raffel et al. 2020), section 2.2; the bound of 0.025 is that of common web filters.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "a{}"}, {"text": "plain"}])
        >>> CurlyBracketFilter().run(table)
        >>> table.rows()
        [{'text': 'plain', 'curly_bracket_share': 0.0}]
    """

    evaluator: ClassVar = CurlyBracketEvaluator

    max_value: float | None = 0.025
