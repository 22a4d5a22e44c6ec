"""Whose process is at the other end of a connection out of a container."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from sentinel_server.web.namespaces import owner_anywhere, owner_in_namespaces
from sentinel_server.web.peer import Address

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whose a connection is")

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
CLIENT: Address = ("10.0.0.2", 40000)
SERVER: Address = ("169.254.170.2", 8080)
OWN, OTHER = "0200000A:9C40", "02AAFEA9:1F90"
"""The same as the kernel writes them on a machine that stores the low byte first."""


@pytest.fixture(autouse=True)
def _little_endian() -> None:
    if sys.byteorder != "little":
        pytest.skip("the addresses here are written as a little-endian machine has them")


def process(processes: Path, pid: int, *sockets: tuple[str, str, int, int]) -> Path:
    """A process with the table of its namespace: own and other address, uid and inode of each socket."""
    tables = processes / str(pid) / "net"
    tables.mkdir(parents=True)
    lines = [f"   0: {own} {other} 01 0:0 00:0 00 {uid} 0 {inode} 1\n" for own, other, uid, inode in sockets]
    (tables / "tcp").write_text(HEAD + "".join(lines))
    return tables


def test_a_socket_in_another_namespace_has_the_user_its_table_says(tmp_path: Path) -> None:
    process(tmp_path, 1)
    process(tmp_path, 20, (OWN, OTHER, 1001, 77))
    assert owner_in_namespaces(CLIENT, SERVER, tmp_path) == 1001


@pytest.mark.parametrize(
    "sockets",
    [
        [(OWN, "02AAFEA9:1F91", 0, 7)],
        [("0200000A:9C41", OTHER, 0, 7)],
        [(OTHER, OWN, 0, 7)],
        [(OWN, OTHER, 0, 0)],
        [],
    ],
    ids=["to another port", "from another port", "our own end", "closed by its process", "none"],
)
def test_any_other_socket_has_no_say(tmp_path: Path, sockets: list[tuple[str, str, int, int]]) -> None:
    process(tmp_path, 20, *sockets)
    assert owner_in_namespaces(CLIENT, SERVER, tmp_path) is None


def test_two_users_that_claim_one_connection_get_nothing(tmp_path: Path) -> None:
    process(tmp_path, 20, (OWN, OTHER, 1001, 77))
    process(tmp_path, 21, (OWN, OTHER, 1002, 78))
    assert owner_in_namespaces(CLIENT, SERVER, tmp_path) is None


def test_processes_that_share_a_namespace_are_one(tmp_path: Path) -> None:
    shared = process(tmp_path, 20, (OWN, OTHER, 1001, 77))
    for pid in range(21, 40):
        (tmp_path / str(pid) / "net").mkdir(parents=True)
        os.link(shared / "tcp", tmp_path / str(pid) / "net" / "tcp")
    assert owner_in_namespaces(CLIENT, SERVER, tmp_path) == 1001


def test_a_process_that_ended_or_is_hidden_does_not_keep_others_from_being_seen(tmp_path: Path) -> None:
    (tmp_path / "19" / "net").mkdir(parents=True)
    (tmp_path / "18").mkdir()
    (tmp_path / "self").mkdir()
    process(tmp_path, 20, (OWN, OTHER, 1001, 77))
    assert owner_in_namespaces(CLIENT, SERVER, tmp_path) == 1001


def test_a_table_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    (process(tmp_path, 19) / "tcp6").mkdir()
    process(tmp_path, 20, (OWN, OTHER, 1001, 77))
    assert owner_in_namespaces(CLIENT, SERVER, tmp_path) == 1001


def test_a_socket_of_our_own_namespace_is_found_as_ever(socket_enabled: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()[:2]) as client:
            ends = client.getsockname()[:2], client.getpeername()[:2]
            assert owner_anywhere(*ends) == os.geteuid()
        assert owner_anywhere(("127.0.0.1", 1), ("127.0.0.1", 2)) is None
