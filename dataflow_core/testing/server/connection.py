"""HTTP/1.1 as the server speaks it: one connection, its requests one after the other."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

import httptools

from dataflow_core.testing.server.endpoint import Response

if TYPE_CHECKING:
    from dataflow_core.testing.server.service import Service

_MOST_BYTES = 64 << 20
_PIECES = 8
"""So many pieces does a body drip in, if it is not streamed."""
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class Exchange:
    """A request, and the way to answer it.

    Attributes:
        method: The method.
        target: The path and the query.
        headers: The headers by their names in lower case.
        content: The body.
        ended: Whether it was answered, or can no longer be.
    """

    __slots__ = ("_connection", "content", "ended", "headers", "keep", "method", "on_end", "target")

    def __init__(self, connection: Connection, method: str, target: str, keep: bool) -> None:
        self._connection = connection
        self.method = method
        self.target = target
        self.keep = keep
        self.headers: dict[str, str] = {}
        self.content = b""
        self.ended = False
        self.on_end: Callable[[bool], object] | None = None

    def respond(self, response: Response, *, drip: float = 0.0) -> None:
        """Send a response.

        Args:
            response: The response.
            drip: Seconds between its pieces.
        """
        if not self.ended:
            self._connection.send(self, response, drip)

    def drop(self) -> None:
        """Close the connection."""
        self._connection.abort()

    def end(self, delivered: bool) -> None:
        """Take note that the response was delivered as it should be, or cannot be any more."""
        if not self.ended:
            self.ended = True
            on_end, self.on_end = self.on_end, None  # two that know each other are freed late
            if on_end is not None:
                on_end(delivered)


class Connection(asyncio.Protocol):
    """A connection: reads requests, and writes the responses in their order.

    Args:
        service: What answers the requests.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._current: Exchange | None = None
        self._waiting: deque[Exchange] = deque()
        self._written: Exchange | None = None
        self._paused = False
        self._cut = False
        self._pieces: deque[bytes] = deque()

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport  # type: ignore[assignment]
        self._service.opened(self)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._reject(400)

    def pause_writing(self) -> None:
        """Take note that not all was written yet."""
        self._paused = True

    def resume_writing(self) -> None:
        """Take note that most was written."""
        self._paused = False
        if self._written is not None:
            self._service.settle_soon(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End what goes on."""
        self._service.closed(self)
        self._pieces.clear()
        for exchange in (self._current, *self._waiting):
            if exchange is not None:
                exchange.end(False)
        self._current = None
        self._waiting.clear()

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._target = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._size = 0

    def on_url(self, url: bytes) -> None:
        """Read a piece of the target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Read a header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Ask for the body, if the client waits for that."""
        if "expect" in self._headers:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Read a piece of the body."""
        self._body.append(body)
        self._size += len(body)
        if self._size > _MOST_BYTES:
            self._reject(413)

    def on_message_complete(self) -> None:
        """Take a whole request."""
        exchange = Exchange(
            self,
            self._parser.get_method().decode("ascii"),
            self._target.decode("latin-1"),
            self._parser.should_keep_alive(),
        )
        exchange.headers = self._headers
        exchange.content = b"".join(self._body)
        self._waiting.append(exchange)
        self._next()

    # What exchanges and the service call.

    def send(self, exchange: Exchange, response: Response, drip: float) -> None:
        """Write the response to a request."""
        head = _head(response, close=not exchange.keep)
        pieces = response.pieces
        if response.streamed:
            pieces = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces]
            pieces = [*pieces, b"0\r\n\r\n"]
        if response.cut:
            exchange.keep = False
            pieces = _half(pieces)
        self._cut = response.cut
        if drip:
            self._pieces.extend(pieces if response.streamed else _divided(pieces))
            self._transport.write(head)
            self._drip(drip)
        else:
            self._transport.write(head + b"".join(pieces))
            self._all_written(exchange)

    def abort(self) -> None:
        """Close the connection at once."""
        self.settle(finally_=True)
        self._transport.abort()

    def _drip(self, seconds: float) -> None:
        if self._current is None:  # the client has gone
            return
        if not self._pieces:
            self._all_written(self._current)
            return
        self._transport.write(self._pieces.popleft())
        loop = asyncio.get_running_loop()
        loop.call_later(seconds if self._pieces else 0, self._drip, seconds)

    def settle(self, *, finally_: bool) -> bool:
        """Go on if the response has left; else tell so.

        Args:
            finally_: Not to be asked again, but be told by the transport when it leaves.
        """
        if self._written is None or self._paused:
            return True
        if self._transport.get_write_buffer_size() == 0:
            self._go_on()
            return True
        if finally_:
            self._transport.set_write_buffer_limits(high=0)
        return finally_

    def _all_written(self, exchange: Exchange) -> None:
        self._written = exchange
        self._service.settle_soon(self)

    def _go_on(self) -> None:
        """Go on to the next request, when the response to the last one has left."""
        exchange, self._written = self._written, None
        if exchange is None:
            return
        self._current = None
        if not exchange.keep:
            self._transport.close()
        exchange.end(not self._cut)
        self._next()

    def _next(self) -> None:
        if self._current is None and self._waiting and not self._transport.is_closing():
            self._current = self._waiting.popleft()
            self._service.take(self._current)

    def _reject(self, status: int) -> None:
        """Answer what is no request."""
        if not self._transport.is_closing():
            head = _head(Response(status, [b""]), close=True)
            self._transport.write(head)
            self._transport.close()


def _head(response: Response, *, close: bool) -> bytes:
    status = response.status
    if response.streamed:
        body = "content-type: text/event-stream\r\ntransfer-encoding: chunked"
    else:
        size = sum(map(len, response.pieces))
        body = f"content-type: application/json\r\ncontent-length: {size}"
    others = "".join([f"{name}: {value}\r\n" for name, value in response.headers])
    closing = "connection: close\r\n" if close else ""
    reason = _REASONS.get(status, "Error")
    head = f"HTTP/1.1 {status} {reason}\r\n{body}\r\n{others}{closing}\r\n"
    return head.encode("latin-1")


def _half(pieces: Sequence[bytes]) -> list[bytes]:
    whole = b"".join(pieces)
    return [whole[: len(whole) // 2]]


def _divided(pieces: Sequence[bytes]) -> list[bytes]:
    whole = b"".join(pieces)
    size = max(1, -(-len(whole) // _PIECES))
    return [whole[start : start + size] for start in range(0, len(whole), size)]
