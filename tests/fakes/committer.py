"""A program that changes two rows of a SQLite file together, again and again: `committer FILE TIMES`.

It prints a line for each commit that was made, so that whoever watches can end it in the middle.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from sentinel_server.adapters.local.sqlite_records import SqliteRecords
from sentinel_server.records.model import Change, Ledger
from tests.fakes.ledgers import a_ref, at

PAIR = (a_ref(1), a_ref(1, Ledger.BREAKGLASS))


async def change_both(path: Path, times: int) -> None:
    """Make `times` commits that count one up in both rows, each decided on what was read."""
    records = SqliteRecords(path, write_wait=30.0)
    won = 0
    while won < times:
        rows = await records.get(PAIR)
        counted = {ref: int(row.values["count"]) + 1 for ref, row in rows.items()}
        changes = [
            Change(
                ref=ref,
                seen=rows[ref].version,
                set={"count": counted[ref], "status": f"count {counted[ref]}", "created_at": at(0)},
            )
            for ref in PAIR
        ]
        if await records.commit(changes):
            won += 1
            sys.stdout.write(f"{counted[PAIR[0]]}\n")
            sys.stdout.flush()
    await records.close()


if __name__ == "__main__":
    asyncio.run(change_both(Path(sys.argv[1]), int(sys.argv[2])))
