"""Who writes what in the rows of approvals and emergencies, and the IAM statements that hold them apart.

Requesters write what is asked, approvers what they decide, and neither the other's: not even in the same
commit. What came to an end stays: nobody may delete, only security sets the time at which it may be
forgotten, and what security ended nobody else can begin again. The key of a row tells its kind: those of
requests and emergencies are the ones without a `#`.
"""

from __future__ import annotations

from collections.abc import Sequence

from sentinel_server.breakglass.model import INVOKED
from sentinel_server.notifications.outbox import INDEX as OUTBOX
from sentinel_server.provisioning.desired import KEY, Family, index_on
from sentinel_server.provisioning.statements import Keys, Statement, finding, like, reading, unlike, writing
from sentinel_server.records.model import RETENTION, SORT
from sentinel_server.requests.model import SUBJECT

ALWAYS = (KEY, "version")
"""What every commit names in every row."""

_FOUND_BY = ("kind", "status", "person_profile")

ASKED = (*SUBJECT, *_FOUND_BY, "cancelled_at", "cancelled_by", "cancelled_comment", "started_at")
"""What a requester writes in a request."""

DECIDED = (
    *("status", "votes", "approved_at", "denied_at", "denied_by", "denied_comment"),
    *("revoked_at", "revoked_by", "revoked_comment"),
)
"""What an approver writes in a request."""

CUT_REQUEST = ("cut_at", "cut_by", "cut_comment")
CUT_EMERGENCY = ("cut_at", "cut_by", "cut_reason")
"""What security ends with, and nobody else can write or take back."""

PENDING = ("kind", "requests", RETENTION)
"""What a requester writes in the row that counts their open requests."""

CLOSED = ("status", "closed_at", "closed_by", "closed_reason")
OPENED = (*INVOKED, *_FOUND_BY, "ended_at", "ended_by", "ended_reason")
"""What an invoker writes in an emergency; they end their own without a word of those who closed it."""

REVIEWED = ("reviewed_at", "reviewed_by", "reviewed_justified", "reviewed_comment", *CLOSED)
"""What a reviewer writes in an emergency; they may close it, too."""

TALLIED = ("kind", "event_id", "opened_at", "openings", RETENTION)
"""What remembers openings, for quotas and cool-downs."""

PROVED = (
    *("kind", SORT, "last_step", "failures", "sent", "counted_since", "locked_until"),
    *("expires_at", "for_person", "for_profile", "purpose", "method", "target", "digest", "tries", "used_at"),
    RETENTION,
)
"""What is remembered of second factors and of codes that were sent."""

TOLD = (
    *("kind", "outbox", SORT, "type", "body", "attempts", "next_at", "leased_until", "last_error", "done"),
    *("delivered_at", "given_up_at", RETENTION),
)
"""The outbox: whoever changes something also writes down that others are to be told, and tells them."""

_ROWS = unlike("*#*")
_TALLIES = ("active#*", "quota#*")
_FACTORS = ("mfa#*", "challenge#*")
_OWN = (index_on("person"), index_on("person_profile"))


def requester(arn: str) -> list[Statement]:
    """Asks, takes back, and uses what was approved."""
    return [
        reading("ReadRequests", arn, _OWN),
        _write("AskForAccess", arn, ASKED, _ROWS),
        _write("CountRequests", arn, PENDING, like("pending#*")),
        _write("TellOfRequests", arn, TOLD, like("outbox#*")),
    ]


def approver(arn: str) -> list[Statement]:
    """Approves, denies and revokes."""
    return [
        reading("ReadRequests", arn, None),
        _write("DecideRequests", arn, DECIDED, _ROWS),
        _write("TellOfRequests", arn, TOLD, like("outbox#*")),
    ]


def invoker(arn: str) -> list[Statement]:
    """Opens and closes emergencies."""
    return [
        reading("ReadEmergencies", arn, _OWN),
        _write("BreakGlass", arn, OPENED, _ROWS),
        _write("CountOpenings", arn, TALLIED, like(*_TALLIES)),
        _write("ProveSecondFactors", arn, PROVED, like(*_FACTORS)),
        _write("TellOfEmergencies", arn, TOLD, like("outbox#*")),
    ]


def reviewer(arn: str) -> list[Statement]:
    """Closes and reviews emergencies."""
    return [
        reading("ReadEmergencies", arn, None),
        _write("ReviewEmergencies", arn, REVIEWED, _ROWS),
        _write("TellOfEmergencies", arn, TOLD, like("outbox#*")),
    ]


def security(family: Family, arn: str) -> list[Statement]:
    """Revokes and closes, sweeps, and mends what limits emergencies."""
    if family is Family.REQUESTS:
        return [
            reading("ReadRequests", arn, None),
            _write("KeepRequests", arn, ("status", *CUT_REQUEST, RETENTION), like("*")),
            _write("TellOfRequests", arn, TOLD, like("outbox#*")),
        ]
    return [
        reading("ReadEmergencies", arn, None),
        _write("KeepEmergencies", arn, ("status", *CUT_EMERGENCY, RETENTION), like("*")),
        _write("MendLimits", arn, (*TALLIED, *PROVED), like(*_TALLIES, *_FACTORS)),
        _write("TellOfEmergencies", arn, TOLD, like("outbox#*")),
    ]


def notifier(family: Family, arn: str) -> list[Statement]:
    """Delivers messages: finds those that are due, and writes down what became of them."""
    what = "Requests" if family is Family.REQUESTS else "Emergencies"
    return [
        finding(f"FindMessagesOf{what}", arn, index_on(OUTBOX)),
        _write(f"TellOf{what}", arn, TOLD, like("outbox#*")),
    ]


def publishing(topics: Sequence[str]) -> Statement:
    """Publishing to these topics, by ARN."""
    return {"Sid": "Publish", "Effect": "Allow", "Action": ["sns:Publish"], "Resource": sorted(set(topics))}


def auditor(family: Family, arn: str) -> list[Statement]:
    """Reads."""
    return [reading("ReadRequests" if family is Family.REQUESTS else "ReadEmergencies", arn, None)]


def _write(sid: str, arn: str, attributes: Sequence[str], keys: Keys) -> Statement:
    return writing(sid, arn, (*ALWAYS, *attributes), keys, transactions=True)
