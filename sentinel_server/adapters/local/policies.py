"""Policies as files, one per profile, that nobody else can have written."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import sys
from pathlib import Path
from shlex import quote

from sentinel_server.errors import InvalidIdentifier, PolicyUnavailable
from sentinel_server.policy.events import MAX_BYTES
from sentinel_server.policy.loading import loaded_policy
from sentinel_server.policy.schema import LoadedPolicy, Origin

_OPEN = os.O_RDONLY | sum(getattr(os, flag, 0) for flag in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


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
        if os.name == "posix":
            for place, status in ((path, found), (root, root.stat())):
                _check_owner(place, status)
                _check_writers(place, status)
        return file.read(MAX_BYTES + 1)


def _check_owner(path: Path, found: os.stat_result) -> None:
    if sys.platform != "win32" and found.st_uid not in (os.geteuid(), 0):
        why = f"{path} belongs to another user (uid {found.st_uid})"
        raise PolicyUnavailable(why, hint=f"take it over when you have read it: sudo chown $USER {path}")


def _check_writers(path: Path, found: os.stat_result) -> None:
    if found.st_mode & _OTHERS_WRITE:
        raise PolicyUnavailable(f"other users can write {path}", hint=f"forbid it: chmod go-w {path}")
