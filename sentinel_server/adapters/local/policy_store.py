"""Policies and their envelopes as files: `prod.yaml` and `prod.yaml.sig`, each replaced in one step.

A write compares the file with what was seen, under a lock that all our processes share. Versions are written
down as they are replaced; a file that somebody edited by hand counts as one more.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from sentinel_server.adapters.local.directories import make_directory
from sentinel_server.adapters.local.log_directory import sync_directory
from sentinel_server.adapters.local.policies import checked_name, read_safe
from sentinel_server.adapters.local.policy_memory import Book, PolicyMemory
from sentinel_server.clock import Clock
from sentinel_server.errors import PolicyChanged, PolicyUnavailable, SentinelError
from sentinel_server.policy.schema import Origin
from sentinel_server.policy.statement import Place
from sentinel_server.policy.stored import SUFFIX, Revision, Stored


class FilePolicyStore:
    """A PolicyStore over `<root>/<profile>.yaml`, or the one `file` there; `author` is who writes."""

    def __init__(
        self, root: Path, memory: PolicyMemory, clock: Clock, author: str, *, file: str | None = None
    ) -> None:
        self._root = root
        self._file = file
        self._memory = memory
        self._clock = clock
        self._author = author

    async def read(self, profile: str) -> Stored:
        """Both files. Raises PolicyUnavailable, InvalidIdentifier."""
        path = self._path(profile)
        data, envelope = await asyncio.to_thread(lambda: (self._bytes(path), self._bytes(_beside(path))))
        version = 0 if data is None else _version(await self._memory.newest(path), data)
        return Stored(
            profile=profile,
            name=str(path),
            place=Place(parameter=path.name),
            origin=Origin.FILE,
            remembered_as=str(path),
            data=data,
            version=version,
            envelope=envelope,
            envelope_version=0 if envelope is None else 1,
        )

    async def check(self, seen: Stored, data: bytes) -> None:
        """Whether the file is the one that was seen; any text fits. Raises PolicyChanged."""
        path = self._path(seen.profile)
        if self._bytes(path) != seen.data:
            raise PolicyChanged(f"{path} was changed meanwhile; nothing was written")

    async def write_envelope(self, seen: Stored, envelope: bytes) -> None:
        """Replace the envelope. Raises PolicyChanged when it is not the one that was seen."""
        path = self._path(seen.profile)

        def write(_: Book) -> None:
            if self._bytes(_beside(path)) != seen.envelope:
                raise PolicyChanged(f"somebody else is pushing {path} just now, so nothing was changed")
            self._replace(_beside(path), envelope)

        await self._memory.locked(path, write)

    async def write_policy(self, seen: Stored, data: bytes) -> int:
        """Replace the policy and write the version down. Raises PolicyChanged, SentinelError."""
        path = self._path(seen.profile)

        def write(book: Book) -> int:
            if self._bytes(path) != seen.data:
                raise PolicyChanged(f"{path} was changed meanwhile; nothing was written")
            self._note(book, path, seen)
            newest = book.newest()
            version = 1 if newest is None else newest.version + 1
            envelope = self._bytes(_beside(path))
            book.add(self._revision(version, data, envelope))
            self._replace(path, data)
            return version

        return await self._memory.locked(path, write)

    async def history(self, profile: str) -> tuple[Revision, ...]:
        """Every version written down, and the file itself when it was changed by hand since."""
        path = self._path(profile)
        data, revisions = self._bytes(path), await self._memory.revisions(path)
        newest = next(iter(revisions), None)
        if data is None or (newest is not None and newest.data == data):
            return revisions
        at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        by_hand = Revision(
            version=_version(newest, data),
            at=at,
            author="",
            data=data,
            envelope=self._bytes(_beside(path)),
        )
        return (by_hand, *revisions)

    def _path(self, profile: str) -> Path:
        return self._root / (self._file or f"{checked_name(profile)}.yaml")

    def _bytes(self, path: Path) -> bytes | None:
        try:
            return read_safe(path, self._root)
        except FileNotFoundError:
            return None
        except OSError as error:
            what = f"cannot read {path}: {error.strerror or error}"
            raise PolicyUnavailable(what, hint=f"look at it: ls -l {path}") from error

    def _note(self, book: Book, path: Path, seen: Stored) -> None:
        """Write down what is about to be replaced, if nobody has."""
        newest = book.newest()
        if seen.data is not None and (newest is None or newest.data != seen.data):
            version = 1 if newest is None else newest.version + 1
            at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            book.add(Revision(version=version, at=at, author="", data=seen.data, envelope=seen.envelope))

    def _revision(self, version: int, data: bytes, envelope: bytes | None) -> Revision:
        return Revision(
            version=version, at=self._clock.now(), author=self._author, data=data, envelope=envelope
        )

    def _replace(self, path: Path, data: bytes) -> None:
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            make_directory(self._root)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
            sync_directory(self._root)
        except OSError as error:
            with suppress(OSError):
                draft.unlink()
            raise SentinelError(f"cannot write {path}: {error.strerror or error}") from error


def _beside(path: Path) -> Path:
    return path.with_name(path.name + SUFFIX)


def _version(newest: Revision | None, data: bytes) -> int:
    if newest is None:
        return 1
    return newest.version + (0 if newest.data == data else 1)
