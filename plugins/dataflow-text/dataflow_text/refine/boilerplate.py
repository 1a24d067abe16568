"""What boilerplate lines of web pages say, as expressions of RE2 and `re` alike."""

from __future__ import annotations

from typing import Literal, TypeAlias

LineRule: TypeAlias = Literal[
    "cookies",
    "copyright",
    "javascript_notice",
    "legal",
    "navigation",
    "c4_javascript",
    "c4_policy",
    "c4_citation_marks",
]

# Lines that consist of one of these, and some marks at the end.
_LABELS = (
    r"(?:skip|jump) to (?:main |the )?(?:content|navigation)",
    r"(?:back )?to (?:the )?top",
    r"read more|continue reading|load more|show more",
    r"(?:previous|next|older|newer) (?:post|article|page|entry|entrie)s?",
    r"share (?:this|on \w+)(?: (?:on|via) \w+)?|follow us(?: on \w+)?|tweet|pin it|email this",
    r"sign (?:in|up)|log ?(?:in|out)|subscribe|leave a (?:comment|reply)|print this page",
    r"menu|main menu|home|search|table of contents|breadcrumbs?|you are here:.*",
)

_WORD = r"[^\s|»›·•0-9]+"

RULES: dict[LineRule, str] = {
    "cookies": "|".join(
        (
            r"\b(?:uses?|using|use of|accept(?:s|ing)?(?: all)?|enable|set) cookies\b",
            r"\bcookie (?:policy|settings|preferences|consent|notice)\b",
            r"使用\s?cookies?|\butilis\w+ (?:de |des )?cookies\b|\butiliza\w* cookies\b",
            r"\bcookies (?:und|zu|verwenden|einsetzen)\b|\bverwende[nt] cookies\b",
        )
    ),
    "copyright": "|".join(
        (
            r"\ball rights reserved\b|版权所有|保留所有权利|\btous droits réservés\b",
            r"\balle rechte vorbehalten\b|\btodos los derechos reservados\b",
            r"(?:\bcopyright|©|\(c\)) ?(?:©|\(c\))? ?(?:19|20)[0-9]{2}\b",
        )
    ),
    "javascript_notice": "|".join(
        (
            r"\b(?:enable|activate|turn on|requires?|without|support) javascript\b",
            r"\bjavascript (?:is|must be|has been|to be)? ?(?:currently )?(?:disabled|enabled)\b",
            r"\bjavascript (?:is )?(?:required|turned off|not (?:enabled|supported|available))\b",
        )
    ),
    "legal": (
        r"\bterms (?:of (?:use|service)|and conditions)\b|\bprivacy (?:policy|statement|notice)\b"
    ),
    "navigation": (
        rf"^\s*(?:{'|'.join(_LABELS)})[\s.…»›>→:!]*$"
        # Words without digits and one space between: tables have other things in their cells.
        rf"|^\s*(?:(?:{_WORD} ){{1,4}}[|»›·•] ){{3,}}{_WORD}(?: {_WORD}){{0,3}}\s*$"
    ),
    "c4_javascript": r"javascript",
    "c4_policy": (
        r"terms of use|privacy policy|cookie policy|uses cookies|use of cookies|use cookies"
    ),
    "c4_citation_marks": r"^\s*(?:\[(?:[0-9]+|edit|citation needed)\]\s*)+$",
}
"""What is found in a line of each rule, whatever its case."""
