"""A server session, its states, and the blocks that cut off more than one.

Wire shape 1: these fields are stored. Add fields with defaults; never rename or reuse one. A revocation is
the presence of `revoked_*`, whatever `status` says, because only the security role can write those.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta
from enum import Enum
from functools import lru_cache

from sentinel_server.errors import BadInput, InvalidIdentifier
from sentinel_server.frozen import frozen
from sentinel_server.records.model import Ref, Row

LAPSE_AFTER = timedelta(minutes=10)
"""How long a server may stay silent before its session lapses."""

_ID = re.compile(r"[0-9a-f]{16}", re.ASCII)


STORED = (
    "id",
    "person",
    "user",
    "principal_arn",
    "principal_id",
    "profile",
    "server_instance_id",
    "source_identity",
    "started_at",
    "heartbeat_at",
    "last_access_at",
    "expires_at",
    "lease_seconds",
    "role_arn",
    "request_count",
    "credentials_until",
    "ended_at",
    "override_id",
)
"""The names under which a session is stored, without its revocation."""

REVOCATION = ("revoked_at", "revoked_by", "revoked_reason")
"""What cuts a session off, whatever else its row says."""

BLOCK = ("scope", "name", "at", "by", "reason", "until", "lifted_at", "lifted_by")
"""The names under which a block is stored."""


class State(Enum):
    """What a session is at one instant; only ACTIVE is served."""

    ACTIVE = "active"
    REVOKED = "revoked"
    ENDED = "ended"
    EXPIRED = "expired"
    LAPSED = "lapsed"


@frozen
class Revocation:
    """Who cut a session off, when and why."""

    at: datetime
    by: str
    reason: str


@frozen
class Session:
    """One `exec --server`, from its start to its end.

    `heartbeat_at` is the server's last sign of life, `expires_at` the end nothing extends (`--max-session`),
    `credentials_until` the real expiry of the latest AWS session minted under it. `override_id` is the
    request or emergency it last ran under. `user` is for people to read, `person` and `profile` are the keys
    of blocks.
    """

    id: str
    person: str
    user: str
    principal_arn: str
    principal_id: str
    profile: str
    server_instance_id: str
    source_identity: str
    started_at: datetime
    heartbeat_at: datetime
    last_access_at: datetime
    expires_at: datetime
    lease_seconds: int | None
    role_arn: str | None = None
    request_count: int = 0
    credentials_until: datetime | None = None
    ended_at: datetime | None = None
    override_id: str | None = None
    revocation: Revocation | None = None

    def state(self, now: datetime, lapse_after: timedelta = LAPSE_AFTER) -> State:
        """What the session is at `now`, given how long a server may stay silent."""
        if self.revocation is not None:
            return State.REVOKED
        if self.ended_at is not None:
            return State.ENDED
        if now >= self.expires_at:
            return State.EXPIRED
        return State.LAPSED if now - self.heartbeat_at > lapse_after else State.ACTIVE


class Scope(Enum):
    """How much a block covers."""

    PERSON = "person"
    PROFILE = "profile"
    EVERYONE = "everyone"


@frozen
class BlockKey:
    """What is blocked; `name` is empty for everyone, and only then. Raises BadInput otherwise."""

    scope: Scope
    name: str = ""

    def __post_init__(self) -> None:
        if (self.scope is Scope.EVERYONE) != (not self.name):
            raise BadInput(f"a block of scope {self.scope.value} cannot be named {self.name!r}")

    def __str__(self) -> str:
        return f"{self.scope.value}:{self.name}" if self.name else self.scope.value


@frozen
class Block:
    """Refuses one person, one profile or everyone at every door, until `until` or until it is lifted."""

    key: BlockKey
    at: datetime
    by: str
    reason: str
    until: datetime | None = None
    lifted_at: datetime | None = None
    lifted_by: str | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it refuses at `now`."""
        return self.lifted_at is None and (self.until is None or now < self.until)


@frozen
class Standing:
    """One strongly consistent look: the session, if any, the blocks and the ledgers' rows found."""

    session: Session | None
    blocks: tuple[Block, ...] = ()
    rows: Mapping[Ref, Row] = field(default_factory=dict)


@lru_cache(maxsize=64)
def block_keys(person: str, profile: str, own: str | None = None) -> tuple[BlockKey, ...]:
    """Every block that can touch this person and profile.

    `own` is the person's key before a `people` map, which is this machine's affair: whoever blocks may not
    have the map, and whoever is blocked must not escape by writing one.
    """
    return (
        BlockKey(scope=Scope.EVERYONE),
        BlockKey(scope=Scope.PERSON, name=person),
        BlockKey(scope=Scope.PROFILE, name=profile),
        *([BlockKey(scope=Scope.PERSON, name=own)] if own and own != person else []),
    )


def parse_session_id(text: str) -> str:
    """`text` when it is 16 lower-case hex digits; raises InvalidIdentifier otherwise."""
    if not _ID.fullmatch(text):
        raise InvalidIdentifier(
            f"{text!r} is not a session id (16 lower-case hex digits)",
            hint="list them: sentinel server-sessions",
        )
    return text


def checked_new(session: Session) -> Session:
    """`session` when it may be created: a good id, its index keys not empty, neither revoked nor ended.

    Raises InvalidIdentifier or BadInput otherwise. Stores call it, so that all of them refuse the same rows.
    """
    parse_session_id(session.id)
    for name in ("person", "user", "profile", "server_instance_id"):
        if not getattr(session, name):
            raise BadInput(f"session {session.id} cannot be created: its {name} is empty")
    if session.revocation is not None or session.ended_at is not None:
        raise BadInput(f"session {session.id} cannot be created: it has ended already")
    return session
