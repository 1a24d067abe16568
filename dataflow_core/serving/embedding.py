"""Embedding: texts become vectors, out of the store where they are, else from the model, once."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dataflow_core.serving.asking import Answered, Asked
from dataflow_core.serving.completion import Embedding, Failure
from dataflow_core.serving.messages import is_null, require_list
from dataflow_core.serving.scope import Scope
from dataflow_core.serving.store import prompt_digest
from dataflow_core.serving.tokens import estimate_tokens

if TYPE_CHECKING:
    from dataflow_core.serving.base import Serving

_NULL = Embedding(error=Failure("null_input", "the text is null: it has no vector"))
_EMPTY = Embedding(error=Failure("empty_text", "the text is empty: it has no vector"))


def embed(serving: Serving, texts: Sequence[str | None], scope: Scope) -> list[Embedding]:
    """Return the vector of each text; see `Serving.embed`."""
    require_list(texts, "embed", "texts")
    settings = serving.settings("embed", serving.embedding_parameters(), None, None)
    places: list[int] = []
    asked: list[Asked] = []
    embeddings = [_NULL] * len(texts)
    for place, text in enumerate(texts):
        if is_null(text):
            continue
        if not isinstance(text, str):
            told = f"the input is of type {type(text).__name__}; a text is wanted"
            failure = Failure("invalid_input", told, None, repr(text)[:200])
            embeddings[place] = Embedding(error=failure)
            continue
        if not text.strip():
            embeddings[place] = _EMPTY
            continue
        places.append(place)
        asked.append(Asked(settings.question(prompt_digest(text)), text, estimate_tokens(text)))
    answered = serving.asking().ask(asked, scope, serving.texts_together)
    for place, one in zip(places, answered, strict=True):
        embeddings[place] = _embedding(one)
    return embeddings


def _embedding(one: Answered) -> Embedding:
    if one.vector is None:
        return Embedding(error=one.failure)
    vector = array("f", one.vector).tolist()
    return Embedding(vector, one.usage, None, one.cost, one.reused)
