"""Sends log lines to this machine's syslog, over its unix socket, as RFC 5424 has them.

https://datatracker.ietf.org/doc/html/rfc5424#section-6
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from pathlib import Path

from sentinel_server.auditlog.query import read_entry
from sentinel_server.auditlog.shipping import Batch, Limits
from sentinel_server.errors import AuditUnavailable

_AUTHPRIV, _NOTICE, _INFO = 10, 5, 6
_UNIX: int = getattr(socket, "AF_UNIX", -1)
_PATIENCE = 2.0
_NO = frozenset(
    {"refused", "auth_failed", "rate_limited", "store_failed", "session_revoked", "blocked", "mfa_locked"}
)
"""Actions that are more than information."""


class SyslogOutlet:
    """An Outlet over a datagram socket, or a stream socket where there is no other."""

    name = "syslog"
    limits = Limits(lines=500, size=256 * 1024)

    def __init__(self, path: Path, host: str) -> None:
        self._path = path
        self._host = host
        self._socket: socket.socket | None = None

    async def send(self, batch: Batch) -> None:
        """Hand every line to the socket. Raises AuditUnavailable, and may then have handed over some."""
        await asyncio.to_thread(self._send, batch)

    def close(self) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, batch: Batch) -> None:
        try:
            opened = self._socket = self._socket or self._connected()
            end = b"\n" if opened.type == socket.SOCK_STREAM else b""
            for line in batch.lines:
                opened.sendall(message(line, self._host) + end)
        except OSError as error:
            self.close()
            raise AuditUnavailable(
                f"cannot send to syslog at {self._path}: {error.strerror or error}",
                hint="see what listens there: ls -l /dev/log",
            ) from error

    def _connected(self) -> socket.socket:
        try:
            return self._opened(socket.SOCK_DGRAM)
        except OSError as error:
            if error.errno != errno.EPROTOTYPE:
                raise
            return self._opened(socket.SOCK_STREAM)

    def _opened(self, kind: socket.SocketKind) -> socket.socket:
        opened = socket.socket(_UNIX, kind)
        opened.settimeout(_PATIENCE)
        try:
            opened.connect(str(self._path))
        except OSError:
            opened.close()
            raise
        return opened


def message(line: bytes, host: str) -> bytes:
    """A line as one syslog message: facility authpriv, the entry's own time, its action as the message id."""
    entry = read_entry(line) or {}
    action = str(entry.get("action") or "-")[:32]
    severity = _NOTICE if action in _NO else _INFO
    name = "".join(char if "!" <= char <= "~" else "-" for char in host)[:255] or "-"
    head = f"<{_AUTHPRIV * 8 + severity}>1 {entry.get('at') or '-'} {name} sentinel {os.getpid()} {action} - "
    return head.encode("ascii", "replace") + line
