"""One model in llama.cpp, inside this process: blocking calls, one at a time.

What makes it exact: an engine answers one request at a time, from its first token on, without
flash attention. llama.cpp computes with other kernels, and rounds otherwise, when it answers
several requests together, when it goes on from what it kept of an earlier prompt, and, with flash
attention, when it has another number of threads; all of these change likeliest words now and then.
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from dataflow_core.errors import ConfigurationError
from dataflow_core.serving.backend import ChatRequest, Reply, ReplyError, Vectors
from dataflow_core.serving.backends.llama_schema import enforceable
from dataflow_core.serving.backends.openai_answers import usage_of

Pooling = Literal["mean", "last", "cls"]
_LOG = logging.getLogger(__name__)
_QUIET, _ALL = -1, 3
_NAMES = {"repetition_penalty": "repeat_penalty"}
_WAIT_POLICY = "OMP_WAIT_POLICY"
_CONTEXT_ERRORS = ("exceed_context_size_error",)
_TOO_LARGE = "is too large to process"


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How a model is loaded.

    Attributes:
        path: The GGUF file.
        context: How many tokens a prompt and its answer may have together.
        threads: Threads that compute.
        prefix_cache: Whether to go on from what was kept of the last prompt where the next begins
            alike.
        pooling: How the vectors of tokens become that of a text; None for an engine that answers.
    """

    path: Path
    context: int
    threads: int
    prefix_cache: bool = False
    pooling: Pooling | None = None


class Engine:
    """A model that is loaded.

    Args:
        settings: How to load it.
        address: The path of a socket, in a folder that only this user may enter.

    Raises:
        ConfigurationError: llama.cpp is not installed.
        ReplyError: The model cannot be loaded.
    """

    def __init__(self, settings: EngineSettings, address: Path) -> None:
        self._settings = settings
        self._address = address
        library = load_library()
        try:
            self._server: Any = library.Server(_parameters(library, settings, address))
        except RuntimeError:
            raise ReplyError("fatal", _not_loaded(settings)) from None

    def chat(self, request: ChatRequest, is_cancelled: Callable[[], bool]) -> Reply:
        """Return the answer to one request.

        Args:
            request: The request.
            is_cancelled: Asked after each token whether to stop.

        Raises:
            ReplyError: There is none.
        """
        chunks: list[dict[str, Any]] = []

        def heard(chunk: dict[str, Any]) -> bool:
            chunks.append(chunk)
            return is_cancelled()

        try:
            self._server.handle_chat_completions(_body(request), heard)
        except (RuntimeError, TypeError, ValueError) as error:
            kind = "schema" if "JSON schema" in str(error) else "request"
            raise ReplyError(kind, f"llama.cpp: {error}") from None
        return self._reply(chunks)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return the normalised vectors of texts.

        Raises:
            ReplyError: One of them has none.
        """
        try:
            answer = self._server.handle_embeddings({"input": list(texts)})
        except (RuntimeError, TypeError, ValueError) as error:
            raise ReplyError("request", f"llama.cpp: {error}") from None
        if "error" in answer:
            raise self._refusal(answer["error"])
        data = sorted(answer["data"], key=lambda one: one["index"])
        return Vectors([one["embedding"] for one in data], usage_of(answer["usage"]))

    def count_tokens(self, text: str) -> int:
        """Return how many tokens the model's own tokenizer makes of a text."""
        connection = _Connection(self._address)
        try:
            connection.request("POST", "/tokenize", json.dumps({"content": text}))
            return len(json.load(connection.getresponse())["tokens"])
        finally:
            connection.close()

    def close(self) -> None:
        """Free the model."""
        self._server = None

    def _reply(self, chunks: Sequence[Mapping[str, Any]]) -> Reply:
        text, thoughts, finish, usage = [], [], "stop", None
        for chunk in chunks:
            if "error" in chunk:
                raise self._refusal(chunk["error"])
            usage = chunk.get("usage") or usage
            for choice in chunk["choices"]:
                text.append(choice["delta"].get("content") or "")
                thoughts.append(choice["delta"].get("reasoning_content") or "")
                finish = choice["finish_reason"] or finish
        return Reply("".join(text), finish, usage_of(usage), "".join(thoughts) or None)

    def _refusal(self, error: Mapping[str, Any]) -> ReplyError:
        message, status = str(error.get("message", error)), error.get("code")
        if error.get("type") in _CONTEXT_ERRORS or _TOO_LARGE in message:
            told = (
                f"the text does not fit the context of {self._settings.context:,} tokens "
                f"({message}). Shorten it, or give the serving a larger context, as in "
                f"embedded:#context={2 * self._settings.context}"
            )
            return ReplyError("request", told, status=status, reason="context_length")
        kind = "server" if isinstance(status, int) and status >= 500 else "request"
        return ReplyError(kind, f"llama.cpp: {message}", status=status)


def load_library() -> ModuleType:
    """Import llama.cpp.

    Raises:
        ConfigurationError: It is not installed.
    """
    before = os.environ.get(_WAIT_POLICY)
    # Threads that wait for each other actively take a core from whoever has work to do, and on a
    # machine that does other things too it costs nine tenths of the speed. This is read only once,
    # when the library is loaded, and is not for child processes.
    os.environ[_WAIT_POLICY] = before or "passive"
    try:
        import xllamacpp
    except ImportError as error:
        raise ConfigurationError(
            f"embedded models need xllamacpp, which cannot be imported: {error}. Install it: "
            "pip install 'dataflow-llm-core[embedded]'"
        ) from None
    finally:
        if before is None:
            del os.environ[_WAIT_POLICY]
    return xllamacpp


def _parameters(library: ModuleType, settings: EngineSettings, address: Path) -> Any:
    told = library.CommonParams()
    told.model.path = str(settings.path)
    told.n_parallel = 1
    told.n_ctx = settings.context
    told.cpuparams.n_threads = told.cpuparams_batch.n_threads = settings.threads
    told.flash_attn_type = library.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    told.cache_prompt = settings.prefix_cache
    told.cache_ram_mib = 0  # gigabytes of former prompts otherwise
    told.fit_params = False  # it would make the context smaller in silence
    told.warmup = False
    told.verbosity = _ALL if _LOG.isEnabledFor(logging.DEBUG) else _QUIET
    told.hostnames = [str(address)]
    told.n_threads_http = 1
    told.ui = told.endpoint_slots = False
    if settings.pooling is not None:
        told.embedding = True
        name = f"LLAMA_POOLING_TYPE_{settings.pooling.upper()}"
        told.pooling_type = getattr(library.llama_pooling_type, name)
        told.n_batch = told.n_ubatch = settings.context  # a text is pooled in one piece
    return told


def _body(request: ChatRequest) -> dict[str, Any]:
    sampling = dict(request.sampling)
    extra = sampling.pop("extra", {})
    body: dict[str, Any] = {_NAMES.get(name, name): value for name, value in sampling.items()}
    if effort := body.pop("reasoning_effort", None):
        body["chat_template_kwargs"] = {"reasoning_effort": effort}
    if "stop" in body:
        body["stop"] = list(body["stop"])
    if request.schema is not None:
        schema = {"name": "answer", "schema": enforceable(request.schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    streaming = {"stream": True, "stream_options": {"include_usage": True}}
    return {**body, **extra, "messages": [dict(one) for one in request.messages], **streaming}


def _not_loaded(settings: EngineSettings) -> str:
    size = settings.path.stat().st_size if settings.path.is_file() else 0
    return (
        f"llama.cpp cannot load {settings.path} ({size / 1e6:,.0f} MB) with a context of "
        f"{settings.context:,} tokens. It is damaged, or of a kind that the installed xllamacpp "
        "does not know, or too big for the memory. Get the file again, upgrade xllamacpp, or take "
        f"a smaller context. To see why, let the logger {__name__} tell all (DEBUG)."
    )


class _Connection(http.client.HTTPConnection):
    """A connection to a socket in the file system."""

    def __init__(self, address: Path) -> None:
        super().__init__("localhost")
        self._address = address

    def connect(self) -> None:
        """Connect."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._address))
