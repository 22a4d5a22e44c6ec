"""What SQLite forgets, as DynamoDB's time-to-live would: nothing before its time, and nothing without one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.adapters.local.sqlite_forgetting import AT_ONCE, OLDEST, SLACK
from sentinel_server.adapters.local.sqlite_records import SqliteRecords
from sentinel_server.breakglass import ending
from sentinel_server.breakglass.aging import KEPT
from sentinel_server.breakglass.opening import open_glass
from sentinel_server.breakglass.rows import event_ref
from sentinel_server.breakglass.tally import keys
from sentinel_server.errors import StoreUnavailable
from sentinel_server.records.model import RETENTION, Change, Ledger, Ref, Search, Value, kept
from sentinel_server.records.rules import LARGEST
from sentinel_server.requests import sweeping
from sentinel_server.requests.model import KEPT_FOR
from sentinel_server.requests.rows import request_ref
from tests.fakes import requests
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.emergencies import ALICE, BOB, a_call, a_desk, a_policy, an_actor, rulebook
from tests.fakes.ledgers import a_ref, made
from tests.fakes.request_desk import Office
from tests.fakes.sqlite_file import raw

UP = kept(NOON, -SLACK) - 1
"""A time that is up, by a second."""
ALICES = Search(ledger=Ledger.REQUESTS, by="person", value="alice")
OTHER = a_ref(99, Ledger.BREAKGLASS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "sentinel.db"


@pytest.fixture
async def records(path: Path) -> AsyncIterator[SqliteRecords]:
    opened = SqliteRecords(path, clock=FakeClock())
    yield opened
    await opened.close()


async def there(records: SqliteRecords, refs: Sequence[Ref]) -> set[Ref]:
    """Those that are still there."""
    return set(await records.get(refs))


async def pass_by(records: SqliteRecords) -> None:
    """Somebody else commits something."""
    seen = (await records.get([OTHER])).get(OTHER)
    assert await records.commit([Change(ref=OTHER, seen=None if seen is None else seen.version)])


def lines(path: Path) -> list[tuple[str, str]]:
    """The attributes by which rows are found, with their keys, but for OTHER."""
    with raw(path) as file:
        return file.execute("SELECT attribute, key FROM record_values ORDER BY 1, 2").fetchall()


TIMES = st.one_of(
    st.none(),
    st.just("0"),
    st.integers(-LARGEST, LARGEST),
    st.integers(-2, 2).map(lambda seconds: UP + seconds),
    st.integers(-2, 2).map(lambda seconds: kept(NOON, -OLDEST) + seconds),
    st.integers(kept(NOON, -OLDEST), kept(NOON, timedelta(days=400))),
)


@given(times=st.lists(TIMES, min_size=1, max_size=8), ledgers=st.data())
async def test_a_row_is_forgotten_exactly_when_its_time_is_up(
    tmp_path_factory: pytest.TempPathFactory, times: list[Value | None], ledgers: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("store") / "sentinel.db"
    records = SqliteRecords(path, clock=FakeClock())
    refs = [a_ref(number, ledgers.draw(st.sampled_from(Ledger))) for number in range(len(times))]
    for ref, until in zip(refs, times, strict=True):
        row = made(ref)
        assert await records.commit([Change(ref=ref, seen=None, set={**row.set, RETENTION: until})])
    await pass_by(records)
    up = {
        ref
        for ref, until in zip(refs, times, strict=True)
        if isinstance(until, int) and kept(NOON, -OLDEST) <= until <= kept(NOON, -SLACK)
    }
    assert await there(records, refs) == set(refs) - up
    await records.close()
    assert not {key for _, key in lines(path)} & {ref.key for ref in up}


async def test_a_forgotten_row_is_found_no_more_and_can_be_made_anew(
    path: Path, records: SqliteRecords
) -> None:
    assert await records.commit([made(a_ref(), **{RETENTION: UP})])
    await pass_by(records)
    assert (await records.find(ALICES, 5)).rows == ()
    assert lines(path) == []
    assert await records.commit([made(a_ref())])
    assert [row.version for row in (await records.find(ALICES, 5)).rows] == [1]


async def test_no_commit_takes_long_and_all_together_forget_everything(records: SqliteRecords) -> None:
    many = [a_ref(number) for number in range(3 * AT_ONCE)]
    for start in range(0, len(many), 20):
        await records.commit([made(ref, **{RETENTION: UP + 3600}) for ref in many[start : start + 20]])
    assert len(await there(records, many[:80])) == len(many)
    records._clock = FakeClock(time=NOON + timedelta(days=1))
    for left in (2 * AT_ONCE, AT_ONCE, 0, 0):
        await pass_by(records)
        assert len(await there(records, many[:80])) == left


async def test_a_row_whose_time_was_put_off_or_taken_away_stays(records: SqliteRecords) -> None:
    clock = FakeClock(time=NOON - timedelta(days=10))
    records._clock = clock
    refs = [a_ref(number) for number in range(3)]
    await records.commit([made(ref, **{RETENTION: UP}) for ref in refs])
    await records.commit([Change(ref=refs[0], seen=1, set={RETENTION: kept(NOON, timedelta(days=1))})])
    await records.commit([Change(ref=refs[1], seen=1, set={RETENTION: None})])
    clock.pass_(timedelta(days=10))
    await pass_by(records)
    assert await there(records, refs) == set(refs[:2])


async def test_what_a_commit_was_decided_on_is_there_for_it(records: SqliteRecords) -> None:
    clock = FakeClock(time=NOON - timedelta(days=10))
    records._clock = clock
    await records.commit([made(a_ref(), **{RETENTION: UP})])
    clock.pass_(timedelta(days=10))
    later = kept(NOON, timedelta(days=30))
    assert await records.commit([Change(ref=a_ref(), seen=1, set={RETENTION: later})])
    await pass_by(records)
    assert await there(records, [a_ref()]) == {a_ref()}


async def test_what_is_not_committed_forgets_nothing(records: SqliteRecords) -> None:
    clock = FakeClock(time=NOON - timedelta(days=10))
    records._clock = clock
    await records.commit([made(a_ref(), **{RETENTION: UP})])
    clock.pass_(timedelta(days=10))
    assert not await records.commit([Change(ref=OTHER, seen=7)])
    assert await there(records, [a_ref()]) == {a_ref()}


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"person": "alice", RETENTION: kept(NOON, timedelta(days=1))}),
        json.dumps({"person": "alice"}),
        "{",
    ],
    ids=["put off", "without a time", "unreadable"],
)
async def test_what_a_row_says_counts_and_not_what_is_noted_of_it(
    path: Path, records: SqliteRecords, body: str
) -> None:
    clock = FakeClock(time=NOON - timedelta(days=10))
    records._clock = clock
    await records.commit([made(a_ref(), **{RETENTION: UP})])
    with raw(path) as file:
        file.execute("UPDATE records SET body = ?", (body,))
    clock.pass_(timedelta(days=10))
    for _ in range(2):
        await pass_by(records)
    with raw(path) as file:
        assert (body,) in file.execute("SELECT body FROM records").fetchall()
    assert RETENTION not in {attribute for attribute, _ in lines(path)}
    if body == "{":
        with pytest.raises(StoreUnavailable):
            await records.get([a_ref()])


async def test_an_emergency_is_forgotten_after_its_review_has_aged_and_what_counted_it_before(
    records: SqliteRecords,
) -> None:
    clock = FakeClock()
    records._clock = clock
    desk = a_desk(records, clock)
    event = (await open_glass(desk, a_call(), rulebook())).event
    ref = event_ref(event.id)
    for days in (0, 1, 300):
        clock.pass_(timedelta(days=days))
        assert [each async for each in ending.sweep(desk) if isinstance(each, Exception)] == []
        await pass_by(records)
        assert await there(records, [ref]) == {ref}, "in force, or without a review"
    counted = keys([ALICE.person], "prod", drill=False)
    assert await there(records, [*counted.locks, *counted.people, counted.profile]) == set()
    said = {"justified": True, "comment": "it was needed"}
    await ending.review(desk, event.id, an_actor(BOB), policy=a_policy(), **said)  # type: ignore[arg-type]
    clock.pass_(timedelta(days=20))
    assert [each async for each in ending.sweep(desk)] == []
    clock.pass_(KEPT + SLACK - timedelta(minutes=1))
    await pass_by(records)
    assert await there(records, [ref]) == {ref}
    clock.pass_(timedelta(minutes=2))
    await pass_by(records)
    assert await there(records, [ref]) == set()


async def test_an_approval_is_never_forgotten_while_it_is_in_force_nor_for_400_days_after(
    records: SqliteRecords,
) -> None:
    clock = FakeClock(time=requests.NOON)
    records._clock = clock
    office = Office(records=records, clock=clock)
    request = await office.approved()
    ref, end = request_ref(request.id), request.ends_at or request.expires_at
    while clock.now() < end + KEPT_FOR + SLACK:
        assert [each async for each in sweeping.sweep(office.desk()) if isinstance(each, Exception)] == []
        await pass_by(records)
        assert await there(records, [ref]) == {ref}
        clock.pass_(timedelta(minutes=20) if clock.now() < end else timedelta(days=29))
    clock.pass_(timedelta(days=1))
    await pass_by(records)
    assert await there(records, [ref]) == set()
