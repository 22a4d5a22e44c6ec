"""Forgetting records whose time is up, as DynamoDB's time-to-live does: whole rows, only those that carry
their time as a whole number, and no sooner than `SLACK` after it.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta

from sentinel_server.adapters.local import sqlite_record_rows as rows
from sentinel_server.errors import StoreUnavailable
from sentinel_server.records.model import RETENTION, Ledger, Ref

AT_ONCE = 25
"""Rows of one ledger that are forgotten with one commit, so that none takes long."""

SLACK = timedelta(days=2)
"""How long after its time a row is there at least; DynamoDB takes about as long. No clock of a machine that
works is that far ahead.
"""

OLDEST = timedelta(days=5 * 365)
"""A time further back is none that was meant; DynamoDB ignores it, too.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-before-you-start.html
"""

_DUE = (
    "SELECT ledger, attribute, value, created_at, key FROM record_values"
    " WHERE ledger = ? AND attribute = ? AND value BETWEEN ? AND ? LIMIT ?"
)
_DROP_ROW = "DELETE FROM records WHERE ledger = ? AND key = ?"


def forget(connection: sqlite3.Connection, now: datetime) -> None:
    """Delete some of the rows whose time is up, within the transaction that is open."""
    span = [rows.retention_text(int((now - much).timestamp())) for much in (OLDEST, SLACK)]
    for ledger in Ledger:
        due = connection.execute(_DUE, (ledger.value, RETENTION, *span, AT_ONCE)).fetchall()
        for line in due:
            _forget(connection, Ref(ledger=ledger, key=line[-1]), tuple(line))


def _forget(connection: sqlite3.Connection, ref: Ref, line: rows.Findable) -> None:
    """A line that is not of the row as it is goes alone: a program that knew of no such lines, or a hand, has
    written the row since. One that cannot be read stays for somebody to look at.
    """
    found = connection.execute(rows.select(1), rows.places([ref])).fetchall()
    try:
        row = rows.read_all(found, "").get(ref)
    except StoreUnavailable:
        row = None
    lines = rows.findable(row)
    if line in lines:
        connection.execute(_DROP_ROW, rows.places([ref]))
    connection.executemany(rows.DROP_VALUE, lines if line in lines else [line])
