"""Approvals as signed statements: what an approver signs, and whether a signature lets their vote count.

The statement repeats the whole request, the approver, the time and the comment, so whoever can write to the
table can neither make an approval nor move one to another request, person or day. A key counts for its owner
alone, and while it is pinned: a retired one counts for nothing that it ever signed.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sentinel_server.canonical import Json, canonical
from sentinel_server.clock import sortable
from sentinel_server.errors import InvalidArn, SentinelError
from sentinel_server.frozen import frozen
from sentinel_server.identity.arn import parse_principal
from sentinel_server.identity.people import Persons
from sentinel_server.policy.keys import KeySet, PublicKey
from sentinel_server.policy.signing import Signer, made_by
from sentinel_server.policy.statement import Algorithm, only, read_object
from sentinel_server.requests.model import AccessRequest, Vote

STATEMENT = "sentinel-approval-statement/1"
"""The first thing that is signed, so that nothing else signed with the same key can pass for an approval."""
SIGNATURE = "sentinel-approval-signature/1"
"""The form of what is stored of a signature."""
APPROVE = "approve"
"""The verdict of a vote."""
_LIMIT = 4096


@frozen
class _Envelope:
    key_id: str
    algorithm: Algorithm
    signature: bytes


def statement(request: AccessRequest, vote: Vote, key_id: str) -> bytes:
    """The bytes that are signed: everything that the approver said, and all that it is about."""
    said: dict[str, Json] = {
        "format": STATEMENT,
        "request": request.subject,
        "verdict": APPROVE,
        "person": vote.person,
        "principal_arn": vote.principal_arn,
        "at": sortable(vote.at),
        "comment": vote.comment,
        "key_id": key_id,
    }
    return canonical(said)


async def signed(signer: Signer, request: AccessRequest, vote: Vote) -> Vote:
    """The vote with its signature. What came back is checked before anybody relies on it.

    Raises SentinelError when the signer fails or what it gave does not hold.
    """
    key = signer.public
    message = statement(request, vote, key.id)
    signature = await signer.sign(message)
    if not made_by(key, message, signature):
        raise SentinelError(
            f"the signature that {key.id} gave does not hold",
            hint="see which key it is: sentinel config show",
        )
    told: dict[str, Json] = {
        "format": SIGNATURE,
        "key_id": key.id,
        "algorithm": key.algorithm.value,
        "signature": base64.b64encode(signature).decode("ascii"),
    }
    return replace(vote, signature=canonical(told).decode("ascii"))


class SignedVotes:
    """A VoteCheck by the pinned keys, which are read anew each time, so that a retired one stops counting.

    A vote without a signature counts only where none is required; one whose signature does not hold never.
    """

    def __init__(self, keys: Callable[[], KeySet], persons: Persons, *, required: bool) -> None:
        self._keys = keys
        self._persons = persons
        self._required = required

    def __call__(self, request: AccessRequest, vote: Vote, now: datetime) -> str:
        """Why the vote does not count; empty when it does."""
        if not vote.signature:
            return "is not signed, and signatures are required" if self._required else ""
        try:
            return self._fault(request, vote, now)
        except SentinelError as error:
            return f"cannot be checked: {error.message}"

    def _fault(self, request: AccessRequest, vote: Vote, now: datetime) -> str:
        try:
            envelope = _read(vote.signature)
        except (ValueError, KeyError, TypeError, RecursionError):
            return "has a signature that cannot be read"
        key = self._keys().find(envelope.key_id)
        if key is None:
            return f"is signed with {envelope.key_id[:80]}, which is not in the key set"
        if not self._owns(key, self._person(vote.principal_arn)):
            return f"is signed with {key.id}, which is {key.owner or 'nobody'}'s"
        for instant in (now, vote.at):
            if reason := key.why_not(instant):
                return f"is signed with {key.id}, which {reason}"
        right = envelope.algorithm is key.algorithm
        if not right or not made_by(key, statement(request, vote, key.id), envelope.signature):
            return f"is not what was signed with {key.id}"
        return ""

    def _owns(self, key: PublicKey, person: str) -> bool:
        return bool(key.owner) and self._persons.joined(key.owner) == person

    def _person(self, principal_arn: str) -> str:
        try:
            return self._persons.key(parse_principal(principal_arn, unique_id="-"))
        except InvalidArn:
            raise SentinelError("it is by nobody AWS could name") from None


def _read(text: str) -> _Envelope:
    found = read_object(text.encode("utf-8", "surrogatepass"), _LIMIT)
    only(found, "format", "key_id", "algorithm", "signature")
    if found["format"] != SIGNATURE or not isinstance(found["key_id"], str):
        raise ValueError("it is of another form")
    try:
        signature = base64.b64decode(found["signature"], validate=True)
    except binascii.Error:
        raise ValueError("it is not base64") from None
    return _Envelope(key_id=found["key_id"], algorithm=Algorithm(found["algorithm"]), signature=signature)
