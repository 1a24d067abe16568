"""How many tokens an image has, by the rules that OpenAI publishes for its models.

Source: https://developers.openai.com/api/docs/guides/images-vision. Other servers count otherwise;
for them it is a guess of the right size.
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Mapping
from typing import Any

_UNKNOWN_SIZE = (1_024, 1_024)
"""Width and height that an image counts with whose size is not known."""

_TILE = 512
_FIT = 2_048
_SHORT_SIDE = 768
_TILE_RATES = {
    "gpt-4o-mini": (2_833, 5_667),
    "gpt-4o": (85, 170),
    "gpt-4.1": (85, 170),
    "gpt-5": (70, 140),
    "o1": (75, 150),
    "o3": (75, 150),
}
"""Tokens of an image, and of each tile of 512 by 512 pixels."""

_PATCH = 32
_MOST_PATCHES = 1_536
_PATCH_RATES = {
    "gpt-4.1-mini": 1.62,
    "gpt-4.1-nano": 2.46,
    "gpt-5-mini": 1.62,
    "gpt-5-nano": 2.46,
    "o4-mini": 1.72,
}
"""Tokens of each patch of 32 by 32 pixels."""

_HEAD = 64 * 1024


def tokens_of_image(image_url: Any, model: str | None = None) -> int:
    """Return about how many tokens an image of a message has.

    Args:
        image_url: What the message's part has as ``image_url``: an object with ``url`` and perhaps
            ``detail``. Only of ``data:`` addresses is the size known.
        model: The model's name.
    """
    given = image_url if isinstance(image_url, Mapping) else {"url": image_url}
    size = image_size(_head(str(given.get("url") or "")))
    low = given.get("detail") == "low"
    width, height = size or _UNKNOWN_SIZE
    return image_tokens(width, height, model, low=low)


def image_tokens(width: int, height: int, model: str | None = None, *, low: bool = False) -> int:
    """Return how many tokens an image has for a model of OpenAI.

    Args:
        width: Its width in pixels.
        height: Its height in pixels.
        model: The model; one that is not known counts like gpt-4o.
        low: Whether it is sent with ``"detail": "low"``.

    Example:
        >>> image_tokens(1024, 1024, "gpt-4o")
        765
        >>> image_tokens(1024, 1024, "gpt-4.1-mini")
        1659
    """
    by_patches, by_tiles = (_longest_name(model, rates) for rates in (_PATCH_RATES, _TILE_RATES))
    if len(by_patches) > len(by_tiles):
        return math.ceil(_patches(width, height) * _PATCH_RATES[by_patches])
    base, each = _TILE_RATES[by_tiles or "gpt-4o"]
    return base if low else base + each * _tiles(width, height)


def image_size(head: bytes) -> tuple[int, int] | None:
    """Return width and height of a PNG, GIF, JPEG or WebP image, from its first bytes."""
    try:
        if head.startswith(b"\x89PNG\r\n\x1a\n"):
            size: tuple[int, int] = struct.unpack(">II", head[16:24])
        elif head.startswith(b"GIF8"):
            size = struct.unpack("<HH", head[6:10])
        elif head.startswith(b"\xff\xd8"):
            return _jpeg_size(head)
        elif head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            size = _webp_size(head)
        else:
            return None
    except struct.error:
        return None
    return size if min(size) > 0 else None


def _tiles(width: int, height: int) -> int:
    scale = min(1.0, _FIT / max(width, height))
    scale = min(scale, _SHORT_SIDE / min(width, height))
    return math.ceil(width * scale / _TILE) * math.ceil(height * scale / _TILE)


def _patches(width: int, height: int) -> int:
    patches = math.ceil(width / _PATCH) * math.ceil(height / _PATCH)
    if patches <= _MOST_PATCHES:
        return patches
    scale = math.sqrt(_MOST_PATCHES * _PATCH**2 / (width * height))
    across, down = width * scale / _PATCH, height * scale / _PATCH
    scale = min(math.floor(across) / across, math.floor(down) / down)  # whole patches, one way
    patches = math.ceil(across * scale - 1e-9) * math.ceil(down * scale - 1e-9)
    return max(1, min(_MOST_PATCHES, patches))


def _longest_name(model: str | None, rates: Mapping[str, Any]) -> str:
    names = (name for name in rates if model is not None and model.startswith(name))
    return max(names, key=len, default="")


def _head(url: str) -> bytes:
    """Return the first bytes of what a ``data:`` address holds."""
    start, _, encoded = url.partition(",")
    if not start.startswith("data:") or not start.endswith(";base64"):
        return b""
    encoded = encoded[: _HEAD // 3 * 4]
    try:
        return base64.b64decode(encoded[: len(encoded) // 4 * 4])
    except binascii.Error:
        return b""


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    """Walk the segments to the one that begins a frame (SOF0 to SOF15, without DHT, JPG, DAC)."""
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack(">HH", head[at + 5 : at + 9])
            return (width, height) if width and height else None
        at += 2 + int.from_bytes(head[at + 2 : at + 4], "big")
    return None


def _webp_size(head: bytes) -> tuple[int, int]:
    kind = head[12:16]
    if kind == b"VP8X":
        return (
            int.from_bytes(head[24:27], "little") + 1,
            int.from_bytes(head[27:30], "little") + 1,
        )
    if kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack("<HH", head[26:30])
    return width & 0x3FFF, height & 0x3FFF
