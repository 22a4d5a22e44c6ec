"""Second factors in the keyring of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sentinel_server.errors import KeyringUnavailable, MfaUnavailable
from sentinel_server.keyring.vault import Item, Vault
from sentinel_server.secret import Secret

_FACTOR = "factor:"


class VaultFactors:
    """A SecretStore in a vault."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def read(self, person: str) -> Secret | None:
        """The person's document."""
        with _told("reading"):
            return await self._vault.read(_FACTOR + person)

    async def write(self, person: str, document: Secret) -> None:
        """Keep the document."""
        with _told("writing"):
            await self._vault.change({_FACTOR + person: Item(value=document)})

    async def remove(self, person: str) -> bool:
        """Forget it."""
        with _told("removing"):
            name = _FACTOR + person
            if name not in await self._vault.listing():
                return False
            await self._vault.change({}, [name])
            return True


@contextmanager
def _told(doing: str) -> Iterator[None]:
    try:
        yield
    except KeyringUnavailable as error:
        raise MfaUnavailable(f"{doing} a second factor: {error.message}", hint=error.hint) from error
