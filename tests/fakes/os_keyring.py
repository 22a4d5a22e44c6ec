"""Keyring backends as the `keyring` library has them, for a machine that has no keyring of its own."""

from __future__ import annotations

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError


class MemoryKeyring(KeyringBackend):
    """Keeps passwords in this process. `refuses` is raised by every call, `deaf` keeps nothing."""

    priority = 5  # the library's is a property of the class
    kept: dict[tuple[str, str], str] = {}  # noqa: RUF012  # one for all: the library makes an instance per use
    refuses: Exception | None = None
    deaf = False
    asked = 0

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    @classmethod
    def reset(cls) -> None:
        """Forget everything."""
        cls.kept, cls.refuses, cls.deaf, cls.asked = {}, None, False, 0

    def get_password(self, service: str, username: str) -> str | None:
        """The password that was set."""
        self._answer()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep a password."""
        self._answer()
        if not self.deaf:
            self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        """Forget a password."""
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("no such password")

    def _answer(self) -> None:
        type(self).asked += 1
        if self.refuses is not None:
            raise self.refuses


class LockedKeyring(MemoryKeyring):
    """A keyring whose dialogue was dismissed."""

    refuses = KeyringLocked("Failed to unlock the collection!")


class PlaintextKeyring(MemoryKeyring):
    """What no secret may be given to, by its name."""


class HonestlyUnsafe(MemoryKeyring):
    """What no secret may be given to, by what it says of itself."""

    priority = 0.5  # type: ignore[assignment]


class FileKeyring(MemoryKeyring):
    """Keeps passwords in the file that TEST_KEYRING names, for several processes."""

    @property
    def _path(self) -> Path:
        return Path(os.environ["TEST_KEYRING"])  # noqa: TID251  # the library gives backends nothing else

    def get_password(self, service: str, username: str) -> str | None:
        """The password that was set."""
        if not self._path.exists():
            return None
        found: str | None = json.loads(self._path.read_text()).get(f"{service}/{username}")
        return found

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep a password."""
        known = json.loads(self._path.read_text()) if self._path.exists() else {}
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        draft.write_text(json.dumps({**known, f"{service}/{username}": password}))
        draft.replace(self._path)
