"""Bytes of web pages as text: which encoding they are in, by what they say and what they are."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Literal

Origin = Literal["bom", "header", "meta", "content", "detected"]

_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_META_BYTES = 4096
_META = re.compile(rb"""<meta\b[^>]*?\bcharset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_XML = re.compile(rb"""\s*<\?xml\b[^>]*?\bencoding\s*=\s*["']([\w.:-]+)""", re.IGNORECASE)

# The Encoding Standard reads these labels as a larger encoding, since pages use it under them.
_LARGER = {
    "ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874",
    "tis-620": "cp874", "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932",
    "euc_kr": "cp949", "big5": "big5hkscs", "utf-16": "utf-16-le", "utf-8-sig": "utf-8",
}  # fmt: skip
# Labels of that standard which Python lacks.
_LABELS = {
    "x-sjis": "cp932", "windows-874": "cp874", "x-gbk": "gb18030", "x-euc-jp": "euc_jp",
    "x-x-big5": "big5hkscs", "iso-8859-8-i": "iso8859-8", "x-mac-cyrillic": "mac-cyrillic",
}  # fmt: skip
_NO_TEXT = frozenset({"utf-7", "punycode", "idna", "unicode_escape", "raw_unicode_escape"})
# Encodings in which bytes of another one soon mean nothing; in others, nearly all bytes are text.
_SEVERAL_BYTES = (
    "utf-", "gb", "hz", "big5", "cp932", "cp949", "cp950", "euc", "shift_jis", "iso2022", "johab"
)  # fmt: skip
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_BETWEEN_TAGS = re.compile(rb"[^<>]+")
# Encodings between which a detection may not decide, those of more pages first; the second Latin
# one before its larger sibling, whose letters it would show as control characters.
_COMMON = ("cp1252", "cp1251", "iso8859_2", "cp1250", "cp1254")
_DETECT_BYTES, _CONTEXT_BYTES = 1 << 15, 1 << 8
_WRONG_SHARE = 0.1


@dataclass(frozen=True)
class Decoded:
    """Some bytes as text.

    Attributes:
        text: The text; None if no encoding fits.
        charset: The encoding, by Python's name.
        origin: What told it.
        replaced: The number of characters U+FFFD that stand for undecodable bytes.
    """

    text: str | None = None
    charset: str | None = None
    origin: Origin | None = None
    replaced: int = 0


def decode(data: bytes, declared: str | None, *, markup: bool) -> Decoded:
    """Return bytes as text.

    What is declared comes first: by a byte-order mark, the HTTP header, the page itself. The first
    encoding in which all bytes have a meaning is taken, UTF-8 (``"content"``) the last of them. If
    there is none, one in which all but a few characters have a meaning; if there is none either,
    the encoding is detected. Since nearly any bytes are text in the encodings of one byte a
    character, UTF-8 comes before these.

    Args:
        data: The bytes.
        declared: The encoding that the HTTP header or the record names.
        markup: Whether the bytes are HTML or XML, which may name an encoding itself.

    Source: Encoding Standard (WHATWG), section 4.2, for names; HTML Standard (WHATWG), section
    13.2.3.2, for the order.
    """
    for mark, charset in _BOMS:
        if data.startswith(mark):
            return _with_replacements(data[len(mark) :], charset, "bom")
    candidates = _candidates(data, declared, markup=markup)
    for charset, origin in candidates:
        try:
            return Decoded(data.decode(charset), charset, origin)
        except UnicodeDecodeError:
            continue
    for charset, origin in candidates:
        found = _with_replacements(data, charset, origin)
        if _is_nearly_right(found):
            return found
    return _detected(data)


def is_wide(data: bytes, declared: str | None) -> bool:
    """Tell whether bytes are in an encoding with null bytes in plain text: UTF-16 or UTF-32."""
    wide = (declared or "").lower().startswith(("utf-16", "utf-32"))
    return wide or data.startswith((b"\xff\xfe", b"\xfe\xff"))


def _candidates(data: bytes, declared: str | None, *, markup: bool) -> list[tuple[str, Origin]]:
    named: list[tuple[str | None, Origin]] = [(declared, "header")]
    if markup:
        named.append((_declared_inside(data), "meta"))
    found = [(charset, origin) for name, origin in named if (charset := _known(name))]
    loose = (n for n, (charset, _) in enumerate(found) if not charset.startswith(_SEVERAL_BYTES))
    found.insert(next(loose, len(found)), ("utf-8", "content"))
    return found


def _declared_inside(data: bytes) -> str | None:
    head = data[:_META_BYTES]
    found = _XML.match(head) or _META.search(head)
    if found is None:
        return None
    name = found[1].decode("ascii", "replace")
    # What can be read as ASCII is not in UTF-16, whatever it says.
    return "utf-8" if name.lower().startswith("utf-16") else name


def _known(name: str | None) -> str | None:
    """Return Python's name of an encoding of texts, None if it has none."""
    try:
        found = codecs.lookup(_LABELS.get((name or "").lower(), name or "")).name
        b"text".decode(found, "replace")  # Some codecs are no encodings of texts, such as base64.
    except (LookupError, ValueError):
        return None
    return None if found in _NO_TEXT else _LARGER.get(found, found)


def _with_replacements(data: bytes, charset: str, origin: Origin) -> Decoded:
    text = data.decode(charset, "replace")
    return Decoded(text, charset, origin, text.count("\ufffd"))


def _is_nearly_right(found: Decoded) -> bool:
    text = found.text or ""
    beyond_ascii = len(text) - len(text.encode("ascii", "ignore"))
    return found.replaced <= max(1, beyond_ascii * _WRONG_SHARE)


def _detected(data: bytes) -> Decoded:
    from charset_normalizer import from_bytes

    matches = from_bytes(_telling(data))
    best = matches.best()
    if best is None:
        return Decoded()
    equal = [one for one in matches if (one.chaos, one.coherence) == (best.chaos, best.coherence)]
    names = [name for one in equal for name in one.could_be_from_charset]
    charset = next((name for name in _COMMON if name in names), best.encoding)
    found = _with_replacements(data, codecs.lookup(charset).name, "detected")
    return found if _is_nearly_right(found) else Decoded()


def _telling(data: bytes) -> bytes:
    """Return the first texts between tags that are not ASCII, which most encodings share."""
    parts: list[bytes] = []
    size = 0
    for part in _BETWEEN_TAGS.finditer(data):
        if first := _BEYOND_ASCII.search(part[0]):
            start = max(0, first.start() - _CONTEXT_BYTES)
            parts.append(part[0][start : start + _DETECT_BYTES])
            size += len(parts[-1])
        if size > _DETECT_BYTES:
            break
    return b" ".join(parts)
