"""Requests as rows: their attributes, reading them back, and finding them.

An attribute is written by those whose act it is: what is asked, `cancelled_*` and `started_at` by the
requester, votes, `approved_at`, `denied_*` and `revoked_*` by approvers, `cut_*` by the security team.
`status` and `person_profile` are only for searches; nothing is decided by them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sentinel_server.clock import parse_sortable, sortable
from sentinel_server.errors import StoreUnavailable
from sentinel_server.policy.read_approval import LONGEST_REQUEST
from sentinel_server.records.model import Ledger, Ref, Row, Search, Value
from sentinel_server.requests.model import AccessRequest, Ruling, Vote

KIND = "request"
"""The `kind` of a request's row; the ledger has rows of other kinds."""
STATUS_FIELDS = ("denied", "cancelled", "revoked", "cut")
"""The rulings, each kept as `<name>_at`, `_by` and `_comment`."""
_ID = re.compile(r"[0-9a-f]{16}")


def request_ref(request_id: str) -> Ref:
    """Where the request of that id is."""
    return Ref(ledger=Ledger.REQUESTS, key=request_id)


def is_request_id(text: str) -> bool:
    """Whether it can be a request's id: 16 lower-case hex digits."""
    return _ID.fullmatch(text) is not None


def person_profile(person: str, profile: str) -> str:
    """What a person's requests for a profile are found by."""
    return f"{person}#{profile}"


def subject_values(request: AccessRequest) -> dict[str, Value]:
    """What the requester writes, once: the subject (its id is the key), and what searches need."""
    said = {
        name: value
        for name, value in request.subject.items()
        if name != "id" and isinstance(value, str | int) and value != ""
    }
    said["kind"] = KIND
    said["person_profile"] = person_profile(request.person, request.profile)
    return said


def votes_value(votes: tuple[Vote, ...]) -> str:
    """The votes as they are stored."""
    return json.dumps([asdict(vote) | {"at": sortable(vote.at)} for vote in votes])


def ruling_values(name: str, ruling: Ruling) -> dict[str, Value | None]:
    """A ruling as it is stored."""
    comment = {f"{name}_comment": ruling.comment} if ruling.comment else {}
    return {f"{name}_at": sortable(ruling.at), f"{name}_by": ruling.by, **comment}


def request_values(request: AccessRequest, now: datetime) -> dict[str, Value]:
    """The whole row, with its status at `now`."""
    values: dict[str, Value | None] = {**subject_values(request), "status": request.status(now).value}
    if request.votes:
        values["votes"] = votes_value(request.votes)
    for name, at in (("approved_at", request.approved_at), ("started_at", request.started_at)):
        if at is not None:
            values[name] = sortable(at)
    for name in STATUS_FIELDS:
        ruling = getattr(request, name)
        if ruling is not None:
            values |= ruling_values(name, ruling)
    return {name: value for name, value in values.items() if value is not None}


def read_request(row: Row) -> AccessRequest:
    """The request that a row is. Raises StoreUnavailable when it is none, whole and in its form."""
    try:
        return _request(row)
    except (KeyError, ValueError, TypeError, RecursionError, OverflowError) as error:
        why = f"it has no {error}" if type(error) is KeyError else str(error) or type(error).__name__
        raise StoreUnavailable(f"{row.ref} cannot be read as a request: {why}") from error


def requests_of(person: str, profile: str) -> Search:
    """The search for a person's requests for a profile, newest first.

    Anybody who requests may file rows there. They are candidates: whoever decides reads them by their keys,
    and looks at whose they say they are.
    """
    return Search(ledger=Ledger.REQUESTS, by="person_profile", value=person_profile(person, profile))


def _request(row: Row) -> AccessRequest:
    values = row.values
    if values.get("kind") != KIND:
        raise ValueError("it is of another kind")
    if not is_request_id(row.ref.key) or row.version < 1:
        raise ValueError("its key or its version is not a request's")
    created_at, expires_at = _instant(values, "created_at"), _instant(values, "expires_at")
    if expires_at <= created_at:
        raise ValueError("it expires before it was made")
    return AccessRequest(
        id=row.ref.key,
        version=row.version,
        person=_text(values, "person"),
        user=_text(values, "user"),
        principal_arn=_text(values, "principal_arn"),
        profile=_text(values, "profile"),
        duration=_seconds(values, "duration_seconds"),
        justification=_text(values, "justification"),
        created_at=created_at,
        expires_at=expires_at,
        ticket=_text(values, "ticket", ""),
        extends=_text(values, "extends", ""),
        auto_rule=_text(values, "auto_rule", ""),
        votes=_votes(_text(values, "votes", "[]")),
        approved_at=_maybe(values, "approved_at"),
        started_at=_maybe(values, "started_at"),
        denied=_ruling(values, "denied"),
        cancelled=_ruling(values, "cancelled"),
        revoked=_ruling(values, "revoked"),
        cut=_ruling(values, "cut"),
    )


def _text(values: Mapping[str, Value], name: str, missing: str | None = None) -> str:
    value = values[name] if missing is None else values.get(name, missing)
    if not isinstance(value, str):
        raise TypeError(f"its {name} is not text")
    return value


def _seconds(values: Mapping[str, Value], name: str) -> timedelta:
    value = values[name]
    longest = int(LONGEST_REQUEST.total_seconds())
    if type(value) is not int or not 1 <= value <= longest:
        raise TypeError(f"its {name} is not a whole number from 1 to {longest}")
    return timedelta(seconds=value)


def _instant(values: Mapping[str, Value], name: str) -> datetime:
    return parse_sortable(_text(values, name))


def _maybe(values: Mapping[str, Value], name: str) -> datetime | None:
    return _instant(values, name) if name in values else None


def _ruling(values: Mapping[str, Value], name: str) -> Ruling | None:
    """A ruling holds as soon as any part of it is there, and must then be whole."""
    if not any(part.startswith(f"{name}_") for part in values):
        return None
    return Ruling(
        at=_instant(values, f"{name}_at"),
        by=_text(values, f"{name}_by"),
        comment=_text(values, f"{name}_comment", ""),
    )


def _votes(text: str) -> tuple[Vote, ...]:
    found = json.loads(text)
    if not isinstance(found, list):
        raise TypeError("its votes are not a list")
    return tuple(_vote(each) for each in found)


def _vote(found: Any) -> Vote:
    if not isinstance(found, dict):
        raise TypeError("a vote is not an object")
    return Vote(
        person=_text(found, "person"),
        principal_arn=_text(found, "principal_arn"),
        at=_instant(found, "at"),
        subject_sha256=_text(found, "subject_sha256"),
        comment=_text(found, "comment", ""),
        signature=_text(found, "signature", ""),
    )
