"""How a receiver knows that a message is ours: an HMAC over a time and the exact bytes of the body.

`docs/notifications.md` has the code that checks it, which a test runs.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from sentinel_server.secret import Secret

SHORTEST_KEY = 32
"""Characters of a signing key at least."""


def signature(keys: Sequence[Secret], body: bytes, now: datetime) -> str:
    """The header `X-Sentinel-Signature`: `t=SECONDS,v1=HEX`, with one `v1` for each key.

    HEX is the HMAC-SHA256 of `SECONDS.` and the body. While a key is replaced there are two.
    """
    seconds = str(int(now.timestamp()))
    signed = seconds.encode() + b"." + body
    codes = (hmac.new(key.reveal().encode(), signed, hashlib.sha256).hexdigest() for key in keys)
    return ",".join([f"t={seconds}", *(f"v1={code}" for code in codes)])


def read_keys(text: Secret) -> tuple[Secret, ...]:
    """The keys in a file: one a line, the current one first. Raises ValueError for none or a short one."""
    keys = tuple(Secret(line.strip()) for line in text.reveal().splitlines() if line.strip())
    if not keys:
        raise ValueError("there is no signing key")
    if any(len(key.reveal()) < SHORTEST_KEY for key in keys):
        raise ValueError(f"a signing key has at least {SHORTEST_KEY} characters")
    return keys
