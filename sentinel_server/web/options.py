"""What may be chosen about the loopback server, with the defaults the product promises."""

from __future__ import annotations

from sentinel_server.frozen import frozen
from sentinel_server.secret import Secret

LOOPBACK = "127.0.0.1"
"""Where nobody but this machine gets to."""


@frozen
class WebOptions:
    """Where to listen and how much to bear. Times are in seconds."""

    token: Secret
    """What `Authorization` must be, whole."""
    listen: str = LOOPBACK
    port: int = 0
    """0 lets the system choose."""
    rate_limit: float = 100.0
    """Fetches per second of one connection; five times as many together; 0 sets no limit."""
    deadline: float = 0.8
    """From a fetch's arrival to its answer: JS v2, Java, PHP and C++ give up after 1 s."""
    head_timeout: float = 10.0
    """How long a client may take over the head of one request."""
    idle_timeout: float = 90.0
    """How long a connection may wait for its next request; SDKs reuse theirs for up to 75 s and more."""
    max_connections: int = 768
    """Further ones are closed at once. Each is an open file, of which 1024 is a usual limit."""
