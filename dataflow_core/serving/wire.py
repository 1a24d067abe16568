"""HTTP to one server, as bare as it can be: thousands of small requests over kept connections.

A request costs a third of what general clients spend on one. It speaks HTTP/1.1 with and without
TLS, through proxies too; follows no redirect, and sends no key to any other server.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import re
import ssl
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

import httptools

from dataflow_core.errors import ConfigurationError

_CONNECT_SECONDS = 20.0
_RACE_SECONDS = 0.5
"""So soon a loss can be that of a connection that the server was just closing."""
_MOST_BYTES = 512 << 20
_AT_ONCE = 32
"""So many connections are opened at a time: servers have short queues for new ones."""


class WireError(Exception):
    """No answer came.

    Args:
        message: What happened, for people.
        reached: Whether the server had been reached: it may have done what was asked.
    """

    def __init__(self, message: str, *, reached: bool) -> None:
        super().__init__(message)
        self.reached = reached


@dataclass(slots=True)
class Answer:
    """What a server answered: the status, the headers in lower case, and the body."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Address:
    """Where a server listens."""

    host: str
    port: int
    tls: bool

    @classmethod
    def of(cls, url: str) -> Address:
        """Return the address of a server in a URL.

        Raises:
            ConfigurationError: The URL is none, or has a query.
        """
        shown = re.sub(r"(?<=://)[^/]*@|[?#].*", "", url)
        wrong = ConfigurationError(
            f"base_url is {shown!r}; it takes an address such as http://localhost:8000/v1."
        )
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:  # which shows what may be a password
            raise wrong from None
        tls = parts.scheme == "https"
        if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
            raise wrong
        if parts.query or parts.fragment:
            raise ConfigurationError(
                f"base_url is {shown!r} with a query, which belongs into a field of its own: "
                'query={"NAME": "VALUE"}, where the serving has it.'
            )
        return cls(parts.hostname, port or (443 if tls else 80), tls)

    @property
    def is_loopback(self) -> bool:
        """Whether it is on this machine."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def name(self) -> str:
        """The address as the header ``Host`` has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


@dataclass
class Wire:
    """Connections to one server.

    Args:
        url: The address, with a path that goes before that of every request.
        headers: What goes with every request.
        direct: Whether to go past the proxies that the environment names.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    direct: bool = False
    _idle: list[_Connection] = field(default_factory=list)
    _open: set[_Connection] = field(default_factory=set)
    _heads: dict[tuple[str, str], bytes] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._server = Address.of(self.url)
        self._path = urlsplit(self.url).path.rstrip("/")
        self._proxy = None if self.direct else _proxy_for(self._server)
        self._tls: ssl.SSLContext | None = None
        self._opening = asyncio.Semaphore(_AT_ONCE)

    @property
    def secrets(self) -> frozenset[str]:
        """What messages of a proxy must not repeat."""
        return frozenset() if self._proxy is None else self._proxy.secrets

    async def post(self, path: str, body: bytes) -> Answer:
        """Send a JSON body, and return what comes back.

        Raises:
            WireError: The server could not be reached, or hung up.
        """
        head = self._head("POST", path)
        return await self._exchange(b"%b%d\r\n\r\n%b" % (head, len(body), body))

    async def get(self, path: str) -> Answer:
        """Ask for a path, and return what comes back.

        Raises:
            WireError: The server could not be reached, or hung up.
        """
        return await self._exchange(self._head("GET", path) + b"0\r\n\r\n")

    async def close(self) -> None:
        """Close all connections."""
        for connection in list(self._open):
            connection.abort()
        self._idle.clear()
        await asyncio.sleep(0)  # so that the loop can take note

    async def _exchange(self, data: bytes) -> Answer:
        kept = self._kept()
        if kept is not None:
            loop = asyncio.get_running_loop()
            began = loop.time()
            try:
                return await self._on(kept, data)
            except WireError:
                # A server may close a kept connection just when it is used again; later it may have
                # begun to do what was asked.
                if kept.heard or loop.time() - began > _RACE_SECONDS:
                    raise
        return await self._on(await self._connect(), data)

    def _kept(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        return None

    async def _on(self, connection: _Connection, data: bytes) -> Answer:
        try:
            answer = await connection.ask(data)
        except BaseException:  # it may still have an answer for somebody who has gone
            connection.abort()
            raise
        if connection.is_open:
            self._idle.append(connection)
        return answer

    def _head(self, method: str, path: str) -> bytes:
        if (method, path) not in self._heads:
            self._heads[method, path] = self._made_head(method, path)
        return self._heads[method, path]

    def _made_head(self, method: str, path: str) -> bytes:
        target = f"{self._path}{path}"
        headers = {"Host": self._server.name, "User-Agent": "dataflow", "Accept": "*/*"}
        headers |= {"Content-Type": "application/json"} if method == "POST" else {}
        if self._proxy is not None and not self._server.tls:
            target = f"http://{self._server.name}{target}"
            headers |= self._proxy.headers
        headers |= self.headers
        for name, value in headers.items():
            if not value.isprintable() or not value.isascii():
                raise ConfigurationError(
                    f"the header {name} holds characters that HTTP does not allow. Look for line "
                    "breaks or quotes in the API key's variable or file."
                )
        lines = [f"{method} {target} HTTP/1.1", *(f"{n}: {v}" for n, v in headers.items())]
        return ("\r\n".join(lines) + "\r\nContent-Length: ").encode("ascii")

    async def _connect(self) -> _Connection:
        at = self._server if self._proxy is None else self._proxy.address
        try:
            async with self._opening, asyncio.timeout(_CONNECT_SECONDS):
                connection = await self._connected(at)
        except TimeoutError:
            raise WireError(
                f"{at.name} did not take the connection within {_CONNECT_SECONDS:.0f} s",
                reached=False,
            ) from None
        except (OSError, ssl.SSLError) as error:
            raise WireError(f"cannot connect to {at.name}: {_told(error)}", reached=False) from None
        return connection

    async def _connected(self, at: Address) -> _Connection:
        loop = asyncio.get_running_loop()
        if at.tls and self._tls is None:
            self._tls = _tls_context()
        tls = self._tls if at.tls else None
        name = at.host if at.tls else None

        def made() -> _Connection:
            return _Connection(self._open)

        _, connection = await loop.create_connection(
            made, at.host, at.port, ssl=tls, server_hostname=name
        )
        if self._proxy is not None and self._server.tls:
            try:
                await self._tunnel(connection)
            except BaseException:  # such as that it takes too long
                connection.abort()
                raise
        return connection

    async def _tunnel(self, connection: _Connection) -> None:
        """Have a proxy pass everything on, and speak TLS with the server behind it."""
        server, proxy = self._server, self._proxy
        assert proxy is not None  # noqa: S101
        host = f"[{server.host}]" if ":" in server.host else server.host
        where = f"{host}:{server.port}"
        lines = [f"CONNECT {where} HTTP/1.1", f"Host: {where}"]
        lines += [f"{name}: {value}" for name, value in proxy.headers.items()]
        status = await connection.tunnel(("\r\n".join(lines) + "\r\n\r\n").encode("ascii"))
        if status != 200:
            raise WireError(
                f"the proxy {proxy.address.name} does not let through to {where}: status {status}",
                reached=False,
            )
        self._tls = self._tls or _tls_context()
        await connection.secure(self._tls, server.host)


class _Connection(asyncio.Protocol):
    """One connection: a request goes out, its answer comes in, then the next."""

    def __init__(self, opened: set[_Connection]) -> None:
        self.is_open = False
        self.heard = False
        """Whether anything came back for the request at hand."""
        self._opened = opened
        self._ends_with_connection = False
        self._waiting: asyncio.Future[Answer] | None = None
        self._tunnelling: asyncio.Future[int] | None = None
        self._transport: asyncio.Transport

    def ask(self, data: bytes) -> asyncio.Future[Answer]:
        """Send a request and return what its answer will be."""
        self._waiting = asyncio.get_running_loop().create_future()
        self._headers: dict[str, str] = {}
        self._parts: list[bytes] = []
        self._size = 0
        self._ends_with_connection = False
        self.heard = False
        self._transport.write(data)
        return self._waiting

    async def tunnel(self, data: bytes) -> int:
        """Ask a proxy for a tunnel, and return its status."""
        self._tunnelling = asyncio.get_running_loop().create_future()
        self._told = b""
        self._transport.write(data)
        return await self._tunnelling

    async def secure(self, context: ssl.SSLContext, name: str) -> None:
        """Speak TLS from now on."""
        loop = asyncio.get_running_loop()
        made = await loop.start_tls(self._transport, self, context, server_hostname=name)
        assert isinstance(made, asyncio.Transport)  # noqa: S101
        self._transport = made

    def abort(self) -> None:
        """Close it now."""
        self.is_open = False
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._parser = httptools.HttpResponseParser(self)
        self.is_open = True
        self._opened.add(self)

    def data_received(self, data: bytes) -> None:
        if self._tunnelling is not None:
            self._heed_proxy(data)
            return
        self.heard = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(f"the server's answer is no HTTP: {error}")
            self.abort()

    def eof_received(self) -> None:
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        self._opened.discard(self)
        if self._tunnelling is not None and not self._tunnelling.done():
            self._tunnelling.set_result(0)
        if exc is None and self._ends_with_connection:
            self.on_message_complete()
        self._fail(f"the server hung up: {exc}" if exc else "the server hung up")

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        # An answer that does not tell its length ends with the connection.
        untold = "content-length" not in self._headers and "transfer-encoding" not in self._headers
        self._ends_with_connection = untold and self._parser.get_status_code() >= 200

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)
        self._size += len(body)
        if self._size > _MOST_BYTES:
            self._fail(f"the answer has more than {_MOST_BYTES >> 20} MiB")
            self.abort()

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:  # an interim answer
            return
        self._ends_with_connection = False
        if not self._parser.should_keep_alive():
            self.is_open = False
            self._transport.close()
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(Answer(status, self._headers, b"".join(self._parts)))

    def _heed_proxy(self, data: bytes) -> None:
        self._told += data
        if b"\r\n\r\n" in self._told and self._tunnelling is not None:
            words = self._told.split(maxsplit=2)
            status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
            waiting, self._tunnelling = self._tunnelling, None
            if not waiting.done():
                waiting.set_result(status)

    def _fail(self, message: str) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(WireError(message, reached=True))


@dataclass(frozen=True)
class _Proxy:
    address: Address
    headers: Mapping[str, str] = field(repr=False)
    secrets: frozenset[str] = field(default=frozenset(), repr=False)


def _proxy_for(server: Address) -> _Proxy | None:
    """Return the proxy that the environment names for a server."""
    proxies = urllib.request.getproxies()
    url = proxies.get("https" if server.tls else "http") or proxies.get("all")
    if not url or urllib.request.proxy_bypass(f"{server.host}:{server.port}"):
        return None
    if "://" not in url:
        url = f"http://{url}"
    parts = urlsplit(url)
    headers, secrets = {}, frozenset[str]()
    if parts.username:
        password = unquote(parts.password or "")
        told = base64.b64encode(f"{unquote(parts.username)}:{password}".encode()).decode()
        headers["Proxy-Authorization"] = f"Basic {told}"
        secrets = frozenset({password, told})
    if parts.scheme not in ("http", "https"):
        raise ConfigurationError(
            f"the environment names a proxy of the kind {parts.scheme}:, which is not spoken here. "
            "Name one with http: in HTTPS_PROXY, or let NO_PROXY hold the server's host."
        )
    at = Address.of(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")
    return _Proxy(at, headers, secrets)


def _tls_context() -> ssl.SSLContext:
    import httpx  # its certificates are there where the system has none

    return httpx.create_ssl_context()


def _told(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
