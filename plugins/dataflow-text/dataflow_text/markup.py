"""Markup that crawled text carries along: HTML tags, scripts, entities, and URLs."""

from __future__ import annotations

import html
import re

import pyarrow as pa
import pyarrow.compute as pc

from dataflow_text.texts import TextRefiner, replace_where

_ELEMENTS = (
    "a abbr acronym address applet area article aside audio b base bdi bdo big blink blockquote body br "
    "button canvas caption center cite code col colgroup data datalist dd del details dfn dialog dir div dl "
    "dt em embed fieldset figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header "
    "hgroup hr html i iframe img input ins kbd label legend li link main map mark marquee menu meta meter "
    "nav nobr noframes noscript object ol optgroup option output p param picture pre progress q rp rt ruby s "
    "samp script search section select slot small source span strike strong style sub summary sup svg table "
    "tbody td template textarea tfoot th thead time title tr track tt u ul var video wbr"
).split()
_BLOCKS = frozenset(
    "address article aside blockquote body br caption center dd details dialog dir div dl dt fieldset "
    "figcaption figure footer form h1 h2 h3 h4 h5 h6 head header hgroup hr html legend li main menu nav ol "
    "optgroup option p pre section summary table tbody td tfoot th thead title tr ul".split()
)
_HIDDEN = re.compile(
    r"<!--.*?-->|<!DOCTYPE\b[^<>]*>|<\?xml\b[^<>]*>|<!\[CDATA\[|\]\]>"
    r"|<(script|style|noscript|template|svg)\b[^<>]*>.*?</\1\s*>",
    re.IGNORECASE | re.DOTALL,
)
_ATTRIBUTE = r"""\s+[^\s"'<>/=]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=<>`]+))?"""
_TAG = re.compile(rf"</?({'|'.join(_ELEMENTS)})(?:{_ATTRIBUTE})*\s*/?>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_URL = re.compile(
    r"\b(?:(?:https?|ftp)://|www\.(?=[\w-]+\.))[^\s<>\"'`“”‘’«»，。、；：？！（）【】「」『』]+",
    re.IGNORECASE,
)
_AFTER_URL = ".,;:!?*_~…"
_CLOSING = {")": "(", "]": "[", "}": "{"}


class RemoveHtmlUrls(TextRefiner):
    """Remove HTML tags, comments, scripts and styles, decode entities, and remove URLs.

    Only real HTML elements count as tags, so ``a < b and c > d`` stays as it is. Scripts, styles and comments
    go with their content. A tag that ends a line on a page (``<p>``, ``<br>``, ``<td>`` …) leaves a line break,
    any other leaves nothing. A URL (``http``, ``https``, ``ftp``, ``www.``) goes without the punctuation or the
    bracket that follows it in the sentence. Line breaks survive. Independent of language.

    Attributes:
        urls: Whether URLs are removed.
        decode_entities: Whether entities such as ``&amp;`` become their characters (never new tags).
        url_replacement: What stands in a URL's place.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "<p>AT&amp;T (see https://example.com/a).</p>"}])
        >>> RemoveHtmlUrls().run(table)
        >>> table.rows()
        [{'text': '\\nAT&T (see ).\\n'}]
    """

    urls: bool = True
    decode_entities: bool = True
    url_replacement: str = ""

    def refine(self, texts: pa.Array) -> pa.Array:
        """Return the texts without markup."""
        # Most texts have none of these; only the others are worth a look in Python.
        marked = pc.match_substring_regex(texts, r"(?i)<[a-z!/?]|&[a-z#]|://|www\.")
        if not pc.any(marked).as_py():
            return texts
        cleaned = [self.clean(text) for text in texts.filter(marked).to_pylist()]
        return replace_where(texts, marked, pa.array(cleaned, pa.string()))

    def clean(self, text: str) -> str:
        """Return one text without markup."""
        if "<" in text:
            text = _TAG.sub(_line_break, _HIDDEN.sub("", text))
        if self.urls:
            text = _URL.sub(self._without_url, text)
        if self.decode_entities and "&" in text:
            text = _ENTITY.sub(lambda match: html.unescape(match.group()), text)
        return text

    def _without_url(self, match: re.Match[str]) -> str:
        url, rest = match.group(), ""
        while url and (url[-1] in _AFTER_URL or _unopened(url)):
            url, rest = url[:-1], url[-1] + rest
        return self.url_replacement + rest


def _unopened(url: str) -> bool:
    opening = _CLOSING.get(url[-1])
    return opening is not None and url.count(opening) < url.count(url[-1])


def _line_break(match: re.Match[str]) -> str:
    return "\n" if match.group(1).lower() in _BLOCKS else ""
