"""Emergencies as rows: each field an attribute, so that permissions can tell them apart.

What became of an emergency is the presence of `cut_*`, `closed_*`, `ended_*` and `reviewed_*`; `status` is
only for finding it. A row that is not an emergency in full is an error, never an emergency of less.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from sentinel_server.breakglass.model import ID_DIGITS, Closing, Emergency, EventState, MfaEvidence, Review
from sentinel_server.clock import parse_sortable, sortable
from sentinel_server.errors import InvalidIdentifier, StoreUnavailable
from sentinel_server.policy.breakglass import ReasonCode
from sentinel_server.records.model import SORT, Ledger, Ref, Row, Search, Value

KIND = "emergency"

_ID = re.compile(rf"[0-9a-f]{{{ID_DIGITS}}}", re.ASCII)

Values = dict[str, Value | None]

CUT, CLOSED, ENDED = "cut", "closed", "ended"
"""How the attributes of a closing begin: by security, by those who oversee it, and by its invoker. Nobody can
undo another's.
"""


def is_event_id(text: str) -> bool:
    """Whether it can be an emergency's id: 32 lower-case hex digits."""
    return bool(_ID.fullmatch(text))


def parse_event_id(text: str) -> str:
    """`text` when it can be an emergency's id; raises InvalidIdentifier otherwise."""
    if not is_event_id(text):
        raise InvalidIdentifier(
            f"{text!r} is not the id of an emergency ({ID_DIGITS} lower-case hex digits)",
            hint="list them: sentinel breakglass-list",
        )
    return text


def event_ref(event_id: str) -> Ref:
    """Where the emergency of that id is."""
    return Ref(ledger=Ledger.BREAKGLASS, key=event_id)


def person_profile(person: str, profile: str) -> str:
    """One text for one person and one profile: `PERSON#PROFILE`, a `#` in the person's key being escaped."""
    return f"{escaped(person)}#{profile}"


def escaped(name: str) -> str:
    """The name without `#`, which separates names in keys."""
    return name.replace("%", "%25").replace("#", "%23")


def of_person(person: str, profile: str) -> Search:
    """The search for a person's emergencies for a profile, newest first."""
    return Search(ledger=Ledger.BREAKGLASS, by="person_profile", value=person_profile(person, profile))


def opened(event: Emergency) -> Values:
    """What opening sets; what is empty is None."""
    mfa = event.mfa
    return {
        "kind": KIND,
        "status": EventState.ACTIVE.value,
        "person_profile": person_profile(event.person, event.profile),
        "person": event.person,
        "user": event.user,
        "principal_arn": event.principal_arn,
        "profile": event.profile,
        "reason_code": event.reason_code.value,
        "justification": event.justification,
        "ticket": event.ticket or None,
        SORT: sortable(event.created_at),
        "duration_seconds": int(event.duration / timedelta(seconds=1)),
        "rule": event.rule,
        "drill": 1 if event.drill else None,
        "escalated": 1 if event.escalated else None,
        "mfa_method": None if mfa is None else mfa.method,
        "mfa_verified_at": None if mfa is None else sortable(mfa.verified_at),
        "mfa_challenge_id": (mfa.challenge_id or None) if mfa else None,
        "salt": event.salt or None,
    }


def closed(closing: Closing, how: str) -> Values:
    """What closing sets, in the words of whoever closes it: CUT, CLOSED or ENDED."""
    return {
        "status": EventState.CLOSED.value,
        f"{how}_at": sortable(closing.at),
        f"{how}_by": closing.by,
        f"{how}_reason": closing.reason,
    }


def expired() -> Values:
    """What noting the end sets, when nobody closed it before."""
    return {"status": EventState.EXPIRED.value}


def reviewed(review: Review) -> Values:
    """What reviewing sets."""
    return {
        "reviewed_at": sortable(review.at),
        "reviewed_by": review.by,
        "reviewed_justified": int(review.justified),
        "reviewed_comment": review.comment,
    }


def noted(row: Row) -> str:
    """The status that was last written, which is not what the emergency is by now."""
    return str(row.values.get("status", ""))


def read_event(row: Row) -> Emergency:
    """The emergency in a row. Raises StoreUnavailable when it is not one in full."""
    try:
        return _event(row.values, row)
    except (ValueError, KeyError, OverflowError) as error:
        raise StoreUnavailable(f"{row.ref} is not an emergency in full: {error}") from error


def _event(values: Mapping[str, Value], row: Row) -> Emergency:
    if values.get("kind") != KIND or not is_event_id(row.ref.key):
        raise ValueError("it is another kind of row, or its key is no id")
    event = Emergency(
        id=row.ref.key,
        person=_text(values, "person"),
        user=_text(values, "user"),
        principal_arn=_text(values, "principal_arn"),
        profile=_text(values, "profile"),
        reason_code=ReasonCode(_text(values, "reason_code")),
        justification=_text(values, "justification"),
        created_at=_time(values, SORT),
        duration=timedelta(seconds=_number(values, "duration_seconds")),
        rule=_text(values, "rule"),
        ticket=_text(values, "ticket", ""),
        drill=bool(_number(values, "drill", 0)),
        escalated=bool(_number(values, "escalated", 0)),
        mfa=_mfa(values),
        salt=_text(values, "salt", ""),
        version=row.version,
        closing=_closing(values),
        review=_review(values),
    )
    if event.ends_at <= event.created_at or not event.person or not event.profile:
        raise ValueError("it lasts no time, or is nobody's or for nothing")
    return event


def _mfa(values: Mapping[str, Value]) -> MfaEvidence | None:
    if "mfa_method" not in values:
        return None
    return MfaEvidence(
        method=_text(values, "mfa_method"),
        verified_at=_time(values, "mfa_verified_at"),
        challenge_id=_text(values, "mfa_challenge_id", ""),
    )


def _closing(values: Mapping[str, Value]) -> Closing | None:
    """Any part of a closing is one: what is left of it when the rest was taken away does not open again."""
    for how in (CUT, CLOSED, ENDED):
        if any(name.startswith(f"{how}_") for name in values):
            return Closing(
                at=_time(values, f"{how}_at"),
                by=_text(values, f"{how}_by"),
                reason=_text(values, f"{how}_reason"),
            )
    return None


def _review(values: Mapping[str, Value]) -> Review | None:
    if "reviewed_at" not in values:
        return None
    return Review(
        at=_time(values, "reviewed_at"),
        by=_text(values, "reviewed_by"),
        justified=bool(_number(values, "reviewed_justified")),
        comment=_text(values, "reviewed_comment"),
    )


def _text(values: Mapping[str, Value], name: str, missing: str | None = None) -> str:
    value = values.get(name, missing)
    if not isinstance(value, str):
        raise ValueError(f"{name} is not a text")
    return value


def _number(values: Mapping[str, Value], name: str, missing: int | None = None) -> int:
    value = values.get(name, missing)
    if not isinstance(value, int):
        raise ValueError(f"{name} is not a whole number")
    return value


def _time(values: Mapping[str, Value], name: str) -> datetime:
    return parse_sortable(_text(values, name))
