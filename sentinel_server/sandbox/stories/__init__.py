"""The stories that `sentinel sandbox` plays, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from sentinel_server.sandbox.stage import Stage
from sentinel_server.sandbox.stories import approvals, breakglass, revocation

STORIES: Mapping[str, Callable[[Stage], None]] = MappingProxyType(
    {"revocation": revocation.play, "approvals": approvals.play, "breakglass": breakglass.play}
)
"""What each story is called, and what plays it."""
