"""A Vault in one sealed file, whose data key comes from a passphrase or from the system's keyring.

The data key is drawn once, when the vault is made. Changes are made under a lock, to the file as it is then,
and the file is replaced whole: a crash leaves the old one or the new one. Names and ends can be seen by
whoever can read the file, and nothing else.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sentinel_server.adapters.local.private_home import (
    changed_at,
    forget_drafts,
    make_home,
    read_private,
    replace_private,
)
from sentinel_server.adapters.local.sealed import DoesNotOpen, fresh_key, seal, unseal
from sentinel_server.adapters.local.turns import briefly
from sentinel_server.adapters.local.vault_format import (
    Document,
    Entry,
    Lock,
    NotAVault,
    about_proof,
    parse_vault,
    print_vault,
)
from sentinel_server.clock import Clock
from sentinel_server.errors import KeyringLocked, KeyringUnavailable
from sentinel_server.keyring.vault import Item
from sentinel_server.secret import Secret

_PROOF = b"this is the key"


class KeyHolder(Protocol):
    """Keeps the data key of a vault."""

    async def keep(self, vault_id: str, key: bytes) -> Lock:
        """Keep a new vault's key; what comes back goes into the file. Raises KeyringUnavailable."""
        ...

    async def key(self, vault_id: str, lock: Lock, fits: Callable[[bytes], bool]) -> bytes:
        """The key, one that fits. Raises KeyringLocked, KeyringUnavailable."""
        ...


class SealedVault:
    """A Vault in the file at `path`, made at the first change. For one event loop."""

    def __init__(self, path: Path, holder: KeyHolder, clock: Clock) -> None:
        self._path = path
        self._holder = holder
        self._clock = clock
        self._opening = asyncio.Lock()
        self._opened: tuple[str, bytes] | None = None
        self._seen: tuple[tuple[int, int], Document | None] | None = None

    @property
    def changed_at(self) -> tuple[int, int]:
        """What differs once the file has been replaced; one look at the disk."""
        return changed_at(self._path)

    def document(self) -> Document | None:
        """The file as it is, None when there is none. Raises KeyringUnavailable."""
        now = self.changed_at
        if self._seen is None or self._seen[0] != now:
            self._seen = (now, self._parsed())
        return self._seen[1]

    async def listing(self) -> Mapping[str, datetime | None]:
        """Every name with its end."""
        document = self.document()
        entries = {} if document is None else document.entries
        return {name: entry.until for name, entry in entries.items() if self._lasts(entry)}

    async def read(self, name: str) -> Secret | None:
        """What is kept under the name."""
        document = self.document()
        entry = None if document is None else document.entries.get(name)
        if document is None or entry is None or not self._lasts(entry):
            return None
        key = await self._key(document)
        try:
            return Secret(unseal(key, entry.sealed, document.about(name, entry.until)).decode())
        except DoesNotOpen:
            raise KeyringUnavailable(
                f"{self._path}: what it keeps as {name!r} was changed by something else",
                hint="remove it and add it again: sentinel keyring remove PROFILE",
            ) from None

    async def change(self, write: Mapping[str, Item], erase: Collection[str] = ()) -> None:
        """Write and erase at once."""
        make_home(self._path.parent)
        if write:
            await self._key(self.document() or await self._made())
        await asyncio.to_thread(self._replace, write, erase)

    async def relock(self, holder: KeyHolder) -> None:
        """Let `holder` keep the data key from now on: another passphrase, or another place."""
        document = self.document()
        if document is None:
            raise KeyringUnavailable(f"there is no keyring at {self._path} yet")
        key = await self._key(document)
        lock = await holder.keep(document.id, key)

        def swap() -> None:
            with briefly(self._path.parent, "writing"):
                latest = self._parsed()
                if latest is None or latest.id != document.id:
                    raise _replaced(self._path)
                replace_private(self._path, print_vault(replace(latest, lock=lock)))

        await asyncio.to_thread(swap)
        self._holder = holder

    async def open(self) -> None:
        """Get the data key now, so that nobody has to be asked later; nothing when there is no file."""
        document = self.document()
        if document is not None:
            await self._key(document)

    async def _key(self, document: Document) -> bytes:
        async with self._opening:
            if self._opened is None or self._opened[0] != document.id:
                found = await self._holder.key(document.id, document.lock, lambda key: _fits(document, key))
                if not _fits(document, found):
                    raise KeyringLocked(f"the key that was found does not open {self._path}")
                self._opened = (document.id, found)
            return self._opened[1]

    async def _made(self) -> Document:
        """A new vault without entries, in its place; the first of several who make one at once wins."""
        vault_id, key = secrets.token_hex(8), fresh_key()
        lock = await self._holder.keep(vault_id, key)
        proof = seal(key, _PROOF, about_proof(vault_id))
        made = Document(id=vault_id, lock=lock, proof=proof)

        def place() -> bool:
            with briefly(self._path.parent, "writing"):
                if self._parsed() is not None:
                    return False
                replace_private(self._path, print_vault(made))
                return True

        if await asyncio.to_thread(place):
            self._opened = (vault_id, key)
            return made
        found = self.document()
        assert found is not None  # noqa: S101  # `place` has just seen it
        return found

    def _replace(self, write: Mapping[str, Item], erase: Collection[str]) -> None:
        with briefly(self._path.parent, "writing"):
            forget_drafts(self._path)
            document = self._parsed()
            if document is None and not write:
                return
            if document is None:
                raise _replaced(self._path)
            kept = {
                name: entry
                for name, entry in document.entries.items()
                if name not in erase and self._lasts(entry)
            }
            sealed = {name: self._sealed(document, name, item) for name, item in write.items()}
            replace_private(self._path, print_vault(replace(document, entries={**kept, **sealed})))

    def _sealed(self, document: Document, name: str, item: Item) -> Entry:
        if self._opened is None or self._opened[0] != document.id:
            raise _replaced(self._path)
        about = document.about(name, item.until)
        return Entry(sealed=seal(self._opened[1], item.value.reveal().encode(), about), until=item.until)

    def _parsed(self) -> Document | None:
        text = read_private(self._path)
        try:
            return None if text is None else parse_vault(text)
        except NotAVault as error:
            raise KeyringUnavailable(
                f"{self._path} cannot be used: {error}",
                hint=f"bring back a copy of it, or start anew: mv {self._path} {self._path}.broken",
            ) from error

    def _lasts(self, entry: Entry) -> bool:
        return entry.until is None or entry.until > self._clock.now()


def _replaced(path: Path) -> KeyringUnavailable:
    return KeyringUnavailable(f"{path} was replaced or removed meanwhile", hint="try again")


def _fits(document: Document, key: bytes) -> bool:
    try:
        return unseal(key, document.proof, about_proof(document.id)) == _PROOF
    except DoesNotOpen:
        return False
