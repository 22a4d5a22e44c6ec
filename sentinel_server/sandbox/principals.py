"""Who calls: the principals of the sandbox and the keys they hold."""

from __future__ import annotations

import secrets
from dataclasses import field
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from sentinel_server.clock import whole_seconds
from sentinel_server.frozen import frozen
from sentinel_server.sandbox.iam import Policy


class Kind(Enum):
    """What a principal is, in the words of its ARN."""

    ROOT = "root"
    USER = "user"
    ROLE = "assumed-role"
    FEDERATED = "federated-user"


@frozen
class Principal:
    """A caller. `name` is the user's or the role's; what it may do is looked up under it at every call."""

    kind: Kind
    account: str
    name: str
    arn: str
    user_id: str
    role_arn: str | None = None
    session_name: str | None = None
    session_policies: tuple[Policy, ...] = ()
    source_identity: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    temporary: bool = False
    """Whether the keys are a session's (GetSessionToken's included)."""
    mfa: bool = False
    """Whether the session was opened with a code."""

    @property
    def names(self) -> frozenset[str]:
        """Everything this principal may be called in a trust policy's `Principal` element."""
        root = f"arn:aws:iam::{self.account}:root"
        return frozenset({"*", root, self.arn} | ({self.role_arn} if self.role_arn else set()))


class UserKeys(NamedTuple):
    """A user's keys, to be given to a client."""

    access_key_id: str
    secret_access_key: str

    def __repr__(self) -> str:
        return f"UserKeys({self.access_key_id}, ***)"


class SessionKeys(NamedTuple):
    """A session's keys, to be given to a client."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: datetime

    def __repr__(self) -> str:
        return f"SessionKeys({self.access_key_id}, ***, until {whole_seconds(self.expiration)})"


@frozen
class Credential:
    """What the front knows about one access key id; a token and an expiry only for sessions."""

    principal: Principal
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None


class Sessions:
    """The temporary credentials given out, by access key id. They are made here and never forgotten."""

    def __init__(self) -> None:
        self._known: dict[str, Credential] = {}

    def find(self, access_key_id: str) -> Credential | None:
        """The credential of this key id, whether or not it has expired."""
        return self._known.get(access_key_id)

    def secrets(self) -> frozenset[str]:
        """All that only their holders may know."""
        known = list(self._known.values())
        return frozenset(each.secret for each in known) | {each.token for each in known if each.token}

    def open(self, principal: Principal, expires_at: datetime) -> SessionKeys:
        """New keys for `principal`, good until `expires_at`."""
        key = f"ASIA{secrets.token_hex(8).upper()}"
        keys = SessionKeys(
            key, secrets.token_urlsafe(30), f"sandbox/{secrets.token_urlsafe(120)}", expires_at
        )
        self._known[key] = Credential(
            principal=principal,
            secret=keys.secret_access_key,
            token=keys.session_token,
            expires_at=expires_at,
        )
        return keys
