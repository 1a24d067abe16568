"""One model in llama.cpp, in a process of its own: one request at a time.

What makes it exact: a process answers one request at a time, from its first token on, without flash
attention. llama.cpp computes with other kernels, and rounds otherwise, when it answers several
requests together, when it goes on from what it kept of an earlier prompt, and, with flash
attention, when it has another number of threads; each changes likeliest words now and then.

Why a process: while llama.cpp loads a model, nothing else in its process goes on, and what it does
not expect ends the process. So the run goes on, and only the request that did it fails.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Literal

import httpx

from dataflow_core.serving.backend import ChatRequest, Reply, ReplyError, Vectors
from dataflow_core.serving.backends.bodies import body_of
from dataflow_core.serving.backends.llama_child import READY
from dataflow_core.serving.backends.llama_schema import enforceable
from dataflow_core.serving.backends.openai_answers import reply_of, vectors_of
from dataflow_core.serving.wire import Answer

Pooling = Literal["mean", "last", "cls"]
_LOG = logging.getLogger(__name__)
_ERRORS, _ALL = 1, 3
_LAST_WORDS = 8
_MOMENT = 1.0
_NAMES = {"repetition_penalty": "repeat_penalty"}


@dataclass(frozen=True, slots=True)
class LlamaSettings:
    """How a model is loaded.

    Attributes:
        path: The GGUF file.
        context: How many tokens a prompt and its answer may have together.
        threads: Threads that compute.
        prefix_cache: Whether to go on from what was kept of the last prompt where the next begins
            alike.
        pooling: How the vectors of tokens become that of a text; None for a model that answers.
    """

    path: str
    context: int
    threads: int
    prefix_cache: bool = False
    pooling: Pooling | None = None


class Llama:
    """A model in a process of its own, not started yet.

    Args:
        settings: How to load it.
        address: The path of its socket, in a folder that only this user may enter.
    """

    def __init__(self, settings: LlamaSettings, address: Path) -> None:
        self._settings = settings
        self._address = address
        self._last_words: deque[str] = deque(maxlen=_LAST_WORDS)
        self._process: subprocess.Popen[str] | None = None
        self._end: Callable[[], object] | None = None
        self._transport = httpx.AsyncHTTPTransport(
            verify=False,
            uds=str(address),
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    @property
    def runs(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process, and wait until the model is loaded.

        Raises:
            ReplyError: It cannot be loaded.
        """
        self.stop()
        self._address.unlink(missing_ok=True)
        self._last_words.clear()
        process = self._process = subprocess.Popen(  # noqa: S603  a script of our own
            [sys.executable, "-P", str(Path(__file__).with_name("llama_child.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            # Threads that wait for each other actively take the cores from all who have work to do.
            env={"OMP_WAIT_POLICY": "passive", **os.environ},
        )
        self._end = weakref.finalize(self, _end, process, os.getpid())
        assert process.stdin is not None  # noqa: S101
        assert process.stdout is not None  # noqa: S101
        assert process.stderr is not None  # noqa: S101
        listening = threading.Thread(
            target=_listen, args=(process.stderr, self._last_words), daemon=True
        )
        listening.start()
        with process.stdin, process.stdout:
            process.stdin.write(f"{self._told()}\n")
            process.stdin.flush()
            if process.stdout.readline().strip() == READY:
                return
        process.wait()
        listening.join()
        raise ReplyError("fatal", self._not_loaded())

    def stop(self) -> None:
        """End the process."""
        if self._end is not None:
            self._end()
        self._process = self._end = None

    async def chat(self, request: ChatRequest) -> Reply:
        """Return the answer to one request; where nobody waits for it any more, it is not made.

        Raises:
            ReplyError: There is none.
        """
        answer = await self._post("/v1/chat/completions", _body(request))
        if answer.status != 200:
            raise self._refusal(answer, with_schema=request.schema is not None)
        return reply_of(answer)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return the normalised vectors of texts.

        Raises:
            ReplyError: One of them has none.
        """
        answer = await self._post("/v1/embeddings", {"input": list(texts)})
        if answer.status != 200:
            raise self._refusal(answer, with_schema=False)
        return vectors_of(answer, len(texts))

    async def count_tokens(self, text: str) -> int:
        """Return how many tokens the model's own tokenizer makes of a text.

        Raises:
            ReplyError: The process is gone.
        """
        answer = await self._post("/tokenize", {"content": text})
        if answer.status != 200:
            raise self._refusal(answer, with_schema=False)
        return len(json.loads(answer.body)["tokens"])

    async def _post(self, path: str, content: Mapping[str, Any]) -> Answer:
        """Send a request; where that is cancelled, the connection is closed, which llama.cpp heeds.

        Raises:
            ReplyError: The process is gone, or the request is no JSON.
        """
        body = body_of(content)
        try:
            request = httpx.Request("POST", f"http://localhost{path}", content=body)
            response = await self._transport.handle_async_request(request)
            try:
                body = await response.aread()
            finally:
                await response.aclose()
        except httpx.TransportError as error:
            told = await asyncio.to_thread(self._gone, error)
            raise ReplyError("server", told) from None
        return Answer(response.status_code, dict(response.headers), body)

    def _told(self) -> str:
        verbosity = _ALL if _LOG.isEnabledFor(logging.DEBUG) else _ERRORS
        further = {"parent": os.getpid(), "address": str(self._address), "verbosity": verbosity}
        return json.dumps({**asdict(self._settings), **further})

    def _refusal(self, answer: Answer, *, with_schema: bool) -> ReplyError:
        """Return what it means that llama.cpp refuses a request."""
        told = _error(answer)
        message, status = told.get("message", "no message"), answer.status
        if told.get("type") == "exceed_context_size_error" or "too large to process" in message:
            context = self._settings.context
            cure = (
                f"the text does not fit the context of {context:,} tokens ({message}). Shorten it, "
                f"or give the serving a larger one, as in embedded:#context={2 * context}"
            )
            return ReplyError("request", cure, status=status, reason="context_length")
        if with_schema and "JSON schema" in message:
            return ReplyError("schema", f"llama.cpp: {message}", status=status)
        return ReplyError("request", f"llama.cpp: {message}", status=status)

    def _not_loaded(self) -> str:
        size = Path(self._settings.path).stat().st_size
        return (
            f"llama.cpp cannot load {self._settings.path} ({size / 1e6:,.0f} MB) with a context of "
            f"{self._settings.context:,} tokens. It is damaged, or of a kind that the installed "
            "xllamacpp does not know, or too big for the memory. Get the file again, upgrade "
            f"xllamacpp, or take a smaller context. {self._end_of_process()}"
        )

    def _gone(self, error: Exception) -> str:
        """Return why there was no answer: mostly since the process ends, which takes a moment."""
        with suppress(subprocess.TimeoutExpired):
            if self._process is not None:
                self._process.wait(_MOMENT)
        if self.runs:
            return f"llama.cpp: {type(error).__name__}: {error}"
        return f"llama.cpp ended while it answered. {self._end_of_process()}"

    def _end_of_process(self) -> str:
        """Return how the process ended, and what was last said."""
        code = None if self._process is None else self._process.poll()
        how = f"exit code {code}" if code is None or code >= 0 else signal.Signals(-code).name
        return "\n    ".join([f"Its process ended with {how}.", *self._last_words])


def _listen(stream: IO[str], last_words: deque[str]) -> None:
    """Pass on what llama.cpp says, so that its pipe never fills."""
    with stream:
        for line in stream:
            last_words.append(line.rstrip())
            _LOG.debug("llama.cpp: %s", line.rstrip())


def _end(process: subprocess.Popen[str], owner: int) -> None:
    """End a process, unless this one is only a copy of that which owns it."""
    if os.getpid() == owner:
        process.kill()  # it has nothing to save
        process.wait()


def _body(request: ChatRequest) -> dict[str, Any]:
    sampling = dict(request.sampling)
    extra = sampling.pop("extra", {})
    body = {_NAMES.get(name, name): value for name, value in sampling.items()}
    if effort := body.pop("reasoning_effort", None):
        body["chat_template_kwargs"] = {"reasoning_effort": effort}
    if request.schema is not None:
        schema = {"name": "answer", "schema": enforceable(request.schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return {**body, **extra, "messages": [dict(one) for one in request.messages]}


def _error(answer: Answer) -> dict[str, Any]:
    try:
        told = json.loads(answer.body)["error"]
    except (ValueError, KeyError, TypeError):
        return {"message": answer.body[:300].decode("utf-8", "replace")}
    return told if isinstance(told, dict) else {"message": str(told)}
