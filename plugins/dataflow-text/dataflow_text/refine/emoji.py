"""Emoji: the pictures among Unicode's characters, and the sequences that they form."""

from __future__ import annotations

import re
from typing import ClassVar

from dataflow_text.refine.each_text import EachTextRefiner

# Unicode 17, emoji-data.txt, property Emoji: those that are pictures by default, those of the
# blocks U+2600-27BF and beyond U+1F000 that are not, and the places kept for later ones.
_PICTURES = (
    r"\u231A\u231B\u23E9-\u23EC\u23F0\u23F3\u25FD\u25FE\u2600-\u2604\u260E\u2611\u2614\u2615\u2618"
    r"\u261D\u2620\u2622\u2623\u2626\u262A\u262E\u262F\u2638-\u263A\u2640\u2642\u2648-\u2653\u265F"
    r"\u2660\u2663\u2665\u2666\u2668\u267B\u267E\u267F\u2692-\u2697\u2699\u269B\u269C\u26A0\u26A1"
    r"\u26A7\u26AA\u26AB\u26B0\u26B1\u26BD\u26BE\u26C4\u26C5\u26C8\u26CE\u26CF\u26D1\u26D3\u26D4"
    r"\u26E9\u26EA\u26F0-\u26F5\u26F7-\u26FA\u26FD\u2702\u2705\u2708-\u270D\u270F\u2712\u2714"
    r"\u2716\u271D\u2721\u2728\u2733\u2734\u2744\u2747\u274C\u274E\u2753-\u2755\u2757\u2763\u2764"
    r"\u2795-\u2797\u27A1\u27B0\u27BF\u2B1B\u2B1C\u2B50\u2B55\U0001F004\U0001F0CF\U0001F170"
    r"\U0001F171\U0001F17E\U0001F17F\U0001F18E\U0001F191-\U0001F19A\U0001F1E6-\U0001F1FF"
    r"\U0001F201\U0001F202\U0001F21A\U0001F22F\U0001F232-\U0001F23A\U0001F250\U0001F251"
    r"\U0001F300-\U0001F321\U0001F324-\U0001F393\U0001F396\U0001F397\U0001F399-\U0001F39B"
    r"\U0001F39E-\U0001F3F0\U0001F3F3-\U0001F3F5\U0001F3F7-\U0001F4FD\U0001F4FF-\U0001F53D"
    r"\U0001F549-\U0001F54E\U0001F550-\U0001F567\U0001F56F\U0001F570\U0001F573-\U0001F57A"
    r"\U0001F587\U0001F58A-\U0001F58D\U0001F590\U0001F595\U0001F596\U0001F5A4\U0001F5A5"
    r"\U0001F5A8\U0001F5B1\U0001F5B2\U0001F5BC\U0001F5C2-\U0001F5C4\U0001F5D1-\U0001F5D3"
    r"\U0001F5DC-\U0001F5DE\U0001F5E1\U0001F5E3\U0001F5E8\U0001F5EF\U0001F5F3"
    r"\U0001F5FA-\U0001F64F\U0001F680-\U0001F6C5\U0001F6CB-\U0001F6D2\U0001F6D5-\U0001F6E5"
    r"\U0001F6E9\U0001F6EB-\U0001F6F0\U0001F6F3-\U0001F6FF\U0001F7E0-\U0001F7F0"
    r"\U0001F90C-\U0001F93A\U0001F93C-\U0001F945\U0001F947-\U0001F9FF\U0001FA70-\U0001FAFF"
)
# Signs, arrows and shapes, which U+FE0F turns into pictures.
_SIGNS = (
    r"\u203C\u2049\u2139\u2194-\u2199\u21A9\u21AA\u2328\u23CF\u23ED-\u23EF\u23F1\u23F2"
    r"\u23F8-\u23FA\u24C2\u25AA\u25AB\u25B6\u25C0\u25FB\u25FC\u2934\u2935\u2B05-\u2B07\u3030\u303D"
    r"\u3297\u3299"
)
# One picture, with its skin tone or tags; U+FE0E asks for text instead, U+FE0F for a picture.
_MODIFIERS = r"[\uFE0F\u20E3\U0001F3FB-\U0001F3FF\U000E0020-\U000E007F]*+"
_ONE = rf"(?:[{_PICTURES}](?!\uFE0E)|[{_SIGNS}]\uFE0F|[0-9#*]\uFE0F?\u20E3){_MODIFIERS}"
_EMOJI = re.compile(
    # The second part is a joiner's right side, where any sign is a picture, or is missing.
    rf"(?:{_ONE}(?:\u200D++(?:{_ONE}|[{_SIGNS}]\uFE0F?)?+{_MODIFIERS})*+)++|(?<=[©®™])\uFE0F++"
)


class RemoveEmoji(EachTextRefiner):
    r"""Remove emoji, in whole sequences.

    Flags, keycaps, skin tones, families and other sequences with zero-width joiners go as a
    whole, so no joiner or variation selector is left behind. Digits, ``#``, ``*``, ``©``, ``®`` and
    ``™`` stay. Characters that are text by default (``↔``, ``▶``, ``‼``) go only with the variation
    selector U+FE0F that makes them emoji; those of U+2600–27BF (``☀``, ``♥``, ``✔``) and from
    U+1F000 on go in any case, unless U+FE0E asks for text. White space around an emoji stays:
    follow with `NormalizeWhitespace` to tidy it. Letters of all scripts stay, with the joiners and
    selectors among them. Null stays null; a text of emoji alone becomes empty. The characters are
    those of Unicode 17, and the places that it keeps for later ones.

    Source: Unicode emoji (UTS #51).

    Attributes:
        replacement: What stands in the place of each run of emoji.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "Well done 👩🏽‍🚀! © 1️⃣"}])
        >>> RemoveEmoji().run(table)
        >>> table.rows()
        [{'text': 'Well done ! © '}]
    """

    sign: ClassVar[str] = "[" + re.sub(
        r"\\[uU]0*([0-9A-F]+)", r"\\x{\1}", _PICTURES + r"\uFE0F\u20E3"
    ) + "]"  # fmt: skip

    replacement: str = ""

    def clean(self, text: str) -> str:
        """Return one text without emoji."""
        return _EMOJI.sub(self._put, text)

    def _put(self, match: re.Match[str]) -> str:
        return "" if match.group().startswith("\ufe0f") else self.replacement
