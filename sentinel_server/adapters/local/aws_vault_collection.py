"""aws-vault's collection in the Secret Service, which is the system's keyring of most Linux desktops.

Each item's secret is the JSON that the files hold, too. It is only read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from sentinel_server.adapters.local.threads import in_daemon
from sentinel_server.errors import KeyringLocked, KeyringUnavailable, NotFound
from sentinel_server.keyring.aws_vault import Found, found_in, passing

ANSWER_SECONDS = 120
"""How long the service may take: it may be asking a person to unlock the collection."""


class VaultCollection:
    """aws-vault's collection in the Secret Service, by D-Bus."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def read(self) -> Sequence[Found]:
        """Everything in the collection, unlocked if need be.

        Raises NotFound, KeyringLocked, KeyringUnavailable.
        """
        try:
            import secretstorage
        except ImportError:
            raise KeyringUnavailable("this machine has no Secret Service that Python can reach") from None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await in_daemon(lambda: self._items(secretstorage))
        except TimeoutError:
            raise KeyringUnavailable("the Secret Service gave no answer") from None
        except (secretstorage.SecretStorageException, OSError) as error:
            raise KeyringUnavailable(f"the Secret Service failed ({type(error).__name__})") from error

    def _items(self, service: Any) -> list[Found]:
        with closing(service.dbus_init()) as bus:
            for collection in service.get_all_collections(bus):
                if self._name in (collection.get_label(), collection.collection_path.rpartition("/")[2]):
                    if collection.is_locked() and collection.unlock():
                        raise KeyringLocked(f"the collection {self._name} stayed locked", hint="unlock it")
                    return [_in_service(item) for item in collection.get_all_items()]
        raise NotFound(f"the Secret Service has no collection {self._name}")


def _in_service(item: Any) -> Found:
    name = str(item.get_label())
    if why := passing(name):
        return Found(name=name, why=why, passing=True)
    return found_in(item.get_secret().decode("utf-8", "replace"), name)
