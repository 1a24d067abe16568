"""What response headers say of waiting: ``Retry-After``, and durations as servers write them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "µs": 1e-6}
_PART = r"(\d+(?:\.\d+)?)(ms|us|µs|d|h|m|s)"


def lower_names(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers by their names in lower case, as HTTP does not tell the cases apart."""
    return {name.lower(): value for name, value in headers.items()}


def retry_after_seconds(headers: Mapping[str, str], now_utc: datetime) -> float | None:
    """Return after how many seconds the server wants to be asked again.

    Args:
        headers: The response's: ``retry-after-ms`` in milliseconds, or ``Retry-After`` in seconds
            or as an HTTP date (RFC 9110, section 10.2.3).
        now_utc: The time, with its zone.

    Returns:
        The seconds, 0 at least; None where the server does not say, or not in a known form.
    """
    by_name = lower_names(headers)
    milliseconds = number(by_name.get("retry-after-ms"))
    if milliseconds is not None:
        return max(0.0, milliseconds / 1000)
    given = by_name.get("retry-after")
    seconds = number(given)
    if seconds is not None:
        return max(0.0, seconds)
    date = _date(given)
    return None if date is None else max(0.0, (date - now_utc).total_seconds())


def duration_seconds(text: str | None) -> float | None:
    """Return the seconds of a duration: ``6m0s``, ``2m59.56s``, ``20ms``, ``1s``, or ``59``.

    Returns:
        The seconds; None for anything else, such as a date.
    """
    if text is None:
        return None
    seconds = number(text)
    if seconds is not None:
        return max(0.0, seconds)
    text = text.strip().lower()
    if re.fullmatch(f"(?:{_PART})+", text) is None:
        return None
    return sum(float(amount) * _UNITS[unit] for amount, unit in re.findall(_PART, text))


def number(text: str | None) -> float | None:
    """Return a finite number written in a header, or None."""
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _date(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
