"""What becomes of one request: which fault it meets, when and how it is answered."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING

import xxhash

from dataflow_core.testing.server.answers import Usage
from dataflow_core.testing.server.connection import Exchange
from dataflow_core.testing.server.endpoint import Asked, Response, retry_headers
from dataflow_core.testing.server.plan import Fault
from dataflow_core.testing.server.question import Question, Refusal
from dataflow_core.testing.server.routes import Route

if TYPE_CHECKING:
    from dataflow_core.testing.server.service import Service

_MESSAGES = {
    400: "This request is refused, and always will be.",
    429: "Rate limit reached: too many requests.",
}
_CODES = {400: "bad_request", 401: "invalid_api_key", 429: "rate_limit_exceeded"}


class Handling:
    """One request on its way to an answer.

    Args:
        service: The server.
        exchange: The request.
        route: Where it goes.
    """

    def __init__(self, service: Service, exchange: Exchange, route: Route) -> None:
        self._service = service
        self._exchange = exchange
        self._route = route
        exchange.on_end = self._ended
        self._counts = service.counts
        self._question: Question | None = None
        self._fault: Fault | None = None
        self._usage: Usage | None = None
        self._status = 0

    def start(self, query: str) -> None:
        """Decide what becomes of it, and answer at once or later.

        Args:
            query: What its address has behind the path.
        """
        service = self._service
        try:
            question = service.admit(self._exchange, self._route, query)
        except Refusal as refusal:
            service.when_not_held(partial(self._refuse, refusal))
            return
        self._question, self._key = question, question.key()
        self._attempt = service.counts.ask(self._key)
        plan = service.plan
        self._fault = plan.fault(self._key, self._attempt, question.text)
        if self._fault:
            service.counts.by_fault[self._fault.name] += 1
        delay = plan.delay(self._key, self._attempt, question.text)
        if delay:
            asyncio.get_running_loop().call_later(delay, service.when_not_held, self._answer)
        else:
            service.when_not_held(self._answer)

    def _answer(self) -> None:
        exchange, fault = self._exchange, self._fault
        if exchange.ended or self._is("hang"):
            return
        if self._is("drop"):
            exchange.drop()
        elif fault is not None and fault.status != 200:
            self._refuse(self._injected(fault.status))
        else:
            self._write()

    def _write(self) -> None:
        service, question = self._service, self._question
        assert question is not None  # noqa: S101
        usage = Usage(question.prompt_tokens, cached=service.prefixes.cached(question.prompt))
        id_ = f"{self._key:016x}{self._attempt:x}"
        asked = Asked(question, id_, self._fault, usage, service.writer)
        try:
            response = self._route.endpoint.response(asked)
        except Refusal as refusal:
            self._refuse(refusal)
            return
        self._usage, self._status = usage, 200
        if self._is("truncate"):
            response.pieces = _truncated(response)
        response.cut = self._is("cut")
        service.complete(self._exchange, response)

    def _injected(self, status: int) -> Refusal:
        faults = self._service.faults
        told = _MESSAGES.get(status, "The server failed, as it was told to.")
        wait = faults.retry_after if status in (429, 503) else None
        return Refusal(status, told, _CODES.get(status), retry_after=wait)

    def _refuse(self, refusal: Refusal) -> None:
        if refusal.fault:
            self._service.counts.by_fault[refusal.fault] += 1
        self._status = refusal.status
        headers = retry_headers(refusal.retry_after, self._service.faults.retry_after_form)
        response = Response(refusal.status, [self._route.endpoint.error(refusal)], headers)
        self._service.complete(self._exchange, response)

    def _ended(self, delivered: bool) -> None:
        """Count how it ended."""
        counts = self._service.counts
        counts.at_once -= 1
        if counts is not self._counts:  # reset in the meantime
            return
        counts.last_ended = time.monotonic()
        if not delivered:
            counts.abandoned += self._fault is None or self._fault.name not in ("drop", "cut")
            return
        counts.by_status[self._status] += 1
        if self._status != 200 or self._is("truncate"):
            return
        counts.answered += 1
        if self._usage is not None:
            counts.prompt_tokens += self._usage.prompt
            counts.completion_tokens += self._usage.written
        if self._fault is None:
            body = xxhash.xxh3_64(self._exchange.target.encode())
            body.update(self._exchange.content)
            counts.sound(self._key, body.intdigest())

    def _is(self, name: str) -> bool:
        return self._fault is not None and self._fault.name == name


def _truncated(response: Response) -> list[bytes]:
    """Return half of a body; of a stream, half of the events, with half a JSON in the last one."""
    pieces = list(response.pieces)
    kept = pieces[: max(1, len(pieces) // 2)]
    kept[-1] = kept[-1][: len(kept[-1]) // 2] + (b"\n\n" if response.streamed else b"")
    return kept
