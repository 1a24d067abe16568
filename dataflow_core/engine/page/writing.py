"""How the page writes numbers, times and the texts of rows."""

from __future__ import annotations

import difflib
import re

TEXT_LENGTH = 320

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
# What browsers would drop or take for something else: shown by Unicode's pictures of them.
_CONTROLS = {code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\t\n"}
_CONTROLS |= {0x7F: "\u2421", ord("\r"): ""}


def number(value: float | None) -> str:
    """Return a number of three digits, or all of those before the point; – for none."""
    if value is None:
        return "–"
    if value < 0:
        return f"−{number(-value)}"
    if isinstance(value, int) or (value < 1e15 and value == int(value)):
        return f"{int(value):,}"
    return f"{value:,.0f}" if 100 <= value < 1e15 else f"{value:.3g}"


def per_second(rows: int, seconds: float) -> str:
    """Return a speed in rows a second; – where no time passed."""
    return f"{rows / seconds:,.0f}" if seconds > 0 else "–"


def share(part: float, whole: float) -> str:
    """Return a part of a whole in percent, none of which is 0 unless the part is; – of nothing."""
    if whole <= 0:
        return "–"
    percent = 100 * part / whole
    if 0 < percent < 0.1:
        return "<0.1 %"
    if 99.9 < percent < 100:
        return ">99.9 %"
    return f"{percent:.2g} %" if percent < 10 else f"{percent:.1f} %".replace(".0 ", " ")


def percent(part: float, whole: float) -> str:
    """Return a part of a whole as a width in style sheets."""
    return f"{100 * min(max(part / whole, 0.0), 1.0):.2f}%" if part and whole > 0 else "0%"


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.0005 else "<1 ms"
    if seconds < 99.5:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def text(value: object, most: int = TEXT_LENGTH) -> str:
    """Return a text that is not too long and has no invisible control characters."""
    shown = str(value)
    shown = shown if len(shown) <= most else shown[: most - 1] + "…"
    return shown.translate(_CONTROLS).encode("utf-8", "replace").decode()  # lone surrogates


def words(name: str) -> str:
    """Return a short snake-case word, such as a reason, as words."""
    return text(name, 120).replace("_", " ")


def differences(before: str, after: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return two texts as parts of a kind: ``same``, or ``gone`` and ``new`` where they differ."""
    ends = [shown[-1:] == "…" for shown in (before, after)]
    old, new = (
        _TOKEN.findall(text(shown.removesuffix("…") if any(ends) else shown))
        for shown in (before, after)
    )
    was: list[tuple[str, str]] = []
    now: list[tuple[str, str]] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(
        str.isspace, old, new, autojunk=False
    ).get_opcodes():
        # Where texts are cut, their ends differ because of it.
        same = kind == "equal" or (any(ends) and b == len(old) and d == len(new))
        for into, part, name in ((was, old[a:b], "gone"), (now, new[c:d], "new")):
            if part:
                into.append(("same" if same else name, _visible("".join(part), same)))
    for into, end in zip((was, now), ends, strict=True):
        if end:
            into.append(("same", "…"))
    return was, now


def _visible(part: str, same: bool) -> str:
    """Return a part in which line ends that came or went can be seen."""
    return part if same else part.replace("\n", "↵\n").replace("\t", "⇥\t")
