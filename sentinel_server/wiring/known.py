"""The names of profiles, for whoever is about to type one: at once, and never an error."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sentinel_server.errors import SentinelError


def profile_names(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Every profile of the AWS configuration and the keyring, sorted; none where they cannot be read."""
    from sentinel_server.adapters.local.aws_config import read_profiles
    from sentinel_server.settings.environ import own_directories

    try:
        names = set(read_profiles(environ).names())
    except SentinelError:
        return ()
    directories = own_directories(environ)
    if (directories.state / "keyring" / "keys.json").exists() or _is_elsewhere(environ, directories.config):
        names |= _kept(environ)
    return tuple(sorted(names))


def _is_elsewhere(environ: Mapping[str, str], config: Path) -> bool:
    """Whether the keyring may be in another place than usual: only then are all settings worth the wait."""
    if environ.get("SENTINEL_KEYRING_FILE"):
        return True
    try:
        return b"keyring" in Path(environ.get("SENTINEL_CONFIG") or config / "config.yaml").read_bytes()
    except OSError:
        return False


def _kept(environ: Mapping[str, str]) -> set[str]:
    from sentinel_server.settings.environ import read_settings
    from sentinel_server.wiring.keyring import kept_profiles

    try:
        return set(kept_profiles(read_settings({}, environ)))
    except SentinelError:
        return set()
