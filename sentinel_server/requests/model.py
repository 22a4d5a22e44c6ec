"""A request for access, the votes on it, and what it is at an instant.

Wire shape 1: these fields are stored. Add fields with defaults; never rename or reuse one. What became of a
request is the presence of attributes, because those of approvers and those of requesters can be held apart by
IAM; `status` in a row is only for finding it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum

from sentinel_server.canonical import Json, canonical, sha256_hex
from sentinel_server.clock import sortable
from sentinel_server.frozen import frozen

REQUEST_TTL = timedelta(hours=24)
"""How long approvers have."""
KEPT_FOR = timedelta(days=400)
"""How long a row is kept after its end, as evidence."""

SUBJECT = (
    "id",
    "person",
    "user",
    "principal_arn",
    "profile",
    "duration_seconds",
    "justification",
    "ticket",
    "created_at",
    "expires_at",
    "extends",
    "auto_rule",
)
"""What is asked, by the names under which it is stored. It never changes; a vote is about all of it."""


class Status(Enum):
    """What a request is at one instant. Only APPROVED can give access."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REVOKED = "revoked"


@frozen
class Vote:
    """One approver's yes. `subject_sha256` is of the request as the approver saw it.

    `signature` is the envelope of a signed statement about it, empty when the approver signs nothing.
    """

    person: str
    principal_arn: str
    at: datetime
    subject_sha256: str
    comment: str = ""
    signature: str = ""


@frozen
class Ruling:
    """The end of a request by one person's word: denied, cancelled or revoked."""

    at: datetime
    by: str
    comment: str = ""


@frozen
class AccessRequest:
    """One request, from its first day to the end of what it gave.

    `person`, `user` and `principal_arn` are the requester as the gate will see them. `expires_at` is the
    deadline for the approvers. The access lasts `duration` from `approved_at`, which is there once enough
    have voted; `started_at` is its first use. `extends` is the request that this one prolongs. `auto_rule` is
    the approval rule by which it claims to need nobody: then it counts from `created_at`, as long as that
    rule still says so. `revoked` is the word of an approver, `cut` the security team's, which approvers
    cannot take back.
    """

    id: str
    person: str
    user: str
    principal_arn: str
    profile: str
    duration: timedelta
    justification: str
    created_at: datetime
    expires_at: datetime
    ticket: str = ""
    extends: str = ""
    auto_rule: str = ""
    version: int = 0
    votes: tuple[Vote, ...] = ()
    approved_at: datetime | None = None
    started_at: datetime | None = None
    denied: Ruling | None = None
    cancelled: Ruling | None = None
    revoked: Ruling | None = None
    cut: Ruling | None = None

    def status(self, now: datetime) -> Status:
        """What the request is at `now`."""
        if self.revoked is not None:
            return Status.REVOKED
        if self.denied is not None:
            return Status.DENIED
        if self.cancelled is not None:
            return Status.CANCELLED
        if self.cut is not None:
            return Status.REVOKED
        if self.granted_at is not None:
            return Status.APPROVED
        return Status.EXPIRED if now >= self.expires_at else Status.PENDING

    @property
    def revocation(self) -> Ruling | None:
        """Who ended what was approved, and why: the security team or else an approver."""
        return self.cut or self.revoked

    @property
    def granted_at(self) -> datetime | None:
        """When its window began; None while it has none."""
        return self.created_at if self.auto_rule else self.approved_at

    @property
    def ends_at(self) -> datetime | None:
        """The end of its window, which nothing extends; None while it has none."""
        granted = self.granted_at
        return None if granted is None else granted + self.duration

    @property
    def subject(self) -> dict[str, Json]:
        """What is asked, as it is signed: words and whole numbers by the names in `SUBJECT`."""
        said: dict[str, Json] = {
            "id": self.id,
            "person": self.person,
            "user": self.user,
            "principal_arn": self.principal_arn,
            "profile": self.profile,
            "duration_seconds": int(self.duration / timedelta(seconds=1)),
            "justification": self.justification,
            "ticket": self.ticket,
            "created_at": sortable(self.created_at),
            "expires_at": sortable(self.expires_at),
            "extends": self.extends,
            "auto_rule": self.auto_rule,
        }
        return said

    @property
    def subject_sha256(self) -> str:
        """The hash of what is asked: two requests with one hash ask the same."""
        return sha256_hex(canonical(self.subject))
