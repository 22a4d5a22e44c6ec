"""Closing, the end of time, and reviews: who may, once, and told of."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from sentinel_server.auditlog.event import Action
from sentinel_server.breakglass.deeds import Done, audit_line
from sentinel_server.breakglass.ending import Actor, close, note_end, read_one, review, sweep
from sentinel_server.breakglass.model import Emergency, EventState, Review
from sentinel_server.breakglass.opening import Desk, open_glass
from sentinel_server.breakglass.rows import event_ref, opened, reviewed
from sentinel_server.clock import sortable
from sentinel_server.errors import (
    BadInput,
    BreakGlassRefused,
    EmergencyOver,
    InvalidIdentifier,
    NotFound,
    SentinelError,
    StoreRefused,
    StoreUnavailable,
)
from sentinel_server.identity.people import Persons
from sentinel_server.identity.principal import Principal
from sentinel_server.notifications.outbox import due, read_entry
from sentinel_server.policy.breakglass import BreakGlassPolicy
from sentinel_server.records.memory import MemoryRecords
from sentinel_server.records.model import RETENTION, Change, Ledger
from sentinel_server.records.store import HURRY
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.emergencies import (
    ALICE,
    BOB,
    HOUR,
    a_call,
    a_desk,
    a_policy,
    a_rule,
    an_actor,
    an_event,
    iam_user,
    rulebook,
    sso_user,
)
from tests.fakes.rivals import Hurried, Permitting

CAROL = iam_user("carol")
REVIEWED_BY_CAROL = a_policy(a_rule(reviewers=("carol",)))


async def an_open_one(clock: FakeClock | None = None, *, drill: bool = False) -> tuple[Desk, Emergency]:
    """A desk with Alice's emergency."""
    desk = a_desk(clock=clock)
    return desk, (await open_glass(desk, a_call(drill=drill), rulebook())).event


async def closed_by(
    desk: Desk, event: Emergency, actor: Actor, policy: BreakGlassPolicy | None = None
) -> Done:
    return await close(desk, event.id, actor, "all is well", policy or a_policy())


async def reviewed_by(
    desk: Desk, event: Emergency, actor: Actor, policy: BreakGlassPolicy | None = None
) -> Done:
    return await review(
        desk, event.id, actor, justified=True, comment="it was needed", policy=policy or a_policy()
    )


async def told(desk: Desk) -> list[str]:
    """What somebody still has to be told of, after the opening."""
    found = await desk.records.find(due(Ledger.BREAKGLASS), 100)
    return [type_ for row in found.rows if (type_ := read_entry(row).type) != "breakglass.opened"]


async def test_its_invoker_closes_it_and_says_why() -> None:
    desk, event = await an_open_one()
    done = await closed_by(desk, event, an_actor(ALICE))
    stored, _ = await read_one(desk.records, event.id)
    assert stored == done.event
    assert stored.closing is not None
    assert (stored.closing.by, stored.closing.reason) == (ALICE.person, "all is well")
    assert await told(desk) == ["breakglass.closed"]
    line = audit_line(done.deeds[0], BOB.arn)
    assert (line.action, line.status, line.by) == (Action.BREAKGLASS_CLOSED, "closed", ALICE.person)
    assert (line.principal, line.comment) == (BOB.arn, "all is well")


async def test_weakness_14_nobody_else_closes_it_but_whom_the_policy_names() -> None:
    desk, event = await an_open_one()
    with pytest.raises(BreakGlassRefused, match="is alice's, and the break-glass policy does not name you"):
        await closed_by(desk, event, an_actor(CAROL))
    with pytest.raises(BreakGlassRefused):
        await closed_by(desk, event, an_actor(BOB), REVIEWED_BY_CAROL)
    assert (await closed_by(desk, event, an_actor(CAROL), REVIEWED_BY_CAROL)).event.closing


async def test_users_of_the_rule_oversee_it_when_it_names_no_reviewers() -> None:
    desk, event = await an_open_one()
    assert (await closed_by(desk, event, an_actor(BOB))).event.closing


async def test_an_invoker_is_known_by_another_principal_of_theirs() -> None:
    desk, event = await an_open_one()
    operator = an_actor(CAROL, also=(ALICE,))
    assert (await closed_by(desk, event, operator)).event.closing


async def test_what_is_over_is_not_closed_again() -> None:
    clock = FakeClock()
    desk, event = await an_open_one(clock)
    await closed_by(desk, event, an_actor(ALICE))
    with pytest.raises(EmergencyOver, match=r"was closed at 2026-01-31T12:00:00Z by iam:.*: all is well"):
        await closed_by(desk, event, an_actor(BOB))
    second = (await open_glass(desk, a_call(), rulebook())).event
    clock.pass_(HOUR)
    with pytest.raises(EmergencyOver, match="ended at 2026-01-31T13:00:00Z"):
        await closed_by(desk, second, an_actor(ALICE))


@pytest.mark.parametrize("reason", ["", "  ", "x" * 1001])
async def test_a_reason_is_wanted(reason: str) -> None:
    desk, event = await an_open_one()
    with pytest.raises(BadInput, match="a reason of 1 to 1000"):
        await close(desk, event.id, an_actor(ALICE), reason, a_policy())


async def test_what_is_not_there_cannot_be_closed() -> None:
    with pytest.raises(NotFound, match="no emergency ffffffff"):
        await close(a_desk(), "ff" * 16, an_actor(), "why not", a_policy())
    with pytest.raises(InvalidIdentifier):
        await close(a_desk(), "active#alice", an_actor(), "why not", a_policy())


async def test_of_many_who_close_it_at_once_one_does() -> None:
    desk, event = await an_open_one()
    results = await asyncio.gather(
        *(closed_by(desk, event, an_actor(each)) for each in (ALICE, BOB) * 10), return_exceptions=True
    )
    assert len([each for each in results if isinstance(each, Done)]) == 1
    assert len([each for each in results if isinstance(each, EmergencyOver)]) == 19
    assert await told(desk) == ["breakglass.closed"]


async def test_somebody_else_reviews_it_once_it_is_over() -> None:
    desk, event = await an_open_one()
    with pytest.raises(EmergencyOver, match="is open until"):
        await reviewed_by(desk, event, an_actor(BOB))
    await closed_by(desk, event, an_actor(ALICE))
    done = await reviewed_by(desk, event, an_actor(BOB))
    stored, row = await read_one(desk.records, event.id)
    assert stored.review is not None
    assert (stored.review.by, stored.review.justified) == (BOB.person, True)
    assert not stored.unfinished(NOON)
    assert RETENTION not in row.values, "a reviewer who could date back would take the evidence away"
    assert audit_line(done.deeds[0]).action is Action.BREAKGLASS_REVIEWED
    with pytest.raises(EmergencyOver, match="was reviewed at"):
        await reviewed_by(desk, event, an_actor(BOB))


async def test_weakness_19_what_nobody_reviewed_is_never_forgotten() -> None:
    desk, event = await an_open_one()
    await closed_by(desk, event, an_actor(ALICE))
    assert [each async for each in sweep(desk)] == []
    assert RETENTION not in (await read_one(desk.records, event.id))[1].values


async def test_weakness_19_what_was_reviewed_is_kept_400_days_from_the_sweep_that_saw_it() -> None:
    clock = FakeClock()
    desk, event = await an_open_one(clock)
    await closed_by(desk, event, an_actor(ALICE))
    await reviewed_by(desk, event, an_actor(BOB))
    clock.pass_(timedelta(days=3))
    assert [each async for each in sweep(desk)] == []
    stored, row = await read_one(desk.records, event.id)
    assert stored.review is not None
    assert row.values[RETENTION] == int((NOON + timedelta(days=403)).timestamp())
    clock.pass_(timedelta(days=3))
    assert [each async for each in sweep(desk)] == []
    assert (await read_one(desk.records, event.id))[1] == row, "once is enough"


@pytest.mark.parametrize(
    "actor",
    [
        an_actor(ALICE),
        an_actor(BOB, also=(ALICE,)),
        an_actor(sso_user("al"), persons=Persons({"alice": ["sso:al", ALICE.person]})),
    ],
    ids=["herself", "another principal of hers", "joined by the people map"],
)
async def test_weakness_3_nobody_reviews_their_own(actor: Actor) -> None:
    desk, event = await an_open_one()
    await closed_by(desk, event, an_actor(ALICE))
    with pytest.raises(BreakGlassRefused, match="is your own"):
        await reviewed_by(desk, event, actor, a_policy(a_rule(users=("*",))))


async def test_who_is_not_named_does_not_review() -> None:
    desk, event = await an_open_one()
    await closed_by(desk, event, an_actor(ALICE))
    with pytest.raises(BreakGlassRefused, match="does not name you to review it"):
        await reviewed_by(desk, event, an_actor(CAROL))


async def test_where_no_rule_is_left_somebody_else_still_finishes_what_was_opened() -> None:
    desk, event = await an_open_one()
    other = a_policy(a_rule(profiles=("staging",)))
    assert (await closed_by(desk, event, an_actor(CAROL), other)).event.closing
    assert (await reviewed_by(desk, event, an_actor(CAROL), other)).event.review


async def test_one_whose_row_does_not_say_whose_it_is_is_closed_by_others_and_reviewed_by_nobody() -> None:
    desk = a_desk()
    spoiled = an_event(principal_arn="nobody")
    await desk.records.commit((Change(ref=event_ref(spoiled.id), seen=None, set=opened(spoiled)),))
    with pytest.raises(BreakGlassRefused):
        await closed_by(desk, spoiled, an_actor(CAROL))
    await closed_by(desk, spoiled, an_actor(BOB))
    with pytest.raises(StoreUnavailable, match="does not say who opened it"):
        await reviewed_by(desk, spoiled, an_actor(BOB))


async def test_what_somebody_changed_is_closed_by_others_and_neither_reviewed_nor_forgotten() -> None:
    clock = FakeClock()
    desk, event = await an_open_one(clock)
    bob = {"person": BOB.person, "principal_arn": BOB.arn}
    await desk.records.commit((Change(ref=event_ref(event.id), seen=1, set=bob),))
    with pytest.raises(EmergencyOver, match="somebody changed what it says"):
        await reviewed_by(desk, event, an_actor(ALICE))
    assert (await closed_by(desk, event, an_actor(BOB))).event.unfinished(NOON)
    fine = reviewed(Review(at=NOON, by=ALICE.person, justified=True, comment="fine"))
    await desk.records.commit((Change(ref=event_ref(event.id), seen=3, set=fine),))
    assert [each async for each in sweep(desk)] == []
    assert RETENTION not in (await read_one(desk.records, event.id))[1].values


async def test_weakness_20_an_end_that_nobody_brought_about_is_noted_and_told_once() -> None:
    clock = FakeClock()
    desk, event = await an_open_one(clock)
    assert [each async for each in sweep(desk)] == []
    clock.pass_(HOUR)
    assert event.state(clock.now()) is EventState.EXPIRED
    swept = [each async for each in sweep(desk)]
    assert [each.event.id for each in swept if isinstance(each, Done)] == [event.id]
    assert [audit_line(each.deeds[0]).by for each in swept if isinstance(each, Done)] == ["system"]
    assert [each async for each in sweep(desk)] == []
    assert await told(desk) == ["breakglass.expired"]
    assert (await reviewed_by(desk, event, an_actor(BOB))).event.review


async def test_an_end_is_noted_once_by_many_who_look() -> None:
    clock = FakeClock()
    desk, event = await an_open_one(clock)
    clock.pass_(HOUR)
    _, row = await read_one(desk.records, event.id)
    done = await asyncio.gather(*(note_end(desk, row) for _ in range(10)))
    assert len([each for each in done if each is not None]) == 1


async def test_a_sweep_goes_on_past_a_row_that_cannot_be_read() -> None:
    clock = FakeClock()
    desk, event = await an_open_one(clock)
    values = opened(an_event()) | {"duration_seconds": None, "created_at": sortable(NOON - HOUR)}
    await desk.records.commit((Change(ref=event_ref("00000000000000e1"), seen=None, set=values),))
    clock.pass_(HOUR)
    first, second = [each async for each in sweep(desk)]
    assert isinstance(first, SentinelError)
    assert isinstance(second, Done)
    assert second.event.id == event.id


async def test_a_drill_is_closed_and_reviewed_like_any_other() -> None:
    desk, event = await an_open_one(drill=True)
    done = await closed_by(desk, event, an_actor(ALICE))
    assert audit_line(done.deeds[0]).drill is True
    assert (await reviewed_by(desk, event, an_actor(BOB))).event.drill


@pytest.mark.parametrize("who", [ALICE, BOB], ids=["its invoker", "who oversees it"])
async def test_who_changes_the_row_all_the_time_holds_no_closing_and_no_review_up(who: Principal) -> None:
    desk, event = await an_open_one()
    hurried = Hurried(desk.records)
    await closed_by(replace(desk, records=hurried), event, an_actor(who))
    assert hurried.lost == HURRY
    stored, _ = await read_one(desk.records, event.id)
    assert (stored.state(NOON), stored.closing is not None) == (EventState.CLOSED, True)
    with pytest.raises(EmergencyOver, match="was closed"):
        await closed_by(replace(desk, records=hurried), event, an_actor(who))
    await reviewed_by(replace(desk, records=hurried), event, an_actor(BOB))
    assert (await read_one(desk.records, event.id))[0].review is not None
    with pytest.raises(EmergencyOver, match="was reviewed"):
        await reviewed_by(replace(desk, records=hurried), event, an_actor(BOB))


@pytest.mark.parametrize(
    ("who", "forbidden", "written"),
    [
        (BOB, (), {"cut_at", "cut_by", "cut_reason"}),
        (BOB, ("cut_",), {"closed_at", "closed_by", "closed_reason"}),
        (ALICE, ("cut_", "closed_"), {"ended_at", "ended_by", "ended_reason"}),
    ],
    ids=["security", "a reviewer", "its invoker"],
)
async def test_everybody_closes_it_in_the_strongest_words_that_the_store_lets_them_write(
    who: Principal, forbidden: tuple[str, ...], written: set[str]
) -> None:
    desk, event = await an_open_one()
    await closed_by(replace(desk, records=Permitting(desk.records, *forbidden)), event, an_actor(who))
    _, row = await read_one(desk.records, event.id)
    words = {name for name in row.values if name.startswith(("cut_", "closed_", "ended_"))}
    assert words == written


async def test_whom_the_store_lets_close_nothing_is_told_so() -> None:
    desk, event = await an_open_one()
    nobody = replace(desk, records=Permitting(desk.records, "cut_", "closed_"))
    with pytest.raises(StoreRefused, match="closed_"):
        await closed_by(nobody, event, an_actor(BOB))


async def test_who_always_loses_the_race_is_told_so() -> None:
    class Contended(MemoryRecords):
        def __init__(self) -> None:
            super().__init__()
            self.contended = False

        async def commit(self, changes: Sequence[Change]) -> bool:
            return not self.contended and await super().commit(changes)

    records = Contended()
    desk = a_desk(records)
    event = (await open_glass(desk, a_call(), rulebook())).event
    records.contended = True
    with pytest.raises(StoreUnavailable, match="was changed by others"):
        await closed_by(desk, event, an_actor(ALICE))
