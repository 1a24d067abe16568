"""References of wikis, and references to images in Markdown, HTML and wikis."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar, Literal

from dataflow_text.refine.each_text import BREAKS, EachTextRefiner

# Templates that cite, footnote, or ask for a citation, with the names that Wikipedia gives them.
_CITING = (
    r"cit[ea](?:[ _-][^|{}\n]{0,40})?|citation(?:[ _-][^|{}\n]{0,40})?"
    r"|sfn[a-z]{0,4}|harv[a-z]{0,5}|efn(?:-[a-z]{2})?|refn|reflist|refbegin|refend|notelist"
    r"|webarchive|dead link|better source needed|full citation needed|page needed|verify source"
    r"|(?<=\{\{)(?:cn|(?:r|rp|fact)(?=\|))"  # not the variables of other templates, as in `{{ r }}`
)
_TEMPLATE = re.compile(rf"\{{\{{\s*+(?i:{_CITING})\s*+(?=[|}}])|\{{\{{|\}}\}}")
_FILE = re.compile(
    r"\[\[\s*+(?i:file|image|datei|bild|fichier|archivo|imagen|文件|файл)\s*+:|\[\[|\]\]"
)
# A footnote ends at its end, at the next one, or where its line ends.
_FOOTNOTE = re.compile(
    r"<(?i:ref(?=[\s/>])[^<>]*+(?:(?<=/)>|>(?:(?:[^<]++|<(?!/?ref[\s/>]))*+</ref\s*+>"
    rf"|(?:[^<{BREAKS}]++|<(?!/?ref[\s/>]))*+))|/ref\s*+>|/?references(?=[\s/>])[^<>]*+>"
    rf"|ref(?=[\s>])[^<>{BREAKS}]*+(?=[{BREAKS}]|\Z))"
)

_BREAK = re.compile(rf"[{BREAKS}]")


class RemoveReferences(EachTextRefiner):
    r"""Remove a wiki's references: footnotes ``<ref>…</ref>`` and citing templates ``{{cite …}}``.

    Footnotes go with their content, short ones (``<ref name="a"/>``) and ``<references/>`` too;
    templates that cite (``cite web``, ``citation needed``, ``sfn``, ``harvnb``, ``efn``,
    ``reflist`` …) go with all that is nested in them, other templates stay. What is opened and
    never closed goes with the rest of its line, a footnote at most up to the next. White space
    stays. Null stays null. Independent of language, but the names of templates are those of the
    English Wikipedia.

    Source: MediaWiki, Extension:Cite; English Wikipedia, citation templates.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> text = "Bees dance.<ref>{{cite web|title={{lang|de|Tanz}}}}</ref> They hum.{{cn}}"
        >>> table = MemoryStorage([{"text": text}])
        >>> RemoveReferences().run(table)
        >>> table.rows()
        [{'text': 'Bees dance. They hum.'}]
    """

    sign: ClassVar[str] = r"(?i)</?ref|\{\{"

    def clean(self, text: str) -> str:
        """Return one text without references."""
        text = _FOOTNOTE.sub("", text)
        return _without_nested(text, _TEMPLATE, "}}") if "{{" in text else text


_MARKDOWN = re.compile(
    r"\[!(?=\[)(?:\[(?:[^\[\]\n]++|\[[^\[\]\n]*+\])*+\]\([^()\n]*+\))\]\([^()\s]*+\)"  # in a link
    r"|!\[(?:[^\[\]\n]++|\[[^\[\]\n]*+\])*+\]"
    r"(?:\((?:<[^<>\n]*+>|(?:[^()\s\"]++|\([^()\s]*+\))*+)"
    r"(?:[ \t]++(?:\"[^\"\n]*+\"|'[^'\n]*+'))?[ \t]*+\)"
    r"|\[[^\[\]\n]*+\])"
)
_HTML = re.compile(
    r"<(?i:img(?=[\s/>])(?:[^<>\"']++|\"[^\"<]*+\"|'[^'<]*+')*+>"
    r"|/?(?:figure|picture)(?=[\s/>])[^<>]*+>|source(?=[\s/>])[^<>]*+>)"
)
# Converters name image files by their hash.
_HASHED = re.compile(
    r"(?:(?<=[\s(])|\A)(?:images/)?(?=[0-9a-f]*[a-f])(?=[0-9a-f]*[0-9])[0-9a-f]{16,128}+"
    r"\.(?:jpe?g|png|gif|webp|svg|bmp|tiff?)\b\)?"
)
_LABEL = (
    rf"(?<![^{BREAKS}])[ \t]*+[*_]{{0,2}}"
    r"(?:(?i:fig(?:ure|\.)?|figura|abb(?:ildung|\.)|рис(?:унок|\.)) ?|[图圖図] ?)"
    r"[A-Z]?[0-9]{1,3}(?:[.\-–—][0-9]{1,3}){0,2}[a-z]?[*_]{0,2}"
    rf"(?:[:：][*_]{{0,2}}|\.(?=\s)|(?=[ \t]*+(?:[{BREAKS}]|\Z)))[ \t]*+"
)
_LABEL_ALONE = re.compile(_LABEL)
_LABEL_AND_CAPTION = re.compile(rf"{_LABEL}[^{BREAKS}]*+(?:\r\n|[{BREAKS}])?")


class RemoveImageReferences(EachTextRefiner):
    r"""Remove references to images, and the labels of figures.

    Images of Markdown (``![alt](url "title")``, ``![alt][id]``), HTML (``<img>``, and the tags
    ``<figure>``, ``<picture>``, ``<source>``), and wikis (``[[File:…]]`` with links in the
    caption), and names of image files that are hashes of 16 digits and more. A label is
    ``Figure 3:``, ``Fig. 2-1.`` or ``图 1-2：`` where a line begins; its caption stays unless asked
    for, and ``Figure 3 shows`` is no label. Ordinary words stay whatever their length, and so do
    other links, line breaks and white space. Independent of language, but labels are those of
    English, German, Spanish, Italian, Russian, Chinese and Japanese. Null stays null.

    Source: CommonMark (MacFarlane 2024), section 6.4; MediaWiki, Help:Images, for what an image is.

    Attributes:
        captions: ``keep`` removes a figure's label alone, ``remove`` its whole line.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "Look: ![A bee](images/bee.png)!\nFigure 1: A bee."}])
        >>> RemoveImageReferences().run(table)
        >>> table.rows()
        [{'text': 'Look: !\nA bee.'}]
    """

    sign: ClassVar[str] = (
        r"(?i)!\[|<(?:img|/?figure|/?picture|source)[\s/>]|\[\[|[0-9a-f]{16}\.[a-z]"
        r"|(?:fig(?:ure|\.)?|figura|abb(?:ildung|\.)|рис(?:унок|\.)|[图圖図]) ?[A-Z]?[0-9]"
    )

    captions: Literal["keep", "remove"] = "keep"

    def clean(self, text: str) -> str:
        """Return one text without references to images."""
        if "[[" in text:
            text = _without_nested(text, _FILE, "]]")
        if "![" in text:
            text = _MARKDOWN.sub("", text)
        text = _HASHED.sub("", _HTML.sub("", text))
        label = _LABEL_ALONE if self.captions == "keep" else _LABEL_AND_CAPTION
        return label.sub("", text)


def _without_nested(text: str, tokens: re.Pattern[str], closing: str) -> str:
    """Return a text without the wanted brackets and all within them.

    Args:
        text: The text.
        tokens: Matches opening brackets of two characters, longer if they are wanted, and closing.
        closing: The closing bracket.
    """
    spans, opened = [], []
    for token in tokens.finditer(text):
        if token[0] != closing:
            opened.append(token)
        elif opened:
            spans.append((opened.pop(), token.end()))
    spans += _up_to_line_ends(text, opened)
    kept, position = [], 0
    for start, end in sorted((token.start(), end) for token, end in spans if len(token[0]) > 2):
        if end > position:
            kept.append(text[position : max(start, position)])
            position = end
    return "".join([*kept, text[position:]])


def _up_to_line_ends(text: str, opened: list[re.Match[str]]) -> Iterator[tuple[re.Match[str], int]]:
    """Yield brackets, in their order, and where the line of each ends."""
    line_end = -1
    for token in opened:
        if line_end < token.end():
            found = _BREAK.search(text, token.end())
            line_end = found.start() if found else len(text)
        yield token, line_end
