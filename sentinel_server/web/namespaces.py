"""Which user has the other end of a connection that comes out of a container. Linux only.

A container's socket is in a network namespace of its own, where our netlink socket does not look. The table
of every namespace in which some process lives is in `/proc/PID/net/tcp` (proc_pid_net(5)), with the user as
we number it. It is read once per connection, and only by a server that listens for containers.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sentinel_server.web.peer import Address, owner, owner_by_proc

_PROCESSES = Path("/proc")


def owner_anywhere(own: Address, other: Address) -> int | None:
    """The uid of the socket from `own` to `other`, in our network namespace or else in any other.

    None when there is none, or when two namespaces have one and their users differ: addresses of containers
    are unique on one bridge, and whoever made a second of the kind may have done so to be taken for another.
    Raises OSError when it cannot tell.
    """
    here = owner(own, other)
    return owner_in_namespaces(own, other) if here is None else here


def owner_in_namespaces(own: Address, other: Address, processes: Path = _PROCESSES) -> int | None:
    """The same, in the namespaces of all `processes`."""
    users = {uid for tables in _namespaces(processes) if (uid := _owner_in(tables, own, other)) is not None}
    return users.pop() if len(users) == 1 else None


def _namespaces(processes: Path) -> Iterator[Path]:
    """The tables of each namespace once; its number is that of the files in it."""
    seen: set[int] = set()
    for process in processes.iterdir():
        if process.name.isdecimal():
            tables = process / "net"
            try:
                number = (tables / "tcp").stat().st_ino
            except OSError:  # it has ended, or is hidden from us (hidepid)
                continue
            if number not in seen:
                seen.add(number)
                yield tables


def _owner_in(tables: Path, own: Address, other: Address) -> int | None:
    try:
        return owner_by_proc(own, other, tables)
    except OSError:  # its last process has ended meanwhile, and its sockets with it
        return None
