"""A passphrase that opens the vault, from a variable, a command or a person; asked for once in a process."""

from __future__ import annotations

import asyncio
import secrets
import shlex
from collections.abc import Callable, Mapping
from typing import Protocol

from sentinel_server.adapters.local.sealed import DoesNotOpen, Scrypt, seal, stretched, unseal
from sentinel_server.adapters.local.vault_format import Lock, PassphraseLock, about_key
from sentinel_server.credentials.environment import without_our_secrets
from sentinel_server.credentials.recursion import PASSPHRASE_COMMAND, RESOLVING, refuse_recursion
from sentinel_server.errors import InvalidSetting, KeyringLocked
from sentinel_server.secret import Secret

PASSPHRASE = "SENTINEL_KEYRING_PASSPHRASE"  # noqa: S105  # the variable's name
NEW_PASSPHRASE = "SENTINEL_KEYRING_NEW_PASSPHRASE"  # noqa: S105
TRIES = 3
"""How often a person is asked before it is taken for a no."""

COMMAND_SECONDS = 60
"""How long the command may take; it may itself be asking somebody."""


class AskPassphrase(Protocol):
    """Asks a person. `new` asks twice, `wrong` says that the last answer did not open it."""

    async def __call__(self, *, new: bool, wrong: bool) -> Secret:
        """What was typed. Raises KeyringLocked when nobody can be asked."""
        ...


class PassphraseHolder:
    """A KeyHolder that seals the data key under a passphrase's key."""

    def __init__(
        self,
        environment: Mapping[str, str],
        command: str | None,
        ask: AskPassphrase | None,
        cost: Callable[[bytes], Scrypt] = lambda salt: Scrypt(salt=salt),
        variable: str = PASSPHRASE,
    ) -> None:
        """`variable` is looked up in `environment` first, then `command` is run, then `ask` is called."""
        self._environment = environment
        self._command = command
        self._ask = ask
        self._cost = cost
        self._variable = variable

    async def keep(self, vault_id: str, key: bytes) -> Lock:
        """Seal a data key under a new passphrase. Raises KeyringLocked, InvalidSetting."""
        passphrase = await self._said()
        if passphrase is None:
            passphrase = await self._asked(new=True, wrong=False)
        if not passphrase.reveal():
            raise InvalidSetting("an empty passphrase would protect nothing", hint="give another")
        cost = self._cost(secrets.token_bytes(16))
        wrapping = await asyncio.to_thread(stretched, passphrase, cost)
        return PassphraseLock(cost=cost, sealed_key=seal(wrapping, key, about_key(vault_id)))

    async def key(self, vault_id: str, lock: Lock, fits: Callable[[bytes], bool]) -> bytes:
        """Unseal the data key. Raises KeyringLocked when the passphrase is not it."""
        if not isinstance(lock, PassphraseLock):
            raise KeyringLocked("this keyring is not opened by a passphrase")
        said = await self._said()
        if said is not None:
            found = await self._opened(vault_id, lock, said)
            if found is None:
                where = (
                    self._variable if self._environment.get(self._variable) else "keyring.passphrase_command"
                )
                raise KeyringLocked(
                    f"the passphrase from {where} does not open the keyring", hint=f"check {where}"
                )
            return found
        for attempt in range(TRIES):
            found = await self._opened(vault_id, lock, await self._asked(new=False, wrong=attempt > 0))
            if found is not None:
                return found
        raise KeyringLocked(f"none of {TRIES} passphrases opens the keyring", hint="try again")

    async def _said(self) -> Secret | None:
        text = self._environment.get(self._variable)
        if text:
            return Secret(text)
        return None if self._command is None else await _printed_by(self._command, self._environment)

    async def _asked(self, *, new: bool, wrong: bool) -> Secret:
        if self._ask is None:
            raise KeyringLocked("the keyring needs its passphrase, and there is nobody to ask here")
        return await self._ask(new=new, wrong=wrong)

    @staticmethod
    async def _opened(vault_id: str, lock: PassphraseLock, passphrase: Secret) -> bytes | None:
        wrapping = await asyncio.to_thread(stretched, passphrase, lock.cost)
        try:
            return unseal(wrapping, lock.sealed_key, about_key(vault_id))
        except DoesNotOpen:
            return None


async def _printed_by(command: str, environment: Mapping[str, str]) -> Secret:
    """The first line that a command prints; its stderr is ours, so that it may say what it wants.

    Raises KeyringLocked, InvalidSetting, and Nested when it is asked for by the command itself.
    """
    refuse_recursion(environment)
    try:
        words = shlex.split(command)
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            env={**without_our_secrets(environment), RESOLVING: PASSPHRASE_COMMAND},
        )
    except (ValueError, OSError) as error:
        raise InvalidSetting(f"keyring.passphrase_command cannot be run: {type(error).__name__}") from error
    try:
        async with asyncio.timeout(COMMAND_SECONDS):
            out, _ = await process.communicate()
    except TimeoutError:
        raise KeyringLocked(f"keyring.passphrase_command gave no answer in {COMMAND_SECONDS} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    line = out.decode("utf-8", "replace").split("\n")[0].removesuffix("\r")
    if process.returncode or not line:
        raise KeyringLocked(
            f"keyring.passphrase_command printed no passphrase (exit code {process.returncode})",
            hint="run it yourself; it prints the passphrase as its first line",
        )
    return Secret(line)
