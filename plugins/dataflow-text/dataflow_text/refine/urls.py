"""URLs in texts, and where they end."""

from __future__ import annotations

import re
from typing import ClassVar

from dataflow_text.refine.each_text import EachTextRefiner

# A URL ends at white space, quotes and entities for them, "<", "](", and CJK punctuation.
_ENDS = (
    r"""\s<>"'`|\\^“”„‘’«»\u200B-\u200F\u2060\u3000-\u3004\u3008-\u3020\uFEFF"""
    r"""\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF3E\uFF5B-\uFF65"""
)
# Scripts without spaces: after `http://a.com` their letters are the sentence that goes on.
_UNSPACED = (
    r"\u0E00-\u0EFF\u1000-\u109F\u1780-\u17FF\u3005-\u3007\u3021-\u30FF\u3400-\u9FFF"
    r"\uA9E0-\uA9FF\uAA60-\uAA7F\uF900-\uFAFF\uFF66-\uFF9F\U00020000-\U0003FFFF"
)
URL_AFTER_LETTER = (
    r"(?<![a-z0-9].)"
    r"(?:(?<=h)ttps?://(?=[\w\[])|(?<=f)tp://(?=[\w\[])|(?<=w)(?<![@./_-].)ww\.(?=[\w-]++\.))"
    rf"(?:[^{_ENDS}{_UNSPACED}&\]]"
    r"|\](?!\()|&(?!(?:quot|apos|lt|gt|nbsp|#0*+3[49]|#x0*+2[27]);)"
    rf"|(?:(?<=[/=#&_])|(?<=ww\.))[{_UNSPACED}][^{_ENDS}/=#&\]]*+)++"
)
"""What follows the first letter of a URL, where case is ignored."""

_URL = re.compile(rf"[hHfFwW](?i:{URL_AFTER_LETTER})")
_AFTER_URL = ".,;:!?*_~…"
_BRACKETS = {")": "(", "]": "[", "}": "{"}


class RemoveUrls(EachTextRefiner):
    r"""Remove URLs: ``http``, ``https``, ``ftp``, and ``www.``.

    A URL goes without the punctuation or the bracket that follows it in its sentence, so
    ``(see https://x.org/a).`` becomes ``(see ).``; line breaks and white space stay, and so do
    e-mail addresses and bare domains. It ends at white space, quotes, ``<``, ``](`` and CJK
    punctuation. Letters of any script are part of it, but those of scripts without spaces only in
    a host, path or value that begins with one (``http://例子.测试/路径``): after ``http://a.com``
    they are the sentence that goes on. Null stays null.

    Source: RFC 3986 (Berners-Lee et al. 2005).

    Attributes:
        replacement: What stands in a URL's place.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "See https://example.com/a_(b), or www.example.org."}])
        >>> RemoveUrls().run(table)
        >>> table.rows()
        [{'text': 'See , or .'}]
    """

    sign: ClassVar[str] = r"(?i)(?:https?|ftp)://|www\."

    replacement: str = ""

    def clean(self, text: str) -> str:
        """Return one text without URLs."""
        return _URL.sub(self._put, text)

    def _put(self, match: re.Match[str]) -> str:
        return self.replacement + match[0][end_of_url(match[0]) :]


def end_of_url(url: str) -> int:
    """Return where a URL ends that took in punctuation and closing brackets of its sentence.

    Args:
        url: What matched as a URL.
    """
    unopened = {last: url.count(last) - url.count(first) for last, first in _BRACKETS.items()}
    end = len(url)
    while url[end - 1] in _AFTER_URL or unopened.get(url[end - 1], 0) > 0:
        if url[end - 1] in unopened:
            unopened[url[end - 1]] -= 1
        end -= 1
    return end
