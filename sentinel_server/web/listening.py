"""The socket of the loopback server, which can be there before the server is: who connects then waits."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket

from sentinel_server.errors import InvalidSetting
from sentinel_server.web.options import WebOptions

BACKLOG = 1024
"""Connections the system may hold for us while we are busy."""

CREDENTIALS = "/credentials"
"""The only path that serves credentials."""


def url_of(options: WebOptions, listener: socket.socket) -> str:
    """What `AWS_CONTAINER_CREDENTIALS_FULL_URI` must be."""
    return f"http://{options.listen}:{listener.getsockname()[1]}{CREDENTIALS}"


def bind(options: WebOptions) -> socket.socket:
    """A listening socket on this machine's own address; plain HTTP with secrets goes nowhere else.

    Raises InvalidSetting when the address or the port cannot be had.
    """
    try:
        address = ipaddress.IPv4Address(options.listen)
    except ValueError as error:
        raise InvalidSetting(f"cannot listen on {options.listen!r}: not an IPv4 address") from error
    if not (address.is_loopback or address.is_link_local):
        raise InvalidSetting(
            f"cannot listen on {address}: not loopback or link-local, others could read along"
        )
    if not 0 <= options.port <= 65535:
        raise InvalidSetting(f"cannot listen on port {options.port}: a port is between 0 and 65535")
    try:
        return socket.create_server((options.listen, options.port), backlog=BACKLOG)
    except OSError as error:
        raise _unusable(options, error) from error


def _unusable(options: WebOptions, error: OSError) -> InvalidSetting:
    where = f"cannot listen on {options.listen}:{options.port}"
    if error.errno == errno.EADDRINUSE:
        return InvalidSetting(
            f"{where}: the port is taken", hint="choose another --server-port, or leave it out"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        hint = f"give this machine the address: sudo ip address add {options.listen}/32 dev lo"
        return InvalidSetting(f"{where}: this machine does not have that address", hint=hint)
    return InvalidSetting(f"{where}: {os.strerror(error.errno or 0)}")
