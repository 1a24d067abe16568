"""Which endpoint a path leads to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from dataflow_core.testing.server.endpoint import Endpoint
from dataflow_core.testing.server.gemini_api import METHODS
from dataflow_core.testing.server.openai_api import ChatCompletions, Completions, Embeddings

_GEMINI = "/v1beta/models/"


@dataclass(frozen=True, slots=True)
class Route:
    """Where a path leads.

    Attributes:
        endpoint: The endpoint; where there is none, one that can tell so in its API's way.
        model: The model, where the path names it.
        known: Whether there is an endpoint.
    """

    endpoint: Endpoint
    model: str = ""
    known: bool = True


_OPENAI: Mapping[str, Route] = {
    "/v1/chat/completions": Route(ChatCompletions()),
    "/v1/completions": Route(Completions()),
    "/v1/embeddings": Route(Embeddings()),
}
_NOWHERE = Route(ChatCompletions(), known=False)


def route(path: str) -> Route:
    """Return where a path leads."""
    if not path.startswith(_GEMINI):
        return _OPENAI.get(path, _NOWHERE)
    model, _, method = unquote(path[len(_GEMINI) :]).rpartition(":")
    return Route(METHODS.get(method, METHODS["countTokens"]), model, method in METHODS)
