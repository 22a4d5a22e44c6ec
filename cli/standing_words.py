"""What a shell holds, in words: for people, for programs, for prompts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from cli.standings import Holds, instant
from cli.tables import in_words, when
from sentinel_server.clock import whole_seconds

if TYPE_CHECKING:
    from cli.seats import Refusal
    from cli.standings import Standing

_STATES: Mapping[Holds, str] = {
    Holds.NOTHING: "this shell has no credentials from sentinel",
    Holds.HELD: "credentials that were handed over",
    Holds.OVER: "credentials that are over",
    Holds.SERVED: "served",
    Holds.WAITING: "nothing was asked for yet; the first fetch decides",
    Holds.REFUSED: "refused",
    Holds.SILENT: "the server does not answer",
    Holds.GONE: "the server has ended",
}


def prompt_words(found: Standing, now: datetime) -> str:
    """`prod 11h`, `prod refused`, `prod over`; empty outside of a shell of ours. Harmless in any terminal."""
    from cli.layout import clean

    if found.holds is Holds.NOTHING:
        return ""
    ends = {Holds.REFUSED: "refused", Holds.OVER: "over", Holds.GONE: "over"}
    left = "" if found.until is None else in_words(found.until - now)
    return clean(f"{found.profile} {ends.get(found.holds, left)}").strip()


def lines(found: Standing, entry: Mapping[str, object] | None, now: datetime) -> list[tuple[str, str]]:
    """Label and text; what is not known is left out. `entry` is what the audit log has of it."""
    if found.holds is Holds.NOTHING:
        return [("Holds", _STATES[found.holds]), *_past(entry, now)]
    about = _about(found, entry)
    told = [
        ("Profile", found.profile),
        ("Holds", _STATES[found.holds]),
        ("Session" if found.url else "Issue", found.id),
        ("Identity", about["identity"]),
        ("Person", about["person"]),
        ("Role", about["role_arn"]),
        ("Stamp", about["source_identity"]),
        ("Rule", about["rule"]),
        ("Lifted by", about["override"]),
        ("Server", found.url),
        ("Started", when(instant(about["started_at"]), now) if about["started_at"] else None),
        ("Lease until", when(found.lease_until, now) if found.lease_until else None),
        ("Ends", when(found.until, now) if found.until else None),
    ]
    refused = [] if found.refusal is None else _refusal_lines(found.refusal, now)
    return [(label, text) for label, text in told if text] + refused


def fields(found: Standing, entry: Mapping[str, object] | None) -> dict[str, object]:
    """The same for programs; what is not known is null."""
    refusal = found.refusal
    return {
        "holds": found.holds.value,
        "profile": found.profile or None,
        "id": found.id,
        **_about(found, entry),
        "server": found.url,
        "server_alive": None if found.url is None else found.holds not in (Holds.GONE, Holds.SILENT),
        "lease_until": whole_seconds(found.lease_until) if found.lease_until else None,
        "ends_at": whole_seconds(found.until) if found.until else None,
        "last_refusal": _past_fields(found, entry)
        if refusal is None
        else {"code": refusal.code, "message": refusal.message, "next": refusal.next, "at": refusal.at},
        "next": found.next or None,
        "warnings": list(found.warnings),
        "not_asked": list(found.unasked),
    }


def _about(found: Standing, entry: Mapping[str, object] | None) -> dict[str, str | None]:
    """Who holds it and how it came about, from the server's note or the log."""
    seat = found.note
    if seat is not None:
        return {
            "identity": seat.principal,
            "person": seat.person,
            "role_arn": seat.role_arn,
            "source_identity": seat.source_identity,
            "rule": None,
            "override": seat.override_id,
            "started_at": seat.started_at,
        }
    known = {} if entry is None or found.holds is Holds.NOTHING else entry
    names = ("person", "role_arn", "source_identity", "rule", "override")
    begun = instant(_text(known, "at"))
    return {
        "identity": _text(known, "principal"),
        **{name: _text(known, name) for name in names},
        "started_at": whole_seconds(begun) if begun else None,
    }


def _refusal_lines(refusal: Refusal, now: datetime) -> list[tuple[str, str]]:
    at = instant(refusal.at)
    ago = f" ({in_words(now - at)} ago)" if at else ""
    return [("Last refusal", f"{refusal.message}{ago}"), *([("Next", refusal.next)] if refusal.next else [])]


def _past(entry: Mapping[str, object] | None, now: datetime) -> list[tuple[str, str]]:
    """The last refusal on this machine, of whatever profile."""
    if entry is None:
        return []
    at = instant(_text(entry, "at"))
    ago = f" ({in_words(now - at)} ago)" if at else ""
    return [("Last refusal", f"{_text(entry, 'profile')}: {_text(entry, 'reason')}{ago}")]


def _past_fields(found: Standing, entry: Mapping[str, object] | None) -> dict[str, str | None] | None:
    if entry is None or found.holds is not Holds.NOTHING:
        return None
    return {name: _text(entry, name) for name in ("profile", "code")} | {
        "message": _text(entry, "reason"),
        "next": None,
        "at": _text(entry, "at"),
    }


def _text(entry: Mapping[str, object], name: str) -> str | None:
    value = entry.get(name)
    return None if value is None else str(value)
