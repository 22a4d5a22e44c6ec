"""Which user has the other end of a loopback connection. Linux only; elsewhere nobody is asked.

The kernel is asked over netlink for exactly one socket (sock_diag(7)): one request, one answer, whatever
the number of connections. Where netlink is forbidden, `/proc/net/tcp` is read. What cannot be established
is not taken for us: a socket that is gone, or was closed before we looked, has no user any more.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
from collections.abc import Callable, Collection
from enum import Enum
from ipaddress import IPv6Address, ip_address
from pathlib import Path

from sentinel_server.frozen import frozen

Address = tuple[str, int]
"""An IP address and a port."""

Lookup = Callable[[Address, Address], "int | None"]
"""The uid that owns the socket from its own address to its peer's; None when there is no such socket.

Raises OSError when it cannot tell.
"""


class Standing(Enum):
    """What is known of the user at the other end."""

    SAME = "same"
    OTHER = "other"
    UNKNOWN = "unknown"
    NOT_CHECKED = "not checked"


@frozen
class PeerVerdict:
    """Who is at the other end; `uid` is known for SAME and OTHER."""

    standing: Standing
    uid: int | None = None

    @property
    def refused(self) -> bool:
        """Whether the connection must get nothing: another user's, or one whose user cannot be known."""
        return self.standing in {Standing.OTHER, Standing.UNKNOWN}


def same_user(
    local: Address, remote: Address, *, allowed: Collection[int] = (), lookup: Lookup | None = None
) -> PeerVerdict:
    """Whether `remote`, connected to our `local`, is a socket of our effective user or of `allowed` uids."""
    if sys.platform != "linux":
        return PeerVerdict(standing=Standing.NOT_CHECKED)
    else:
        find = lookup or owner
        try:
            uid = find(remote, local)
        except (OSError, ValueError, struct.error):
            uid = None
        if uid is None:
            return PeerVerdict(standing=Standing.UNKNOWN)
        ours = uid == os.geteuid() or uid in allowed
        return PeerVerdict(standing=Standing.SAME if ours else Standing.OTHER, uid=uid)


def same_user_at(
    transport: asyncio.Transport, *, allowed: Collection[int] = (), lookup: Lookup | None = None
) -> bool:
    """Whether a connection of the server may be served, by who is at its other end."""
    local, remote = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
    if local is None or remote is None:
        return False
    return not same_user(local[:2], remote[:2], allowed=allowed, lookup=lookup).refused


_SOCK_DIAG_BY_FAMILY = 20  # linux/sock_diag.h
_NETLINK_SOCK_DIAG = 4
_REQUEST = 1  # NLM_F_REQUEST: one socket, not a dump
_ERROR = 2  # NLMSG_ERROR
_HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
_WANTED = struct.Struct("=BBBBI")  # inet_diag_req_v2: family, protocol, extensions, padding, states
_ENDS = struct.Struct("!HH16s16s")  # inet_diag_sockid: ports and addresses of its own and the other end
_ANY_COOKIE = struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)  # any interface; INET_DIAG_NOCOOKIE
_FOUND = struct.Struct("=4B48xIIIII")  # inet_diag_msg: …, expires, queues, uid, inode
_TIMEOUT = 0.1
"""Seconds; the kernel answers within the sending call."""


if sys.platform == "linux":

    def owner_by_netlink(own: Address, other: Address) -> int | None:
        """The uid of the socket; None when there is none or it has been closed. Raises OSError."""
        address = ip_address(own[0])
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        body = _WANTED.pack(family, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF)
        body += _ENDS.pack(own[1], other[1], address.packed, ip_address(other[0]).packed) + _ANY_COOKIE
        head = _HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, _REQUEST, 0, 0)
        with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG) as kernel:
            kernel.settimeout(_TIMEOUT)
            kernel.sendto(head + body, (0, 0))
            return _uid_in(kernel.recv(4096))

else:

    def owner_by_netlink(own: Address, other: Address) -> int | None:
        """Raises OSError: only Linux has netlink."""
        raise OSError("no netlink here")


def owner(own: Address, other: Address) -> int | None:
    """The uid of the socket, by netlink, or by /proc where netlink does not answer."""
    try:
        return owner_by_netlink(own, other)
    except OSError:  # which may mean no such socket as well as nobody to ask
        return owner_by_proc(own, other)


def _uid_in(answer: bytes) -> int | None:
    _, kind, *_ = _HEADER.unpack_from(answer)
    if kind == _ERROR:
        (code,) = struct.unpack_from("=i", answer, _HEADER.size)
        raise OSError(-code, os.strerror(-code))
    *_, uid, inode = _FOUND.unpack_from(answer, _HEADER.size)
    return uid if inode else None  # without an inode no process has it, and the kernel says uid 0


def owner_by_proc(own: Address, other: Address, tables: Path = Path("/proc/net")) -> int | None:
    """The same from the tables of all sockets, IPv4 and IPv6 (which JVMs use for IPv4 too)."""
    for name, wide in (("tcp", False), ("tcp6", True)):
        wanted = [_as_in_proc(own, wide=wide), _as_in_proc(other, wide=wide)]
        try:
            lines = (tables / name).read_text().splitlines()[1:]
        except FileNotFoundError:
            continue
        for fields in map(str.split, lines):
            if fields[1:3] == wanted:
                return int(fields[7]) if fields[9] != "0" else None
    return None


def _as_in_proc(address: Address, *, wide: bool) -> str:
    """`0100007F:1F90`: the address in words of 32 bits as this machine stores them, the port in hex."""
    ip = ip_address(address[0])
    if wide and ip.version == 4:
        ip = IPv6Address(b"\0" * 10 + b"\xff\xff" + ip.packed)
    words = struct.unpack(f"={len(ip.packed) // 4}I", ip.packed)
    return f"{''.join(f'{word:08X}' for word in words)}:{address[1]:04X}"
