"""Emoticons: faces written with punctuation, told from punctuation by what stands around them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from dataflow_text.refine.each_text import EachTextRefiner

# Faces on their side: eyes, a nose or tears, a mouth. Letters and signs that mean something else in
# prose and code (`8)`, `:x`, `:{`, `D:`) count only with a nose between.
_SIDEWAYS = (
    r">?(?:[:;]'?[-o]|[:;]'|[:;=])(?:\)+|\(+)"
    r"|[=8xXB][-^](?:\)+|\(+|[DPp])"
    r"|>?[:;]'?[-^o](?:[\]\[{}/\\|*$#@&<>3]|[DPpOobcXxSs]+)"
    r"|>?[:;](?:D+|[Pp]+|O|\]|\}|\||'\()"
    r"|=(?:D|P|\])|[xX]D+|D-'?[:;]"
    r"|</?3+"
)
# Faces upright, as in Japan.
_UPRIGHT = (
    r"\^[_.o-]+\^;*|-_+-;*|>[_.]<|[@*$;+=]_[@*$;+=]|;-;|[oO][_.][oO]|T_+T|ಠ_*ಠ"
    r"|¯\\+_\(ツ\)_/¯|\\o/|\\m/"
    r"|(?:┻━+┻ ?︵ ?)?ヽ?\([╯ノ]?°[□o]°[\)╯ノ]{1,2}(?: ?︵ ?┻━+┻)?"
)
# In brackets a face needs nothing around it.
_IN_BRACKETS = (
    r"[\\ヽ┌╰m]?[(（][ *;・o]{0,2}"
    r"(?:\^[_.o-]*\^|[T;]_+[T;]|>[_.]<|-[_.]+-|[oO][_.][oO]|=_=|@_@|\*_\*|_ _"
    r"|・[_ω∀]・|[´｀`'][・･]?[ωДー∀_▽][・･]?[`´｀']|[◕˘●][‿ω][◕˘●]|≧[▽∇◡]≦|¬_¬|;°Д°|°[□ω]°"
    r"|[ ]?͡°[ ]?͜ʖ[ ]?͡°)[ *;・oゞ]{0,3}[)）][/ノ丿┘╯mシ]?"
)
_UNSPACED = r"\u3040-\u30FF\u3400-\u9FFF\u0E00-\u0EFF\uFF01-\uFF60"
_CLOSERS = {")": "(", "]": "[", "}": "{"}
_FACE_OR_LINE = re.compile(
    rf"(?P<free>{_IN_BRACKETS})"
    rf"|(?<![^\s.!?,…{_UNSPACED}])(?P<face>(?:{_UPRIGHT}|{_SIDEWAYS})++)"
    rf"(?![^\s.!?,…)\"<{_UNSPACED}])(?!\.\w)"
    r"|(?P<bracket>[()\[\]{}\n])"
)
_HEART_BEFORE_MORE = re.compile(r"[^\S\n]*+(?:[^\s.!?,…:;<)]|\.\d)")


class RemoveEmoticons(EachTextRefiner):
    r"""Remove emoticons such as ``:-)``, ``:D``, ``^_^`` and ``(T_T)``.

    An emoticon stands alone: before it come the beginning, white space, ``.!?,…`` or a letter of a
    script without spaces, after it the end or the like; so ``https://x``, ``8:30``, ``ID: 5`` and
    ``{"a":{`` stay. So does one whose bracket closes a bracket of its line, as in ``(see a :)`` or
    ``x[i :]``, and ``<3`` where more follows, as in ``aged <3 years``. The longest form goes
    (``:-)))`` whole). Forms of letters and digits alone (``XP``, ``8)``, ``:3``) are too often
    something else and stay, except ``XD``. Faces in brackets, as in Japan, may touch letters. White
    space stays; emoji are for `RemoveEmoji`. Null stays null. Independent of language.

    Source: DataFlow text operators, for the forms.

    Attributes:
        replacement: What stands in the place of each emoticon.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "See https://x at 8:30 :-))"}])
        >>> RemoveEmoticons().run(table)
        >>> table.rows()
        [{'text': 'See https://x at 8:30 '}]
    """

    sign: ClassVar[str] = (
        r"(?:\A|[\s.!?,…]|[^\x00-\x7F])(?:>?[:;]'?(?:[-^o]|['()\]}|DPpO])|=[()DP\]]|[8xXB][-^]|[xX]D|D-"
        r"|</?3|\^[_.o-]+\^|-_+-|>[_.]<|[@*$;+=oOT][_.]+[@*$;+=oOT]|;-;|\\[om]/)"
        r"|\^\^|_ _|\^[_.o-]+\^|[(（][^)）]{0,2}[-T>=@*oO;][_.]+[-T<=@*oO;]|[ಠツ・ω◕˘●≧¬°ʖ´｀]"
    )

    replacement: str = ""

    def clean(self, text: str) -> str:
        """Return one text without emoticons."""
        kept, position = [], 0
        for start, end in _emoticons(text):
            kept += [text[position:start], self.replacement]
            position = end
        return "".join([*kept, text[position:]])


def _emoticons(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the emoticons of a text are, keeping count of its lines' open brackets."""
    depths = dict.fromkeys("([{", 0)
    for match in _FACE_OR_LINE.finditer(text):
        found = match.group()
        if match["bracket"] is not None:
            if found == "\n":
                depths = dict.fromkeys("([{", 0)
        elif match["free"] or not _is_something_else(match, depths):
            yield match.span()
            continue
        for mark in found:
            if mark in depths:
                depths[mark] += 1
            elif mark in _CLOSERS:
                depths[_CLOSERS[mark]] = max(depths[_CLOSERS[mark]] - 1, 0)


def _is_something_else(match: re.Match[str], depths: dict[str, int]) -> bool:
    face = match.group()
    if face[0] == "<":
        return _HEART_BEFORE_MORE.match(match.string, match.end()) is not None
    return depths.get(_CLOSERS.get(face[-1], ""), 0) > 0
