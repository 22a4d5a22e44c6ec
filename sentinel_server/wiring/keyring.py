"""The keyring: the vault in its file, what opens it, and what is kept in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sentinel_server.clock import Clock, SystemClock
from sentinel_server.errors import KeyringLocked, KeyringUnavailable
from sentinel_server.frozen import frozen

if TYPE_CHECKING:
    from sentinel_server.adapters.local.os_keyring import OsKeyringHolder
    from sentinel_server.adapters.local.passphrase import AskPassphrase, PassphraseHolder
    from sentinel_server.adapters.local.vault import KeyHolder, SealedVault
    from sentinel_server.adapters.local.vault_format import Lock
    from sentinel_server.credentials.ports import CodeSource
    from sentinel_server.keyring.keys import Keys
    from sentinel_server.keyring.seeds import Seeds
    from sentinel_server.keyring.sessions import KeptSessions, VaultKeys
    from sentinel_server.keyring.vault import Turns
    from sentinel_server.settings.resolve import Settings

Say = Callable[[str], None]


@frozen
class UserKeyring:
    """The keyring of this user. `path` may not be there yet: the first key that is added makes it."""

    path: Path
    vault: SealedVault
    turns: Turns
    keys: Keys
    seeds: Seeds
    holder: Callable[[str], KeyHolder]
    """What keeps the data key when it is to be opened in another way than now, by a value of the setting."""

    def opener(self) -> str | None:
        """What opens it, for people; None when there is no keyring yet. Raises KeyringUnavailable."""
        from sentinel_server.adapters.local.os_keyring import words
        from sentinel_server.adapters.local.vault_format import PassphraseLock

        document = self.vault.document()
        if document is None:
            return None
        lock = document.lock
        return "a passphrase" if isinstance(lock, PassphraseLock) else words(lock.backend)


@frozen
class Kept:
    """What base credentials take from the keyring."""

    keys: VaultKeys
    sessions: KeptSessions
    codes: CodeSource


def open_keyring(
    settings: Settings,
    ask: AskPassphrase | None = None,
    say: Say = lambda _: None,
    clock: Clock | None = None,
) -> UserKeyring:
    """The configured keyring. Nothing is read or asked before it is used."""
    from sentinel_server.adapters.local.turns import FileTurns
    from sentinel_server.adapters.local.vault import SealedVault
    from sentinel_server.keyring.keys import Keys
    from sentinel_server.keyring.seeds import Seeds

    clock = clock or SystemClock()
    path = settings.keyring_file
    vault = SealedVault(path, _Holder(settings, ask, say), clock)
    turns = FileTurns(path.parent, lambda: say("waiting for another sentinel, which is at it"))
    return UserKeyring(
        path=path,
        vault=vault,
        turns=turns,
        keys=Keys(vault, turns, clock),
        seeds=Seeds(vault, turns),
        holder=lambda wanted: _Holder(settings, ask, say, wanted),
    )


def open_kept(
    settings: Settings, ask: AskPassphrase | None, say: Say, clock: Clock | None = None
) -> Kept | None:
    """What base credentials take from the keyring; None when there is none."""
    if not settings.keyring_file.exists():
        return None
    from sentinel_server.keyring.seeds import SeedCodes
    from sentinel_server.keyring.sessions import KeptSessions, VaultKeys

    clock = clock or SystemClock()
    keyring = open_keyring(settings, ask, say, clock)
    return Kept(
        keys=VaultKeys(keyring.keys, lambda: keyring.vault.changed_at),
        sessions=KeptSessions(keyring.vault, keyring.turns, clock, say),
        codes=SeedCodes(keyring.seeds, clock, pause, say),
    )


def kept_profiles(settings: Settings) -> tuple[str, ...]:
    """The profiles whose keys are in the keyring. Raises KeyringUnavailable."""
    if not settings.keyring_file.exists():
        return ()
    from sentinel_server.keyring.names import profiles_in

    document = open_keyring(settings).vault.document()
    return () if document is None else profiles_in(document.entries)


async def pause(much: timedelta) -> None:
    """Let time go by."""
    import asyncio  # a child is started before it is there

    await asyncio.sleep(much.total_seconds())


class _Holder:
    """A KeyHolder: for a new vault what the setting says, for one that is there what its file says."""

    def __init__(
        self, settings: Settings, ask: AskPassphrase | None, say: Say, anew: str | None = None
    ) -> None:
        """`anew` is how a vault that is there shall be opened from now on."""
        self._anew = anew
        self._wanted = anew or settings.keyring_backend
        self._settings = settings
        self._ask = ask
        self._say = say

    async def keep(self, vault_id: str, key: bytes) -> Lock:
        """Leave the data key to what is configured."""
        wanted = self._wanted
        if wanted == "file":
            return await self._passphrase().keep(vault_id, key)
        try:
            return await self._system().keep(vault_id, key)
        except KeyringUnavailable as error:
            if wanted != "auto" or isinstance(error, KeyringLocked):
                raise
            self._say(f"{error.message}; an encrypted file with a passphrase is used instead")
        return await self._passphrase().keep(vault_id, key)

    async def key(self, vault_id: str, lock: Lock, fits: Callable[[bytes], bool]) -> bytes:
        """Get the data key from where the file says it is."""
        from sentinel_server.adapters.local.vault_format import PassphraseLock

        holder = self._passphrase() if isinstance(lock, PassphraseLock) else self._system()
        return await holder.key(vault_id, lock, fits)

    def _system(self) -> OsKeyringHolder:
        from sentinel_server.adapters.local.os_keyring import OsKeyringHolder

        wanted = self._wanted
        return OsKeyringHolder(wanted if "." in wanted else None)

    def _passphrase(self) -> PassphraseHolder:
        from sentinel_server.adapters.local.passphrase import NEW_PASSPHRASE, PassphraseHolder

        environ = self._settings.environ
        if self._anew:
            return PassphraseHolder(environ, None, self._ask, variable=NEW_PASSPHRASE)
        return PassphraseHolder(environ, self._settings.keyring_passphrase_command, self._ask)
