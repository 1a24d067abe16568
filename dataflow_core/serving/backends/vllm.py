"""The serving of a vLLM engine in this process."""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import os
from collections.abc import AsyncIterator, Sequence
from typing import Any, ClassVar, Literal

from dataflow_core.errors import ConfigurationError
from dataflow_core.serving.backend import Backend, ChatRequest, Reply, ReplyError, Vectors
from dataflow_core.serving.backends.bodies import Unsound, nonsense, sound_vectors
from dataflow_core.serving.backends.guardian import Guardian, descendants
from dataflow_core.serving.backends.local_engine import (
    LocalEngineBackend,
    LocalEngineServing,
    load_engine,
    refusal,
    template_options,
)
from dataflow_core.serving.backends.openai_answers import split_thoughts
from dataflow_core.serving.base import Capability
from dataflow_core.serving.completion import Usage

_QUIET = {
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "WARNING",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",  # the standard output is the command line's
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",  # this process has threads, which forks do not survive
}
"""What vLLM is told by the environment, as far as that does not say otherwise."""

_GONE_SECONDS = 10.0
_NOT_SAMPLING = ("reasoning_effort", "extra")


class VLLMServing(LocalEngineServing):
    """Models in a vLLM engine of this process, which the first call loads.

    The prompts of a call are sorted, so that those that begin alike share what the engine makes of
    their beginning. ``extra`` takes what vLLM's ``SamplingParams`` know beyond the parameters here,
    such as ``min_tokens``, and ``chat_template_kwargs``.

    A script that uses it has to do its work under ``if __name__ == "__main__":``, since the engine
    is a process that imports the script.

    Attributes:
        engine_args: vLLM's engine arguments, such as ``{"tensor_parallel_size": 2}``.
        runner: ``"generate"`` for texts, ``"pooling"`` for vectors.

    Example:
        >>> VLLMServing(model="Qwen/Qwen3-8B", engine_args={"tensor_parallel_size": 2}).spec
        'vllm:Qwen/Qwen3-8B#engine_args={"tensor_parallel_size":2}'
    """

    prefix: ClassVar[str] = "vllm"
    engine: ClassVar[str] = "vllm"
    capabilities: ClassVar[frozenset[Capability]] = frozenset({"chat", "embed", "schema", "images"})
    batch_argument: ClassVar[str] = "max_num_seqs"

    runner: Literal["generate", "pooling"] = "generate"

    def require(self, capability: Capability) -> None:
        """Refuse what it cannot do; see `Serving.require`."""
        super().require(capability)
        wanted = "pooling" if capability == "embed" else "generate"
        if self.runner != wanted:
            raise ConfigurationError(
                f"{self.name} is loaded with runner={self.runner}, which cannot do "
                f"{capability!r}. A second serving with runner={wanted} can."
            )

    def identity(self) -> dict[str, Any]:
        """Return the model, and what it is loaded with."""
        told = super().identity()
        return told if self.runner == "generate" else {**told, "runner": self.runner}

    def open_backend(self) -> Backend:
        """Return the engine, not loaded yet."""
        return VLLMBackend(self)


class VLLMBackend(LocalEngineBackend):
    """Requests to a vLLM engine.

    Args:
        serving: The configuration.
    """

    def __init__(self, serving: VLLMServing) -> None:
        self._serving = serving
        self._engine: Any = None
        self._processes: set[int] = set()
        self._guardian: Guardian | None = None
        self._numbers = itertools.count()
        self._defaults: dict[str, Any] = {}

    async def open(self) -> None:
        """Load the model; see `Backend.open`."""
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
        self._vllm = await load_engine("vllm", "vllm")
        self._sampling = await load_engine("vllm.sampling_params", "vllm")
        await load_engine("vllm.renderers", "vllm")
        await load_engine("vllm.v1.engine.async_llm", "vllm")
        before = descendants(os.getpid())
        # Nothing else runs in this loop yet, to which the engine binds itself.
        self._engine = self._loaded()
        self._processes = descendants(os.getpid()) - before
        self._guardian = Guardian(self._processes)
        self.tokenizer = self._engine.get_tokenizer()
        self._defaults = self._engine.model_config.get_diff_sampling_param()

    async def chat(self, request: ChatRequest) -> Reply:
        """Return the model's answer; see `Backend.chat`."""
        parameters = self._parameters(request)
        with_schema = request.schema is not None
        try:
            prompt = await self._rendered(request)
            output = await _last(self._engine.generate(prompt, parameters, self._number()))
        except Exception as error:  # noqa: BLE001  engines raise what they like
            raise self._error(error, with_schema=with_schema) from None
        return _reply(output)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of some texts; see `Backend.embed`."""
        outputs = await asyncio.gather(*map(self._encoded, texts))
        try:
            vectors = sound_vectors(
                [output.outputs.data.float().tolist() for output in outputs], len(texts)
            )
        except Unsound as error:
            raise nonsense(error) from None
        return Vectors(vectors, Usage(sum(len(one.prompt_token_ids) for one in outputs)))

    async def close(self) -> None:
        """End the engine, which gives its memory back."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.shutdown()
            await asyncio.to_thread(self._wait_until_gone)
        if self._guardian is not None:
            self._guardian.dismiss()

    def _wait_until_gone(self) -> None:
        """Wait for the engine's process, which vLLM kills and leaves: then its memory is free."""
        for child in multiprocessing.active_children():
            if child.pid in self._processes:
                child.join(_GONE_SECONDS)

    def _loaded(self) -> Any:
        serving = self._serving
        args = {"disable_log_stats": True, **serving.engine_args}
        if serving.runner == "pooling":
            args = {"runner": "pooling", **args}
        try:
            told = self._vllm.AsyncEngineArgs(model=serving.model, **args)
            return self._vllm.v1.engine.async_llm.AsyncLLM.from_engine_args(told)
        except TypeError as error:
            raise ReplyError("fatal", f"engine_args: {error}") from None
        except Exception as error:
            told = f"the model cannot be loaded: {type(error).__name__}: {error}"
            raise ReplyError("fatal", told) from error

    async def _encoded(self, text: str) -> Any:
        parameters = self._vllm.PoolingParams(task="embed")
        try:
            tokens = self._vllm.TokensPrompt(prompt_token_ids=self.tokenizer.encode(text))
            (prompt,) = await self._engine.renderer.render_cmpl_async([tokens])
            return await _last(self._engine.encode(prompt, parameters, self._number()))
        except Exception as error:  # noqa: BLE001  engines raise what they like
            raise self._error(error, with_schema=False) from None

    async def _rendered(self, request: ChatRequest) -> Any:
        """Return what the model reads: the conversation by its chat template, with its images."""
        options = {"add_generation_prompt": True, **template_options(request.sampling)}
        params = self._vllm.renderers.ChatParams(chat_template_kwargs=options)
        conversation = [dict(message) for message in request.messages]
        _, (prompt,) = await self._engine.renderer.render_chat_async([conversation], params)
        return prompt

    def _parameters(self, request: ChatRequest) -> Any:
        """Return the sampling parameters as vLLM wants them, the model's own below ours.

        Raises:
            ReplyError: vLLM does not know one.
        """
        ours = request.sampling
        told = {name: value for name, value in ours.items() if name not in _NOT_SAMPLING}
        extra = {k: v for k, v in ours.get("extra", {}).items() if k != "chat_template_kwargs"}
        told = {"max_tokens": None, **self._defaults, **told, **extra}
        if "stop" in told:
            told["stop"] = list(told["stop"])
        if request.schema is not None:
            told["structured_outputs"] = self._sampling.StructuredOutputsParams(
                json=dict(request.schema)
            )
        kind = self._sampling.RequestOutputKind.FINAL_ONLY
        try:
            return self._vllm.SamplingParams(output_kind=kind, **told)
        except TypeError as error:
            raise ReplyError("fatal", f"extra: {error}") from None

    def _error(self, error: Exception, *, with_schema: bool) -> ReplyError:
        """Return what it means that a request failed in the engine."""
        name = type(error).__name__
        if name == "EngineDeadError" or self._engine is None or self._engine.errored:
            told = "the engine has died; what it wrote to the standard error says why"
            return ReplyError("fatal", told)
        if name == "ChatTemplateResolutionError":
            told = "the model has no chat template; take one that is tuned for instructions"
            return ReplyError("fatal", f"{told} ({error})")
        if isinstance(error, (ValueError, TypeError)) or _is_clients(error):
            return refusal(error, with_schema=with_schema)
        return ReplyError("server", f"{name}: {error.__cause__ or error}")

    def _number(self) -> str:
        return str(next(self._numbers))


def _is_clients(error: Exception) -> bool:
    """Tell whether vLLM counts an error as one of the request."""
    return any(cls.__name__ == "VLLMClientError" for cls in type(error).__mro__)


async def _last(outputs: AsyncIterator[Any]) -> Any:
    """Return what a request ends with."""
    output = None
    async for one in outputs:
        output = one
    if output is None:
        raise RuntimeError("the engine ended the request without an answer")
    return output


def _reply(output: Any) -> Reply:
    answer = output.outputs[0]
    text, reasoning = split_thoughts(answer.text)
    usage = Usage(
        len(output.prompt_token_ids or ()), len(answer.token_ids), output.num_cached_tokens or 0
    )
    return Reply(text, _finish(answer.finish_reason), usage, reasoning)


def _finish(reason: str | None) -> str:
    if reason in ("abort", "error"):
        raise ReplyError("server", f"the engine ended the request: {reason}")
    return reason or "stop"
