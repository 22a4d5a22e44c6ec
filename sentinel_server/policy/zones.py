"""Time zones by the names that the `tzdata` package lists, so that a policy means the same on every machine.

What a system adds to that list (`localtime`, `posixrules`, `right/…`) means something else on another one.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

_NOT_PLACES = frozenset({"Factory"})


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Every name a policy may use, exactly as it must be written."""
    listed = resources.files("tzdata").joinpath("zones").read_text(encoding="ascii")
    return frozenset(listed.split()) - _NOT_PLACES


@lru_cache(maxsize=256)
def find_zone(name: str) -> ZoneInfo | None:
    """The zone of that name, None when there is no such zone or its data is missing."""
    if name not in zone_names():
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError):
        return None
