"""One way to write dates and amounts of money."""

from __future__ import annotations

import re
from datetime import date
from typing import ClassVar, Literal

from dataflow_text.refine.each_text import EachTextRefiner

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
_MONTH = (
    r"(?:jan(?:uary|\.)?|feb(?:ruary|\.)?|mar(?:ch|\.)?|apr(?:il|\.)?|may|june?|july?|aug(?:ust|\.)?"
    r"|sep(?:t(?:ember|\.)?|\.)?|oct(?:ober|\.)?|nov(?:ember|\.)?|dec(?:ember|\.)?)"
)
_DAY = r"(?:0?[1-9]|[12][0-9]|3[01])"
_YEAR = r"[12][0-9]{3}"
_DATE = re.compile(
    # Parts of paths, versions, addresses and longer numbers are none.
    rf"(?<![\w./:-])(?<![Vv]ersion )(?:(?P<a>[0-9]{{1,2}})(?P<s>[/.-])"
    rf"(?P<b>[0-9]{{1,2}})(?P=s)(?P<ab>{_YEAR})"
    rf"|(?P<y>{_YEAR})(?P<t>[/.])(?P<m>[0-9]{{1,2}})(?P=t)(?P<d>[0-9]{{1,2}})"
    rf"|(?i:(?P<dm>{_DAY})(?:st|nd|rd|th)?(?: of)? (?P<month>{_MONTH}),? (?P<dmy>{_YEAR})"
    rf"|(?P<name>{_MONTH}) (?P<md>{_DAY})(?:st|nd|rd|th)?,? (?P<mdy>{_YEAR})))(?![\w/-]|[.:][0-9])"
    rf"|(?<![0-9])(?P<cy>{_YEAR})年(?P<cm>[0-9]{{1,2}})月(?P<cd>[0-9]{{1,2}})日"
)

_CODES = {
    "$": "USD", "US$": "USD", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD", "HK$": "HKD",
    "NZ$": "NZD", "NT$": "TWD", "S$": "SGD", "SG$": "SGD", "R$": "BRL", "MX$": "MXN", "JP¥": "JPY",
    "CN¥": "CNY", "€": "EUR", "£": "GBP", "₹": "INR", "₩": "KRW", "₽": "RUB", "₺": "TRY",
    "₫": "VND", "₪": "ILS", "₱": "PHP", "฿": "THB", "₴": "UAH",
}  # fmt: skip
_SYMBOL = "|".join(re.escape(symbol) for symbol in sorted(_CODES, key=len, reverse=True))
_AMOUNT = re.compile(
    rf"(?<![\w$€£\\])(?P<symbol>{_SYMBOL})(?:[ \xa0](?<![0-9][ \xa0][$€£][ \xa0]))?"
    # Three digits after a full stop may be thousands.
    r"(?P<amount>(?:[0-9]{1,3}(?:,[0-9]{3})++|[0-9]++)(?:\.(?![0-9]{3}(?![0-9]))[0-9]++)?+)"
    r"(?![.,]?[0-9]|[-–][0-9]|\$)"
    r"(?P<scale>[ \xa0]?(?:thousand|million|billion|trillion)\b|(?:k|K|m|M|mn|bn|B|T)\b)?+(?![\w])"
    r"(?P<code>[ \xa0][A-Z]{3}\b)?"
)
# `$x + 1$` is mathematics, and `{print $1}` a program.
_FORMULA = re.compile(r"[^$\n]{0,200}(?<=\S)\$(?![0-9])|[}\"'`;|]")


# `$1` alone is more often a program's argument than a price.
_PRICED = re.compile(
    r"\b(?:costs?|costing|priced?|pay|pays|paid|worth|for|of|at|only|just|about|over|under|than|to|from"
    r"|and|or|by|is|was|a|the|spent|save|off)[ \xa0]\(?\Z",
    re.IGNORECASE,
)


class NormalizeText(EachTextRefiner):
    r"""Write dates as ``2020-12-25`` and amounts of money as ``1000.50 USD``.

    Dates have a day, a month and a year of four digits: ``25/12/2020``, ``25.12.2020``,
    ``2020/12/25``, ``Dec. 25, 2020``, ``25th of December 2020``, ``2020年12月25日``; every one in a
    text counts. Which of ``3/4/2020`` is the day is never guessed: it stays unless you tell the
    order, while ``25/12/2020`` can only mean one. Dates that do not exist, versions, IP addresses
    and parts of paths stay. Amounts have their currency before them: ``$1,000.50``, ``€5``,
    ``US$1.5 million`` (which becomes ``1.5 million USD``); ``$`` alone means US dollars unless
    another code follows, ``¥`` stays, since it is yen or yuan, and so do ``€1.000`` (one, or a
    thousand), ranges (``$5-10``), and ``$`` in formulas and programs: ``$1`` to ``$9`` count after
    words such as ``costs`` or ``for``. Months have English names. In scripts without spaces,
    dates with ``年`` are found anywhere, other dates and amounts only where no letter touches them.
    Null stays null.

    Source: ISO 8601 (2019), dates; ISO 4217 (2015), currencies.

    Attributes:
        date_order: What comes first in dates such as ``3/4/2020``: ``day``, ``month``, or
            ``unknown``.
        dates: Whether dates are normalized.
        currencies: Whether amounts of money are normalized.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "On 12/25/2020 (not 3/4/2020) it cost $1,000.50."}])
        >>> NormalizeText().run(table)
        >>> table.rows()
        [{'text': 'On 2020-12-25 (not 3/4/2020) it cost 1000.50 USD.'}]
    """

    sign: ClassVar[str] = (
        r"[0-9][/.-][0-9]{1,2}[/.-][0-9]|[0-9]月[0-9]|[$€£¥₹₩₽₺₫₪₱฿₴][ \x{A0}]?[0-9]"
        r"|(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[A-Za-z.]{0,7},? [0-9]"
    )

    date_order: Literal["unknown", "day", "month"] = "unknown"
    dates: bool = True
    currencies: bool = True

    def clean(self, text: str) -> str:
        """Return one text with its dates and amounts normalized."""
        if self.dates:
            text = _DATE.sub(self._normal_date, text)
        return _AMOUNT.sub(_normal_amount, text) if self.currencies else text

    def _normal_date(self, match: re.Match[str]) -> str:
        parts = match.groupdict()
        if parts["ab"]:
            found = self._in_order(int(parts["ab"]), int(parts["a"]), int(parts["b"]))
        elif name := parts["month"] or parts["name"]:
            year, day = parts["dmy"] or parts["mdy"], parts["dm"] or parts["md"]
            found = _existing(int(year), _MONTHS[name[:3].lower()], int(day))
        else:
            year = parts["y"] or parts["cy"]
            found = _existing(
                int(year), int(parts["m"] or parts["cm"]), int(parts["d"] or parts["cd"])
            )
        return found.isoformat() if found else match[0]

    def _in_order(self, year: int, first: int, second: int) -> date | None:
        """Return the date of a year and two numbers, None if there is none or it is not certain."""
        day_first, month_first = _existing(year, second, first), _existing(year, first, second)
        if day_first is None or month_first is None or day_first == month_first:
            return day_first or month_first
        return {"day": day_first, "month": month_first}.get(self.date_order)


def _existing(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _normal_amount(match: re.Match[str]) -> str:
    symbol, code = match["symbol"], (match["code"] or "").strip()
    if symbol == "$" and _is_variable(match):
        return match[0]
    amount = match["amount"].replace(",", "") + (match["scale"] or "")
    if code == _CODES[symbol] or (symbol == "$" and code in _CODES.values()):
        return f"{amount} {code}"
    return f"{amount} {_CODES[symbol]}{match['code'] or ''}"


def _is_variable(match: re.Match[str]) -> bool:
    """Tell whether a dollar sign begins a formula or a program's argument."""
    text, start = match.string, match.start()
    if _FORMULA.match(text, match.end()):
        return True
    is_digit = len(match["amount"]) == 1 and match["scale"] is None
    return is_digit and not _PRICED.search(text, max(0, start - 12), start)
