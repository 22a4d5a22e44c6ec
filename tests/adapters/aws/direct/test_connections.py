"""Connections are kept while they are good, and nobody's answer is anybody else's."""

from __future__ import annotations

import asyncio
import select
import signal
import socket
import ssl
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from functools import partial
from http.client import NotConnected
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
    SSLError,
)

from sentinel_server.adapters.aws.direct.connections import (
    IDLE_SECONDS,
    LOOKUPS,
    Connections,
    trusting,
)
from sentinel_server.adapters.aws.direct.protocols import NoAnswer
from tests.fakes.certificates import Certified
from tests.fakes.clock import FakeClock
from tests.fakes.names import Names, names_that_never_come
from tests.fakes.processes import DEADLINE
from tests.fakes.tcp_host import ECHO, HANG, TcpHost, an_answer
from tests.fakes.threads import no_more_threads


@asynccontextmanager
async def open_to(
    url: str, *, read: float = DEADLINE, ca: str | None = None, **more: Any
) -> AsyncIterator[Connections]:
    opened = Connections(url, connect=DEADLINE, read=read, ca_bundle=ca, **more)
    try:
        yield opened
    finally:
        opened.close()


async def fetched(opened: Connections, body: bytes = b"ask") -> bytes:
    return (await opened.post("/", {"host": "h"}, body)).body


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110  # what happens in a thread of the host's has no event here
            await asyncio.sleep(0.005)


async def test_a_request_is_sent_as_it_is_and_the_answer_comes_whole() -> None:
    with TcpHost([an_answer(b"said", "418 Tea", "X-Amz-Crc32: 5\r\n")]) as host:
        async with open_to(host.url) as opened:
            reply = await opened.post("/a", {"host": "h", "x-amz-date": "now"}, b"body")
    assert (reply.status, reply.body, reply.headers["x-amz-crc32"]) == (418, b"said", "5")
    head, _, body = host.requests[0].partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [b"POST /a HTTP/1.1", b"host: h", b"x-amz-date: now", b"content-length: 4"]
    assert body == b"body"


async def test_a_connection_is_used_again() -> None:
    with TcpHost([an_answer(b"1"), an_answer(b"2"), an_answer(b"3")]) as host:
        async with open_to(host.url) as opened:
            assert [await fetched(opened) for _ in range(3)] == [b"1", b"2", b"3"]
    assert host.connections == 1


async def test_one_that_the_host_has_closed_meanwhile_is_not_used_again() -> None:
    with TcpHost([an_answer(b"1")], [an_answer(b"2")]) as host:
        async with open_to(host.url) as opened:
            assert await fetched(opened) == b"1"
            await until(host.closed.is_set)
            assert await fetched(opened) == b"2"


async def test_what_the_host_said_without_being_asked_is_nobodys_answer() -> None:
    """What lies there must not be taken for the next one's answer."""
    stray = an_answer(b"credentials of somebody else")
    with TcpHost([an_answer(b"1") + stray, an_answer(b"2")], [an_answer(b"2")]) as host:
        async with open_to(host.url) as opened:
            assert await fetched(opened) == b"1"
            assert await fetched(opened) == b"2"


async def test_those_who_ask_at_the_same_time_get_their_own_answers() -> None:
    asked = [bytes([65 + each]) for each in range(8)]
    with TcpHost(*([ECHO] * 8 for _ in asked)) as host:
        async with open_to(host.url) as opened:
            assert await asyncio.gather(*(fetched(opened, each) for each in asked)) == asked


async def test_a_burst_opens_no_more_connections_than_there_may_be() -> None:
    """Those who wait for a thread take what comes back meanwhile."""
    with TcpHost(*([ECHO] * 40 for _ in range(3))) as host:
        async with open_to(host.url, limit=3) as opened:
            asked = [b"%d" % each for each in range(40)]
            assert await asyncio.gather(*(fetched(opened, each) for each in asked)) == asked
            assert len(opened._idle) <= 3
    assert host.connections <= 3


async def test_one_that_was_idle_for_long_is_not_trusted_to_be_there() -> None:
    """What stands between may have forgotten it, and would not say so."""
    clock = FakeClock()
    with TcpHost([an_answer(b"1"), an_answer(b"2"), an_answer(b"late")], [an_answer(b"3")]) as host:
        async with open_to(host.url, monotonic=clock.monotonic) as opened:
            assert await fetched(opened) == b"1"
            clock.pass_(timedelta(seconds=IDLE_SECONDS - 1))
            assert await fetched(opened) == b"2"
            clock.pass_(timedelta(seconds=IDLE_SECONDS + 1))
            assert await fetched(opened) == b"3"


async def test_who_stops_waiting_ends_the_connection_and_the_next_one_has_another() -> None:
    """An answer that comes too late for one must never be there for the next."""
    with TcpHost([HANG], [an_answer(b"2")]) as host:
        async with open_to(host.url) as opened:
            task = asyncio.create_task(fetched(opened))
            await until(lambda: bool(host.requests))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await until(host.gone.is_set)
            assert await fetched(opened) == b"2"


@contextmanager
def a_host_that_takes_no_call() -> Iterator[str]:
    """Its queue is full; it is one of few ways to have a connection hang on this machine."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, ExitStack() as callers:
        for _ in range(3):
            caller = callers.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(listener.getsockname())
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def a_host_that_drips(said: bytes) -> Iterator[str]:
    """It goes on for ever, a byte at a time, whatever it was asked."""
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        with suppress(OSError):
            while True:
                served, _ = listener.accept()
                with served, suppress(OSError):
                    served.sendall(said)
                    while not served.send(b"a") or not done.wait(0.01):
                        pass

    done = threading.Event()
    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        done.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(DEADLINE)


def busy_threads(before: set[threading.Thread]) -> list[threading.Thread]:
    return [each for each in set(threading.enumerate()) - before if each.name.startswith("aws")]


@pytest.mark.parametrize(
    ("host", "scheme"),
    [
        (a_host_that_takes_no_call, "http"),
        (partial(a_host_that_drips, b"\x16\x03\x03\x40\x00"), "https"),
        (partial(a_host_that_drips, b"HTTP/1.1 200 OK\r\n"), "http"),
    ],
    ids=["connect", "handshake", "answer"],
)
async def test_no_thread_goes_on_for_who_has_stopped_waiting(
    host: Callable[[], AbstractContextManager[str]], scheme: str
) -> None:
    """Else a few of them would use up the threads, and the end of the process would wait for them."""
    before = set(threading.enumerate())
    with host() as place:
        opened = Connections(f"{scheme}://{place}", connect=10 * DEADLINE, read=10 * DEADLINE)
        hanging = asyncio.create_task(fetched(opened))
        await until(lambda: bool(busy_threads(before)))
        await asyncio.sleep(0.05)  # until it hangs; if it is abandoned before that, all the better
        hanging.cancel()
        await asyncio.wait([hanging])
        opened.close()
        await until(lambda: not any(each.is_alive() for each in busy_threads(before)))


async def test_an_answer_that_drips_has_an_end_of_its_own() -> None:
    """Each byte comes in time, and the whole would never."""
    with a_host_that_drips(b"HTTP/1.1 200 OK\r\na: ") as place:
        opened = Connections(f"http://{place}", connect=0.5, read=0.1)
        try:
            with pytest.raises((ReadTimeoutError, ConnectTimeoutError)):
                await fetched(opened)
        finally:
            opened.close()


async def test_whoever_waits_for_a_thread_is_told_when_all_is_closed() -> None:
    """Cancelled, they would look as if somebody had stopped them."""
    with TcpHost([HANG], [HANG]) as host:
        opened = Connections(host.url, connect=DEADLINE, read=DEADLINE, limit=1)
        asking = [asyncio.create_task(fetched(opened)) for _ in range(3)]
        await until(lambda: bool(host.requests))
        opened.close()
        outcomes = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(each) for each in outcomes] == [ConnectionClosedError] * 3


def test_whoever_waits_for_a_name_is_told_when_all_is_closed() -> None:
    async def scenario() -> None:
        opened = Connections("http://nowhere.example", connect=DEADLINE, read=DEADLINE)
        before = asyncio.all_tasks()
        asking = [asyncio.create_task(fetched(opened)) for _ in range(LOOKUPS + 1)]
        await until(lambda: len(opened._lookups) == LOOKUPS)
        opened.close()
        outcomes = await asyncio.gather(*asking, return_exceptions=True)
        assert {type(each) for each in outcomes} == {ConnectionClosedError}
        assert asyncio.all_tasks() == before

    with names_that_never_come() as (runner, _):
        runner.run(scenario())


async def test_who_is_cancelled_while_all_is_closed_stays_so() -> None:
    with TcpHost([HANG]) as host:
        opened = Connections(host.url, connect=DEADLINE, read=DEADLINE, limit=1)
        asking = [asyncio.create_task(fetched(opened)) for _ in range(2)]
        await until(lambda: bool(host.requests))
        asking[1].cancel()
        opened.close()
        await asyncio.wait(asking)
    assert [each.cancelled() for each in asking] == [False, True]


def test_names_that_are_not_found_do_not_take_everybodys_threads() -> None:
    """A lookup cannot be ended, and there are not many threads for them."""

    async def scenario(names: Names) -> None:
        opened = Connections("http://nowhere.example", connect=0.01, read=DEADLINE)
        try:
            outcomes = await asyncio.gather(*(fetched(opened) for _ in range(12)), return_exceptions=True)
            assert {type(each) for each in outcomes} == {ConnectTimeoutError}
            await until(lambda: names.asked == LOOKUPS)
            names.over.set()
            await until(lambda: all(each.done() for each in opened._lookups))
            with pytest.raises((ConnectTimeoutError, EndpointConnectionError)):
                await fetched(opened)
            assert names.asked == LOOKUPS + 1
        finally:
            opened.close()

    with names_that_never_come() as (runner, names):
        runner.run(scenario(names))


async def test_idle_ones_that_the_host_has_closed_are_let_go_with_the_next_request() -> None:
    """Not only the one whose turn it is: after a burst the others would lie there for as long as we run."""
    with TcpHost([], [an_answer(b"2")]) as host:
        async with open_to(host.url) as opened:
            where = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", host.port))]
            first, second = opened.opened(where), opened.opened(where)
            opened.give(first)
            opened.give(second)
            await until(lambda: bool(select.select([first.sock], [], [], 0)[0]))
            assert await fetched(opened) == b"2"
            assert first.sock is None


async def test_nothing_is_left_when_they_are_closed() -> None:
    before = set(threading.enumerate())
    with TcpHost([HANG], [an_answer(b"2"), HANG]) as host:
        opened = Connections(host.url, connect=DEADLINE, read=DEADLINE)
        hanging = asyncio.create_task(fetched(opened))
        await until(lambda: bool(host.requests))
        assert await fetched(opened) == b"2"
        opened.close()
        with pytest.raises(ConnectionClosedError):
            await hanging
        await until(host.gone.is_set)
        with pytest.raises(ConnectionClosedError):
            await fetched(opened)
    ours = [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("aws")]
    await until(lambda: not any(thread.is_alive() for thread in ours))


PASSED_ON = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGWINCH)

BROKEN = [
    (b"", ConnectionClosedError),
    (b"HTTP/1.1 200 OK\r\n", NoAnswer),
    (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{}", ConnectionClosedError),
    (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab", HTTPClientError),
    (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", HTTPClientError),
    (b"HTTP/1.1 200 OK\r\n\r\n{}", NoAnswer),
    (b"HTTP/1.0 200 OK\r\n\r\n{}", NoAnswer),
    (b"SSH-2.0-OpenSSH\r\n", HTTPClientError),
    (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n", HTTPClientError),
    (b"HTTP/1.1 200 OK\r\na: " + b"b" * 100_000 + b"\r\n\r\n", HTTPClientError),
]


@pytest.mark.parametrize(("said", "error"), BROKEN)
async def test_half_an_answer_is_none(said: bytes, error: type[BotoCoreError]) -> None:
    with TcpHost([said], [an_answer(b"2")]) as host:
        async with open_to(host.url) as opened:
            with pytest.raises(error):
                await fetched(opened)
            assert await fetched(opened) == b"2"


FRAMED = [
    "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\n{}",
    "HTTP/1.1 304 Not Modified\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 40\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\ncontent-length: 0_2\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\ncontent-length: " + "9" * 5000 + "\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: gzip\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: x\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
]


@pytest.mark.parametrize("said", FRAMED, ids=lambda said: said[9:80])
async def test_an_answer_that_does_not_say_for_certain_where_it_ends_is_none(said: str) -> None:
    """Else what comes after it would be there for whoever asks next."""
    late = an_answer(b"late")
    with TcpHost([said.encode(), late], [an_answer(b"2")]) as host:
        async with open_to(host.url) as opened:
            with pytest.raises(NoAnswer):
                await fetched(opened)
            assert await fetched(opened) == b"2"


async def test_what_was_said_to_a_100_continue_is_the_answer() -> None:
    with TcpHost([b"HTTP/1.1 100 Continue\r\nx: y\r\n\r\n" * 2 + an_answer(b"1"), an_answer(b"2")]) as host:
        async with open_to(host.url) as opened:
            assert [await fetched(opened), await fetched(opened)] == [b"1", b"2"]


@pytest.mark.parametrize("size", [b"-1", b"-7fffffff", b"7fffffff", b"8000000000000000"])
async def test_a_chunk_of_any_size_is_not_read_further_than_an_answer_goes(size: bytes) -> None:
    """A host that sends for ever after it would otherwise be listened to for as long."""
    said = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + size + b"\r\n" + b"x" * 300_000
    with TcpHost([said, HANG], [an_answer(b"2")]) as host:
        async with open_to(host.url, largest=100_000) as opened:
            with pytest.raises(BotoCoreError):
                await fetched(opened)
            assert await fetched(opened) == b"2"


async def test_trailers_of_a_chunked_answer_are_nobodys_answer() -> None:
    chunks = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nx: y\r\n\r\n"
    with TcpHost([chunks, an_answer(b"2")]) as host:
        async with open_to(host.url) as opened:
            assert [await fetched(opened), await fetched(opened)] == [b"ab", b"2"]


async def test_what_tls_has_deciphered_already_is_nobodys_answer(tmp_path: Path) -> None:
    """It came in one record with the answer, so that nothing is left to see on the wire."""
    certified = Certified(tmp_path, "localhost")
    said = an_answer(b"1")
    said += b" " * (8192 - len(said))  # what http.client reads at once and forgets
    stray = an_answer(b"credentials of somebody else")
    with TcpHost([said + stray, HANG], [an_answer(b"2")], tls=certified.server) as host:
        async with open_to(host.url, ca=certified.bundle) as opened:
            assert await fetched(opened) == b"1"
            assert await fetched(opened) == b"2"


async def test_a_chunked_answer_is_put_together() -> None:
    chunks = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    with TcpHost([chunks, an_answer(b"2")]) as host:
        async with open_to(host.url) as opened:
            assert [await fetched(opened), await fetched(opened)] == [b"abc", b"2"]


async def test_an_answer_without_an_end_is_not_read_to_it() -> None:
    with TcpHost([an_answer(b"x" * 1001)], [an_answer(b"x" * 1000)]) as host:
        async with open_to(host.url, largest=1000) as opened:
            with pytest.raises(NoAnswer):
                await fetched(opened)
            assert len(await fetched(opened)) == 1000


async def test_one_that_has_lost_its_socket_does_not_open_another_in_the_clear() -> None:
    with TcpHost([HANG]) as host:
        async with open_to(host.url) as opened:
            made = opened.opened([(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", host.port))])
            made.close()
            with pytest.raises(NotConnected):
                made.request("POST", "/")


def blocked_by(thread: int | None) -> int:
    """The mask of a thread of ours: bit 0 for signal 1."""
    told = Path(f"/proc/self/task/{thread}/status").read_text()
    return int(told.partition("SigBlk:")[2].split()[0], 16)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a thread blocks")
async def test_its_threads_take_no_signal_that_is_meant_for_the_process() -> None:
    with TcpHost([an_answer()]) as host:
        async with open_to(host.url) as opened:
            await fetched(opened)
            ids = [thread.native_id for thread in threading.enumerate() if thread.name.startswith("aws")]
            assert ids
            for blocked in map(blocked_by, ids):
                assert all(blocked >> (number - 1) & 1 for number in PASSED_ON)


async def test_silence_ends_by_itself() -> None:
    with TcpHost([HANG]) as host:
        async with open_to(host.url, read=0.05) as opened:
            with pytest.raises(ReadTimeoutError):
                await fetched(opened)
        await until(host.gone.is_set)


@pytest.mark.parametrize("name", ["a..b", "x" * 64, ".localhost"])
async def test_what_is_no_name_is_not_there(name: str) -> None:
    async with open_to(f"https://{name}:9") as opened:
        with pytest.raises(EndpointConnectionError):
            await fetched(opened)


@pytest.mark.parametrize("name", ["[::ffff]", "[fd00::]", "[::1]"])
async def test_an_address_is_not_taken_for_a_name_and_a_port(name: str) -> None:
    with TcpHost([an_answer(b"1")]) as host:
        async with open_to(f"http://{name}:{host.port}") as opened:
            where = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", host.port))]
            opened.give(opened.opened(where))
            assert await fetched(opened) == b"1"


async def test_a_host_that_is_not_there_is_said_to_be_so() -> None:
    async with open_to("http://localhost:9") as opened:
        with pytest.raises(EndpointConnectionError, match="localhost:9"):
            await fetched(opened)


async def test_a_host_that_does_not_take_calls_is_not_waited_for() -> None:
    opened = Connections("http://127.0.0.1:9", connect=0.0, read=DEADLINE)  # cannot be had in time
    try:
        with pytest.raises((ConnectTimeoutError, EndpointConnectionError)):
            await fetched(opened)
    finally:
        opened.close()


@pytest.mark.parametrize("value", ["a\r\nx-injected: 1", "a\nb", "\x00\r\n"])
async def test_a_value_with_an_end_of_line_is_never_sent(value: str) -> None:
    with TcpHost([an_answer()]) as host:
        async with open_to(host.url) as opened:
            with pytest.raises(HTTPClientError):
                await opened.post("/", {"host": "h", "x-amz-security-token": value}, b"")
    assert host.requests == []


async def test_tls_is_spoken_to_a_host_that_proves_its_name(tmp_path: Path) -> None:
    certified = Certified(tmp_path, "localhost")
    with TcpHost([an_answer(b"1"), an_answer(b"2")], tls=certified.server) as host:
        async with open_to(host.url, ca=certified.bundle) as opened:
            assert [await fetched(opened), await fetched(opened)] == [b"1", b"2"]
    assert host.connections == 1


async def test_another_hosts_certificate_is_refused(tmp_path: Path) -> None:
    certified = Certified(tmp_path, "other.example")
    with TcpHost([an_answer(b"1")], tls=certified.server) as host:
        async with open_to(host.url, ca=certified.bundle) as opened:
            with pytest.raises(SSLError, match="Hostname mismatch"):
                await fetched(opened)
    assert host.requests == []


async def test_a_certificate_of_an_authority_nobody_named_is_refused(tmp_path: Path) -> None:
    with TcpHost([an_answer(b"1")], tls=Certified(tmp_path, "localhost").server) as host:
        async with open_to(host.url) as opened:
            with pytest.raises(SSLError, match="verify failed"):
                await fetched(opened)
    assert host.requests == []


def test_what_is_trusted_is_what_botocore_trusts() -> None:
    from botocore.httpsession import create_urllib3_context, get_cert_path

    ours, theirs = trusting(None), create_urllib3_context()
    theirs.load_verify_locations(get_cert_path(True))
    assert (ours.verify_mode, ours.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert ours.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert (ours.verify_flags, ours.verify_mode) == (theirs.verify_flags, theirs.verify_mode)
    assert sorted(map(repr, ours.get_ca_certs())) == sorted(map(repr, theirs.get_ca_certs()))


async def test_a_bundle_that_is_not_there_is_told_by_its_name(tmp_path: Path) -> None:
    async with open_to("https://localhost:9", ca=str(tmp_path / "none.pem")) as opened:
        with pytest.raises(SSLError, match=r"none\.pem"):
            await fetched(opened)


async def test_a_system_without_threads_is_an_aws_that_cannot_be_asked() -> None:
    with TcpHost([ECHO]) as host:
        async with open_to(host.url) as opened:
            await asyncio.to_thread(int)  # there is one that looks names up
            with no_more_threads(), pytest.raises(HTTPClientError, match="thread"):
                await fetched(opened)
            assert await fetched(opened) == b"ask"
