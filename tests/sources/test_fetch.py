"""The guarded fetch against real servers on loopback, honest and hostile.

`pictures.example` is mapped to loopback by the tests' own resolver and allowed as an operator would.
"""

from __future__ import annotations

import asyncio
import gzip
import ssl
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from multiedit.pipelines.common.errors import (
    FetchFailed,
    FetchRefused,
    FileTooLarge,
    MultiEditError,
)
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.sources.fetch import ImageFetcher, resolve_host
from multiedit.tests.support.timing import HELD_UP_SECONDS

HOST = "pictures.example"
PICTURE = b"\x89PNG and then some"
LIMITS = Limits(
    max_file_bytes=100_000, fetch_seconds=5.0, fetch_connect_seconds=2.0, fetch_allowed_hosts=(HOST,)
)
CERTIFICATE = Path(__file__).parent / "pictures.example.pem"

Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """What a scripted server has been asked."""

    port: int = 0
    heads: list[str] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        return [head.split(" ")[1] for head in self.heads]


@asynccontextmanager
async def serving(
    routes: Mapping[str, bytes | Script],
    address: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Server]:
    """A server that answers each path with these very bytes, or as the script writes."""
    record = Server()
    running = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.add(asyncio.current_task())
        try:
            record.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            route = routes[record.paths[-1].partition("?")[0]]
            if isinstance(route, bytes):
                writer.write(route)
                await writer.drain()
            else:
                await route(writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the fetcher has seen enough
        finally:
            writer.close()

    server = await asyncio.start_server(answer, address, port, ssl=tls)
    async with server:
        record.port = server.sockets[0].getsockname()[1]
        try:
            yield record
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


def response(body: bytes = PICTURE, status: str = "200 OK", **headers: str) -> bytes:
    fields = {"Content-Length": str(len(body))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    return response(b"", status, Location=location)


def headless(body: bytes, head: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + body


@dataclass
class Names:
    """A resolver that gives each name its answers in turn, the last one for ever."""

    answers: dict[str, list[list[str]]]
    asked: list[str] = field(default_factory=list)

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        if host not in self.answers:
            raise OSError("no such name")
        turns = self.answers[host]
        return turns.pop(0) if len(turns) > 1 else turns[0]


def loopback() -> Names:
    return Names({HOST: [["127.0.0.1"]]})


def fetch(
    routes: Mapping[str, bytes | Script],
    path: str = "/a.png",
    limits: Limits = LIMITS,
    names: Names | None = None,
    host: str = HOST,
) -> bytes:
    """What the fetcher gets of a path of a server with these routes."""

    async def run() -> bytes:
        async with serving(routes) as server:
            fetcher = ImageFetcher(limits, names or loopback())
            return await fetcher.fetch(f"http://{host}:{server.port}{path}", "image 2")

    return asyncio.run(run())


async def dribble(writer: asyncio.StreamWriter) -> None:
    writer.write(headless(b"", "Content-Length: 1000"))
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def flood(writer: asyncio.StreamWriter) -> None:
    writer.write(headless(b"", "Transfer-Encoding: chunked"))
    while True:
        writer.write(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
        await writer.drain()


async def endless_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-Line: " + b"x" * 1000 + b"\r\n")
        await writer.drain()


async def endless_preliminaries(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.001)


async def silence(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


@pytest.mark.parametrize(
    "answer",
    [
        response(),
        response(Content_Type="text/html"),
        response(Content_Encoding="identity"),
        headless(b"5\r\n\x89PNG \r\nd\r\nand then some\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
        headless(PICTURE, "Connection: close"),
        b"HTTP/1.1 100 Continue\r\n\r\n" + response(),
        b"HTTP/1.0 200\r\n\r\n" + PICTURE,
    ],
)
def test_the_body_comes_back_whole(answer: bytes) -> None:
    assert fetch({"/a.png": answer}) == PICTURE


def test_the_request_says_what_it_wants_and_nothing_about_us(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> str:
        async with serving({"/a.png": redirect("/b.png"), "/b.png": response()}) as server:
            proxy = f"http://127.0.0.1:{server.port}"
            for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
                monkeypatch.setenv(name, proxy)
            await ImageFetcher(LIMITS, loopback()).fetch(f"http://{HOST}:{server.port}/a.png?k=v", "image 1")
            assert server.paths == ["/a.png?k=v", "/b.png"]  # a proxy would get whole URLs
            return server.heads[1].lower()

    head = asyncio.run(run())
    assert "\r\naccept: image/*\r\n" in head
    assert "\r\naccept-encoding: identity\r\n" in head
    assert "\r\nuser-agent: multi-edit" in head
    assert "cookie" not in head
    assert "authorization" not in head
    assert "referer" not in head


def test_cookies_are_neither_kept_nor_sent() -> None:
    async def run() -> str:
        first = response(b"", "302 Found", Location="/b.png", Set_Cookie="a=b; Path=/")
        async with serving({"/a.png": first, "/b.png": response()}) as server:
            await ImageFetcher(LIMITS, loopback()).fetch(f"http://{HOST}:{server.port}/a.png", "image 1")
            return server.heads[1].lower()

    assert "cookie" not in asyncio.run(run())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(status: int) -> None:
    assert fetch({"/a.png": redirect("b.png", f"{status} Moved"), "/b.png": response()}) == PICTURE


@pytest.mark.parametrize(("redirects", "works"), [(3, True), (4, False)])
def test_the_number_of_redirects_is_limited(redirects: int, works: bool) -> None:
    routes: dict[str, bytes | Script] = {f"/{n}": redirect(f"/{n - 1}") for n in range(1, redirects + 1)}
    routes["/0"] = response()
    if works:
        assert fetch(routes, f"/{redirects}") == PICTURE
    else:
        with pytest.raises(FetchFailed, match=r"image 2 \(pictures.example\): more than 3 redirects"):
            fetch(routes, f"/{redirects}")


@pytest.mark.parametrize(
    ("asked", "folder"),
    [
        ("/%41%2Fb/%7E/+%20?", "/%41%2Fb/%7E/"),
        ("/a?X-Amz-Signature=aB%3D%2f&k=a+b;c=%7e&&", "/"),
        ("//a/../b?", "//"),
    ],
)
def test_the_server_is_asked_byte_for_byte_in_redirects_too(asked: str, folder: str) -> None:
    async def run() -> list[str]:
        async def to_an_absolute_url(writer: asyncio.StreamWriter) -> None:
            writer.write(redirect(f"http://{HOST}:{server.port}{asked}"))

        routes: dict[str, bytes | Script] = {
            "/first/%7E": to_an_absolute_url,
            asked.partition("?")[0]: redirect("r%2f?k=%2F+"),
            f"{folder}r%2f": response(),
        }
        async with serving(routes) as server:
            url = f"http://{HOST}:{server.port}/first/%7E?q=%2F+#fragment"
            await ImageFetcher(LIMITS, loopback()).fetch(url, "image 1")
            return server.paths

    assert asyncio.run(run()) == ["/first/%7E?q=%2F+", asked, f"{folder}r%2f?k=%2F+"]


def test_a_redirect_to_bytes_that_are_no_text_is_asked_for_with_those_bytes() -> None:
    location = redirect("/X").replace(b"/X", b"/\xe9\xc3\xa9 b?\xff")

    async def run() -> str:
        async with serving({"/a": location, "/%E9%C3%A9%20b": response()}) as server:
            await ImageFetcher(LIMITS, loopback()).fetch(f"http://{HOST}:{server.port}/a", "image 1")
            return server.paths[-1]

    assert asyncio.run(run()) == "/%E9%C3%A9%20b?%FF"


def test_redirects_for_ever_end() -> None:
    with pytest.raises(FetchFailed, match="more than 3 redirects"):
        fetch({"/a.png": redirect("/a.png")})


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (response(status="404 Not Found"), FetchFailed, "responded with 404"),
        (response(status="403 Forbidden"), FetchFailed, "responded with 403"),
        (response(status="500 No"), FetchFailed, "responded with 500"),
        (response(status="206 Partial Content"), FetchFailed, "responded with 206"),
        (response(status="300 Choices", Location="/b.png"), FetchFailed, "responded with 300"),
        (response(b"", "302 Found"), FetchFailed, "without saying where"),
        (redirect("http://127.0.0.1/"), FetchRefused, "not at a public address"),
        (redirect("http://localhost/"), FetchFailed, "the host name was not found"),
        (redirect("http://inside.example/"), FetchRefused, "not at a public address"),
        (redirect("http://169.254.169.254/latest/meta-data/"), FetchRefused, "not at a public address"),
        (redirect("http://[::ffff:7f00:1]/"), FetchRefused, "not at a public address"),
        (redirect("http://2130706433/"), FetchRefused, "not a plain IP address"),
        (redirect("file:///etc/passwd"), FetchRefused, "not http or https"),
        (redirect("http://me:secret@pictures.example/"), FetchRefused, "user name or password"),
        (redirect("http://pictures.example:22/"), FetchRefused, "port 22"),
        (response(Content_Length="100000"), FileTooLarge, r"0.1 MB \(100000 bytes\)"),
        (response(Content_Length="9999999999999"), FileTooLarge, "must be smaller"),
        (response(Content_Length="99999999999999999999"), FetchFailed, "not valid HTTP"),  # over 64 bits
        (response(Content_Length="99"), FetchFailed, "was cut off"),
        (response(Content_Length="5"), FetchFailed, "not valid HTTP"),
        (response(Content_Length="-1"), FetchFailed, "not valid HTTP"),
        (response(Content_Length="1x"), FetchFailed, "not valid HTTP"),
        (response(gzip.compress(PICTURE), Content_Encoding="gzip"), FetchFailed, r"compressed \(gzip\)"),
        (response(Content_Encoding=" BR "), FetchFailed, r"compressed \(br\)"),
        (headless(b"5\r\nhello\r\n", "Transfer-Encoding: chunked"), FetchFailed, "was cut off"),
        (headless(b"zz\r\nhello\r\n", "Transfer-Encoding: chunked"), FetchFailed, "was cut off|not valid"),
        (headless(bytes(200_000), "Connection: close"), FileTooLarge, "at least"),
        (flood, FileTooLarge, "at least"),
        (endless_headers, FetchFailed, "not valid HTTP"),
        (b"", FetchFailed, "without a response"),
        (b"HTTP/1.1 200", FetchFailed, "without a response"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", FetchFailed, "not valid HTTP"),
        (b"\x00" * 1000, FetchFailed, "not valid HTTP"),
    ],
)
def test_a_bad_answer_has_its_own_error(
    answer: bytes | Script, error: type[MultiEditError], says: str
) -> None:
    names = Names({HOST: [["127.0.0.1"]], "inside.example": [["10.0.0.1"]]})
    start = time.monotonic()
    with pytest.raises(error, match=says) as caught:
        fetch({"/a.png": answer}, "/a.png?key=secret", names=names)
    assert type(caught.value) is error
    assert caught.value.message.startswith("image 2 (pictures.example)")
    for hidden in ("secret", "127.0.0.1", "10.0.0.1", "169.254", "a.png"):
        assert hidden not in caught.value.message
    assert time.monotonic() - start < HELD_UP_SECONDS


def test_bytes_beyond_content_length_are_not_taken() -> None:
    async def late_bytes(writer: asyncio.StreamWriter) -> None:
        writer.write(headless(PICTURE[:5], "Content-Length: 5"))
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(PICTURE[5:])

    assert fetch({"/a.png": late_bytes}) == PICTURE[:5]


@pytest.mark.parametrize("script", [dribble, silence, endless_preliminaries])
def test_a_slow_server_is_left_when_the_time_is_over(script: Script) -> None:
    limits = Limits(fetch_seconds=0.3, fetch_allowed_hosts=(HOST,))
    start = time.monotonic()
    with pytest.raises(FetchFailed, match=r"image 2 \(pictures.example\): .* within 0.3 s"):
        fetch({"/a.png": script}, limits=limits)
    assert time.monotonic() - start < HELD_UP_SECONDS


def test_the_time_runs_over_all_redirects() -> None:
    async def slow_redirect(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.2)
        writer.write(redirect("/a.png"))

    limits = Limits(fetch_seconds=0.3, fetch_allowed_hosts=(HOST,))
    with pytest.raises(FetchFailed):
        fetch({"/a.png": slow_redirect}, limits=limits)


def test_an_oversized_body_takes_no_more_memory_than_the_limit() -> None:
    fetch({"/a.png": response()})  # what is imported and compiled once
    tracemalloc.start()
    try:
        with pytest.raises(FileTooLarge):
            fetch({"/a.png": flood})
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "localhost",
        "me.example",
    ],
)
def test_no_connection_is_made_to_a_private_host(host: str) -> None:
    async def run() -> list[str]:
        names = Names({"localhost": [["127.0.0.1"]], "me.example": [["8.8.8.8", "127.0.0.1"]]})
        async with serving({"/a.png": response()}) as server:
            with pytest.raises(FetchRefused, match="not at a public address"):
                await ImageFetcher(Limits(), names).fetch(f"http://{host}:{server.port}/a.png", "image 1")
            return server.heads

    assert asyncio.run(run()) == []


def test_the_operator_may_allow_an_address() -> None:
    limits = Limits(fetch_allowed_hosts=("127.0.0.1",))
    assert fetch({"/a.png": response()}, limits=limits, host="127.0.0.1") == PICTURE


def test_an_allowance_is_for_that_very_host() -> None:
    names = Names({f"not-{HOST}": [["127.0.0.1"]], f"a.{HOST}": [["127.0.0.1"]]})
    for host in names.answers:
        with pytest.raises(FetchRefused):
            fetch({"/a.png": response()}, names=names, host=host)


def test_a_name_that_changes_its_address_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is asked for once, and the connection goes to that answer, not to a later one."""

    def no_lookup(*args: object, **options: object) -> None:
        raise AssertionError(f"the system was asked for {args}")

    async def run() -> None:
        names = Names({HOST: [["127.0.0.1"], ["127.0.0.2"]]})
        async with serving({"/a.png": response()}) as asked:
            inside_routes = {"/a.png": response(b"secret")}
            async with serving(inside_routes, "127.0.0.2", asked.port) as inside:
                monkeypatch.setattr("socket.getaddrinfo", no_lookup)
                url = f"http://{HOST}:{asked.port}/a.png"
                assert await ImageFetcher(LIMITS, names).fetch(url, "image 1") == PICTURE
                monkeypatch.undo()
                assert names.asked == [HOST]
                assert (len(asked.heads), len(inside.heads)) == (1, 0)
                assert f"\r\nHost: {HOST}:{asked.port}\r\n" in asked.heads[0]

    asyncio.run(run())


def test_each_hop_is_resolved_and_judged_again() -> None:
    names = Names({HOST: [["127.0.0.1"], ["169.254.169.254"]]})
    with pytest.raises(FetchRefused, match="not at a public address"):
        fetch({"/a.png": redirect("/b.png"), "/b.png": response()}, names=names)
    assert names.asked == [HOST, HOST]


def test_a_dead_address_is_followed_by_the_next_one() -> None:
    names = Names({HOST: [["127.0.0.9", "127.0.0.1"]]})
    assert fetch({"/a.png": response()}, names=names) == PICTURE


def test_a_name_that_does_not_resolve_says_so() -> None:
    for answers in ({}, {HOST: [[]]}):
        with pytest.raises(FetchFailed, match=r"image 2 \(pictures.example\): the host name was not found"):
            fetch({}, names=Names(answers))


def test_a_resolver_that_hangs_is_left() -> None:
    async def hang(host: str, port: int) -> list[str]:
        await asyncio.sleep(60)
        return []

    limits = Limits(fetch_connect_seconds=0.1)
    with pytest.raises(FetchFailed, match=r"no connection within 0.1 s"):
        asyncio.run(ImageFetcher(limits, hang).fetch(f"http://{HOST}/a.png", "image 1"))


def test_a_closed_port_says_so() -> None:
    async def run() -> None:
        async with serving({}) as server:
            port = server.port
        await ImageFetcher(LIMITS, loopback()).fetch(f"http://{HOST}:{port}/a.png", "image 1")

    with pytest.raises(FetchFailed, match="cannot be reached"):
        asyncio.run(run())


def test_the_systems_resolver_gives_addresses_and_ends_in_oserror() -> None:
    assert set(asyncio.run(resolve_host("localhost", 80))) <= {"127.0.0.1", "::1"}
    for host in ("a" * 64 + ".invalid", "a..b"):
        with pytest.raises(OSError):  # noqa: PT011 - gaierror and its relatives are told apart by nobody
            asyncio.run(resolve_host(host, 80))


def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


def fetch_over_tls(routes: Mapping[str, bytes | Script], host: str, trusted: bool) -> bytes:
    async def run() -> bytes:
        async with serving(routes, tls=server_tls()) as server:
            names = Names({HOST: [["127.0.0.1"]], "other.example": [["127.0.0.1"]]})
            limits = Limits(fetch_allowed_hosts=(HOST, "other.example"))
            tls = ssl.create_default_context(cafile=CERTIFICATE) if trusted else None
            return await ImageFetcher(limits, names, tls).fetch(
                f"https://{host}:{server.port}/a.png", "image 1"
            )

    return asyncio.run(run())


def test_tls_works_where_the_certificate_is_trusted() -> None:
    assert fetch_over_tls({"/a.png": response()}, HOST, trusted=True) == PICTURE


@pytest.mark.parametrize(("host", "trusted"), [(HOST, False), ("other.example", True)])
def test_tls_is_always_verified(host: str, trusted: bool) -> None:
    with pytest.raises(FetchFailed, match="certificate is not valid"):
        fetch_over_tls({"/a.png": response()}, host, trusted)


def test_a_redirect_from_https_to_http_is_refused() -> None:
    with pytest.raises(FetchRefused, match="is http, after https"):
        fetch_over_tls({"/a.png": redirect(f"http://{HOST}:8080/b.png")}, HOST, trusted=True)


def test_http_to_a_tls_port_fails() -> None:
    async def run() -> None:
        async with serving({}, tls=server_tls()) as server:
            await ImageFetcher(LIMITS, loopback()).fetch(f"http://{HOST}:{server.port}/a.png", "image 1")

    with pytest.raises(FetchFailed):
        asyncio.run(run())


def test_tls_to_a_port_that_speaks_something_else_fails() -> None:
    async def run() -> None:
        async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mail.example ESMTP\r\n")
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            await ImageFetcher(LIMITS, loopback()).fetch(f"https://{HOST}:{port}/a.png", "image 1")

    with pytest.raises(FetchFailed, match="no TLS connection could be made"):
        asyncio.run(run())


def test_a_server_that_never_shakes_hands_is_left() -> None:
    async def run() -> None:
        async with serving({}) as server:
            limits = Limits(fetch_connect_seconds=0.1, fetch_allowed_hosts=(HOST,))
            await ImageFetcher(limits, loopback()).fetch(f"https://{HOST}:{server.port}/a.png", "image 1")

    with pytest.raises(FetchFailed, match=r"no connection within 0.1 s"):
        asyncio.run(run())
