"""The serving of an SGLang engine in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import orjson

from dataflow_core.serving.backend import Backend, ChatRequest, Message, Reply, ReplyError, Vectors
from dataflow_core.serving.backends.bodies import (
    Unsound,
    nonsense,
    sound_reply,
    sound_vectors,
    tokens,
)
from dataflow_core.serving.backends.local_engine import (
    LocalEngineBackend,
    LocalEngineServing,
    load_engine,
    refusal,
    template_options,
)
from dataflow_core.serving.backends.openai_answers import split_thoughts
from dataflow_core.serving.completion import Usage
from dataflow_core.serving.messages import text_of

_NAMES = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "seed": "sampling_seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "repetition_penalty": "repetition_penalty",
}


class SGLangServing(LocalEngineServing):
    """Models in an SGLang engine of this process, which the first call loads.

    For vectors, load it with ``engine_args={"is_embedding": True}``. ``extra`` takes what SGLang's
    sampling parameters know beyond those here, such as ``min_new_tokens``, and
    ``chat_template_kwargs``.

    SGLang's engine, when it is closed, ends all processes that this process has started, and not
    its own only. Where that must not be, start its server: ``sglang-server:MODEL``.

    Attributes:
        engine_args: SGLang's server arguments, such as ``{"tp_size": 2}``.

    Example:
        >>> SGLangServing(model="Qwen/Qwen3-8B", engine_args={"tp_size": 2}).spec
        'sglang:Qwen/Qwen3-8B#engine_args={"tp_size":2}'
    """

    prefix: ClassVar[str] = "sglang"
    engine: ClassVar[str] = "sglang"
    batch_argument: ClassVar[str] = "max_running_requests"

    def open_backend(self) -> Backend:
        """Return the engine, not loaded yet."""
        return SGLangBackend(self)


class SGLangBackend(LocalEngineBackend):
    """Requests to an SGLang engine.

    Args:
        serving: The configuration.
    """

    def __init__(self, serving: SGLangServing) -> None:
        self._serving = serving
        self._engine: Any = None

    async def open(self) -> None:
        """Load the model; see `Backend.open`."""
        sglang = await load_engine("sglang", "sglang")
        serving = self._serving
        try:
            # Beside the loop, to which it binds itself with the first request only.
            self._engine = await asyncio.to_thread(
                sglang.Engine, model_path=serving.model, **serving.engine_args
            )
        except TypeError as error:
            raise ReplyError("fatal", f"engine_args: {error}") from None
        except Exception as error:
            told = f"the model cannot be loaded: {type(error).__name__}: {error}"
            raise ReplyError("fatal", told) from error
        self.tokenizer = self._engine.tokenizer_manager.tokenizer

    async def chat(self, request: ChatRequest) -> Reply:
        """Return the model's answer; see `Backend.chat`."""
        ids = self._prompt(request.messages, request.sampling)
        try:
            answer = await self._engine.async_generate(
                input_ids=ids, sampling_params=_parameters(request)
            )
        except Exception as error:  # noqa: BLE001  engines raise what they like
            raise _error(error, with_schema=request.schema is not None) from None
        try:
            return _reply(answer)
        except (AttributeError, KeyError, TypeError, Unsound) as error:
            raise nonsense(error) from None

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of some texts; see `Backend.embed`."""
        try:
            answers = await self._engine.async_encode(list(texts))
        except Exception as error:  # noqa: BLE001  engines raise what they like
            raise _error(error, with_schema=False) from None
        try:
            vectors = sound_vectors([one["embedding"] for one in answers], len(texts))
            return Vectors(
                vectors, Usage(sum(tokens(one["meta_info"]["prompt_tokens"]) for one in answers))
            )
        except (KeyError, TypeError, Unsound) as error:
            raise nonsense(error) from None

    async def close(self) -> None:
        """End the engine, which gives its memory back."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await asyncio.to_thread(engine.shutdown)

    def _prompt(self, messages: Sequence[Message], sampling: Mapping[str, Any]) -> list[int]:
        """Return a conversation as the tokens that the model reads.

        Raises:
            ReplyError: The model has no chat template, or its template refuses the conversation.
        """
        if getattr(self.tokenizer, "chat_template", None) is None:
            told = "the model has no chat template; take one that is tuned for instructions"
            raise ReplyError("fatal", told)
        plain = [_plain(message) for message in messages]
        try:
            text = self.tokenizer.apply_chat_template(
                plain, tokenize=False, add_generation_prompt=True, **template_options(sampling)
            )
        except Exception as error:  # noqa: BLE001  a template is a program of the model's makers
            told = f"the model's chat template refuses the conversation: {error}"
            raise ReplyError("request", told) from None
        try:
            return self.token_ids(text)
        except Exception as error:  # noqa: BLE001  tokenizers raise what they like
            raise _error(error, with_schema=False) from None


def _plain(message: Message) -> dict[str, Any]:
    """Return a message whose content is a text, as all templates take it."""
    if isinstance(message.get("content"), list):
        return {**message, "content": text_of(message)}
    return dict(message)


def _parameters(request: ChatRequest) -> dict[str, Any]:
    """Return the sampling parameters as SGLang wants them."""
    ours = request.sampling
    told = {theirs: ours[name] for name, theirs in _NAMES.items() if name in ours}
    told["max_new_tokens"] = ours.get("max_tokens")  # None for as many as the model can
    if "stop" in ours:
        told["stop"] = list(ours["stop"])
    if request.schema is not None:
        told["json_schema"] = orjson.dumps(request.schema).decode()
    extra = {k: v for k, v in ours.get("extra", {}).items() if k != "chat_template_kwargs"}
    return told | extra


def _error(error: Exception, *, with_schema: bool) -> ReplyError:
    """Return what it means that a request failed in the engine."""
    if isinstance(error, (ValueError, TypeError)):
        return refusal(error, with_schema=with_schema)
    told = getattr(error, "detail", None) or f"{type(error).__name__}: {error}"
    if getattr(error, "status_code", None) == 400:
        return refusal(ValueError(told), with_schema=with_schema)
    return ReplyError("server", str(told))


def _reply(answer: Mapping[str, Any]) -> Reply:
    about = answer["meta_info"]
    finish = about.get("finish_reason") or {}
    kind = finish.get("type", "stop") if isinstance(finish, Mapping) else str(finish)
    if kind == "abort":
        raise ReplyError("server", f"the engine ended the request: {finish.get('message')}")
    text, reasoning = split_thoughts(answer["text"])
    usage = Usage(
        tokens(about.get("prompt_tokens")),
        tokens(about.get("completion_tokens")),
        tokens(about.get("cached_tokens")),
    )
    return sound_reply(text, kind, usage, reasoning)
