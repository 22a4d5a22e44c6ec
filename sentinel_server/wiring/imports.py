"""Where aws-vault keeps its keys on this machine, and what reads them there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sentinel_server.errors import NotFound
from sentinel_server.frozen import frozen

if TYPE_CHECKING:
    from sentinel_server.adapters.local.aws_vault_files import AskVault
    from sentinel_server.keyring.aws_vault import Found
    from sentinel_server.settings.resolve import Settings


class Store(Protocol):
    """A place with keys of another tool."""

    async def read(self) -> Sequence[Found]:
        """Everything in it. Raises NotFound, KeyringLocked, KeyringUnavailable."""
        ...


@frozen
class Chosen:
    """A store, and what people call it."""

    store: Store
    words: str


def aws_vault_store(settings: Settings, kind: str, directory: Path | None, ask: AskVault) -> Chosen:
    """aws-vault's store: `file`, `secret-service`, `command`, or with `auto` the first that is there.

    Raises NotFound when there is none.
    """
    from sentinel_server.adapters.local.aws_vault_collection import VaultCollection
    from sentinel_server.adapters.local.aws_vault_command import VaultCommand

    environ = settings.environ
    if kind == "auto":
        kind = _likely(settings, directory)
    if kind == "file":
        return _files(settings, directory, ask)
    if kind == "secret-service":
        name = environ.get("AWS_VAULT_SECRET_SERVICE_COLLECTION_NAME") or "awsvault"
        return Chosen(store=VaultCollection(name), words=f"the collection {name} of the Secret Service")
    return Chosen(store=VaultCommand(environ), words="the command aws-vault")


def _likely(settings: Settings, directory: Path | None) -> str:
    from sentinel_server.adapters.local.aws_vault_command import VaultCommand

    wanted = settings.environ.get("AWS_VAULT_BACKEND")
    if wanted in ("file", "secret-service"):
        return wanted
    place = directory or _directory(settings)
    if wanted is None and place.is_dir() and any(place.iterdir()):
        return "file"
    if VaultCommand(settings.environ).there:
        return "command"
    if wanted is None:
        return "secret-service"
    raise NotFound(
        f"aws-vault's backend {wanted} can be read by aws-vault alone, and there is no such command here",
        hint="put aws-vault on the PATH, or import on the machine where it is",
    )


def _files(settings: Settings, directory: Path | None, ask: AskVault) -> Chosen:
    from sentinel_server.adapters.local.aws_vault_files import VAULT_PASSPHRASE, VaultFiles

    place = directory or _directory(settings)
    store = VaultFiles(place, settings.environ.get(VAULT_PASSPHRASE), ask)
    return Chosen(store=store, words=f"the files in {place}")


def _directory(settings: Settings) -> Path:
    home = Path(settings.environ.get("HOME") or Path.home())
    said = settings.environ.get("AWS_VAULT_FILE_DIR")
    if said is None:
        return home / ".awsvault" / "keys"
    return home / said[1:].lstrip("/") if said.startswith("~") else Path(said)
