"""What every store of ledgers refuses alike, and where the next page of a search begins. Pure."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence

from sentinel_server.canonical import canonical, sha256_hex
from sentinel_server.errors import BadInput
from sentinel_server.frozen import frozen
from sentinel_server.records.model import (
    INDEXED,
    RESERVED,
    SORT,
    Change,
    Found,
    Lacking,
    Ref,
    Row,
    Search,
    Seen,
    Value,
)
from sentinel_server.records.store import MAX_PAGE, MOST_CHANGES, MOST_ROWS

LARGEST = 2**63 - 1
"""The largest whole number a row may hold."""


@frozen
class Position:
    """The last row of a page; the next page begins after it."""

    created_at: str
    key: str


def checked_refs(refs: Sequence[Ref]) -> tuple[Ref, ...]:
    """Each of `refs` once; raises BadInput for too many, or for a key that is none."""
    once = tuple(dict.fromkeys(refs))
    if len(once) > MOST_ROWS:
        raise BadInput(f"{len(once)} rows are too many for one look (at most {MOST_ROWS})")
    for ref in once:
        _check_text(str(ref), ref.key)
    return once


def checked_changes(changes: Sequence[Change]) -> Sequence[Change]:
    """`changes` when they may be committed together; raises BadInput otherwise.

    At most MOST_CHANGES, each of another row; no attribute that is RESERVED; texts are valid Unicode, numbers
    fit 64 bits, and what searches go by is text that is not empty.
    """
    if len(changes) > MOST_CHANGES:
        raise BadInput(f"{len(changes)} rows are too many for one commit (at most {MOST_CHANGES})")
    if len({change.ref for change in changes}) < len(changes):
        raise BadInput("one commit cannot change a row twice")
    for change in changes:
        _check_text(str(change.ref), change.ref.key)
        for name, value in change.set.items():
            _check_value(change.ref, name, value)
        for name in change.seen.attributes if isinstance(change.seen, Lacking) else ():
            _check_name(change.ref, name)
    return changes


def applied(row: Row | None, change: Change) -> Row | None:
    """The row after the change; None when the change was decided on something else than is there."""
    if not _holds(row, change.seen):
        return None
    merged: dict[str, Value | None] = {**(row.values if row else {}), **change.set}
    values = {name: value for name, value in merged.items() if value is not None}
    return Row(ref=change.ref, version=(0 if row is None else row.version) + 1, values=values)


def _holds(row: Row | None, seen: Seen) -> bool:
    if isinstance(seen, Lacking):
        return row is not None and row.values.keys().isdisjoint(seen.attributes)
    return (None if row is None else row.version) == seen


def checked_page(search: Search, limit: int, token: str | None) -> Position | None:
    """Where to go on with a search; None at the beginning. Raises BadInput for what cannot be searched."""
    if search.by not in INDEXED[search.ledger]:
        raise BadInput(f"{search.ledger.value} cannot be searched by {search.by!r}")
    if not 1 <= limit <= MAX_PAGE:
        raise BadInput(f"a page holds 1 to {MAX_PAGE} rows, not {limit}")
    _check_text("what is searched for", search.value)
    return None if token is None else _read_token(search, token)


def page_of(search: Search, found: Sequence[Row], limit: int) -> Found:
    """The page made of up to `limit` of `found`; one more than that proves that there is a next page."""
    shown = tuple(found[:limit])
    if len(found) <= limit:
        return Found(rows=shown)
    last = shown[-1]
    body = {"q": _digest(search), "t": last.values[SORT], "i": last.ref.key}
    token = base64.urlsafe_b64encode(canonical(body)).decode("ascii").rstrip("=")
    return Found(rows=shown, next_token=token)


def _read_token(search: Search, token: str) -> Position:
    try:
        body = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
        digest, at, key = (str(body[name]) for name in "qti")
        at.encode(), key.encode()
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise BadInput("that is not a page token", hint="begin with the first page") from error
    if digest != _digest(search):
        raise BadInput("that page token belongs to another query", hint="begin with the first page")
    return Position(created_at=at, key=key)


def _digest(search: Search) -> str:
    said: Mapping[str, str | bool | None] = {
        "ledger": search.ledger.value,
        "by": search.by,
        "value": search.value,
        "since": search.since,
        "newest_first": search.newest_first,
    }
    return sha256_hex(canonical(said))[:16]


def _check_value(ref: Ref, name: str, value: Value | None) -> None:
    _check_name(ref, name)
    searched = name == SORT or name in INDEXED[ref.ledger]
    if searched and (isinstance(value, int) or value == ""):
        raise BadInput(f"{ref} cannot have {value!r} as its {name}: searches go by it")
    if isinstance(value, str):
        _check_unicode(f"{name} of {ref}", value)
    elif value is not None and abs(value) > LARGEST:
        raise BadInput(f"{name} of {ref} is too large a number")


def _check_name(ref: Ref, name: str) -> None:
    if not name.isidentifier() or name in RESERVED:
        raise BadInput(f"{ref} cannot have an attribute {name!r}")


def _check_text(what: str, text: str) -> None:
    if not text:
        raise BadInput(f"{what}: a key cannot be empty")
    _check_unicode(what, text)


def _check_unicode(what: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadInput(f"{what!r} is not valid Unicode") from None
