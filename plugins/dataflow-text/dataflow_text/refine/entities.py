"""Entities of HTML, such as ``&amp;``."""

from __future__ import annotations

import html
import re
from html.entities import html5
from typing import ClassVar

from dataflow_text.refine.each_text import EachTextRefiner

# Full-width forms come from pages that were converted whole.
_ENTITY = re.compile(r"[&＆](#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31})[;；]")


class DecodeHtmlEntities(EachTextRefiner):
    r"""Decode HTML entities: ``AT&amp;T`` becomes ``AT&T``.

    Every name of HTML 5 and every number of a character is decoded, once: ``&amp;lt;`` becomes
    ``&lt;``. Only entities with their semicolon count, so ``?a=1&lt=2`` in a URL stays, and so do
    unknown names and numbers of no character. Full-width ``＆amp；`` counts too. Null stays null.
    Independent of language.

    Source: HTML Living Standard (WHATWG), section 13, character references.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "AT&amp;T: 3 &lt; 5 &hellip; &nosuch;"}])
        >>> DecodeHtmlEntities().run(table)
        >>> table.rows()
        [{'text': 'AT&T: 3 < 5 … &nosuch;'}]
    """

    sign: ClassVar[str] = r"[&＆](?:[A-Za-z][A-Za-z0-9]+|#[0-9xX][0-9a-fA-F]*)[;；]"

    def clean(self, text: str) -> str:
        """Return one text with its entities decoded."""
        return decoded(text)


def decoded(text: str) -> str:
    """Return a text with the entities of HTML decoded once.

    Args:
        text: Any text.
    """
    return _ENTITY.sub(_character, text)


def _character(match: re.Match[str]) -> str:
    name = match[1]
    if name[0] != "#":
        return html5.get(f"{name};", match[0])
    character = html.unescape(f"&{name};")
    # No character has such a number.
    return match[0] if character in ("", "\ufffd") else character
