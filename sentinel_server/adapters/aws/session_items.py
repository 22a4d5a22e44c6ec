"""Sessions and blocks as DynamoDB items: each field an attribute, so that IAM can tell them apart."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sentinel_server.adapters.aws.dynamodb import Item, Value
from sentinel_server.clock import parse_sortable, sortable
from sentinel_server.provisioning.desired import BLOCK_PREFIX, KEY, SORT
from sentinel_server.sessions.model import Block, BlockKey, Revocation, Scope, Session

SESSION_KIND = "session"
BLOCK_KIND = "block"

ACTIVE = "active"
ENDED = "ended"
REVOKED = "revoked"
"""`status` serves lists and the conditions of the owner's writes. What is revoked is told by `revoked_at`."""


def block_id(key: BlockKey) -> str:
    """The id of a block's row: `block#person#NAME`, `block#profile#NAME` or `block#everyone#`."""
    return f"{BLOCK_PREFIX}{key.scope.value}#{key.name}"


def new_session(session: Session) -> dict[str, Value | None]:
    """What creating a session sets; absent fields are None."""
    return {
        "kind": SESSION_KIND,
        "status": ACTIVE,
        SORT: sortable(session.started_at),
        "person": session.person,
        "user": session.user,
        "principal_arn": session.principal_arn,
        "principal_id": session.principal_id,
        "profile": session.profile,
        "server_instance_id": session.server_instance_id,
        "source_identity": session.source_identity,
        "started_at": sortable(session.started_at),
        "heartbeat_at": sortable(session.heartbeat_at),
        "last_access_at": sortable(session.last_access_at),
        "expires_at": sortable(session.expires_at),
        "lease_seconds": session.lease_seconds,
        "role_arn": session.role_arn,
        "request_count": session.request_count,
        "credentials_until": optional_time(session.credentials_until),
        "override_id": session.override_id,
    }


def revocation(cut: Revocation) -> dict[str, Value | None]:
    """What revoking sets."""
    return {
        "status": REVOKED,
        "revoked_at": sortable(cut.at),
        "revoked_by": cut.by,
        "revoked_reason": cut.reason,
    }


def read_session(item: Item) -> Session:
    """The session of an item. Raises ValueError when it is not one in full."""
    revoked = _time(item, "revoked_at")
    cut = None
    if revoked is not None:
        cut = Revocation(at=revoked, by=_text(item, "revoked_by"), reason=_text(item, "revoked_reason"))
    return Session(
        id=_text(item, KEY),
        person=_text(item, "person"),
        user=_text(item, "user"),
        principal_arn=_text(item, "principal_arn"),
        principal_id=_text(item, "principal_id"),
        profile=_text(item, "profile"),
        server_instance_id=_text(item, "server_instance_id"),
        source_identity=_text(item, "source_identity"),
        started_at=_some_time(item, "started_at"),
        heartbeat_at=_some_time(item, "heartbeat_at"),
        last_access_at=_some_time(item, "last_access_at"),
        expires_at=_some_time(item, "expires_at"),
        lease_seconds=_number(item, "lease_seconds") if "lease_seconds" in item else None,
        role_arn=_text(item, "role_arn") if "role_arn" in item else None,
        request_count=_number(item, "request_count"),
        credentials_until=_time(item, "credentials_until"),
        ended_at=_time(item, "ended_at"),
        override_id=_text(item, "override_id") if "override_id" in item else None,
        revocation=cut,
    )


def block_item(block: Block) -> Mapping[str, Value | None]:
    """The whole item of a block."""
    return {
        KEY: block_id(block.key),
        "kind": BLOCK_KIND,
        SORT: sortable(block.at),
        "scope": block.key.scope.value,
        "name": block.key.name or None,
        "at": sortable(block.at),
        "by": block.by,
        "reason": block.reason,
        "until": optional_time(block.until),
        "lifted_at": optional_time(block.lifted_at),
        "lifted_by": block.lifted_by,
    }


def read_block(item: Item) -> Block:
    """The block of an item. Raises ValueError when it is not one in full, or under a key not its own."""
    name = _text(item, "name") if "name" in item else ""
    block = Block(
        key=BlockKey(scope=Scope(_text(item, "scope")), name=name),
        at=_some_time(item, "at"),
        by=_text(item, "by"),
        reason=_text(item, "reason"),
        until=_time(item, "until"),
        lifted_at=_time(item, "lifted_at"),
        lifted_by=_text(item, "lifted_by") if "lifted_by" in item else None,
    )
    if block_id(block.key) != item[KEY]:
        raise ValueError("a block under the key of another")
    return block


def optional_time(instant: datetime | None) -> str | None:
    """A timestamp, or None for an attribute that is then left out."""
    return None if instant is None else sortable(instant)


def _text(item: Item, name: str) -> str:
    value = item.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} is not a text")
    return value


def _number(item: Item, name: str) -> int:
    value = item.get(name)
    if not isinstance(value, int):
        raise ValueError(f"{name} is not a whole number")
    return value


def _time(item: Item, name: str) -> datetime | None:
    return _some_time(item, name) if name in item else None


def _some_time(item: Item, name: str) -> datetime:
    return parse_sortable(_text(item, name))
