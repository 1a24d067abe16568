"""Retrievers: what finds the passages of a corpus that belong to a query."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_serializer

from dataflow_core.configuration import explain
from dataflow_core.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Passage:
    """What was found.

    Attributes:
        id: What the corpus calls it; None for nothing.
        text: Its text.
        score: How well it fits the query; larger is better, and only comparable within one query.
    """

    id: str | None
    text: str
    score: float


class Retriever(BaseModel, ABC):
    """Finds passages in a corpus of its own: an index on disk, a search server.

    Fields are the configuration: validated, immutable, and all that construction does; indexes and
    connections are opened by the first query. `retrieve` may be called by several threads at once.

    Example:
        >>> class Echo(Retriever):
        ...     '''Find the query itself.'''
        ...
        ...     def fingerprint(self):
        ...         return {"corpus": "echo"}
        ...
        ...     def retrieve(self, queries, k):
        ...         return [[Passage(query, query, 1.0)][:k] for query in queries]
        >>> Echo().retrieve(["so"], k=3)
        [[Passage(id='so', text='so', score=1.0)]]
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    def __init__(self, **configuration: Any) -> None:
        try:
            super().__init__(**configuration)
        except ValidationError as error:
            raise ConfigurationError(explain(type(self), error)) from None

    @model_serializer
    def _refuse(self) -> dict[str, Any]:
        # Its fields would not say of which class it is.
        raise ValueError(f"{type(self).__name__} is a retriever, which no file has a form for")

    @abstractmethod
    def fingerprint(self) -> dict[str, Any]:
        """Return what determines what is found: the corpus by content, and how it is searched."""

    @abstractmethod
    def retrieve(self, queries: Sequence[str], k: int) -> Sequence[Sequence[Passage]]:
        """Return at most ``k`` passages for each query, the best first.

        What is found for a query depends on no other query.

        Args:
            queries: The queries, none of them blank.
            k: The most passages of a query.
        """
