"""The files of aws-vault's `file` backend: one JWE for each item, under a passphrase. They are only read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from sentinel_server.adapters.local.jose import NoJwe, open_jwe
from sentinel_server.adapters.local.sealed import DoesNotOpen
from sentinel_server.errors import KeyringLocked, KeyringUnavailable, NotFound
from sentinel_server.keyring.aws_vault import Found, found_in, passing
from sentinel_server.secret import Secret

VAULT_PASSPHRASE = "AWS_VAULT_FILE_PASSPHRASE"  # noqa: S105  # the variable's name

_LARGEST = 1 << 20
_TRIES = 3
_OTHER = "it was sealed with another passphrase, or damaged"

AskVault = Callable[[bool], Awaitable[Secret]]
"""Asks a person for the passphrase of aws-vault's files; True says that the last answer opened none."""


class VaultFiles:
    """A directory of aws-vault's; `passphrase` is what its own variable says, else a person is asked."""

    def __init__(self, directory: Path, passphrase: str | None, ask: AskVault) -> None:
        self._directory = directory
        self._passphrase = passphrase
        self._ask = ask

    async def read(self) -> Sequence[Found]:
        """Everything in the directory. Raises NotFound, and KeyringLocked when a passphrase opens nothing."""
        sealed = self._texts()
        if all(map(passing, sealed)):
            return _opened(sealed, Secret(""))
        for attempt in range(1 if self._passphrase else _TRIES):
            said = Secret(self._passphrase) if self._passphrase else await self._ask(attempt > 0)
            found = _opened(sealed, said)
            if any(each.key for each in found) or all(each.why != _OTHER for each in found):
                return found
        hint = f"check {VAULT_PASSPHRASE}" if self._passphrase else "try again"
        raise KeyringLocked(f"no passphrase given opens anything in {self._directory}", hint=hint)

    def _texts(self) -> dict[str, str]:
        try:
            paths = sorted(path for path in self._directory.iterdir() if path.is_file())
            return {path.name: path.read_bytes()[:_LARGEST].decode("latin-1") for path in paths}
        except FileNotFoundError:
            hint = "name the place: --dir PATH"
            raise NotFound(f"aws-vault has no files in {self._directory}", hint=hint) from None
        except OSError as error:
            why = (error.strerror or "").lower()
            raise KeyringUnavailable(f"cannot read {self._directory}: {why}") from error


def _opened(sealed: Mapping[str, str], passphrase: Secret) -> list[Found]:
    return [_open(name, text, passphrase) for name, text in sealed.items()]


def _open(name: str, text: str, passphrase: Secret) -> Found:
    if why := passing(name):
        return Found(name=name, why=why, passing=True)
    try:
        return found_in(open_jwe(text, passphrase), name)
    except DoesNotOpen:
        return Found(name=name, why=_OTHER)
    except NoJwe:
        return Found(name=name, why="it is not a file of aws-vault")
