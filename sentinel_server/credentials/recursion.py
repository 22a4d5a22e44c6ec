"""Keeps Sentinel from waiting for itself: commands that give it credentials, codes or its passphrase."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sentinel_server.errors import Nested

RESOLVING = "SENTINEL_RESOLVING"
"""Set in the environment of every command that Sentinel waits for, to the profile's name or what is below."""

PASSPHRASE_COMMAND = "keyring.passphrase_command"  # noqa: S105  # the setting's name
"""What it is set to for the command that prints the keyring's passphrase."""

_BETWEEN_WORDS = re.compile(r"[\s;&|()'\"]+")
_EXECUTABLE = re.compile(r"(?:.*[/\\])?sentinel(?:\.exe)?", re.IGNORECASE)
_GIVE = frozenset({"credentials", "export", "exec"})
"""Commands of ours that a credential process may run for what they give."""


def runs_sentinel(command: str) -> bool:
    """Whether a command line runs `sentinel … credentials` or its like, also inside a quoted `sh -c` line."""
    words = _BETWEEN_WORDS.split(command)
    return any(_EXECUTABLE.fullmatch(word) and _GIVE & set(words[at:]) for at, word in enumerate(words))


def refuse_recursion(environment: Mapping[str, str]) -> None:
    """Raises Nested in a process that was started, however indirectly, by a command Sentinel waits for."""
    waiting = environment.get(RESOLVING)
    if waiting == PASSPHRASE_COMMAND:
        raise Nested(
            f"{PASSPHRASE_COMMAND} runs sentinel, which is waiting for that process",
            hint="let it get the passphrase without sentinel",
        )
    if waiting:
        raise Nested(
            f"the credential_process or mfa_process of profile {waiting!r} runs sentinel, "
            "which is waiting for that process",
            hint="let the source profile get its credentials without sentinel",
        )
