"""Is this request from our child? Token, `Host` and the marks that browsers and proxies leave.

A page in a browser can make requests to loopback, and by DNS rebinding even read the answers under a name of
its own; `Host` and `Origin` give it away. No SDK sends any of the headers refused here.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable

from sentinel_server.secret import Secret

RawHeaders = Iterable[tuple[bytes, bytes]]
"""Names and values as they came."""

_FOREIGN = (b"origin", b"forwarded")
_FOREIGN_PREFIXES = (b"sec-fetch-", b"x-forwarded-")


def fresh_token() -> Secret:
    """256 random bits as base64url, which every SDK sends as it is; no line break in it."""
    # As `secrets.token_urlsafe` does it: `secrets` loads OpenSSL, for which a child need not wait.
    return Secret(base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode("ascii"))


class Guard:
    """Knows the token and under which names this server may be addressed."""

    def __init__(self, token: Secret, *, listen: str, port: int) -> None:
        self._token = token
        self._hosts = frozenset({listen.encode(), f"{listen}:{port}".encode()})

    def misaddressed(self, headers: RawHeaders) -> str:
        """Why the request was not meant for us or is not from a program; empty when it may go on."""
        hosts, foreign = [], False
        for name, value in headers:  # once, because SDKs fetch with every call
            lowered = name.lower()
            if lowered == b"host":
                hosts.append(value)
            elif lowered in _FOREIGN or lowered.startswith(_FOREIGN_PREFIXES):
                foreign = True
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return "wrong Host header"
        return "header of a browser or proxy" if foreign else ""

    def unproven(self, headers: RawHeaders) -> str:
        """Why the request did not prove that it is from our child; empty when it did."""
        given = [value for name, value in headers if name.lower() == b"authorization"]
        if not given:
            return "no token"
        return "" if len(given) == 1 and self._token.matches(given[0]) else "wrong token"
