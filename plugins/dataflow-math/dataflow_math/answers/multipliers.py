"""Words that multiply the number before them: ``5 million``, ``5万``, ``5 тысяч``."""

from __future__ import annotations

import re

# English "billion" and "trillion" are of the short scale, as in all of today's English; German,
# Spanish and Italian ones, which differ in form, of the long one. 兆 (10^12 in Japanese, 10^6 in
# some Chinese) and forms that languages share with different values (billions) are not here.
_NAMES = {
    12: "dozen dozens dutzend douzaine douzaines docena docenas dúzia dúzias dozzina dozzine"
    " дюжина дюжины дюжин",
    100: "hundred hundert сотня сотни сотен 百 백 ร้อย सौ",
    1000: "thousand tausend mille mil mila тысяча тысячи тысяч тыс тыс. 千 천 พัน हज़ार हजार"
    " nghìn ngàn ribu tysiąc tysiące tysięcy ألف آلاف",
    10**4: "万 萬 만 หมื่น",
    10**5: "lakh lakhs lac lacs 十万 십만 แสน लाख",
    10**6: "million millionen millions millón millones milhão milhões milione milioni миллион"
    " миллиона миллионов млн млн. 百万 백만 ล้าน triệu juta milyon مليون ملايين",
    10**7: "crore crores 千万 천만 करोड़",
    10**8: "亿 億 억",
    10**9: "billion milliarde milliarden milliard milliards miliardo miliardi bilhão bilhões"
    " миллиард миллиарда миллиардов млрд млрд. 十亿 십억 milyar",
    10**10: "百亿 百億",
    10**11: "千亿 千億",
    10**12: "trillion billionen billón billones trilhão trilhões bilione bilioni триллион триллиона"
    " триллионов 万亿",
    10**18: "trillionen trillones",
}
FACTORS = {name: factor for factor, names in _NAMES.items() for name in names.split()}
"""What each word multiplies by."""

_LONGEST_FIRST = "|".join(re.escape(one) for one in sorted(FACTORS, key=len, reverse=True))
MULTIPLIER = rf"(?:{_LONGEST_FIRST})(?![^\W\d_\u0e00-\u9fff\uac00-\ud7a3])"
"""Matches one such word, in lower case, where no letter follows, but in scripts without spaces."""
_WORD = re.compile(MULTIPLIER)


def factor_of(words: str) -> tuple[int, str]:
    """Return what words after a number multiply it by, and the words that are left.

    Example:
        >>> factor_of("million dollars"), factor_of("mil millones"), factor_of("万元")
        ((1000000, 'dollars'), (1000000000, ''), (10000, '元'))
        >>> factor_of("apples")
        (1, 'apples')
    """
    factor, rest = 1, words.casefold()
    for _ in range(2):
        found = _WORD.match(rest)
        if found is None:
            break
        factor, rest = factor * FACTORS[found[0]], rest[found.end() :].lstrip()
    return (factor, rest) if factor != 1 else (1, words)
