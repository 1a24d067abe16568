"""Texts as numbers: each word the code of its form in the vocabulary of a batch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dataflow_text.analysis.characters import UNSPACED_LETTERS, WIDE_GAPS
from dataflow_text.texts import replace_where

# Punctuation, and the symbols of ASCII; emoji stay, as words.
_PUNCTUATION = r"[\p{P}$+<=>^`|~]+"


def word_codes(texts: pa.Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return a number for each word of each text, equal for equal words, and where texts begin.

    Words stand between white space, in lower case and without punctuation; what is punctuation
    alone is no word. In scripts that write no spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese)
    each letter is a word, beside spaced words in one text as well.

    Args:
        texts: Some texts; null has no words.

    Returns:
        The numbers, text after text, and the position in them where each text begins and the last
        ends.
    """
    lists = pc.ascii_split_whitespace(_with_spaces(texts))
    lengths = np.asarray(pc.fill_null(pc.list_value_length(lists), 0))
    words = lists.flatten().dictionary_encode()
    # Only distinct words are cleaned, each once.
    forms = pc.replace_substring_regex(pc.utf8_lower(words.dictionary), _PUNCTUATION, "")
    forms = forms.dictionary_encode()
    codes = np.asarray(forms.indices).astype(np.int64)[np.asarray(words.indices)]
    solid = np.asarray(pc.not_equal(forms.dictionary, "")).astype(bool)[codes]
    places = np.concatenate([[0], np.cumsum(solid)])[np.concatenate([[0], np.cumsum(lengths)])]
    return codes[solid], places


def owners_of(places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return for each word the number of its text.

    Args:
        places: Where each text begins, and the last ends.
    """
    return np.repeat(np.arange(len(places) - 1), np.diff(places))


def _with_spaces(texts: pa.Array) -> pa.Array:
    """Put ASCII spaces around each unspaced letter, and for white space beyond ASCII."""
    special = pc.match_substring_regex(texts, f"[{WIDE_GAPS}{UNSPACED_LETTERS}]")
    if not pc.any(special).as_py():
        return texts
    spaced = pc.replace_substring_regex(texts.filter(special), f"[{WIDE_GAPS}]", " ")
    spaced = pc.replace_substring_regex(spaced, rf"[{UNSPACED_LETTERS}]\p{{M}}*", r" \0 ")
    return replace_where(texts, special, spaced)
