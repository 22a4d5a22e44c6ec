"""The beginning of the way to base credentials: what a profile has of its own.

Keys that stand in a file or in the environment are read here; for whatever else there is, botocore's
providers are asked, which cost a start some 400 ms. Only those of that one profile, never the default chain:
it would find other credentials than the profile says, and for a target profile it would assume the target
role without a stamp.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from sentinel_server.adapters.aws.lapses import source_errors
from sentinel_server.credentials.config_file import FileText
from sentinel_server.credentials.environment import keys_in
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.credentials.ports import KeptKeys
from sentinel_server.credentials.profiles import BaseSource, CredentialSource, ProfileKind
from sentinel_server.credentials.static_keys import static_keys
from sentinel_server.errors import IdentityUnavailable, InvalidSetting


class Held(Protocol):
    """Credentials that were found, and what they are now."""

    @property
    def renews(self) -> bool:
        """Whether taking them may ask somebody for new ones."""
        ...

    async def take(self) -> AwsCredentials:
        """The credentials now."""
        ...


class _Keys:
    """A Held of keys that stay what they are."""

    renews = False

    def __init__(self, keys: AwsCredentials) -> None:
        self.keys = keys

    async def take(self) -> AwsCredentials:
        return self.keys


class OwnCredentials:
    """What one source has of its own. Keys that stand in a file are read again when a file has changed."""

    def __init__(
        self,
        source: BaseSource,
        *,
        config_file: Path,
        credentials_file: Path,
        environment: Mapping[str, str],
        region: str,
        kept: KeptKeys | None = None,
    ) -> None:
        """`kept` are keys for profiles that name no credentials; they come before the environment's."""
        self._source = source
        self._files = (config_file, credentials_file)
        self._environment = environment
        self._region = region
        self._kept = kept
        self._loaded: Held | None = None
        self._is_kept = False
        self._read_at: tuple[tuple[int, ...], ...] = ()

    @property
    def instant(self) -> bool:
        """Whether taking them again costs nothing."""
        return self._is_kept or (self._loaded is not None and not self._loaded.renews)

    def at_hand(self) -> AwsCredentials | None:
        """What `take` would give at once: keys of a file or the environment that has not changed."""
        if self._may_be_kept or not isinstance(self._loaded, _Keys):
            return None
        try:
            unchanged = self._changes() == self._read_at
        except InvalidSetting:  # `take` says so
            return None
        return self._loaded.keys if unchanged else None

    async def take(self) -> AwsCredentials:
        """The credentials now. Raises IdentityUnavailable, UpstreamFailed, InvalidSetting."""
        with source_errors(self._source):
            kept = await self._from_the_keyring()
            return kept or await (await self._held()).take()

    @property
    def _may_be_kept(self) -> bool:
        """Whether the keyring is asked first."""
        profile = self._source.profile
        return self._kept is not None and profile is not None and (profile.has_kept_keys or self._is_kept)

    async def _from_the_keyring(self) -> AwsCredentials | None:
        profile = self._source.profile
        if self._kept is None or profile is None or not self._may_be_kept:
            return None
        found = await self._kept.keys(profile.name)
        if found is None and self._is_kept:
            raise IdentityUnavailable(
                f"the keyring has no key for {profile.name} any more",
                hint=f"add one: sentinel keyring add {profile.name}",
            )
        self._is_kept = found is not None
        return found

    async def _held(self) -> Held:
        read_at = self._changes()
        if self._loaded is None or read_at != self._read_at:
            found = await self._find()
            if found is None:
                raise IdentityUnavailable(f"{_named(self._source)} has no credentials")
            self._loaded, self._read_at = found, read_at
        return self._loaded

    def _changes(self) -> tuple[tuple[int, ...], ...]:
        profile = self._source.profile
        if profile is None or not profile.has_static_keys:
            return ()
        return tuple(map(_seen, self._files))

    async def _find(self) -> Held | None:
        keys = self._plain_keys()
        if keys is not None:
            return _Keys(keys)
        from sentinel_server.adapters.aws.providers import Providers

        config_file, credentials_file = self._files
        providers = Providers(
            self._source,
            config_file=config_file,
            credentials_file=credentials_file,
            environment=self._environment,
            region=self._region,
        )
        return await providers.find()

    def _plain_keys(self) -> AwsCredentials | None:
        """The keys in the files or the environment, where they are what botocore would find first."""
        profile = self._source.profile
        if profile is None:
            in_environment = self._source.outside is CredentialSource.ENVIRONMENT
        else:
            in_environment = profile.kind is ProfileKind.ENVIRONMENT
            if (
                profile.has_static_keys
                and profile.kind in _OF_THEIR_OWN
                and profile.credential_process is None
            ):
                config, credentials = map(_text, self._files)
                return static_keys(profile.name, config, credentials)
        found = keys_in(self._environment) if in_environment else None
        return found if found is not None and found.expires_at is None else None


_OF_THEIR_OWN = frozenset({ProfileKind.STATIC, ProfileKind.ROLE})
"""Kinds of profiles whose keys come before anything else that they name."""


def _text(path: Path) -> FileText | None:
    try:
        return FileText(path=str(path), text=path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(
            path, error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        ) from error


def _unreadable(path: Path, why: str | None) -> InvalidSetting:
    return InvalidSetting(f"cannot read {path}: {why}", hint="check its permissions")


def _seen(path: Path) -> tuple[int, ...]:
    """What is another one when the file is; empty when it is not there. One look: fetches do this.

    Tools that keep the time of writing, or write twice within a tick of the clock, change one of the others.
    """
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise _unreadable(path, error.strerror) from error
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)


def _named(source: BaseSource) -> str:
    if source.profile is not None:
        return f"profile {source.profile.name!r}"
    return f"the credential source {source.outside.value}" if source.outside else "nothing"
