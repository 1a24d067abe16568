"""The base of refiners that work on one text at a time, in Python, on the few that need it."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from dataflow_text.texts import TextRefiner, replace_where

BREAKS = r"\n\r\x85\u2028\u2029"
"""What ends a line, for a class of `re`: CR LF counts as one."""


class EachTextRefiner(TextRefiner):
    """A refiner with a cheap sign of texts that it may change, and a method for one text.

    A subclass defines `clean`, and either `needed_for` or the sign: an expression of RE2, which
    Arrow searches for. A text without it is left alone.
    """

    sign: ClassVar[str]

    @abstractmethod
    def clean(self, text: str) -> str:
        """Return one text, refined.

        Args:
            text: A text for which `needed_for` holds.
        """

    def needed_for(self, texts: pa.Array) -> pa.Array:
        """Tell which texts may change.

        Args:
            texts: Some texts.
        """
        return pc.match_substring_regex(texts, self.sign)

    def refine(self, texts: pa.Array) -> pa.Array:
        """Return the refined texts.

        Args:
            texts: Some texts.
        """
        chosen = self.needed_for(texts)
        if not pc.any(chosen).as_py():
            return texts
        before = texts.filter(chosen).to_pylist()
        after = [self.clean(text) for text in before]
        if after == before:
            return texts
        return replace_where(texts, chosen, pa.array(after, pa.string()))
