"""Engines in this process: what vLLM's and SGLang's have in common."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import importlib.util
import multiprocessing
from collections.abc import Mapping
from types import ModuleType
from typing import Annotated, Any, ClassVar

from pydantic import Field

from dataflow_core.serving.backend import Backend, ReplyError
from dataflow_core.serving.backends.engine_serving import EngineServing
from dataflow_core.serving.base import Capability
from dataflow_core.serving.jobs import Terms

_CONTEXT_WORDS = ("maximum model length", "max_model_len", "context length", "context window")
_SCHEMA_WORDS = ("schema", "grammar", "structured", "xgrammar", "regex", "guidance", "outlines")


class LocalEngineServing(EngineServing):
    """The base of servings whose engine is in this process.

    Attributes:
        timeout: As in `Serving`; longer here, since requests wait in the engine for their turn.

    Class attributes:
        batch_argument: The argument with which the engine is told how many requests it works on at
            a time.
        usual_batch: How many that are if it is told nothing.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset({"chat", "embed", "schema"})
    batch_argument: ClassVar[str] = ""
    usual_batch: ClassVar[int] = 1_024

    timeout: Annotated[float, Field(gt=0)] = 7_200.0

    @property
    def texts_together(self) -> int:
        """The most texts of one embedding request."""
        return 64

    def lacks(self) -> list[str]:
        """Return that the engine is not here; see `Serving.lacks`."""
        there = importlib.util.find_spec(self.engine) is not None
        return [] if there else [f"{self.name}: {_not_installed(self.engine)}"]

    def count_tokens(self, text: str) -> int:
        """Return how many tokens the model's own tokenizer makes of a text; it loads the model.

        Raises:
            ServingError: The model cannot be loaded.
        """
        return self.tokens_by_backend(text)

    def _terms(self) -> Terms:
        """Return how requests are sent: so many that the engine always has enough to choose from.

        There is nobody else to consider, and so no level to find.
        """
        terms = super()._terms()
        batch = int(self.engine_args.get(self.batch_argument) or self.usual_batch)
        return dataclasses.replace(terms, max_concurrency=terms.max_concurrency or 2 * batch)


class LocalEngineBackend(Backend):
    """An engine in this process; the base of those.

    Attributes:
        tokenizer: The model's tokenizer, as `transformers` makes them.
    """

    tokenizer: Any

    def token_ids(self, text: str) -> list[int]:
        """Return the tokens of a text."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False)
        return ids

    async def count_tokens(self, text: str) -> int:
        """Return how many tokens a text has; see `Backend.count_tokens`."""
        return len(self.token_ids(text))


def _not_installed(engine: str) -> str:
    """Return how to say that an engine is not here."""
    return (
        f"{engine} is not installed. pip install 'dataflow-llm-core[{engine}]', on a machine that "
        f"it supports; or start its server, where that is, with {engine}-server:MODEL."
    )


async def load_engine(package: str, distribution: str) -> ModuleType:
    """Import an engine's package, beside the loop.

    Args:
        package: The package.
        distribution: The extra that brings it.

    Raises:
        ReplyError: It is not there, cannot be imported, or this process is one of its own.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise ReplyError(
            "fatal",
            "the engine's process imports the script that started it, which starts another. Put "
            'what the script does under `if __name__ == "__main__":`.',
        )
    try:
        return await asyncio.to_thread(importlib.import_module, package)
    except ModuleNotFoundError as error:
        if error.name != package.partition(".")[0]:
            told = f"{package} cannot be imported: {error}"
            raise ReplyError("fatal", told) from None
        raise ReplyError("fatal", _not_installed(distribution)) from None
    except (ImportError, OSError) as error:
        raise ReplyError("fatal", f"{package} cannot be imported: {error}") from None


def refusal(error: Exception, *, with_schema: bool) -> ReplyError:
    """Return what it means that an engine refuses a request.

    Args:
        error: What it raised.
        with_schema: Whether the request had a schema.
    """
    told = " ".join(str(error).split())[:500]
    words = told.lower()
    if any(word in words for word in _CONTEXT_WORDS):
        return ReplyError("request", told, reason="context_length")
    if with_schema and any(word in words for word in _SCHEMA_WORDS):
        return ReplyError("schema", told)
    return ReplyError("request", told)


def template_options(sampling: Mapping[str, Any]) -> dict[str, Any]:
    """Return what chat templates are told beside the conversation.

    Args:
        sampling: The sampling parameters.
    """
    options: dict[str, Any] = {}
    effort = sampling.get("reasoning_effort")
    if effort is not None:
        options = {"reasoning_effort": effort, "enable_thinking": effort != "none"}
    return options | dict(sampling.get("extra", {}).get("chat_template_kwargs", {}))
