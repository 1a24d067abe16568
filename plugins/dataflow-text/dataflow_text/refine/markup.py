"""Markup that crawled text carries along: HTML tags, scripts, entities, and URLs."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import ClassVar

from dataflow_text.refine.each_text import EachTextRefiner
from dataflow_text.refine.entities import decoded
from dataflow_text.refine.urls import URL_AFTER_LETTER, end_of_url

# The elements of HTML, today's and yesterday's, and of MathML, except those of one letter.
_ELEMENTS = (
    "abbr|acronym|address|applet|area|article|aside|audio|base|bdi|bdo|big|blink|blockquote|body|br|button|"
    "canvas|caption|center|cite|code|col|colgroup|data|datalist|dd|del|details|dfn|dialog|dir|div|dl|dt|em|"
    "embed|fieldset|figcaption|figure|font|footer|form|frame|frameset|h[1-6]|head|header|hgroup|hr|html|"
    "iframe|img|input|ins|kbd|label|legend|li|link|main|map|mark|marquee|menu|meta|meter|nav|nobr|noframes|"
    "noscript|object|ol|optgroup|option|output|param|picture|pre|progress|rp|rt|ruby|samp|script|search|"
    "section|select|slot|small|source|span|strike|strong|style|sub|summary|sup|svg|table|tbody|td|template|"
    "textarea|tfoot|th|thead|time|title|tr|track|tt|ul|var|video|wbr|"
    "annotation|annotation-xml|maction|math|menclose|merror|mfenced|mfrac|mi|mmultiscripts|mn|mo|mover|"
    "mpadded|mphantom|mprescripts|mroot|mrow|ms|mspace|msqrt|mstyle|msub|msubsup|msup|mtable|mtd|mtext|"
    "mtr|munder|munderover|semantics"
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
_PREFIXED = r"[a-z][a-z0-9]*+:[a-z][\w.-]*+"  # `<o:p>` of office programs
_TAG = (
    rf"/(?:[abipqsu]|{_ELEMENTS}|{_PREFIXED})(?=[\s/>])[^<>]*+>"
    rf"|(?:[abipqsu]|{_ELEMENTS}|{_PREFIXED})(?:{_NAME}(?:\s*+=\s*+{_VALUE})?+)*+[\s/]*+>"
)
_DECLARATION = r"!doctype\b[^<>]*+>|\?xml\b[^<>]*+>|!\[(?:if|endif)\b[^<>]*+>"
_TAGS = re.compile(rf"<(?i:(?=[a-z/!?])(?:{_TAG}|{_DECLARATION}))")
# At once, since an address may be part of a tag, and a tag may end an address.
_TAGS_AND_URLS = re.compile(
    rf"[<hHfFwW](?i:(?<=<)(?=[a-z/!?])(?:{_TAG}|{_DECLARATION})|(?<!<){URL_AFTER_LETTER})"
)
_CLOSING = re.compile(r"</([a-zA-Z][\w:.-]*+)")
# Tags that may as well be code or comparisons (`#include <map>`, `a <b and c> d`), unless the text
# closes their element: those without attributes, except where a page need not close the element or
# where it is hidden, and those of one letter or with a prefix and attributes without values.
_DOUBTFUL = re.compile(
    r"<(?i:(?!(?:p|body|br|caption|col|colgroup|dd|dt|h[1-6]|head|hr|html|li|optgroup|option|rp|rt|"
    r"tbody|td|tfoot|th|thead|tr|wbr|script|style|noscript|template|svg)\s*+>)"
    r"([a-z][\w:.-]*+)\s*+>"
    rf"|([abipqsu]|{_PREFIXED})(?={_NAME})(?!(?:{_NAME}(?:\s*+=\s*+{_VALUE}|"
    r"(?<=\sdownload)|(?<=\shidden)))*+[\s/]*+>))"
)
_HIDDEN = re.compile(
    r"<(?=[!?a-zA-Z])(?i:!--|!\[CDATA\[|\?php(?=\s)|(script|style|noscript|template|svg)(?=[\s/>])"
    r"""(?:(?:[^<>"']++|"[^"<]*+"|'[^'<]*+')*+|[^<>]*+)>)"""
)
_COMMENT_END = re.compile(r"--!?>")
_CDATA_END = re.compile(r"\]\]>")
_PHP_END = re.compile(r"\?>")
_ELEMENT_ENDS = {
    name: re.compile(rf"</(?i:{name})(?=[\s/>])[^<>]*+>")
    for name in ("script", "style", "noscript", "template", "svg")
}


class RemoveHtmlTags(EachTextRefiner):
    r"""Remove HTML tags, comments, scripts and styles.

    Only elements of HTML and MathML, and elements with a prefix (``<o:p>``), count as tags, so
    ``a < b and c > d`` stays as it is, and so does a tag cut off before its ``>``. What may as well
    be code (``#include <map>``: an element without attributes that needs an end) is a tag only if
    the text closes it somewhere. Scripts, styles, comments and PHP go with their content; where
    their end is missing, only the tag goes, and PHP stays. A tag that ends a line on a page
    (``<p>``, ``<br>``, ``<td>`` …) leaves a line break, any other leaves nothing. Entities and URLs
    in the text stay. Null stays null. Independent of language.

    Source: HTML Living Standard (WHATWG), section 13.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "<b>3 < 5</b><script>run()</script><br>AT&amp;T"}])
        >>> RemoveHtmlTags().run(table)
        >>> table.rows()
        [{'text': '3 < 5\nAT&amp;T'}]
    """

    sign: ClassVar[str] = r"<[A-Za-z!/?]"

    def clean(self, text: str) -> str:
        """Return one text without tags."""
        text = _without_hidden(text)
        closed = functools.cache(lambda: _closed(text))
        return _TAGS.sub(lambda match: _instead_of_tag(match[0], closed), text)


class RemoveHtmlUrls(EachTextRefiner):
    r"""Remove HTML tags, comments, scripts and styles, decode entities, and remove URLs.

    Only elements of HTML and MathML, and elements with a prefix (``<o:p>``), count as tags, so
    ``a < b and c > d`` stays as it is, and so does a tag cut off before its ``>``. What may as well
    be code (``#include <map>``: an element without attributes that needs an end) is a tag only if
    the text closes it somewhere. Scripts, styles, comments and PHP go with their content; where
    their end is missing, only the tag goes, and PHP stays. A tag that ends a line on a page
    (``<p>``, ``<br>``, ``<td>`` …) leaves a line break, any other leaves nothing. A URL (``http``,
    ``https``, ``ftp``, ``www.``) goes without the punctuation or the bracket that follows it in the
    sentence, and ends where a sentence in a script without spaces goes on; e-mail addresses stay.
    Line breaks survive. Entities are decoded last and once: ``&amp;lt;`` becomes ``&lt;``, and
    ``&lt;b&gt;`` the text ``<b>``; unknown ones stay.

    Source: HTML Living Standard (WHATWG), section 13; RFC 3986 (Berners-Lee et al. 2005).

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

    sign: ClassVar[str] = r"(?i)<[a-z!/?]|[&＆][a-z][a-z0-9]+[;；]|[&＆]#|(?:https?|ftp)://|www\."

    urls: bool = True
    decode_entities: bool = True
    url_replacement: str = ""

    def clean(self, text: str) -> str:
        """Return one text without markup."""
        if "<" in text:
            text = _without_hidden(text)
        if "<" in text or "://" in text or "ww." in text.lower():
            whole = text
            text = self._without_tags_and_urls(text, functools.cache(lambda: _closed(whole)))
        return decoded(text) if self.decode_entities else text

    def _without_tags_and_urls(self, text: str, closed: Callable[[], frozenset[str]]) -> str:
        def replaced(match: re.Match[str]) -> str:
            found = match[0]
            if found[0] != "<":
                return self.url_replacement + found[end_of_url(found) :]
            left = _instead_of_tag(found, closed)
            if left != found:
                return left
            return found[0] + self._without_tags_and_urls(found[1:], closed)

        return (_TAGS_AND_URLS if self.urls else _TAGS).sub(replaced, text)


def _closed(text: str) -> frozenset[str]:
    """Return the names of the elements that a text closes, in lower case."""
    return frozenset(name.lower() for name in _CLOSING.findall(text))


def _instead_of_tag(tag: str, closed: Callable[[], frozenset[str]]) -> str:
    name, left = _understood(tag)
    return tag if name and name not in closed() else left


@functools.lru_cache(maxsize=4096)
def _understood(tag: str) -> tuple[str, str]:
    """Return the element that must be closed for this to be a tag, and what the tag leaves."""
    doubtful = _DOUBTFUL.match(tag)
    name = (doubtful[1] or doubtful[2]).lower() if doubtful else ""
    return name, "\n" if _BLOCK.match(tag) else ""


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
    return {"<!--": _COMMENT_END, "<![CDATA[": _CDATA_END}.get(opening[0].upper(), _PHP_END)
