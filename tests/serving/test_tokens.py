"""Tokens: estimates near what a real tokeniser counts, exact counts, and images by their size."""

from __future__ import annotations

import base64
import gzip
import json
import struct
import sys
import timeit
import zlib
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow_core.serving import tokens
from dataflow_core.serving.image_tokens import image_size, image_tokens, tokens_of_image
from dataflow_core.serving.tokens import count_tokens, estimate_tokens, prompt_tokens

MATHS = r"""Let $f(x) = \frac{x^2 - 1}{x - 1}$ for $x \neq 1$. Then $\lim_{x \to 1} f(x) = 2$,
since $f(x) = x + 1$ there. By induction, $\sum_{k=1}^{n} k = \frac{n(n+1)}{2}$, and hence
$\int_0^1 x^n \, dx = \frac{1}{n+1}$. \boxed{2}"""


def sample(language: str) -> list[str]:
    packed = (resources.files("dataflow_core.demo") / "web_sample.jsonl.gz").read_bytes()
    rows = map(json.loads, gzip.decompress(packed).splitlines())
    return [row["text"] for row in rows if row["language"] == language and row["text"]]


def code() -> list[str]:
    folder = resources.files("dataflow_core.serving")
    return [(folder / f"{name}.py").read_text("utf-8") for name in ("pricing", "budget", "tokens")]


@pytest.fixture
def count():
    pytest.importorskip("bpe_openai")

    def counted(text: str) -> int:
        found = count_tokens(text, "gpt-4o")
        assert found is not None
        return found

    return counted


@pytest.mark.parametrize(
    ("texts", "single", "total"),
    [
        (sample("en"), 0.15, 0.05),
        (sample("zh"), 0.3, 0.12),
        (sample("de") + sample("fr") + sample("es"), 0.2, 0.1),
        (sample("ru") + sample("ar") + sample("ja"), 0.25, 0.12),
        (code(), 0.2, 0.12),
        ([MATHS], 0.15, 0.15),
    ],
    ids=["English", "Chinese", "European", "other scripts", "code", "maths"],
)
def test_estimates_are_near_the_true_numbers(texts, single, total, count):
    pairs = [(estimate_tokens(text), count(text)) for text in texts if len(text) > 100]
    errors = sorted(abs(estimated - true) / true for estimated, true in pairs)
    assert pairs
    assert errors[int(0.9 * len(errors))] < single
    assert sum(a for a, _ in pairs) == pytest.approx(sum(b for _, b in pairs), rel=total)


def test_an_empty_text_has_none_and_any_other_has_some():
    assert estimate_tokens("") == 0
    assert all(estimate_tokens(text) >= 1 for text in (" ", "\n", "a", "\ud800", " " * 1_000, "语"))


@given(st.text("aB3 \n.éя语한ก😀\ud800"))
def test_a_longer_text_has_no_fewer_tokens(text):
    assert estimate_tokens(text) <= estimate_tokens(text + "und語7 ") + 1


def test_short_texts_are_estimated_fast():
    text = "What is the capital of France, and how many people live there?"
    best = min(timeit.repeat(lambda: estimate_tokens(text), number=2_000, repeat=5)) / 2_000
    assert best < 20e-6  # about 1 µs; a busy machine may take longer


@pytest.mark.parametrize(
    ("model", "tokens_of_hello"),
    [
        ("gpt-4o-mini-2024-07-18", 2),
        ("gpt-5.4-mini", 2),
        ("o3", 2),
        ("ft:gpt-4o-mini:org::id", 2),
        ("text-embedding-3-small", 2),
        ("gpt-4", 2),
        ("qwen2.5-7b", None),
        ("o200", None),
        ("gpt-4.7", None),
        ("gpt-40", None),
    ],
)
def test_models_of_openai_are_counted_and_others_are_not(model, tokens_of_hello, count):
    assert count_tokens("hello world", model) == tokens_of_hello


def test_vocabularies_differ_by_model(count):
    text = "机器学习模型需要大量的训练数据" * 5
    assert count_tokens(text, "gpt-4o") < count_tokens(text, "gpt-4")


def test_what_looks_like_a_special_token_is_text(count):
    assert count("<|endoftext|>") > 1
    assert count("broken \ud800 text") > 1


def test_without_the_package_nothing_is_counted(monkeypatch):
    monkeypatch.setitem(sys.modules, "bpe_openai", None)
    tokens._encoder.cache_clear()
    try:
        assert count_tokens("hello", "gpt-4o") is None
        assert prompt_tokens([{"role": "user", "content": "hello"}], "gpt-4o") > 0
    finally:
        tokens._encoder.cache_clear()


# Conversations and images


def png(width: int, height: int) -> bytes:
    rows = zlib.compress(b"".join(b"\0" + b"\0" * width for _ in range(height)))

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def jpeg(width: int, height: int) -> bytes:
    application = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF" + b"\0" * 10
    huffman = b"\xff\xc4" + struct.pack(">H", 5) + b"\0\0\0"
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 17, 8, height, width, 3) + b"\0" * 9
    return b"\xff\xd8" + application + huffman + frame


def webp(kind: bytes, width: int, height: int) -> bytes:
    if kind == b"VP8X":
        size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        body = b"\0" * 4 + size
    elif kind == b"VP8L":
        body = b"\x2f" + ((width - 1) | (height - 1) << 14).to_bytes(4, "little")
    else:
        body = b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height)
    return b"RIFF" + struct.pack("<I", 100) + b"WEBP" + kind + struct.pack("<I", 50) + body


@pytest.mark.parametrize(
    "image",
    [
        png(300, 200),
        jpeg(300, 200),
        b"GIF89a" + struct.pack("<HH", 300, 200),
        webp(b"VP8X", 300, 200),
        webp(b"VP8L", 300, 200),
        webp(b"VP8 ", 300, 200),
    ],
    ids=["png", "jpeg", "gif", "webp", "webp lossless", "webp lossy"],
)
def test_sizes_are_read_and_cut_off_images_have_none(image):
    assert image_size(image) == (300, 200)
    for end in range(9):
        assert image_size(image[:end]) is None


@given(
    st.binary(max_size=60), st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"GIF8", b"RIFF"])
)
def test_any_bytes_have_a_size_or_none(data, magic):
    size = image_size(magic + data)
    assert size is None or min(size) > 0


@pytest.mark.parametrize(
    ("width", "height", "model", "low", "wanted"),
    [
        # The examples of OpenAI's guide.
        (1_024, 1_024, "gpt-4o", False, 765),
        (2_048, 4_096, "gpt-4o", False, 1_105),
        (4_096, 8_192, "gpt-4o", True, 85),
        (1_024, 1_024, "gpt-4.1-mini-2025-04-14", False, 1_659),  # 1,024 patches × 1.62
        (1_800, 2_400, "o4-mini", False, 2_498),  # 1,452 patches × 1.72
        (1_024, 1_024, "gpt-4o-mini", False, 25_501),
        (1_024, 1_024, "gpt-5", False, 630),
        (100, 100, None, False, 255),
        (1, 100_000, None, False, 765),
    ],
)
def test_images_are_reckoned_by_the_published_rules(width, height, model, low, wanted):
    assert image_tokens(width, height, model, low=low) == wanted


def data_url(image: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(image).decode()


def test_an_image_in_a_message_counts_by_its_size():
    small, large = data_url(png(64, 64)), data_url(png(2_000, 700))
    assert tokens_of_image({"url": small}) == 255
    assert tokens_of_image({"url": large}) == 85 + 170 * 8
    assert tokens_of_image({"url": large, "detail": "low"}) == 85


@pytest.mark.parametrize(
    "given_image",
    [{"url": "https://example.org/a.png"}, {"url": "data:image/png;base64,####"}, {}, None, "x"],
)
def test_an_image_of_unknown_size_counts_like_a_usual_one(given_image):
    assert tokens_of_image(given_image) == 765


def test_a_conversation_counts_its_texts_images_and_messages(count):
    text = "Describe this image in one sentence."
    messages = [
        {"role": "system", "content": text},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": text},
                {"type": "image_url", "image_url": {"url": data_url(png(64, 64))}},
            ],
        },
        {"role": "assistant", "content": None, "tool_calls": []},
    ]
    assert prompt_tokens(messages, "gpt-4o") == 3 + 3 * 4 + 2 * count(text) + 255
    assert prompt_tokens(messages) == 3 + 3 * 4 + 2 * estimate_tokens(text) + 255
