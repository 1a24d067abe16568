"""Markup that crawled text carries along: HTML tags, scripts, entities, and URLs."""

from __future__ import annotations

import html
import re
from html.entities import html5

import pyarrow as pa
import pyarrow.compute as pc

from dataflow_text.texts import TextRefiner, replace_where

# The elements of HTML, today's and yesterday's, except those of one letter.
_ELEMENTS = (
    "abbr|acronym|address|applet|area|article|aside|audio|base|bdi|bdo|big|blink|blockquote|body|br|button|"
    "canvas|caption|center|cite|code|col|colgroup|data|datalist|dd|del|details|dfn|dialog|dir|div|dl|dt|em|"
    "embed|fieldset|figcaption|figure|font|footer|form|frame|frameset|h[1-6]|head|header|hgroup|hr|html|"
    "iframe|img|input|ins|kbd|label|legend|li|link|main|map|mark|marquee|menu|meta|meter|nav|nobr|noframes|"
    "noscript|object|ol|optgroup|option|output|param|picture|pre|progress|rp|rt|ruby|samp|script|search|"
    "section|select|slot|small|source|span|strike|strong|style|sub|summary|sup|svg|table|tbody|td|template|"
    "textarea|tfoot|th|thead|time|title|tr|track|tt|ul|var|video|wbr"
)
_BLOCK = re.compile(
    r"</?(?i:address|article|aside|blockquote|body|br|caption|center|dd|details|dialog|dir|div|dl|dt|"
    r"fieldset|figcaption|figure|footer|form|h[1-6]|head|header|hgroup|hr|html|legend|li|main|menu|nav|ol|"
    r"optgroup|option|p|pre|section|summary|table|tbody|td|tfoot|th|thead|title|tr|ul)(?=[\s/>])"
)

# Possessive quantifiers throughout: no input may make the search more than linear. The expression
# begins with one set of letters and ignores case only after it, which lets `re` skip quickly.
_VALUE = r"""(?:"[^"<]*+"|'[^'<]*+'|"[^"]{0,999}+"|'[^']{0,999}+'|[^\s"'<>][^\s<>]*+)"""
_NAME = r"""(?:[\s/]++|(?<=["']))[^\s"'<>/=]++"""
# Elements of one letter may be comparisons (`a <b and c> d`), so their attributes have values.
_TAG = (
    rf"/(?:[abipqsu]|{_ELEMENTS})(?=[\s/>])[^<>]*+>"
    rf"|(?:[abipqsu](?:{_NAME}(?:\s*+=\s*+{_VALUE}|(?<=\sdownload|..\shidden)))*+"
    rf"|(?:{_ELEMENTS})(?:{_NAME}(?:\s*+=\s*+{_VALUE})?+)*+)[\s/]*+>"
)
_DECLARATION = r"!doctype\b[^<>]*+>|\?xml\b[^<>]*+>|!\[(?:if|endif)\b[^<>]*+>"
# A URL ends at white space, quotes and entities for them, "<", "](", and CJK punctuation.
_URL = (
    r"(?:(?<=h)ttps?://(?=[\w\[])|(?<=f)tp://(?=[\w\[])|(?<=w)(?<![@./_-].)ww\.(?=[\w-]++\.))"
    r"""(?:[^\s<>"'`|\\^&\]“”„‘’«»\u200B-\u200F\u2060\u3000-\u3004\u3008-\u3020\uFEFF"""
    r"""\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF3E\uFF5B-\uFF65]"""
    r"|\](?!\()|&(?!(?:quot|apos|lt|gt|nbsp|#0*+3[49]|#x0*+2[27]);))++"
)
_MARKUP = re.compile(
    rf"[<hHfFwW](?i:(?<=<)(?=[a-z/!?])(?:{_TAG}|{_DECLARATION})|(?<!<)(?<![a-z0-9].){_URL})"
)
_HIDDEN = re.compile(
    r"<(?=[!a-zA-Z])(?i:!--|!\[CDATA\[|(script|style|noscript|template|svg)(?=[\s/>])"
    r"""(?:(?:[^<>"']++|"[^"<]*+"|'[^'<]*+')*+|[^<>]*+)>)"""
)
_COMMENT_END = re.compile(r"--!?>")
_CDATA_END = re.compile(r"\]\]>")
_ELEMENT_ENDS = {
    name: re.compile(rf"</(?i:{name})(?=[\s/>])[^<>]*+>")
    for name in ("script", "style", "noscript", "template", "svg")
}
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_AFTER_URL = ".,;:!?*_~…"
_BRACKETS = {")": "(", "]": "[", "}": "{"}


class RemoveHtmlUrls(TextRefiner):
    r"""Remove HTML tags, comments, scripts and styles, decode entities, and remove URLs.

    Only real HTML elements count as tags, so ``a < b and c > d`` stays as it is, and so does a tag
    cut off before its ``>``. Scripts, styles and comments go with their content; where their end is
    missing, only the tag goes. A tag that ends a line on a page (``<p>``, ``<br>``, ``<td>`` …)
    leaves a line break, any other leaves nothing. A URL (``http``, ``https``, ``ftp``, ``www.``)
    goes without the punctuation or the bracket that follows it in the sentence; e-mail addresses
    stay. Line breaks survive. Entities are decoded last and once: ``&amp;lt;`` becomes
    ``&lt;``, and ``&lt;b&gt;`` the text ``<b>``; unknown ones stay. Independent of language.

    Attributes:
        urls: Whether URLs are removed.
        decode_entities: Whether entities such as ``&amp;`` become their characters.
        url_replacement: What stands in a URL's place.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "<p>AT&amp;T (see https://example.com/a).</p>"}])
        >>> RemoveHtmlUrls().run(table)
        >>> table.rows()
        [{'text': '\nAT&T (see ).\n'}]
    """

    urls: bool = True
    decode_entities: bool = True
    url_replacement: str = ""

    def refine(self, texts: pa.Array) -> pa.Array:
        """Return the texts without markup."""
        # Most texts have none of these; only the others are worth a look in Python.
        marked = pc.match_substring_regex(
            texts, r"(?i)<[a-z!/?]|&[a-z][a-z0-9]+;|&#|(?:https?|ftp)://|www\."
        )
        if not pc.any(marked).as_py():
            return texts
        cleaned = [self.clean(text) for text in texts.filter(marked).to_pylist()]
        return replace_where(texts, marked, pa.array(cleaned, pa.string()))

    def clean(self, text: str) -> str:
        """Return one text without markup."""
        if "<" in text:
            text = _without_hidden(text)
        if "<" in text or "://" in text or "ww." in text.lower():
            text = _MARKUP.sub(self._replacement, text)
        if self.decode_entities and "&" in text:
            text = _ENTITY.sub(_decoded, text)
        return text

    def _replacement(self, match: re.Match[str]) -> str:
        found = match.group()
        if found[0] == "<":
            return "\n" if _BLOCK.match(found) else ""
        if not self.urls:
            return found
        return self.url_replacement + found[_url_end(found) :]


def _without_hidden(text: str) -> str:
    """Return a text without what a page does not show: comments, scripts, styles, and the like."""
    kept, position = [], 0
    endless = set()  # Looking again for an end that does not come would take quadratic time.
    for opening in _HIDDEN.finditer(text):
        ending = _ending(opening)
        if opening.start() < position or ending in endless:
            continue
        # "<!-->" is a whole comment.
        found = ending.search(
            text, opening.start() + 2 if ending is _COMMENT_END else opening.end()
        )
        if found is None:
            endless.add(ending)
            continue
        kept.append(text[position : opening.start()])
        if ending is _CDATA_END:
            kept.append(text[opening.end() : found.start()])
        position = found.end()
    return "".join([*kept, text[position:]])


def _ending(opening: re.Match[str]) -> re.Pattern[str]:
    if opening[1] is not None:
        return _ELEMENT_ENDS[opening[1].lower()]
    return _COMMENT_END if opening[0] == "<!--" else _CDATA_END


def _url_end(url: str) -> int:
    """Return where a URL ends that took in punctuation and closing brackets of its sentence."""
    unopened = {last: url.count(last) - url.count(first) for last, first in _BRACKETS.items()}
    end = len(url)
    while url[end - 1] in _AFTER_URL or unopened.get(url[end - 1], 0) > 0:
        if url[end - 1] in unopened:
            unopened[url[end - 1]] -= 1
        end -= 1
    return end


def _decoded(match: re.Match[str]) -> str:
    entity = match.group()
    if entity[1] != "#":
        return html5.get(entity[1:], entity)
    character = html.unescape(entity)
    # No character has such a number.
    return entity if character in ("", "\ufffd") else character
