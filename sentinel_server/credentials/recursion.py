"""Keeps Sentinel from waiting for itself: a `credential_process` that runs it, or a script that does."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sentinel_server.errors import Nested

RESOLVING = "SENTINEL_RESOLVING"
"""Set, to the profile's name, in the environment of every credential process that Sentinel waits for."""

_BETWEEN_WORDS = re.compile(r"[\s;&|()'\"]+")
_EXECUTABLE = re.compile(r"(?:.*[/\\])?sentinel(?:\.exe)?", re.IGNORECASE)


def runs_sentinel(command: str) -> bool:
    """Whether a command line runs `sentinel … credentials`, also inside a quoted `sh -c` line."""
    words = _BETWEEN_WORDS.split(command)
    return any(_EXECUTABLE.fullmatch(word) and "credentials" in words[at:] for at, word in enumerate(words))


def refuse_recursion(environment: Mapping[str, str]) -> None:
    """Raises Nested when this process was started, however indirectly, by our own credential process."""
    profile = environment.get(RESOLVING)
    if profile:
        raise Nested(
            f"the credential_process of profile {profile!r} runs sentinel, which is waiting for that process",
            hint="let the source profile get its credentials without sentinel",
        )
