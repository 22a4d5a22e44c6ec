"""How a child process ended, as the shell would say it, and the port that starts one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from sentinel_server.frozen import frozen

NOT_EXECUTABLE = 126
"""The shell's status for a program that is there and cannot be run."""

NOT_FOUND = 127
"""The shell's status for a program that is not there."""


@frozen
class ChildEnd:
    """The end of a child, or of the attempt to start one.

    `exit_code` is what `$?` would be: the child's own, or 128 and the `signal` that killed it.
    A child that never ran has a `reason`, a `hint` and 126 or 127.
    """

    exit_code: int
    signal: int | None = None
    reason: str = ""
    hint: str = ""


class Child(Protocol):
    """A child that was started, with our terminal and streams."""

    pid: int

    async def ended(self) -> ChildEnd:
        """Its end, to be awaited once, while the event loop goes on. Cancelling leaves the child running."""
        ...


class ChildStarter(Protocol):
    """Starts one command. It needs no event loop, so that the child can be there before there is one."""

    def __call__(
        self, command: Sequence[str], env: Mapping[str, str]
    ) -> AbstractContextManager[Child | ChildEnd]:
        """The child, or why there is none; at the end signals are ours again. Never raises OSError."""
        ...


def not_found(name: str) -> ChildEnd:
    """Nothing of that name is there to be run."""
    where = "no such file" if "/" in name else "not found in PATH"
    return ChildEnd(
        exit_code=NOT_FOUND, reason=f"cannot run {name}: {where}", hint="check the spelling, or give its path"
    )


def not_executable(name: str, why: str) -> ChildEnd:
    """Something of that name is there and the system will not run it."""
    return ChildEnd(
        exit_code=NOT_EXECUTABLE,
        reason=f"cannot run {name}: {why}",
        hint=f"look at it: ls -l {name}" if "/" in name else f"look at it: type -a {name}",
    )
