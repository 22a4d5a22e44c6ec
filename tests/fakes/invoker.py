"""A program that opens emergencies in a SQLite file, many at once: `invoker FILE NAME CALLS MAX_PER_PROFILE`.

Each call is another user's, named after NAME, and all are for one profile; with a NAME of `alice` all are
hers. It prints the id of each that was opened.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

from sentinel_server.adapters.local.sqlite_records import SqliteRecords
from sentinel_server.breakglass.deeds import Done
from sentinel_server.breakglass.opening import open_glass
from sentinel_server.errors import BreakGlassLimited
from tests.fakes.clock import FakeClock
from tests.fakes.emergencies import a_desk, call_of, iam_user, limited, rulebook


async def open_many(path: Path, name: str, calls: int, most: int) -> None:
    """Make the calls; anything but a limit that is in the way ends the program."""
    clock = FakeClock()
    records = SqliteRecords(path, write_wait=30.0, clock=clock)
    rules = rulebook(limited(max_per_profile=most, quota_window=timedelta(days=1)))
    people = [iam_user(name if name == "alice" else f"{name}{number}") for number in range(calls)]
    desk = a_desk(records, clock)
    results = await asyncio.gather(
        *(open_glass(desk, call_of(each), rules) for each in people), return_exceptions=True
    )
    await records.close()
    for result in results:
        if isinstance(result, Done):
            sys.stdout.write(f"{result.event.id}\n")
        elif not isinstance(result, BreakGlassLimited):
            raise result


if __name__ == "__main__":
    asyncio.run(open_many(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
