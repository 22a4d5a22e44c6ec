"""The system's keyring, by the `keyring` library: it keeps the one data key of a vault, written once.

Only the data key, because the library cannot list, Windows takes at most 1280 characters, macOS asks for each
item and replaces one by deleting it first: a crash in between would lose what was kept.

A backend that protects nothing is never used, and one we do not know only when the setting names it.
"""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from sentinel_server.adapters.local.sealed import KEY_BYTES
from sentinel_server.adapters.local.threads import in_daemon
from sentinel_server.adapters.local.vault_format import KeyringLock, Lock
from sentinel_server.errors import InvalidSetting, KeyringLocked, KeyringUnavailable, SentinelError

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

T = TypeVar("T")

SERVICE = "sentinel keyring"
"""What our item is called in the system's keyring; its user name is the vault's id."""

ANSWER_SECONDS = 120.0
"""How long the system may take: it may be asking a person to unlock it."""

KNOWN = {
    "keyring.backends.macOS.Keyring": "macOS Keychain",
    "keyring.backends.Windows.WinVaultKeyring": "Windows Credential Manager",
    "keyring.backends.SecretService.Keyring": "Secret Service",
    "keyring.backends.libsecret.Keyring": "Secret Service (libsecret)",
    "keyring.backends.kwallet.DBusKeyring": "KWallet",
    "keyring.backends.kwallet.DBusKeyringKWallet4": "KWallet 4",
}
"""Backends that encrypt what they keep, by class, and what people call them."""

_UNSAFE = ("keyring.backends.fail.", "keyring.backends.null.", "keyrings.alt.")
_CHAIN = "keyring.backends.chainer.ChainerBackend"


class OsKeyringHolder:
    """A KeyHolder that leaves the data key to the system's keyring."""

    def __init__(self, wanted: str | None = None) -> None:
        """`wanted` is the class of a backend; without one it is the first safe one that the library finds."""
        self._wanted = wanted

    async def keep(self, vault_id: str, key: bytes) -> Lock:
        """Keep a new vault's data key, and see that it was kept. Raises KeyringUnavailable."""
        text = b64encode(key).decode("ascii")

        def store() -> tuple[str, bool]:
            backend = find_backend(self._wanted)
            backend.set_password(SERVICE, vault_id, text)
            return class_name(backend), backend.get_password(SERVICE, vault_id) == text

        name, kept = await _asked(store)
        if not kept:
            raise KeyringUnavailable(f"{words(name)} did not keep what it was given")
        return KeyringLock(backend=name)

    async def key(self, vault_id: str, lock: Lock, fits: Callable[[bytes], bool]) -> bytes:
        """The data key, from the backend that has it. Raises KeyringUnavailable, KeyringLocked."""
        if not isinstance(lock, KeyringLock):
            raise KeyringLocked("this keyring is opened by a passphrase")
        if lock.backend not in KNOWN and lock.backend != self._wanted:  # a file must not name code to run
            raise InvalidSetting(
                f"this keyring is opened by {lock.backend}, which sentinel does not know to be safe",
                hint=f"if you trust it: keyring.backend: {lock.backend}",
            )
        text = await _asked(lambda: find_backend(lock.backend).get_password(SERVICE, vault_id))
        if text is None:
            raise KeyringUnavailable(
                f"{words(lock.backend)} has no key for this keyring (id {vault_id})",
                hint="unlock the login keyring it was made with, or start anew with another keyring.file",
            )
        try:
            found = b64decode(text, validate=True)
        except ValueError:
            found = b""
        if len(found) != KEY_BYTES or not fits(found):
            raise KeyringUnavailable(f"what {words(lock.backend)} has does not open this keyring")
        return found


def find_backend(wanted: str | None) -> KeyringBackend:
    """A backend of that class, or without one the best that is safe. Raises KeyringUnavailable."""
    import keyring.core

    if wanted is not None:
        refuse_unsafe(wanted)
        try:
            found: KeyringBackend = keyring.core.load_keyring(wanted)
        except (ImportError, AttributeError, ValueError, RuntimeError) as error:
            raise KeyringUnavailable(f"{words(wanted)} cannot be used: {type(error).__name__}") from error
        _refuse_unrecommended(found)
        return found
    offered = list(_offered(keyring.core.get_keyring()))
    for backend in offered:
        if class_name(backend) in KNOWN:
            return backend
    raise _none_safe([class_name(backend) for backend in offered])


def class_name(backend: object) -> str:
    """Module and class of a backend."""
    return f"{type(backend).__module__}.{type(backend).__qualname__}"


def words(name: str) -> str:
    """What people call a backend."""
    return KNOWN.get(name, name)


def refuse_unsafe(name: str) -> None:
    """Raises InvalidSetting for a backend that keeps what it is given in plain sight, or not at all."""
    if name.startswith(_UNSAFE) or "plaintext" in name.lower() or name == _CHAIN:
        raise InvalidSetting(
            f"keyring backend {name} does not protect what it keeps", hint="use: keyring.backend: file"
        )


def _refuse_unrecommended(backend: KeyringBackend) -> None:
    # The library's own line: below 1 is not to be recommended, as all that keep plain text say of themselves.
    if backend.priority < 1:
        raise InvalidSetting(
            f"keyring backend {class_name(backend)} says that it is not safe",
            hint="use: keyring.backend: file",
        )


def _offered(found: KeyringBackend) -> Iterator[KeyringBackend]:
    """The backend that the library chose; of a chain, its members in their order."""
    if class_name(found) == _CHAIN:
        yield from getattr(found, "backends", ())
    else:
        yield found


def _none_safe(names: list[str]) -> SentinelError:
    real = [name for name in names if not name.startswith(_UNSAFE)]
    if real:
        return KeyringUnavailable(
            f"the keyring that Python would use ({real[0]}) is not one that sentinel knows to be safe",
            hint=f"if you trust it: keyring.backend: {real[0]}; else: keyring.backend: file",
        )
    return KeyringUnavailable(
        "this machine has no system keyring that protects what it keeps",
        hint="use an encrypted file: keyring.backend: file",
    )


async def _asked(ask: Callable[[], T]) -> T:
    from keyring.errors import KeyringError
    from keyring.errors import KeyringLocked as Locked

    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await in_daemon(ask)
    except SentinelError:
        raise
    except Locked as error:
        raise KeyringLocked("the system's keyring is locked", hint="unlock it, and try again") from error
    except TimeoutError:
        raise KeyringUnavailable(f"the system's keyring gave no answer in {ANSWER_SECONDS:.0f} s") from None
    except (KeyringError, OSError, RuntimeError) as error:
        raise KeyringUnavailable(f"the system's keyring failed ({type(error).__name__})") from error
    except Exception as error:  # every backend has errors of its own, whose words may quote anything
        raise KeyringUnavailable(f"the system's keyring failed ({type(error).__name__})") from error
