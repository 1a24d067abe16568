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
_PART = rf"{_WORD}(?: {_WORD}){{0,3}}"
_BAR = r" [|·•] "
# Cells of tables and lists of words are parted by the same marks, but name no part of a site.
_OF_SITES = (
    r"(?:home|start|news|blogs?|about(?: us)?|contacts?(?: us)?|shop|store|help|faqs?|support"
    r"|careers|log ?in|sign (?:in|up)|register|search|site ?map|menu|privacy|legal|archives?"
    r"|subscribe|my account|startseite|impressum|kontakt|datenschutz|accueil|inicio|contacto"
    r"|главная|контакты|首页|主页|联系我们|ホーム)"
)
_LEGAL = (
    r"(?:terms (?:of (?:use|service)|and conditions)|cookie policy"
    r"|privacy (?:policy|statement|notice))"
)
_YEAR = r"(?:19|20)[0-9]{2}"
_KINDS = r"(?:essential|necessary|functional|analytical|third[ -]party)"
_AIMS = (
    r"(?:improve|ensure|personali[sz]e|provide|give you|offer|enhance|deliver|analy[sz]e|help us"
    r"|track|remember)"
)
_SITE = r"\b(?:we|(?:web ?)?sites?|(?:web ?)?pages?|partners|apps?|blog)"

RULES: dict[LineRule, str] = {
    "cookies": "|".join(
        (
            (
                rf"{_SITE} (?:(?:may|can|will|also|only|and our partners) )*"
                rf"(?:uses?|using|sets?) (?:{_KINDS} )*cookies\b"
            ),
            rf"\b(?:uses?|using) cookies (?:and (?:similar|other)|on (?:this|our)|to {_AIMS})\b",
            r"\bour use of cookies\b|\bto the use of (?:\w+ )?cookies\b",
            r"^\W*(?:please )?(?:accept|allow|reject|enable|manage)(?: all)? cookies\b",
            r"\baccept all cookies\b|\bplease enable cookies\b|\benable cookies (?:in|on) your\b",
            r"^\W*(?:your |manage )?cookie (?:policy|settings|preferences|consent|notice)\W*$",
            r"\b(?:our|your|manage) cookie (?:policy|settings|preferences|consent|notice)\b",
            r"使用\s?cookies?|\butilis\w+ (?:de |des )?cookies\b|\butiliza\w* cookies\b",
            r"\bcookies (?:und|zu|verwenden|einsetzen)\b|\bverwende[nt] cookies\b",
        )
    ),
    "copyright": "|".join(
        (
            r"\ball rights reserved\b|版权所有|保留所有权利|\btous droits réservés\b",
            r"\balle rechte vorbehalten\b|\btodos los derechos reservados\b",
            rf"© ?(?:copyright )?{_YEAR}\b|\bcopyright ?(?:©|\(c\)) ?{_YEAR}\b",
            # Whose it is has a capital; a sentence goes on without.
            (
                rf"(?:\bcopyright|\(c\)) ?{_YEAR}(?: ?[-–] ?{_YEAR})?,?"
                r"(?:\W*$| by\b| (?-i:[^\Wa-z0-9]))"
            ),
        )
    ),
    "javascript_notice": "|".join(
        (
            (
                r"(?:^\W*|\b(?:please|must|(?:need|have) to) )"
                r"(?:enable|activate|turn on) javascript\b"
            ),
            r"\b(?:site|page|app|application|content|form)s? (?:requires?|needs?) javascript\b",
            r"^\W*requires javascript\b|\bbrowser (?:does not|doesn['’]t) support javascript\b",
            r"(?:\bnot|n['’]t) (?:\w+ )?(?:work|function)(?: \w+)? without javascript\b",
            r"\bjavascript (?:is|must be|has been|to be)? ?(?:currently )?(?:disabled|enabled)\b",
            r"\bjavascript (?:is )?(?:required|turned off|not (?:enabled|supported|available))\b",
        )
    ),
    "legal": "|".join(
        (
            rf"(?:^|[|»›·•–—])\W*(?:(?:our|the|read|view|see|website) )*{_LEGAL}\W*(?:$|[|»›·•–—])",
            rf"\b{_LEGAL}\W{{1,3}}{_LEGAL}\b|^\W*{_LEGAL}(?: and|,| &) (?:our )?{_LEGAL}\b",
            rf"\b(?:our|these|this site['’]s) {_LEGAL}\b",
            rf"\b(?:agree to|subject to|accept|consent to) the (?:\w+ )?{_LEGAL}\b",
            rf"\b{_LEGAL} (?:and {_LEGAL} )?appl(?:y|ies)\b",
        )
    ),
    "navigation": (
        rf"^\s*(?:{'|'.join(_LABELS)})[\s.…»›>→:!]*$"
        rf"|^\s*(?:{_PART} [»›] ){{3,}}{_PART}\s*$"
        # Four parts and more, one of which is a part of most sites.
        rf"|^\s*(?:{_OF_SITES}(?:{_BAR}{_PART}){{3,}}|{_PART}{_BAR}{_OF_SITES}(?:{_BAR}{_PART}){{2,}}"
        rf"|{_PART}{_BAR}{_PART}{_BAR}{_OF_SITES}(?:{_BAR}{_PART})+"
        rf"|(?:{_PART}{_BAR}){{3,}}{_OF_SITES}(?:{_BAR}{_PART})*)\s*$"
    ),
    "c4_javascript": r"javascript",
    "c4_policy": (
        r"terms of use|privacy policy|cookie policy|uses cookies|use of cookies|use cookies"
    ),
    "c4_citation_marks": r"^\s*(?:\[(?:[0-9]+|edit|citation needed)\]\s*)+$",
}
"""What is found in a line of each rule, whatever its case."""
