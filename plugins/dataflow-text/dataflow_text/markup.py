"""Markup that crawled text carries along: HTML tags, scripts, entities, and URLs."""

from __future__ import annotations

import html
import re
from html.entities import html5

import pyarrow as pa
import pyarrow.compute as pc

from dataflow_text.texts import TextRefiner, replace_where

_ELEMENTS = (
    "abbr acronym address applet area article aside audio base bdi bdo big blink blockquote body br "
    "button canvas caption center cite code col colgroup data datalist dd del details dfn dialog dir div dl "
    "dt em embed fieldset figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header "
    "hgroup hr html iframe img input ins kbd label legend li link main map mark marquee menu meta meter "
    "nav nobr noframes noscript object ol optgroup option output param picture pre progress rp rt ruby "
    "samp script search section select slot small source span strike strong style sub summary sup svg table "
    "tbody td template textarea tfoot th thead time title tr track tt ul var video wbr"
).split()
_BLOCKS = frozenset(
    "address article aside blockquote body br caption center dd details dialog dir div dl dt fieldset "
    "figcaption figure footer form h1 h2 h3 h4 h5 h6 head header hgroup hr html legend li main menu nav ol "
    "optgroup option p pre section summary table tbody td tfoot th thead title tr ul".split()
)

# Possessive quantifiers throughout, so that no input makes the search more than linear.
_ASSIGNED = r"""\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s"'<>][^\s<>]*+)"""
_NAME = r"""(?:[\s/]++|(?<=["']))[^\s"'<>/=]++"""
# Elements of one letter may be comparisons (`a <b and c> d`), so their attributes have values.
_TAG = (
    rf"""</?+(?:(?P<letter>[abipqsu])(?:{_NAME}(?:{_ASSIGNED}|(?<=\sdownload|..\shidden)))*+"""
    rf"""|(?P<name>{"|".join(_ELEMENTS)})(?:{_NAME}(?:{_ASSIGNED})?+)*+)[\s/]*+>"""
)
_DECLARATION = r"<!doctype\b[^<>]*+>|<\?xml\b[^<>]*+>|<!\[(?:if|endif)\b[^<>]*+>"
# A URL ends at white space, quotes, brackets of tags, entities for these, "](", and CJK punctuation.
_URL = (
    r"(?<![A-Za-z0-9])(?:(?:https?|ftp)://(?=[\w\[])|(?<![@./-])www\.(?=[\w-]++\.))"
    r"""(?:[^\s<>"'`|\\^&\]“”„‘’«»\u200B-\u200F\u2060\u3000-\u3004\u3008-\u3020\uFEFF"""
    r"""\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF3E\uFF5B-\uFF65]"""
    r"|\](?!\()|&(?!(?:quot|apos|lt|gt|nbsp|#0*+3[49]|#x0*+2[27]);))++"
)
_MARKUP = re.compile(rf"(?=[<hfw])(?:{_TAG}|{_DECLARATION}|{_URL})", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_AFTER_URL = ".,;:!?*_~…"
_BRACKETS = {")": "(", "]": "[", "}": "{"}

_OPENING = re.compile(
    r"<!--|<!\[CDATA\[|<(script|style|noscript|template|svg)(?=[\s/>])"
    r"""(?:[^<>"']|"[^"]*+"|'[^']*+')*+>""",
    re.IGNORECASE,
)
