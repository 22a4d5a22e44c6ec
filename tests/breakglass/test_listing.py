"""Finding emergencies: conditions combine, pages are complete, and spoiled rows are said."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.breakglass.listing import EventQuery, Listed, list_events
from sentinel_server.breakglass.model import Closing, Emergency, EventState, Review
from sentinel_server.breakglass.rows import CLOSED, closed, event_ref, opened, reviewed
from sentinel_server.errors import BadInput
from sentinel_server.records.memory import MemoryRecords
from sentinel_server.records.model import Change, Ledger, Ref, Value
from sentinel_server.records.store import Records
from tests.fakes.clock import NOON
from tests.fakes.emergencies import ALICE, BOB, HOUR, an_event

CLOSING = Closing(at=NOON, by="x", reason="done")
REVIEW = Review(at=NOON, by="y", justified=True, comment="fine")
NOW = NOON + HOUR


def events() -> list[Emergency]:
    """One of every sort: whose, for what, open or over, reviewed or not, drill or not; newest last."""
    sorts = [
        (who, profile, closing, review, drill)
        for who in (ALICE, BOB)
        for profile in ("prod", "staging")
        for closing, review in ((None, None), (CLOSING, None), (CLOSING, REVIEW))
        for drill in (False, True)
    ]
    return [
        an_event(
            salt=f"{number:016x}",
            person=who.person,
            profile=profile,
            closing=closing,
            review=review,
            drill=drill,
            created_at=NOON + HOUR * number / 10,
        )
        for number, (who, profile, closing, review, drill) in enumerate(sorts)
    ]


async def filled() -> Records:
    """A store of all sorts, with other rows of people and profiles among them."""
    records = MemoryRecords()
    for event in events():
        values = dict(opened(event))
        values |= closed(event.closing, CLOSED) if event.closing else {}
        values |= reviewed(event.review) if event.review else {}
        await records.commit((Change(ref=event_ref(event.id), seen=None, set=values),))
    other = {"kind": "challenge", "person": ALICE.person, "profile": "prod", "created_at": "2026-02-01"}
    await records.commit((Change(ref=Ref(ledger=Ledger.BREAKGLASS, key="c"), seen=None, set=other),))
    return records


async def every(records: Records, query: EventQuery, limit: int) -> list[Emergency]:
    """All pages."""
    page = await list_events(records, query, NOW, limit)
    found = list(page.events)
    while page.next_token is not None:
        assert len(page.events) == limit
        page = await list_events(records, query, NOW, limit, page.next_token)
        found += page.events
    return found


@given(
    person=st.sampled_from([None, ALICE.person, BOB.person, "nobody"]),
    profile=st.sampled_from([None, "prod", "staging"]),
    state=st.sampled_from([None, *EventState]),
    unreviewed=st.booleans(),
    drill=st.sampled_from([None, False, True]),
    since=st.sampled_from([None, NOON, NOON + HOUR * 2]),
    limit=st.sampled_from([1, 2, 7, 1000]),
)
async def test_weakness_25_all_conditions_hold_on_every_page(limit: int, **conditions: Any) -> None:
    query = EventQuery(**conditions)
    wanted = [event for event in reversed(events()) if query.fits(event, NOW)]
    assert [each.id for each in await every(await filled(), query, limit)] == [each.id for each in wanted]


@pytest.mark.parametrize(
    ("query", "by"),
    [
        (EventQuery(person="a", profile="b", unreviewed=True), "person_profile"),
        (EventQuery(person="a", unreviewed=True, state=EventState.CLOSED), "person"),
        (EventQuery(profile="b", unreviewed=True), "kind"),
        (EventQuery(profile="b", state=EventState.ACTIVE), "status"),
        (EventQuery(state=EventState.EXPIRED), "kind"),
        (EventQuery(profile="b"), "profile"),
        (EventQuery(), "kind"),
    ],
    ids=str,
)
def test_weakness_24_the_index_that_leaves_least_to_look_at_is_asked(query: EventQuery, by: str) -> None:
    assert query.search().by == by


def test_weakness_23_since_is_asked_of_the_index_as_text_of_fixed_width() -> None:
    since = datetime.fromisoformat("2026-01-31T14:00:00+02:00")
    assert EventQuery(since=since).search().since == "2026-01-31T12:00:00.000000Z"


async def test_a_spoiled_row_is_said_and_hides_no_other() -> None:
    records = await filled()
    values = opened(replace(an_event(), id="00000000000000ff")) | {"duration_seconds": None}
    await records.commit((Change(ref=event_ref("00000000000000ff"), seen=None, set=values),))
    page = await list_events(records, EventQuery(), NOW, 1000)
    assert page == Listed(events=tuple(reversed(events())), unreadable=("00000000000000ff",))


async def test_an_invoker_hides_nothing_from_those_who_review() -> None:
    """Their permissions let them write all that an invoker says, whenever they like."""
    records = MemoryRecords()
    event = an_event()
    await records.commit((Change(ref=event_ref(event.id), seen=None, set=opened(event)),))
    tampering: list[dict[str, Value | None]] = [
        {"review": None, "status": "x"},
        {"created_at": "1999-01-31T12:00:00.000000Z"},
        {"created_at": "2999-01-31T12:00:00.000000Z"},
        {"drill": 1},
        {"duration_seconds": 10**8, "person": "sso:nobody", "profile": "other"},
    ]
    query = EventQuery(unreviewed=True, drill=False)
    for seen, values in enumerate(tampering, start=1):
        assert await records.commit((Change(ref=event_ref(event.id), seen=seen, set=values),))
        (found,) = (await list_events(records, query, NOW, 10)).events
        assert (found.id, found.intact) == (event.id, seen == 1)


async def test_a_token_of_another_query_is_refused() -> None:
    records = await filled()
    page = await list_events(records, EventQuery(), NOW, 1)
    with pytest.raises(BadInput):
        await list_events(records, EventQuery(profile="prod"), NOW, 1, page.next_token)
