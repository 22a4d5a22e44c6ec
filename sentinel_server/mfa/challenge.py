"""A code that was sent to somebody: kept in the store, so that another run of ours, or another machine, can
check it.

The store has a slow hash of it, because who can read the row must not find the code before it is too old.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Protocol

from sentinel_server.clock import parse_sortable, sortable
from sentinel_server.frozen import frozen
from sentinel_server.mfa.proof import Asked
from sentinel_server.policy.breakglass import MfaMethod
from sentinel_server.records.model import RETENTION, Change, Ledger, Ref, Row, Value, kept
from sentinel_server.secret import Secret

LIFETIME = timedelta(minutes=5)
KEPT = timedelta(days=7)
"""How long a challenge is kept once it is too old: without its row no code is taken for it either."""
TRIES = 3
"""Wrong codes after which a challenge is over, whatever comes then."""

DIGITS = 8
"""Of a code: 10^8 guesses at the speed of `_hash` take days, and it lives for five minutes."""

KIND = "challenge"
_COST, _BLOCK = 2**15, 8


class CodeSender(Protocol):
    """Sends a code to a telephone."""

    async def send(self, phone: str, text: Secret) -> None:
        """Return once the text is on its way. Raises MfaUnavailable."""
        ...


@frozen
class Challenge:
    """One code that was sent, for one person, profile and purpose."""

    id: str
    version: int
    asked: Asked
    digest: str
    created_at: datetime
    expires_at: datetime
    target: str = ""
    tries: int = 0
    used: bool = False
    method: MfaMethod = MfaMethod.SMS

    def refuses(self, asked: Asked, now: datetime) -> str:
        """Why no code at all is taken for it; empty when one may be."""
        if asked != self.asked:
            return "the challenge is for somebody or something else"
        if self.used:
            return "the challenge was answered before"
        if self.tries >= TRIES:
            return "the challenge has had its wrong codes"
        return "the challenge is too old" if not self.created_at <= now < self.expires_at else ""

    def is_answered_by(self, code: str) -> bool:
        """Whether the code is the one that was sent, in a time that does not tell how much was right."""
        return hmac.compare_digest(self.digest, hashed(self.id, "".join(code.split())))

    def answer(self, *, right: bool, now: datetime) -> Change:
        """What writes an answer down."""
        said: dict[str, Value | None] = {"used_at": sortable(now)} if right else {"tries": self.tries + 1}
        return Change(ref=challenge_ref(self.id), seen=self.version, set=said)


def new_challenge(challenge_id: str, asked: Asked, code: Secret, now: datetime, target: str) -> Challenge:
    """A challenge that begins now; `target` is where it is sent, as it may be shown."""
    return Challenge(
        id=challenge_id,
        version=0,
        asked=asked,
        digest=hashed(challenge_id, code.reveal()),
        created_at=now,
        expires_at=now + LIFETIME,
        target=target,
    )


def creation(challenge: Challenge) -> Change:
    """What writes a new challenge down."""
    return Change(
        ref=challenge_ref(challenge.id),
        seen=None,
        set={
            "kind": KIND,
            "created_at": sortable(challenge.created_at),
            "expires_at": sortable(challenge.expires_at),
            "for_person": challenge.asked.person,
            "for_profile": challenge.asked.profile,
            "purpose": challenge.asked.purpose,
            "method": challenge.method.value,
            "target": challenge.target,
            "digest": challenge.digest,
            "tries": 0,
            RETENTION: kept(challenge.expires_at, KEPT),
        },
    )


def challenge_ref(challenge_id: str) -> Ref:
    """Where the row of a challenge is."""
    return Ref(ledger=Ledger.BREAKGLASS, key=f"challenge#{challenge_id}")


def read_challenge(row: Row) -> Challenge | None:
    """What the row says; None for one that is not of ours."""
    values = row.values
    try:
        return Challenge(
            id=row.ref.key.removeprefix("challenge#"),
            version=row.version,
            asked=Asked(
                person=str(values["for_person"]),
                profile=str(values["for_profile"]),
                purpose=str(values["purpose"]),
            ),
            digest=str(values["digest"]),
            created_at=parse_sortable(str(values["created_at"])),
            expires_at=parse_sortable(str(values["expires_at"])),
            target=str(values.get("target", "")),
            tries=int(values["tries"]),
            used="used_at" in values,
            method=MfaMethod(values["method"]),
        )
    except (KeyError, ValueError):
        return None


def hashed(challenge_id: str, code: str) -> str:
    """The slow hash of a code: scrypt with 32 MiB, some 0.1 s, salted with the challenge's id."""
    digest = hashlib.scrypt(
        code.encode("utf-8", "backslashreplace"),
        salt=challenge_id.encode(),
        n=_COST,
        r=_BLOCK,
        p=1,
        maxmem=64 * 1024 * 1024,
        dklen=32,
    )
    return digest.hex()
