"""Policies as files, one per profile, that nobody else can have written."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from pathlib import Path
from shlex import quote

from sentinel_server.adapters.local.ownership import why_not_ours
from sentinel_server.errors import InvalidIdentifier, PolicyUnavailable
from sentinel_server.policy.events import MAX_BYTES
from sentinel_server.policy.loading import loaded_policy
from sentinel_server.policy.schema import LoadedPolicy, Origin

_OPEN = os.O_RDONLY | sum(getattr(os, flag, 0) for flag in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))


class FilePolicies:
    """A PolicySource over `<root>/<profile>.yaml`.

    On POSIX the file and `root` must belong to this user or the superuser, and not be writable by others.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    async def load(self, profile: str) -> LoadedPolicy:
        """The policy for `profile`, read now. Raises PolicyUnavailable, InvalidIdentifier."""
        return await asyncio.to_thread(self._load, profile)

    def _load(self, profile: str) -> LoadedPolicy:
        path = self._root / f"{checked_name(profile)}.yaml"
        try:
            data = read_safe(path, self._root)
        except FileNotFoundError as error:
            hint = f"make one: sentinel init local --profile {quote(profile)}"
            raise PolicyUnavailable(f"no policy for {profile}: {path} does not exist", hint=hint) from error
        except OSError as error:
            why = "symlinks in a circle" if error.errno == errno.ELOOP else error.strerror or str(error)
            raise PolicyUnavailable(f"cannot read {path}: {why}", hint=f"look at it: ls -l {path}") from error
        return loaded_policy(data, name=str(path), origin=Origin.FILE)


def checked_name(profile: str) -> str:
    """`profile` when it can be a file's name here; raises InvalidIdentifier otherwise."""
    fault = ""
    if not profile or len(profile.encode("utf-8", "surrogatepass")) > 200:
        fault = "a profile name has 1 to 200 bytes"
    elif not profile.isprintable():
        fault = "it holds a control or invisible character"
    elif any(separator in profile for separator in "/\\:") or profile.startswith("."):
        fault = "it could lead to another directory"
    if fault:
        raise InvalidIdentifier(f"no policy file can be named after the profile {profile[:60]!r}: {fault}")
    return profile


def read_safe(path: Path, root: Path) -> bytes:
    """At most one byte more than a policy may have, of a file that nobody else can have written.

    Raises PolicyUnavailable when somebody can, OSError when it cannot be read.
    """
    # Opened before it is looked at, so that what is checked is what is read. A FIFO must not block.
    with os.fdopen(os.open(path, _OPEN), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise PolicyUnavailable(f"{path} is not a file", hint=f"look at it: ls -l {path}")
        for place, status in ((path, found), (root, root.stat())):
            _check(place, status)
        return file.read(MAX_BYTES + 1)


def _check(path: Path, found: os.stat_result) -> None:
    if why := why_not_ours(found, root_may=True):
        ours = "when you have read it, make it yours: sudo chown $USER"
        mend = ours if "belongs" in why else "forbid it: chmod go-w"
        raise PolicyUnavailable(f"{path} {why}", hint=f"{mend} {path}")
