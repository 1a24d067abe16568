"""What a server is without its sockets: who may ask what, what is counted, what is held back."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qs

import orjson

from dataflow_core.testing.server.answers import Writer
from dataflow_core.testing.server.connection import Connection, Exchange
from dataflow_core.testing.server.counts import SECRET_HEADERS, Counts, Request
from dataflow_core.testing.server.endpoint import Endpoint, Response
from dataflow_core.testing.server.faults import Faults
from dataflow_core.testing.server.handling import Handling
from dataflow_core.testing.server.limits import Limits
from dataflow_core.testing.server.openai_api import list_of_models
from dataflow_core.testing.server.plan import FaultPlan
from dataflow_core.testing.server.prefixes import Prefixes
from dataflow_core.testing.server.question import Question, Refusal
from dataflow_core.testing.server.routes import Route, route

_TURNS = 2
"""After so many turns of the loop, a response that has not left is a long one."""


class Service:
    """Answers requests; for the thread of the server alone.

    Args:
        faults: How it behaves.
        keep: How many requests it remembers, the last ones.
    """

    def __init__(self, faults: Faults, keep: int) -> None:
        self.counts = Counts()
        self.requests: deque[Request] = deque(maxlen=keep)
        self.connections: set[Connection] = set()
        self.prefixes = Prefixes()
        self._unsettled: list[Connection] = []
        self._held: list[Callable[[], object]] | None = None
        self._answers = 0
        self.configure(faults)

    def configure(self, faults: Faults) -> None:
        """Behave otherwise from now on; what waits is answered as was decided."""
        self.faults = faults
        self.plan = FaultPlan(faults)
        self.writer = Writer(faults)
        self._limits = Limits(faults)
        self._key = faults.api_key.get_secret_value() if faults.api_key else None

    def reset(self) -> None:
        """Count from zero, and forget what was asked."""
        waiting = self.counts.at_once
        self.counts = Counts(at_once=waiting, most_at_once=waiting)
        self.requests.clear()
        self.prefixes = Prefixes()
        self._limits = Limits(self.faults)

    def pause(self) -> None:
        """Hold all answers back."""
        if self._held is None:
            self._held = []

    def resume(self) -> None:
        """Send what was held back."""
        held, self._held = self._held or [], None
        for answer in held:
            answer()

    def opened(self, connection: Connection) -> None:
        """Take note of a new connection."""
        self.connections.add(connection)
        self.counts.connections += 1

    def closed(self, connection: Connection) -> None:
        """Take note that a connection was closed."""
        self.connections.discard(connection)

    def settle_soon(self, connection: Connection) -> None:
        """Look whether a response has left, when the loop has written what it was given.

        Loops write the responses of one turn together, which is faster than each by itself; so
        only in the next turn it can be known whether they left.
        """
        if not self._unsettled:
            asyncio.get_running_loop().call_soon(self._settle, _TURNS)
        self._unsettled.append(connection)

    def _settle(self, turns: int) -> None:
        unsettled, self._unsettled = self._unsettled, []
        late = [one for one in unsettled if not one.settle(finally_=turns <= 0)]
        if late:
            asyncio.get_running_loop().call_soon(self._settle, turns - 1)
            self._unsettled = late + self._unsettled

    def take(self, exchange: Exchange) -> None:
        """Answer a request, at once or later."""
        path, _, query = exchange.target.partition("?")
        if self._control(exchange, path):
            return
        self._remember(exchange, path)
        self.counts.begin()
        Handling(self, exchange, route(path)).start(query)

    def when_not_held(self, answer: Callable[[], object]) -> None:
        """Do something when the server is not paused."""
        if self._held is None:
            answer()
        else:
            self._held.append(answer)

    def admit(self, exchange: Exchange, route: Route, query: str) -> Question:
        """Return what is asked, if it may be.

        Raises:
            Refusal: It may not.
        """
        endpoint = route.endpoint
        self._authorize(endpoint, exchange, query)
        if not route.known:
            raise Refusal(404, f"There is no {exchange.target.partition('?')[0][:80]}.")
        if exchange.method != "POST":
            raise Refusal(405, f"{exchange.method} is not allowed here; use POST.")
        question = endpoint.read(_parsed(exchange.content), route.model)
        self._check(question)
        self._limits.admit(endpoint.cost(question, self.faults))
        return question

    def complete(self, exchange: Exchange, response: Response) -> None:
        """Send a response with the headers that all have."""
        self._answers += 1
        every = self.faults.close_every
        if every and self._answers % every == 0:
            exchange.keep = False
        response.headers += [*self._limits.headers(), ("x-request-id", f"req_{self._answers:08x}")]
        exchange.respond(response, drip=self.faults.drip)

    def _control(self, exchange: Exchange, path: str) -> bool:
        """Answer a request about the server itself."""
        answer = _CONTROLS.get((exchange.method, path))
        if answer is None:
            return False
        exchange.respond(Response(200, [answer(self)]))
        return True

    def _remember(self, exchange: Exchange, path: str) -> None:
        if self.requests.maxlen:
            headers = {k: v for k, v in exchange.headers.items() if k not in SECRET_HEADERS}
            request = Request(path, headers, exchange.content, time.monotonic())
            self.requests.append(request)

    def _authorize(self, endpoint: Endpoint, exchange: Exchange, query: str) -> None:
        if self._key is None:
            return
        key = endpoint.key(exchange.headers) or parse_qs(query).get("key", [None])[0]
        if key != self._key:
            raise Refusal(401, "Incorrect API key provided.", "invalid_api_key")

    def _check(self, question: Question) -> None:
        faults = self.faults
        if faults.models and question.model not in faults.models:
            told = f"The model '{question.model[:80]}' does not exist or you have no access to it."
            raise Refusal(404, told, "model_not_found", param="model")
        if question.schema is not None and not faults.schemas:
            told = "'response_format' of type 'json_schema' is not supported with this model."
            raise Refusal(400, told, "unsupported_value", param="response_format")
        wanted = question.prompt_tokens + (question.max_tokens or 0)
        if faults.context_length and wanted > faults.context_length:
            told = (
                f"This model's maximum context length is {faults.context_length} tokens. "
                f"However, you requested {wanted} tokens. Please reduce the length of the prompt."
            )
            raise Refusal(faults.context_status, told, "context_length_exceeded", param="messages")


def _parsed(content: bytes) -> Mapping[str, Any]:
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise Refusal(400, f"The body is no JSON: {error}.", "invalid_json") from None
    if not isinstance(body, dict):
        raise Refusal(400, "The body is no JSON object.", "invalid_json")
    return body


def _told_stats(service: Service) -> bytes:
    told = asdict(service.counts.stats())
    return orjson.dumps(told, option=orjson.OPT_NON_STR_KEYS)


def _told_reset(service: Service) -> bytes:
    service.reset()
    return b'{"status":"reset"}'


_CONTROLS: Mapping[tuple[str, str], Callable[[Service], bytes]] = {
    ("GET", "/health"): lambda _: b'{"status":"ok"}',
    ("GET", "/stats"): _told_stats,
    ("POST", "/reset"): _told_reset,
    ("GET", "/v1/models"): lambda service: list_of_models(service.faults.models),
}
"""What the server tells of itself, by method and path."""
