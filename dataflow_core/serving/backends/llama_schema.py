"""What of a JSON schema llama.cpp can enforce: all but some patterns of texts.

It knows only patterns for the whole text, ``^…$``, without most escapes; of others it complains
on standard error with every request, and takes any text. These are left out before; answers are
validated against the whole schema later anyway.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_ESCAPES = {"d": "0-9", "w": "A-Za-z0-9_", "s": r" \t\n\r"}
_TOKEN = re.compile(r"\\(.)|(\[)|(\])|.", re.DOTALL)
_UNKNOWN = re.compile(r"\\[A-Za-mo-qsu-z0-9]|\(\?(?!:)|[*+?}][?+]")
_VALUES = ("const", "enum", "default", "examples")


def enforceable(schema: Any) -> Any:
    r"""Return a schema without the patterns that llama.cpp does not know.

    Example:
        >>> enforceable({"type": "string", "pattern": r"^\d+$"})
        {'type': 'string', 'pattern': '^[0-9]+$'}
        >>> enforceable({"type": "string", "pattern": "(?i)yes"})
        {'type': 'string'}
    """
    if isinstance(schema, list):
        return [enforceable(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    kept = {}
    for name, value in schema.items():
        if name == "pattern" and isinstance(value, str):
            if (pattern := _known(value)) is not None:
                kept[name] = pattern
        else:
            kept[name] = value if name in _VALUES else enforceable(value)
    return kept


def _known(pattern: str) -> str | None:
    """Return a pattern in the words that llama.cpp knows; None where it has none."""
    if not (pattern.startswith("^") and pattern.endswith("$")) or pattern.endswith(r"\$"):
        return None
    written, in_class = [], False
    for token in _TOKEN.finditer(pattern):
        escaped, opens, closes = token.groups()
        in_class = bool(opens) or (in_class and not closes)
        if escaped in _ESCAPES:
            inside = _ESCAPES[escaped]
            written.append(inside if in_class else f"[{inside}]")
        else:
            written.append(token[0])
    told = "".join(written)
    return None if _UNKNOWN.search(told) else told
