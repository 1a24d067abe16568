"""Stands in for the serving of a step, until that is given its own."""

from __future__ import annotations

from typing import ClassVar

from dataflow_core.errors import ConfigurationError
from dataflow_core.serving.backend import Backend
from dataflow_core.serving.base import Capability, Serving


class Placeholder(Serving):
    """A serving that is none: a plan in which one is left is refused before it runs."""

    prefix: ClassVar[str] = "none"
    capabilities: ClassVar[frozenset[Capability]] = frozenset({"chat", "embed", "schema", "images"})

    model: str = "none"

    def open_backend(self) -> Backend:
        """Refuse to ask.

        Raises:
            ConfigurationError: Always.
        """
        raise ConfigurationError("there is no serving yet that could be asked: give one first.")
