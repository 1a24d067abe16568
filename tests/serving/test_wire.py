"""The HTTP of servings, against real sockets: kept connections, broken ones, proxies and TLS."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import Callable

import pytest

from dataflow_core.errors import ConfigurationError
from dataflow_core.serving import wire as wire_module
from dataflow_core.serving.wire import Wire, WireError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Server:
    """A server that answers each request as a test says, and keeps what it got."""

    def __init__(self, answer: Callable[[int, bytes], bytes | None]) -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self.connections = 0
        self.writers: list[asyncio.StreamWriter] = []

    async def ended(self) -> None:
        """Wait until all connections are closed."""
        for writer in self.writers:
            writer.close()
            try:
                await writer.wait_closed()
            except OSError:
                continue

    async def __call__(self, reader, writer) -> None:
        self.connections += 1
        self.writers.append(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                fields = dict(
                    line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line
                )
                body = await reader.readexactly(int(fields.get(b"Content-Length", 0)))
                self.requests.append(head + body)
                answer = self.answer(len(self.requests), head + body)
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
                if b"close" in answer[:60]:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def asking(server: Server, work, *, tls=None, **headers):
    """Run a test's coroutine with a wire to a server."""

    async def run():
        serving = await asyncio.start_server(server, "127.0.0.1", 0, ssl=tls)
        port = serving.sockets[0].getsockname()[1]
        scheme = "http" if tls is None else "https"
        wire = Wire(f"{scheme}://localhost:{port}/v1/", headers)
        try:
            return await work(wire)
        finally:
            await wire.close()
            serving.close()
            await server.ended()

    return asyncio.run(run())


def test_requests_one_after_the_other_share_a_connection():
    server = Server(lambda number, request: OK)

    async def work(wire):
        return [await wire.post("/chat", b'{"n":%d}' % n) for n in range(5)]

    answers = asking(server, work)
    assert [answer.status for answer in answers] == [200] * 5
    assert server.connections == 1
    assert server.requests[2].startswith(b"POST /v1/chat HTTP/1.1\r\nHost: localhost:")
    assert server.requests[2].endswith(b'\r\n\r\n{"n":2}')


def test_requests_at_once_have_connections_of_their_own_and_their_own_answers():
    def answer(number, request):
        body = request.rpartition(b"\r\n\r\n")[2]
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)

    server = Server(answer)

    async def work(wire):
        return await asyncio.gather(*(wire.post("/", b"%d" % n) for n in range(40)))

    assert [answer.body for answer in asking(server, work)] == [b"%d" % n for n in range(40)]
    assert server.connections == 40


def test_chunks_and_interim_answers_are_understood():
    told = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n"
        b"\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    (answer,) = asking(Server(lambda *_: told), lambda wire: asyncio.gather(wire.get("/x")))
    assert (answer.status, answer.body, answer.headers["x-a"]) == (200, b"abcde", "b")


def test_a_kept_connection_that_the_server_closed_meanwhile_is_replaced():
    server = Server(lambda number, _: None if number == 2 else OK)

    async def work(wire):
        return [(await wire.post("/", b"%d" % n)).status for n in range(2)]

    assert asking(server, work) == [200, 200]
    assert [request[-1:] for request in server.requests] == [b"0", b"1", b"1"]


def test_a_request_that_the_server_always_hangs_up_on_is_sent_twice_at_most():
    server = Server(lambda number, _: OK if number == 1 else None)

    async def work(wire):
        await wire.post("/", b"first")
        with pytest.raises(WireError, match="hung up") as caught:
            await wire.post("/", b"second")
        return caught.value.reached

    assert asking(server, work) is True
    assert len(server.requests) == 3


def test_an_answer_that_ends_early_is_an_error_and_is_not_sent_again():
    cut = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100\r\n\r\n{"
    server = Server(lambda number, _: OK if number == 1 else cut)

    async def work(wire):
        await wire.post("/", b"first")
        with pytest.raises(WireError, match="hung up"):
            await wire.post("/", b"second")

    asking(server, work)
    assert len(server.requests) == 2


def test_what_is_no_http_is_an_error():
    server = Server(lambda *_: b"220 mail.example ESMTP close\r\n")

    async def work(wire):
        with pytest.raises(WireError, match="no HTTP"):
            await wire.get("/")

    asking(server, work)


def test_a_server_that_closes_after_each_answer_is_connected_to_again():
    closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
    server = Server(lambda *_: closing)

    async def work(wire):
        return [(await wire.post("/", b"x")).status for _ in range(3)]

    assert asking(server, work) == [200] * 3
    assert server.connections == 3


def test_nobody_there_is_told_with_the_address():
    async def work():
        wire = Wire("http://127.0.0.1:9")
        with pytest.raises(WireError, match=r"cannot connect to 127\.0\.0\.1:9") as caught:
            await wire.get("/")
        return caught.value.reached

    assert asyncio.run(work()) is False


def test_a_request_that_is_given_up_closes_its_connection():
    async def work(wire):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await wire.post("/", b"never answered")
        return (await wire.post("/", b"next")).body

    def answer(number, request):
        return b"" if number == 1 else OK

    server = Server(answer)
    assert asking(server, work) == b"{}"
    assert server.connections == 2


def test_an_address_that_is_none_is_refused():
    with pytest.raises(ConfigurationError, match="base_url is 'localhost:8000'"):
        Wire("localhost:8000")


def test_a_key_with_a_line_break_is_refused_without_showing_it():
    async def work(wire):
        with pytest.raises(ConfigurationError, match="Authorization") as caught:
            await wire.get("/")
        return str(caught.value)

    told = asking(Server(lambda *_: OK), work, Authorization="Bearer sk-secret\n")
    assert "secret" not in told


def test_a_proxy_of_the_environment_is_asked_for_plain_addresses(monkeypatch):
    server = Server(lambda *_: OK)

    async def run():
        proxy = await asyncio.start_server(server, "127.0.0.1", 0)
        port = proxy.sockets[0].getsockname()[1]
        monkeypatch.setenv("http_proxy", f"http://me:pass@127.0.0.1:{port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        wire = Wire("http://models.example:8000/v1")
        answer = await wire.post("/chat", b"{}")
        await wire.close()
        proxy.close()
        await server.ended()
        return answer.status

    assert asyncio.run(run()) == 200
    assert server.requests[0].startswith(b"POST http://models.example:8000/v1/chat HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic bWU6cGFzcw==" in server.requests[0]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for localhost and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    folder = tmp_path_factory.mktemp("tls")
    paths = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-addext", "basicConstraints=critical,CA:TRUE",
         "-out", str(paths[0]), "-keyout", str(paths[1])],
        check=True, capture_output=True,
    )  # fmt: skip
    return paths


@pytest.fixture
def tls(certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


def test_tls_is_spoken_and_the_certificate_checked(tls, monkeypatch):
    server = Server(lambda *_: OK)

    async def work(wire):
        return (await wire.post("/chat", b"{}")).status

    assert asking(server, work, tls=tls) == 200
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(WireError, match="certificate"):
        asking(server, work, tls=tls)


@pytest.mark.parametrize("lets_through", [True, False])
def test_a_proxy_is_asked_for_a_tunnel_to_addresses_with_tls(tls, monkeypatch, lets_through):
    server, asked = Server(lambda *_: OK), []

    async def tunnel(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head)
        if not lets_through:
            writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            writer.close()
            return
        port = int(head.split(b" ")[1].rpartition(b":")[2])
        inner = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

        async def copy(source, target):
            while data := await source.read(65536):
                target.write(data)
            target.close()

        await asyncio.gather(copy(reader, inner[1]), copy(inner[0], writer))

    async def run():
        behind = await asyncio.start_server(server, "127.0.0.1", 0, ssl=tls)
        proxy = await asyncio.start_server(tunnel, "127.0.0.1", 0)
        at = proxy.sockets[0].getsockname()[1]
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{at}")
        monkeypatch.setenv("no_proxy", "")
        monkeypatch.delenv("NO_PROXY", raising=False)
        port = behind.sockets[0].getsockname()[1]
        wire = Wire(f"https://localhost:{port}")
        try:
            return await wire.get("/models")
        finally:
            await wire.close()
            behind.close()
            proxy.close()
            await server.ended()

    if lets_through:
        assert asyncio.run(run()).status == 200
    else:
        with pytest.raises(WireError, match="does not let through"):
            asyncio.run(run())
    assert asked[0].startswith(b"CONNECT localhost:")


def test_a_kept_connection_that_is_lost_late_is_not_asked_again(monkeypatch):
    monkeypatch.setattr(wire_module, "_RACE_SECONDS", -1.0)
    server = Server(lambda number, _: None if number == 2 else OK)

    async def work(wire):
        await wire.post("/", b"first")
        with pytest.raises(WireError, match="hung up") as caught:
            await wire.post("/", b"second")
        return caught.value.reached

    assert asking(server, work) is True
    assert len(server.requests) == 2


@pytest.mark.parametrize("told", [b"Connection: close\r\n", b""])
def test_an_answer_that_does_not_tell_its_length_ends_with_the_connection(told):
    class Closing(Server):
        async def __call__(self, reader, writer) -> None:
            self.writers.append(writer)
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\n" + told + b"\r\n{")
            await writer.drain()
            writer.write(b"}")
            writer.close()

    answer = asking(Closing(lambda *_: OK), lambda wire: asyncio.gather(wire.get("/x")))[0]
    assert (answer.status, answer.body) == (200, b"{}")


def test_a_proxy_that_never_lets_through_is_hung_up_on(monkeypatch):
    monkeypatch.setattr(wire_module, "_CONNECT_SECONDS", 0.05)
    server = Server(lambda *_: b"")

    async def run():
        proxy = await asyncio.start_server(server, "127.0.0.1", 0)
        port = proxy.sockets[0].getsockname()[1]
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("no_proxy", "")
        monkeypatch.delenv("NO_PROXY", raising=False)
        wire = Wire("https://[2001:db8::7]:8443/v1")
        with pytest.raises(WireError, match="did not take the connection"):
            await wire.get("/x")
        await asyncio.sleep(0)
        left = len(wire._open)
        proxy.close()
        await server.ended()
        return left

    assert asyncio.run(run()) == 0
    assert server.requests[0].startswith(b"CONNECT [2001:db8::7]:8443 HTTP/1.1\r\n")
