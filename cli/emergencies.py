"""Emergencies as rows, fields and words. Pure.

JSON keeps the key names of the product this one grew from, and adds to them.
"""

from __future__ import annotations

from datetime import datetime
from shlex import quote
from typing import TYPE_CHECKING, Any

from cli.cut import fields
from cli.tables import Field, in_words, time_left
from sentinel_server.breakglass.model import EventState
from sentinel_server.clock import whole_seconds
from sentinel_server.policy.durations import format_duration

if TYPE_CHECKING:
    from sentinel_server.breakglass.deeds import Done
    from sentinel_server.breakglass.model import Emergency
    from sentinel_server.sessions.cutting import Cut

HEADINGS = ("EVENT", "PROFILE", "STATE", "REASON", "OPENED", "UNTIL", "REVIEW", "INVOKER")
SPARE = (4, 3)
"""The columns that a narrow terminal goes without: OPENED first, then REASON."""
FIELDS = (
    *("id", "profile", "status", "invoker", "reason_code", "created_at", "expires_at", "review", "drill"),
    *("escalated", "ticket", "person", "justification", "closed_by", "closed_reason", "reviewed_by"),
    *("review_comment", "mfa_method", "rule", "duration_seconds"),
)
"""The columns of CSV."""


def event_row(event: Emergency, now: datetime) -> tuple[str, ...]:
    """An emergency as one line."""
    drill = " (drill)" if event.drill else ""
    return (
        event.id,
        event.profile,
        f"{event.state(now).value}{drill}{'' if event.intact else ' (altered)'}",
        event.reason_code.value,
        in_words(now - event.created_at),
        time_left(event.ends_at, now) if event.state(now) is EventState.ACTIVE else "-",
        review_word(event, now),
        event.user,
    )


def review_word(event: Emergency, now: datetime) -> str:
    """`due`, `justified`, `not justified`, or `-` while it is open."""
    if event.review is not None:
        return "justified" if event.review.justified else "not justified"
    return "due" if event.unfinished(now) else "-"


def event_fields(event: Emergency, now: datetime) -> dict[str, Field]:
    """Everything an emergency's row holds, and its state now as `status`."""
    closing, review, mfa = event.closing, event.review, event.mfa
    return {
        "id": event.id,
        "profile": event.profile,
        "status": event.state(now).value,
        "invoker": event.user,
        "person": event.person,
        "principal_arn": event.principal_arn,
        "reason_code": event.reason_code.value,
        "justification": event.justification,
        "ticket": event.ticket or None,
        "duration": format_duration(event.duration),
        "duration_seconds": int(event.duration.total_seconds()),
        "created_at": whole_seconds(event.created_at),
        "expires_at": whole_seconds(event.ends_at),
        "rule": event.rule,
        "drill": event.drill,
        "escalated": event.escalated,
        "mfa_verified": mfa is not None,
        "mfa_method": mfa.method if mfa else None,
        "mfa_verified_at": whole_seconds(mfa.verified_at) if mfa else None,
        "mfa_challenge_id": (mfa.challenge_id or None) if mfa else None,
        "closed_at": whole_seconds(closing.at) if closing else None,
        "closed_by": closing.by if closing else None,
        "closed_reason": closing.reason if closing else None,
        "altered": not event.intact,
        "review": review_word(event, now),
        "reviewed_at": whole_seconds(review.at) if review else None,
        "reviewed_by": review.by if review else None,
        "justified": review.justified if review else None,
        "review_comment": review.comment if review else None,
    }


def event_lines(event: Emergency, now: datetime) -> list[tuple[str, str]]:
    """An emergency for people, label and text; what it does not have is left out."""
    mfa, closing, review = event.mfa, event.closing, event.review
    lines = [
        ("Emergency", f"{event.id}{' (drill: it gives nothing)' if event.drill else ''}"),
        ("State", event.state(now).value),
        ("Altered", "" if event.intact else "its row says something else than when it was opened"),
        ("Invoker", f"{event.user} ({event.person})"),
        ("Principal", event.principal_arn),
        ("Profile", event.profile),
        ("Reason", f"{event.reason_code.value}: {event.justification}"),
        ("Ticket", event.ticket),
        ("Opened", f"{whole_seconds(event.created_at)} for {format_duration(event.duration)}"),
        ("Ends", whole_seconds(event.ends_at)),
        ("Rule", event.rule),
        ("Escalated", "yes" if event.escalated else ""),
        ("MFA", f"{mfa.method} at {whole_seconds(mfa.verified_at)}" if mfa else "none"),
        ("Closed", f"{whole_seconds(closing.at)} by {closing.by}: {closing.reason}" if closing else ""),
        ("Review", review_word(event, now)),
        ("Reviewed", f"{whole_seconds(review.at)} by {review.by}: {review.comment}" if review else ""),
    ]
    return [line for line in lines if line[1]]


def next_commands(event: Emergency) -> dict[str, str]:
    """What to do with an open emergency: use it, close it, and have it reviewed."""
    use = f"sentinel exec --profile {quote(event.profile)} -- COMMAND"
    close = f"sentinel breakglass-close {event.id} --reason WHY"
    review = f"sentinel breakglass-review {event.id} --justified --comment WHAT"
    steps = {"use": use, "close": close, "review": review}
    return {name: text for name, text in steps.items() if not (event.drill and name == "use")}


def opened_fields(done: Done, now: datetime) -> dict[str, Any]:
    """An emergency that was just opened, for programs."""
    fields: dict[str, Any] = event_fields(done.event, now)
    return {"event_id": done.event.id} | fields | {"next": next_commands(done.event)}


def opened_words(done: Done) -> list[str]:
    """An emergency that was just opened, with what to do next."""
    event = done.event
    what = "drill" if event.drill else "emergency"
    end = f"until {whole_seconds(event.ends_at)} ({format_duration(event.duration)})"
    lines = [f"Opened: {what} {event.id} for {event.profile}, {end}, by rule '{event.rule}'."]
    if event.drill:
        lines.append("It is a drill: everything is written down and told, and nothing is issued.")
    if event.escalated:
        lines.append("Escalated: others are told that this is not the first one.")
    steps = next_commands(event)
    labels = {"use": "Use it:", "close": "Close it:", "review": "Afterwards somebody else reviews it:"}
    return lines + [f"{labels[name]} {text}" for name, text in steps.items()]


def closed_words(done: Done, cut: Cut) -> list[str]:
    """An emergency that was just closed, and the sessions that went with it."""
    event = done.event
    ids = ", ".join(session.id for session in cut.sessions)
    lines = [f"Closed: {'drill' if event.drill else 'emergency'} {event.id} for {event.profile}."]
    if not event.drill:
        lines.append("No fetch that begins after this line is served under it.")
        lines.append(f"Sessions ended with it: {ids or 'none'}.")
    lines.append(f"Somebody else reviews it now: {next_commands(event)['review']}")
    return lines


def closed_fields(done: Done, cut: Cut, now: datetime) -> dict[str, Any]:
    """The same for programs."""
    return event_fields(done.event, now) | fields(cut)


def reviewed_words(done: Done) -> str:
    """An emergency that was just reviewed."""
    event = done.event
    verdict = "justified" if event.review and event.review.justified else "not justified"
    return f"Reviewed: emergency {event.id} of {event.user} for {event.profile} was {verdict}."
