"""An emergency, its review, and what it is at an instant.

Wire shape 1: these fields are stored. Add fields with defaults; never rename or reuse one. Who closed it and
who reviewed it are apart from what the invoker writes, so that IAM can hold them apart.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum

from sentinel_server.canonical import Json, canonical, sha256_hex
from sentinel_server.clock import sortable
from sentinel_server.frozen import frozen
from sentinel_server.policy.breakglass import ReasonCode

INVOKED = (
    "id",
    "person",
    "user",
    "principal_arn",
    "profile",
    "reason_code",
    "justification",
    "ticket",
    "created_at",
    "duration_seconds",
    "rule",
    "drill",
    "escalated",
    "mfa_method",
    "mfa_verified_at",
    "mfa_challenge_id",
    "salt",
)
"""What the invoker says, by the names under which it is stored. It never changes: the id, which is the key of
the row and which nobody can change, is made of all the rest.
"""


ID_DIGITS = 32
"""Hex digits of an id. Whoever opens an emergency chooses what is said and its salt, so they could look for
two that share an id: among 128 bits that takes 2^64 tries.
"""


class EventState(Enum):
    """What an emergency is at one instant. Only ACTIVE can give access."""

    ACTIVE = "active"
    CLOSED = "closed"
    EXPIRED = "expired"


@frozen
class MfaEvidence:
    """How the invoker proved who they are a second time."""

    method: str
    verified_at: datetime
    challenge_id: str = ""


@frozen
class Closing:
    """Who closed an emergency before its end, when and why."""

    at: datetime
    by: str
    reason: str


@frozen
class Review:
    """What somebody other than the invoker found afterwards; `justified` is their verdict."""

    at: datetime
    by: str
    justified: bool
    comment: str


@frozen
class Emergency:
    """One broken glass, from the moment it was broken until somebody has reviewed it.

    `person`, `user` and `principal_arn` are the invoker as the gate will see them. A `drill` gives nothing.
    `salt` is what makes the id one that nobody can foresee.
    """

    id: str
    person: str
    user: str
    principal_arn: str
    profile: str
    reason_code: ReasonCode
    justification: str
    created_at: datetime
    duration: timedelta
    rule: str
    ticket: str = ""
    drill: bool = False
    escalated: bool = False
    mfa: MfaEvidence | None = None
    salt: str = ""
    version: int = 0
    closing: Closing | None = None
    review: Review | None = None

    @property
    def ends_at(self) -> datetime:
        """Its end, which nothing extends."""
        return self.created_at + self.duration

    def state(self, now: datetime) -> EventState:
        """What it is at `now`."""
        if self.closing is not None:
            return EventState.CLOSED
        return EventState.EXPIRED if now >= self.ends_at else EventState.ACTIVE

    @property
    def intact(self) -> bool:
        """Whether it says what it said when it was opened."""
        return self.id == _id_of(self)

    def unfinished(self, now: datetime) -> bool:
        """Whether it waits for its review: it is over, or says something else than when it was opened."""
        return self.review is None and (self.state(now) is not EventState.ACTIVE or not self.intact)


def sealed(event: Emergency) -> Emergency:
    """The event under the id that is made of what it says."""
    return replace(event, id=_id_of(event))


def _id_of(event: Emergency) -> str:
    mfa = event.mfa
    said: dict[str, Json] = {
        "person": event.person,
        "user": event.user,
        "principal_arn": event.principal_arn,
        "profile": event.profile,
        "reason_code": event.reason_code.value,
        "justification": event.justification,
        "ticket": event.ticket,
        "created_at": sortable(event.created_at),
        "duration_seconds": int(event.duration / timedelta(seconds=1)),
        "rule": event.rule,
        "drill": event.drill,
        "escalated": event.escalated,
        "mfa": None if mfa is None else [mfa.method, sortable(mfa.verified_at), mfa.challenge_id],
        "salt": event.salt,
    }
    return sha256_hex(canonical(said))[:ID_DIGITS]
