"""Breaking the glass: judged and remembered in one commit, however many do it at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sentinel_server.auditlog.event import Action
from sentinel_server.breakglass.deeds import Done, audit_line
from sentinel_server.breakglass.ending import close, read_one
from sentinel_server.breakglass.model import Emergency, sealed
from sentinel_server.breakglass.opening import Call, Desk, Rulebook, look_ahead, open_glass, permit, required
from sentinel_server.breakglass.rules import InForce, in_force
from sentinel_server.breakglass.tally import keys
from sentinel_server.errors import (
    BadInput,
    BreakGlassLimited,
    BreakGlassRefused,
    MfaRequired,
    PolicyUnavailable,
    SentinelError,
    StoreUnavailable,
)
from sentinel_server.notifications.outbox import due, read_entry
from sentinel_server.policy.breakglass import MfaMethod, MfaRequirement
from sentinel_server.policy.ratelimit import LONGEST_WINDOW
from sentinel_server.records.memory import MemoryRecords
from sentinel_server.records.model import RETENTION, Change, Found, Ledger, Ref, Row, Search
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.emergencies import (
    ALICE,
    BOB,
    HOME,
    HOUR,
    a_call,
    a_desk,
    a_policy,
    an_actor,
    call_of,
    evidence,
    iam_user,
    limited,
    rulebook,
    sso_user,
    wanted,
)

DAY = timedelta(days=1)


async def opened_or_not(desk: Desk, calls: Sequence[Call], rules: Rulebook) -> list[Emergency]:
    """What came of calls made at the same time; the others must have met a limit."""
    done = await asyncio.gather(*(open_glass(desk, call, rules) for call in calls), return_exceptions=True)
    failed = [each for each in done if isinstance(each, BaseException)]
    assert all(isinstance(each, BreakGlassLimited) for each in failed), failed
    return [each.event for each in done if isinstance(each, Done)]


async def told(desk: Desk) -> list[str]:
    """What somebody still has to be told of."""
    return sorted(read_entry(row).type for row in (await desk.records.find(due(Ledger.BREAKGLASS), 100)).rows)


async def test_what_was_opened_is_in_the_store_and_gives_access() -> None:
    desk = a_desk()
    done = await open_glass(desk, a_call(ticket="OPS-7"), rulebook())
    event, _ = await read_one(desk.records, done.event.id)
    assert event == done.event
    assert (event.ticket, event.rule, event.user, event.drill) == ("OPS-7", "on call", "alice", False)
    found = in_force(
        event, a_policy(), person=ALICE.person, principal=ALICE, profile="prod", now=NOON, home_account=HOME
    )
    assert found == InForce(ends_at=NOON + HOUR)


async def test_it_is_told_and_written_down_once() -> None:
    desk = a_desk()
    done = await open_glass(desk, a_call(), rulebook())
    assert await told(desk) == ["breakglass.opened"]
    assert len(done.deliveries) == 1
    line = audit_line(done.deeds[0])
    assert (line.action, line.event_id, line.status) == (Action.BREAKGLASS_OPENED, done.event.id, "active")
    assert (line.person, line.reason_code, line.duration_seconds) == (ALICE.person, "incident", 3600)


async def test_weakness_2_without_a_policy_nobody_may() -> None:
    desk = a_desk()
    with pytest.raises(BreakGlassRefused, match="no break-glass policy"):
        await open_glass(desk, a_call(), Rulebook(breakglass=None))
    assert await told(desk) == []


async def test_whom_the_policy_does_not_name_opens_nothing() -> None:
    with pytest.raises(BreakGlassRefused, match="does not name carol"):
        await open_glass(a_desk(), call_of(iam_user("carol")), Rulebook(breakglass=a_policy()))


@pytest.mark.parametrize(
    "words",
    [
        {"justification": "x" * 19},
        {"justification": " x" + " " * 40 + "y "},
        {"justification": "x" * 1001},
        {"ticket": "T" * 129},
        {"ticket": "OPS\n7"},
    ],
    ids=["short", "mostly space", "long", "long ticket", "two lines"],
)
async def test_weakness_28_words_that_say_too_little_or_too_much_are_refused(words: dict[str, str]) -> None:
    with pytest.raises(BadInput):
        await open_glass(a_desk(), a_call(**words), rulebook())


@pytest.mark.parametrize("ticket", ["", "OPS-", "see OPS-7", "OPS-7\n", "OPS-" + "7" * 125])
async def test_weakness_28_a_ticket_is_of_the_form_that_the_rule_wants(ticket: str) -> None:
    desk, rules = a_desk(), rulebook(ticket_pattern="OPS-[0-9]+")
    with pytest.raises(BadInput, match="ticket"):
        await open_glass(desk, a_call(ticket=ticket), rules)
    event = (await open_glass(desk, a_call(ticket="OPS-7"), rules)).event
    assert rules.breakglass is not None
    for shown, gives in ((event, True), (sealed(replace(event, ticket=ticket)), False)):
        found = in_force(
            shown,
            rules.breakglass,
            person=ALICE.person,
            principal=ALICE,
            profile="prod",
            now=NOON,
            home_account=HOME,
        )
        assert isinstance(found, InForce) is gives


async def test_a_justification_is_counted_in_characters() -> None:
    done = await open_glass(a_desk(), a_call(justification=" ".join(["zahlung störung ü"] * 2)), rulebook())
    assert done.event.justification.count("ö") == 2


async def test_weakness_9_no_limit_depends_on_a_search() -> None:
    """An index lags behind, has pages, and cannot be filtered by its own key."""

    class Unsearchable(MemoryRecords):
        async def find(self, search: Search, limit: int, token: str | None = None) -> Found:
            raise StoreUnavailable("no index answers")

    rules = rulebook(limited(cooldown=HOUR, max_per_user=2, max_per_profile=2, quota_window=DAY))
    calls = [call_of(ALICE, profile) for profile in ("a", "b", "c")] * 2
    assert len(await opened_or_not(a_desk(Unsearchable()), calls, rules)) == 2


async def test_weakness_10_of_fifty_at_once_exactly_one_opens() -> None:
    desk = a_desk()
    assert len(await opened_or_not(desk, [a_call()] * 50, rulebook())) == 1
    assert await told(desk) == ["breakglass.opened"]


async def test_weakness_10_a_persons_quota_is_exact_for_32_at_once() -> None:
    calls = [call_of(ALICE, f"prod-{number}") for number in range(32)]
    rules = rulebook(limited(max_per_user=5, quota_window=DAY))
    assert len(await opened_or_not(a_desk(), calls, rules)) == 5


async def test_weakness_10_a_profiles_quota_is_exact_for_32_people_at_once() -> None:
    calls = [call_of(iam_user(f"user{number}")) for number in range(32)]
    rules = rulebook(limited(max_per_profile=7, quota_window=DAY))
    assert len(await opened_or_not(a_desk(), calls, rules)) == 7


async def test_weakness_7_alternating_profiles_still_meet_the_lock_and_the_cooldown() -> None:
    clock = FakeClock()
    desk, rules = a_desk(clock=clock), rulebook(limited(cooldown=2 * HOUR))
    for profile in ("prod", "staging"):
        await open_glass(desk, call_of(ALICE, profile), rules)
    for profile in ("prod", "staging"):
        with pytest.raises(BreakGlassLimited, match="is open until"):
            await open_glass(desk, call_of(ALICE, profile), rules)
    clock.pass_(HOUR)
    for profile in ("prod", "staging"):
        with pytest.raises(BreakGlassLimited, match="wants 2h between two"):
            await open_glass(desk, call_of(ALICE, profile), rules)
    clock.pass_(HOUR)
    assert (await open_glass(desk, call_of(ALICE), rules)).event.created_at == NOON + 2 * HOUR


async def test_weakness_8_an_expired_one_is_replaced_without_anybody_having_noted_its_end() -> None:
    clock = FakeClock()
    desk = a_desk(clock=clock)
    first = await open_glass(desk, a_call(), rulebook())
    clock.pass_(HOUR)
    second = await open_glass(desk, a_call(), rulebook())
    assert second.event.id != first.event.id


async def test_after_one_was_closed_another_may_be_opened_at_once() -> None:
    desk = a_desk()
    first = await open_glass(desk, a_call(), rulebook())
    await close(desk, first.event.id, an_actor(ALICE), "all is well", a_policy())
    assert len(await opened_or_not(desk, [a_call()] * 5, rulebook())) == 1


async def test_weakness_11_an_escalated_one_is_marked_and_told_of_on_its_own() -> None:
    clock = FakeClock()
    rules = rulebook(limited(cooldown=HOUR, escalation_threshold=2, quota_window=DAY))
    desk = a_desk(clock=clock)
    first = await open_glass(desk, a_call(), rules)
    clock.pass_(HOUR)
    second = await open_glass(desk, a_call(), rules)
    assert (first.event.escalated, second.event.escalated) == (False, True)
    assert await told(desk) == ["breakglass.escalated", "breakglass.opened", "breakglass.opened"]
    assert [audit_line(each).action for each in second.deeds] == [
        Action.BREAKGLASS_OPENED,
        Action.BREAKGLASS_ESCALATED,
    ]


async def test_weakness_12_limits_that_cannot_be_read_do_not_stop_an_emergency_that_proves_itself() -> None:
    unread = rulebook(PolicyUnavailable("ssm is silent"))
    desk = a_desk()
    with pytest.raises(MfaRequired):
        await open_glass(desk, a_call(), unread)
    done = await open_glass(desk, a_call(), unread, evidence("sms"))
    assert done.event.escalated
    assert await told(desk) == ["breakglass.escalated", "breakglass.opened"]
    with pytest.raises(BreakGlassLimited, match="is open until"):
        await open_glass(desk, a_call(), unread, evidence("sms"))


async def test_weakness_6_a_second_factor_that_is_required_is_shown_fresh_and_kept_with_the_event() -> None:
    rules = rulebook(mfa=MfaRequirement(methods=(MfaMethod.TOTP,)))
    desk = a_desk()
    for shown in (None, evidence("sms"), evidence("totp", before=HOUR)):
        with pytest.raises(MfaRequired, match="'on call' wants a second factor"):
            await open_glass(desk, a_call(), rules, shown)
    done = await open_glass(desk, a_call(), rules, evidence())
    event, _ = await read_one(desk.records, done.event.id)
    assert event.mfa == evidence()


async def test_a_drill_meets_every_rule_and_uses_up_nothing_of_an_emergency() -> None:
    desk, rules = a_desk(), rulebook(limited(cooldown=HOUR, max_per_user=1, quota_window=DAY))
    drill = await open_glass(desk, a_call(drill=True), rules)
    assert drill.event.drill
    assert audit_line(drill.deeds[0]).drill is True
    with pytest.raises(BreakGlassLimited):
        await open_glass(desk, a_call(drill=True), rules)
    real = await open_glass(desk, a_call(), rules)
    assert not real.event.drill


async def test_looking_ahead_says_what_opening_would_say_and_writes_nothing() -> None:
    desk, rules = a_desk(), rulebook(limited(cooldown=HOUR, escalation_threshold=1, quota_window=DAY))
    assert (await look_ahead(desk, a_call(), rules)).escalated
    await open_glass(desk, a_call(), rules)
    with pytest.raises(BreakGlassLimited):
        await look_ahead(desk, a_call(), rules)
    assert required(permit(a_call(), rules, NOON), rules) is None


@pytest.mark.parametrize("spoiled", ["[[1]]", None, '["x"]', '[["2026-01-31", "prod"]]'])
async def test_what_was_remembered_and_cannot_be_read_is_an_error(spoiled: str | None) -> None:
    desk = a_desk()
    where = keys([ALICE.person], "prod", drill=False)
    await desk.records.commit(
        (Change(ref=where.people[0], seen=None, set={"openings": spoiled, "kind": "quota"}),)
    )
    with pytest.raises(StoreUnavailable, match="does not say what was opened before"):
        await open_glass(desk, a_call(), rulebook())


@pytest.mark.parametrize("named", ["ff" * 16, "f" * 16, "quota#user#alice", None])
async def test_a_lock_that_names_no_emergency_holds_nobody_up(named: str | None) -> None:
    desk = a_desk()
    where = keys([ALICE.person], "prod", drill=False)
    lock = {"event_id": named, "opened_at": "2026-01-31T11:00:00.000000Z"}
    await desk.records.commit((Change(ref=where.locks[0], seen=None, set=lock),))
    assert (await open_glass(desk, a_call(), rulebook())).event.person == ALICE.person


async def test_old_openings_are_forgotten_and_no_more_are_kept_than_any_quota_counts() -> None:
    clock = FakeClock()
    desk = a_desk(clock=clock)
    for number in range(3):
        await open_glass(desk, call_of(ALICE, f"p{number}"), rulebook())
    clock.pass_(timedelta(days=91))
    await open_glass(desk, a_call(), rulebook())
    where = keys([ALICE.person], "prod", drill=False).people[0]
    row = (await desk.records.get((where,)))[where]
    assert str(row.values["openings"]).count("2026-") == 1


class Unsure(MemoryRecords):
    """Loses the answer to the first commit, which was made or not, and may stay silent afterwards."""

    def __init__(self, *, made: bool, silent: bool = False) -> None:
        super().__init__()
        self._made = made
        self._silent = silent
        self._failed = False

    async def commit(self, changes: Sequence[Change]) -> bool:
        """Make the changes, or not, and fail to say so."""
        if self._failed:
            return await super().commit(changes)
        self._failed = True
        if self._made:
            await super().commit(changes)
        raise StoreUnavailable("no answer in time")

    async def get(self, refs: Sequence[Ref]) -> Mapping[Ref, Row]:
        """The rows, unless it is silent by now."""
        if self._failed and self._silent:
            raise StoreUnavailable("still no answer")
        return await super().get(refs)


async def test_what_limits_is_forgotten_only_when_it_can_limit_nothing_any_more() -> None:
    clock = FakeClock()
    desk = a_desk(clock=clock)
    rules = rulebook(limited(max_per_user=9, quota_window=LONGEST_WINDOW, cooldown=timedelta(minutes=1)))
    for _ in range(2):
        event = (await open_glass(desk, a_call(), rules)).event
        where = keys([ALICE.person], "prod", drill=False)
        rows = await desk.records.get([*where.locks, *where.people, where.profile])
        assert len(rows) == 3
        for row in rows.values():
            forgotten = datetime.fromtimestamp(int(row.values[RETENTION]), UTC)
            assert forgotten > event.created_at + LONGEST_WINDOW, "no window and no cool-down begins anew"
            assert forgotten < event.created_at + LONGEST_WINDOW * 2
        clock.pass_(timedelta(days=1))


async def test_an_opening_is_counted_until_its_row_is_forgotten_and_by_then_counts_no_more() -> None:
    clock = FakeClock()
    desk = a_desk(clock=clock)
    rules = rulebook(limited(max_per_user=1, quota_window=LONGEST_WINDOW))
    event = (await open_glass(desk, a_call(), rules)).event
    clock.pass_(LONGEST_WINDOW - timedelta(seconds=1))
    with pytest.raises(BreakGlassLimited):
        await open_glass(desk, a_call(), rules)
    (person,) = keys([ALICE.person], "prod", drill=False).people
    row = (await desk.records.get([person]))[person]
    assert clock.now() < datetime.fromtimestamp(int(row.values[RETENTION]), UTC)
    clock.pass_(timedelta(seconds=1))
    assert (await open_glass(desk, a_call(), rules)).event.id != event.id


async def test_a_commit_whose_answer_was_lost_counts_when_its_row_is_there() -> None:
    desk = a_desk(Unsure(made=True))
    done = await open_glass(desk, a_call(), rulebook())
    assert (await read_one(desk.records, done.event.id))[0] == done.event


@pytest.mark.parametrize(
    ("records", "why"),
    [
        (Unsure(made=False), "^no answer in time$"),
        (Unsure(made=True, silent=True), "did not say whether emergency [0-9a-f]{32} was opened"),
    ],
    ids=["not made", "nobody knows"],
)
async def test_weakness_12_a_store_that_fails_opens_nothing_that_the_gate_could_not_look_at(
    records: Unsure, why: str
) -> None:
    with pytest.raises(SentinelError, match=why) as caught:
        await open_glass(a_desk(records), a_call(), rulebook())
    assert isinstance(caught.value, StoreUnavailable)


@pytest.mark.parametrize("person", ["person:alice", "person:somebody"])
async def test_weakness_5_nobody_starts_anew_by_writing_a_people_map(person: str) -> None:
    """The map is on the invoker's own machine."""
    clock = FakeClock()
    desk, rules = a_desk(clock=clock), rulebook(limited(max_per_user=1, quota_window=DAY))
    await open_glass(desk, a_call(), rules)
    for why in ("is open until", "you opened 1"):
        with pytest.raises(BreakGlassLimited, match=why):
            await open_glass(desk, a_call(person=person), rules)
        clock.pass_(HOUR)


async def test_two_principals_whom_a_people_map_joins_share_their_limits() -> None:
    clock = FakeClock()
    desk, rules = a_desk(clock=clock), rulebook(limited(max_per_user=1, quota_window=DAY))
    as_sso = a_call(wanted=wanted(principal=sso_user("alice")), person="person:alice")
    await open_glass(desk, a_call(person="person:alice"), rules)
    for why in ("is open until", "you opened 1"):
        with pytest.raises(BreakGlassLimited, match=why):
            await open_glass(desk, as_sso, rules)
        clock.pass_(HOUR)


async def test_two_people_may_each_have_one_for_the_same_profile() -> None:
    desk = a_desk()
    opened = await opened_or_not(desk, [call_of(ALICE), call_of(BOB)], rulebook())
    assert {event.person for event in opened} == {ALICE.person, BOB.person}


async def test_who_always_loses_the_race_is_told_so() -> None:
    class Contended(MemoryRecords):
        async def commit(self, changes: Sequence[Change]) -> bool:
            return False

    with pytest.raises(StoreUnavailable, match="100 times in a row"):
        await open_glass(a_desk(Contended()), a_call(wanted=wanted()), rulebook())
