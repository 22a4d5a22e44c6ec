"""Whose process is at the other end of a loopback connection."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sentinel_server.web.peer import (
    Address,
    PeerVerdict,
    Standing,
    owner,
    owner_by_netlink,
    owner_by_proc,
    same_user,
    same_user_at,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whose a connection is")

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user for a test")

# An address in bytes needs no codec, which the user `nobody` may not be able to read.
FOREIGNER = """import os, socket, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
connection = socket.socket()
connection.connect((b"127.0.0.1", int(sys.argv[1])))
sys.stdin.read()
"""


@pytest.fixture
def server(socket_enabled: None) -> Iterator[socket.socket]:
    """A listening socket on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(20)
        yield listening


@contextmanager
def connected(
    server: socket.socket, family: int = socket.AF_INET
) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection, ours and the client's."""
    prefix = "::ffff:" if family == socket.AF_INET6 else ""
    with socket.socket(family) as client:
        client.connect((f"{prefix}127.0.0.1", server.getsockname()[1]))
        accepted, _ = server.accept()
        with accepted:
            yield accepted, client


@contextmanager
def a_foreigner(server: socket.socket) -> Iterator[socket.socket]:
    """Our end of a connection from a process of the user `nobody`."""
    port = str(server.getsockname()[1])
    with subprocess.Popen([sys.executable, "-c", FOREIGNER, port], stdin=subprocess.PIPE, cwd="/") as process:
        accepted, _ = server.accept()
        with accepted:
            yield accepted
        process.communicate()


def verdict_on(accepted: socket.socket, **how: tuple[int, ...]) -> PeerVerdict:
    """What is said of the other end."""
    return same_user(accepted.getsockname(), accepted.getpeername(), **how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "family", [socket.AF_INET, socket.AF_INET6], ids=["IPv4", "IPv4 by an IPv6 socket, as JVMs do"]
)
@pytest.mark.parametrize("lookup", [owner, owner_by_netlink, owner_by_proc])
def test_our_own_connection_is_ours(
    server: socket.socket, family: int, lookup: Callable[[Address, Address], int | None]
) -> None:
    with connected(server, family) as (accepted, _):
        verdict = same_user(accepted.getsockname(), accepted.getpeername(), lookup=lookup)
        assert verdict == PeerVerdict(standing=Standing.SAME, uid=os.geteuid())
        assert not verdict.refused


@as_root
@pytest.mark.parametrize("lookup", [owner, owner_by_netlink, owner_by_proc])
def test_another_users_connection_is_refused(
    server: socket.socket, lookup: Callable[[Address, Address], int | None]
) -> None:
    with a_foreigner(server) as accepted:
        verdict = same_user(accepted.getsockname(), accepted.getpeername(), lookup=lookup)
        assert verdict == PeerVerdict(standing=Standing.OTHER, uid=NOBODY)
        assert verdict.refused


@as_root
def test_a_user_who_is_allowed_is_not_refused(server: socket.socket) -> None:
    with a_foreigner(server) as accepted:
        assert verdict_on(accepted, allowed=(NOBODY,)) == PeerVerdict(standing=Standing.SAME, uid=NOBODY)
        assert verdict_on(accepted, allowed=(1,)).refused


@pytest.mark.parametrize("lookup", [owner, owner_by_netlink, owner_by_proc])
def test_a_connection_that_its_process_has_closed_is_nobodys(
    server: socket.socket, lookup: Callable[[Address, Address], int | None]
) -> None:
    with connected(server) as (accepted, client):
        client.close()
        verdict = same_user(accepted.getsockname(), accepted.getpeername(), lookup=lookup)
        assert verdict == PeerVerdict(standing=Standing.UNKNOWN)
        assert verdict.refused


def test_a_connection_that_never_was_is_nobodys(server: socket.socket) -> None:
    with connected(server) as (accepted, _):
        host, port = accepted.getpeername()
        assert same_user(accepted.getsockname(), (host, port ^ 1)).standing is Standing.UNKNOWN
        assert same_user(("not an address", 1), (host, port)).standing is Standing.UNKNOWN


def test_the_direction_counts(server: socket.socket) -> None:
    with connected(server) as (accepted, client):
        assert owner(client.getsockname(), client.getpeername()) == os.geteuid()
        accepted.close()
        assert owner(client.getpeername(), client.getsockname()) is None


def test_when_nobody_can_be_asked_the_answer_is_no(server: socket.socket) -> None:
    def silent(own: Address, other: Address) -> int | None:
        raise OSError("no netlink, no /proc")

    with connected(server) as (accepted, _):
        assert same_user(accepted.getsockname(), accepted.getpeername(), lookup=silent).refused


async def test_the_server_asks_by_its_transport(server: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    with connected(server) as (accepted, client):
        transport, _ = await loop.connect_accepted_socket(asyncio.Protocol, accepted)
        assert same_user_at(transport)
        client.close()
        assert not same_user_at(transport)
        transport.close()


def test_asking_leaves_no_descriptor_open(server: socket.socket) -> None:
    with connected(server) as (accepted, _):
        before = sorted(os.listdir("/proc/self/fd"))
        for _ in range(50):
            verdict_on(accepted)
        assert sorted(os.listdir("/proc/self/fd")) == before


def test_the_tables_are_read_as_the_kernel_writes_them(tmp_path: Path) -> None:
    if sys.byteorder != "little":
        pytest.skip("the sample is from a little-endian machine")
    (tmp_path / "tcp").write_text(
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1001        0 777 1 0\n"
        "   1: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1002        0 778 1 0\n"
        "   2: 0100007F:C351 0100007F:1F90 06 00000000:00000000 00:00000000 00000000     0        0 0 1 0\n"
    )
    here = ("127.0.0.1", 8080)
    assert owner_by_proc(("127.0.0.1", 50000), here, tmp_path) == 1002
    assert owner_by_proc(("127.0.0.1", 50001), here, tmp_path) is None
    assert owner_by_proc(("127.0.0.1", 50002), here, tmp_path) is None
