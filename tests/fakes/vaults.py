"""Every kind of vault, and what opens them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sentinel_server.adapters.local.os_keyring import OsKeyringHolder
from sentinel_server.adapters.local.passphrase import PassphraseHolder
from sentinel_server.adapters.local.sealed import Scrypt
from sentinel_server.adapters.local.vault import SealedVault
from sentinel_server.clock import Clock
from sentinel_server.keyring.vault import MemoryVault, Vault
from sentinel_server.secret import Secret
from tests.fakes.os_keyring import MemoryKeyring

BACKEND = "tests.fakes.os_keyring.MemoryKeyring"
"""The fake system keyring, as a setting names it."""

FILE_BACKEND = "tests.fakes.os_keyring.FileKeyring"
"""The one that several processes share, by the file that TEST_KEYRING names."""


def cheap(salt: bytes) -> Scrypt:
    """A cost for tests."""
    return Scrypt(salt=salt, n=1 << 10)


@dataclass(slots=True)
class Person:
    """Answers questions for a passphrase, in order, and remembers how they were asked."""

    answers: list[str] = field(default_factory=lambda: ["open sesame"])
    asked: list[tuple[bool, bool]] = field(default_factory=list)

    async def __call__(self, *, new: bool, wrong: bool) -> Secret:
        """The next answer; the last one again and again."""
        self.asked.append((new, wrong))
        return Secret(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])


def asking(person: Person | None = None) -> PassphraseHolder:
    """What keeps a data key under what a person says."""
    return PassphraseHolder({}, None, person or Person(), cheap)


def by_passphrase(path: Path, clock: Clock, person: Person | None = None) -> SealedVault:
    """A vault that a person opens."""
    return SealedVault(path, asking(person), clock)


def by_keyring(path: Path, clock: Clock) -> SealedVault:
    """A vault that the fake system keyring opens."""
    return SealedVault(path, OsKeyringHolder(BACKEND), clock)


Opener = Callable[[Path, Clock], AbstractAsyncContextManager[Callable[[], Vault]]]
"""Gives, for a directory, a function that opens its vault anew, as another process would."""


@asynccontextmanager
async def memory(_: Path, clock: Clock) -> AsyncIterator[Callable[[], Vault]]:
    """The reference."""
    vault = MemoryVault(clock)
    yield lambda: vault


@asynccontextmanager
async def passphrase(directory: Path, clock: Clock) -> AsyncIterator[Callable[[], Vault]]:
    """The encrypted file."""
    yield lambda: by_passphrase(directory / "home" / "keys.json", clock)


@asynccontextmanager
async def keyring(directory: Path, clock: Clock) -> AsyncIterator[Callable[[], Vault]]:
    """The file that the system's keyring opens."""
    MemoryKeyring.reset()
    yield lambda: by_keyring(directory / "home" / "keys.json", clock)
    MemoryKeyring.reset()
