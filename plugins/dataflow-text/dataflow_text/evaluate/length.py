"""The length of texts in the tokens of language models."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import ClassVar, Literal

import pyarrow as pa

from dataflow_text.libraries import import_library
from dataflow_text.texts import TextEvaluator, TextFilter

Encoding = Literal["cl100k_base", "o200k_base", "voyage3_base"]


class TokenCountEvaluator(TextEvaluator):
    """Count the tokens of a text, in the vocabulary of a language model.

    Adds an integer; an empty text has 0. What looks like a special token (``<|endoftext|>``) counts
    as the plain text that it is. All languages have tokens, those far from English more for the
    same text. The vocabularies come with the library; nothing is downloaded.

    Source: byte pair encoding (Sennrich et al. 2016), over bytes (Radford et al. 2019).

    Attributes:
        encoding: The vocabulary: ``"cl100k_base"`` (GPT-4), ``"o200k_base"`` (GPT-4o and later) or
            ``"voyage3_base"`` (embeddings of Voyage).

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "Hello, world"}, {"text": ""}])
        >>> TokenCountEvaluator().run(table)
        >>> [row["token_count"] for row in table.rows()]
        [3, 0]
    """

    measure_name: ClassVar[str] = "token_count"

    encoding: Encoding = "o200k_base"

    def measure(self, texts: pa.Array) -> pa.Array:
        """Return the number of tokens of each text."""
        count = _counter(self.encoding)
        counts = [None if text is None else count(text) for text in texts.to_pylist()]
        return pa.array(counts, pa.int64())


class TokenCountFilter(TextFilter):
    """Keep texts of ``min_value`` to ``max_value`` tokens, as `TokenCountEvaluator` counts them.

    There is no bound unless one is given: it depends on the model that is to be trained. All
    languages have tokens, with or without spaces.

    Source: byte pair encoding (Sennrich et al. 2016), over bytes (Radford et al. 2019).

    Attributes:
        encoding: The vocabulary, such as ``"o200k_base"``.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "Hello, world"}, {"text": "Hello, wide world"}])
        >>> TokenCountFilter(max_value=3).run(table)
        >>> table.rows()
        [{'text': 'Hello, world', 'token_count': 3}]
    """

    evaluator: ClassVar = TokenCountEvaluator

    encoding: Encoding = "o200k_base"


@functools.cache
def _counter(encoding: Encoding) -> Callable[[str], int]:
    with warnings.catch_warnings():
        # It opens its vocabularies by a deprecated function.
        warnings.simplefilter("ignore", DeprecationWarning)
        loaded = import_library("bpe_openai", "bpe-openai").get_encoding(encoding)
    # The tokenizer beneath counts texts of any length; the wrapper refuses a million characters.
    count: Callable[[str], int] = loaded._backend.count  # noqa: SLF001
    return count
