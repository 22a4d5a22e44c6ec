"""What things are called in a vault. Names stand there in clear, so there is nothing secret in them."""

from __future__ import annotations

from collections.abc import Iterable

from sentinel_server.canonical import Json, canonical, sha256_hex
from sentinel_server.errors import BadInput

_KEY, _SESSION, _SEED = "key:", "session:", "seed:"


def key_name(profile: str) -> str:
    """The name of a profile's access key. Raises BadInput for what cannot name a profile."""
    if not profile.strip() or not profile.isprintable() or "]" in profile:
        raise BadInput(f"{profile!r} cannot be the name of a profile")
    return _KEY + profile


def session_prefix(about: Json) -> str:
    """How the name of a session begins; `about` is everything that makes it another session."""
    return f"{_SESSION}{sha256_hex(canonical(about))[:16]}:"


def session_name(profile: str, about: Json) -> str:
    """The name of a session that was made with a profile's keys."""
    return session_prefix(about) + profile


def seed_name(serial: str) -> str:
    """The name of the seed of a virtual MFA device, by its serial number (an ARN)."""
    return _SEED + serial


def profiles_in(names: Iterable[str]) -> tuple[str, ...]:
    """The profiles that have an access key, sorted."""
    return tuple(sorted(name.removeprefix(_KEY) for name in names if name.startswith(_KEY)))


def seeds_in(names: Iterable[str]) -> tuple[str, ...]:
    """The serial numbers that have a seed, sorted."""
    return tuple(sorted(name.removeprefix(_SEED) for name in names if name.startswith(_SEED)))


def profile_of_session(name: str) -> str | None:
    """Whose session the name means; None when it means none."""
    return name.removeprefix(_SESSION).partition(":")[2] if name.startswith(_SESSION) else None


def sessions_in(names: Iterable[str], profile: str | None = None) -> tuple[str, ...]:
    """The names of all sessions, or of one profile's, sorted."""
    return tuple(
        sorted(
            name
            for name in names
            if (whose := profile_of_session(name)) is not None and profile in (None, whose)
        )
    )
