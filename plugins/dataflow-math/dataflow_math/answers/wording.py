"""Words around a number that change what is said: ``half of 5``, ``5 squared``, ``not 5``.

A number in such words is a part of an answer, or none. What is listed is enough to see that; what
it would make of the number is not read.
"""

from __future__ import annotations

import re

_PARTS = (
    "half|halves|thirds?|quarters?|fourths?|(?:fif|six|seven|eigh|nin|ten|twelf|twentie|hundred"
    "|thousand|million|billion)ths?"
)
_BEFORE = re.compile(
    rf"""
    (?:
        \b(?:{_PARTS}|roots?|squares?|cubes?|factorials?|powers?|log|logarithm|reciprocal|inverse
          |opposite|multiples?|double|triple|percent|negation|remainder)[ ]of(?:[ ]the)?
      | %[ ]of
      | \b(?:minus|negative|plus|times|over|mod|modulo|twice|double|triple|thrice|than|most|least
          |below|under|above|between|up[ ]to|exceeds?|exceeding|until|base|versus|vs\.?|per|squared
          |divided[ ]by|divisible[ ]by|multiplied[ ]by|raised[ ]to|power|root|sqrt|log|ln|sin|cos
          |tan|choose|multiply[ ]by|divide[ ]by)
      | \b(?:not|never|nor|no|cannot|can['’]?t)(?:[ ](?:be|equal(?:[ ]to)?|exactly))?
      | n['’]t(?:[ ](?:be|equal))?
      | \b(?:pas|nicht|keine?n?|nie|не(?:[ ]равен|[ ]равна|[ ]равно)?|no[ ](?:es|son|era)
          |não(?:[ ]é|[ ]são)?|non(?:[ ]è|[ ]sono)?)
      | \b(?:moins|plus|mehr|weniger|größer|kleiner|höchstens|mindestens|über|unter|menos|más|mais
          |meno|più|almeno|massimo|менее|более|меньше|больше|не[ ]более|не[ ]менее|минус|plus)
          (?:[ ](?:de|als|que|di|чем))?
      | \b(?:moitié|double|tiers|mitad|doble|metade|dobro|metà|doppio|hälfte|doppelte|половина)
          (?:[ ](?:de|von|di|от))?
      | \b(?:racine|raíz|raiz|radice|wurzel|корень)(?:[ ]\w+)?[ ](?:de|di|aus|из)
      | (?:不是|并非|並非|不等于|不等於|不为|不會是|不会是|至少|最多|不超过|超过|少于|多于|大于
          |小于|负|負|根号|以上|以下|乘以|除以|加上|减去)
    )[ ]?$
    """,
    re.VERBOSE | re.IGNORECASE,
)
_AFTER = re.compile(
    rf"""
    [ ]?
    (?:
        (?:{_PARTS}|squared|cubed|factorial|below|plus|minus|divided|multiplied|over|mod|modulo
          |choose|base|raised|to[ ]the|and[ ](?:a|an|one|two|three)[ ](?:{_PARTS})|or[ ](?:more|less
          |fewer|greater)|times[ ](?:the|a|as[ ]much[ ]as|(?:square|cube)|[a-z]\b)
          |hoch|au[ ]carré|au[ ]cube|al[ ]cuadrado|al[ ]cubo|ao[ ]quadrado|ao[ ]cubo|al[ ]quadrato
          |в[ ](?:квадрате|кубе|степени)|unter[ ]null|sous[ ]zéro|bajo[ ]cero)\b
      | (?:的(?:平方|立方|阶乘|倒数|一半|\d)|分之|次方|の(?:\d|二|三)乗|乗|の平方根|의[ ]?제곱)
      | (?:ではない|じゃない|ではありません|가[ ]?아니|이[ ]?아니|은[ ]?아니|不对|不正确|是错)
      | (?:is|was)(?:[ ]not|n['’]t)\b|(?:is|was)[ ](?:wrong|incorrect)|n['’]est[ ]pas|no[ ]es\b
      | ist[ ](?:nicht|falsch)|не[ ]
    )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_WRONG = re.compile(
    r"""
    \b(?:that|this|it|which|i)(?:['’](?:s|m)|[ ](?:is|was|am|must[ ]be|looks|seems))[ ]
        (?!not\b)(?:\w+[ ]){0,2}?
        (?:wrong|incorrect|false|mistaken|an?[ ](?:\w+[ ])?(?:mistake|error))\b
    | \b(?:isn['’]t|is[ ]not|wasn['’]t|was[ ]not|can['’]?t[ ]be|cannot[ ]be|['’]s[ ]not)[ ]
        (?:\w+[ ])?(?:right|correct|true|possible)\b
    | \b(?:i|we)(?:['’]ve|[ ]have)?[ ]
        (?:made[ ]an?[ ](?:\w+[ ])?(?:mistake|error)|miscalculated|miscounted)\b
    | \bscratch[ ]that\b|\bcorrection\b
    | c['’]est[ ]faux|est[ ](?:fausse|faux|incorrecte?)\b|(?:ist|war)[ ](?:das[ ])?falsch
    | (?:es|está|é|está)[ ](?:incorrect[oa]|errad[oa]|mal\b|falso)|è[ ](?:sbagliat[oa]|errat[oa])
    | неверно|неправильно|ошибка|不对|错了|错误的|不正确|間違|違います|틀렸|틀린
    """,
    re.VERBOSE | re.IGNORECASE,
)
# What each of these has, as one quick look: most texts have none of it.
_HINT = re.compile(
    r"wrong|incorrec|false|mis|error|right|true|possib|made|scratch|correct|faux|fausse|falsc|errad"
    r"|mal\b|fals|sbagl|errat|невер|неправ|ошиб|不对|错|不正|間|違|틀",
    re.IGNORECASE,
)
_TAKES_UP = re.compile(
    r"\W*(?:wait|no|hmm+|oops|sorry|actually|but|however|that|this|it|i|non|nein|mais|aber|pero|ma"
    r"|mas|нет|но|не|это|不|等等|但|いや|아니)(?![a-z])",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[.!?](?=\s|$)|[。！？\n]")
_WINDOW = 240
_LONGEST_PHRASE = 36


def alters(before: str, after: str) -> bool:
    """Tell whether the words around a number or formula change it, negate it or take it back.

    Args:
        before: What stands before it.
        after: What stands after it.

    Example:
        >>> alters("half of ", "."), alters("It is ", " squared."), alters("It is ", " apples.")
        (True, True, False)
    """
    before = " ".join(before[-_LONGEST_PHRASE:].split())
    return bool(
        _BEFORE.search(f"{before} ") or _AFTER.match(" ".join(after[:60].split()))
    ) or is_taken_back(after)


def is_taken_back(after: str) -> bool:
    """Tell whether the sentence, or the next ones where they take it up, calls a statement wrong.

    Example:
        >>> is_taken_back(", but that is wrong."), is_taken_back(". Wait, that's wrong. It is 8.")
        (True, True)
        >>> is_taken_back(". It is right."), is_taken_back(". Who says 8 thinks that is wrong.")
        (False, False)
    """
    window = after[:_WINDOW]
    if not _HINT.search(window) or not (found := _WRONG.search(window)):
        return False
    ends = [end.end() for end in _SENTENCE.finditer(window, 0, found.start())]
    return len(ends) <= 2 and all(_TAKES_UP.match(window, end) for end in ends)
