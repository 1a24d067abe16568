"""What response headers say of limits: OpenAI's names, which many others use, and Anthropic's."""

from __future__ import annotations

from collections.abc import Mapping

from dataflow_core.serving.admission.waiting import duration_seconds, lower_names, number

_LIMITS = {
    "requests_per_minute": ("x-ratelimit-limit-requests", "anthropic-ratelimit-requests-limit"),
    "tokens_per_minute": ("x-ratelimit-limit-tokens", "anthropic-ratelimit-tokens-limit"),
}
_REMAINING = {
    "requests_per_minute": (
        "x-ratelimit-remaining-requests",
        "anthropic-ratelimit-requests-remaining",
    ),
    "tokens_per_minute": ("x-ratelimit-remaining-tokens", "anthropic-ratelimit-tokens-remaining"),
}
_RESET_REQUESTS = "x-ratelimit-reset-requests"


def limits_in(headers: Mapping[str, str]) -> dict[str, float]:
    """Return the limits per minute that the headers of a response tell of.

    Known are ``x-ratelimit-limit-requests`` and ``-tokens`` (OpenAI, Azure, Groq and many others)
    and ``anthropic-ratelimit-requests-limit`` and ``-tokens-limit``. Requests are left
    out where they are of another span: of a day at Groq, of seconds at Azure.

    Args:
        headers: The headers, by their names in any case.

    Returns:
        ``requests_per_minute`` and ``tokens_per_minute``, as far as they are there.
    """
    by_name = lower_names(headers)
    found = _numbers(by_name, _LIMITS)
    limits = {name: limit for name, limit in found.items() if limit > 0}  # Azure has -1 at times
    requests = limits.get("requests_per_minute")
    if requests is not None and (_is_azure(by_name) or _are_of_a_day(by_name, requests)):
        del limits["requests_per_minute"]
    return limits


def remaining_in(headers: Mapping[str, str]) -> dict[str, float]:
    """Return what is left of the limits, by the names of `limits_in`."""
    found = _numbers(lower_names(headers), _REMAINING)
    return {name: left for name, left in found.items() if left >= 0}


def _is_azure(headers: Mapping[str, str]) -> bool:
    """Tell whether it was Azure that answered: its limit of requests is one of 1 or 10 seconds."""
    return any(name.startswith(("x-ms-", "apim-")) for name in headers)


def _numbers(headers: Mapping[str, str], names: Mapping[str, tuple[str, ...]]) -> dict[str, float]:
    found = {}
    for name, spellings in names.items():
        numbers = (number(headers.get(spelling)) for spelling in spellings)
        value = next((value for value in numbers if value is not None), None)
        if value is not None:
            found[name] = value
    return found


def _are_of_a_day(headers: Mapping[str, str], limit: float) -> bool:
    """Tell whether a limit of requests is one of a day, by how long those used take to come back.

    Headers do not say of which span a limit is, but of 14,400 requests 30 take 180 seconds to come
    back if the span is a day, and an eighth of a second if it is a minute. Limits of tokens in
    headers are always of a minute.
    """
    reset = duration_seconds(headers.get(_RESET_REQUESTS))
    remaining = _numbers(headers, _REMAINING).get("requests_per_minute")
    if reset is None or remaining is None or remaining >= limit:
        return False
    span = reset * limit / (limit - remaining)
    return 43_200 <= span <= 172_800
