"""A server session: served while everything says yes, cut off by anything that says no."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from sentinel_server.access.session import ServerSession, SessionOptions
from sentinel_server.errors import (
    AuditUnavailable,
    Blocked,
    CannotStamp,
    LoginRequired,
    PolicyDenied,
    PrincipalChanged,
    SentinelError,
    SessionEnded,
    SessionLapsed,
    SessionMissing,
    SessionRevoked,
    StoreUnavailable,
    TooLate,
    UpstreamFailed,
)
from sentinel_server.policy.schema import STRICT
from sentinel_server.records.model import Ref
from sentinel_server.sessions.memory import MemorySessions
from sentinel_server.sessions.model import Block, BlockKey, Revocation, Scope, Session, Standing, State
from sentinel_server.sessions.store import Beat, SessionQuery, SessionStore
from tests.fakes.credentials import ALICE, BOB
from tests.fakes.gate import ALLOW, DENY, World, loaded

MINUTE = timedelta(minutes=1)


@asynccontextmanager
async def serving(world: World, options: SessionOptions | None = None) -> AsyncIterator[ServerSession]:
    """A started server session, closed at the end."""
    session = world.a_server(options)
    try:
        await session.start()
        yield session
    finally:
        await session.close()


async def revoke(world: World, session: ServerSession) -> None:
    """Cut the session off, as the security team would."""
    assert session.session_id is not None
    cut = Revocation(at=world.clock.now(), by="carol", reason="INC-42")
    await world.store.revoke(session.session_id, cut)


async def rows(world: World) -> tuple[Session, ...]:
    """Every session in the store."""
    return (await world.store.sessions(SessionQuery(), world.clock.now(), 10)).sessions


async def settle() -> None:
    """Let everything run that is ready to."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_the_first_mint_happens_before_the_child_and_is_served_to_it() -> None:
    world = World()
    async with serving(world) as session:
        assert len(world.roles.asks) == 1
        body = json.loads(await session.fetch())
        assert body["AccessKeyId"] == "ASIA0001"
        assert body["Expiration"] == "2026-01-31T12:11:00Z"
        assert set(body) == {"Code", "AccessKeyId", "SecretAccessKey", "Token", "Expiration"}
        assert len(world.roles.asks) == 1


async def test_the_stamp_carries_the_session_id_under_which_it_can_be_revoked() -> None:
    world = World()
    async with serving(world) as session:
        (row,) = await rows(world)
        assert row.id == session.session_id
        assert row.source_identity == f"sentinel=u.alice=d={row.id}" == world.roles.asks[0].source_identity


async def test_a_revoked_session_is_refused_at_its_next_fetch() -> None:
    world = World()
    async with serving(world) as session:
        await session.fetch()
        await revoke(world, session)
        with pytest.raises(SessionRevoked, match="revoked by carol"):
            await session.fetch()
    assert isinstance(world.told[-1], SessionRevoked)


async def test_a_policy_that_changes_is_obeyed_at_the_next_fetch() -> None:
    world = World()
    async with serving(world) as session:
        world.policies.policy = loaded(DENY)
        with pytest.raises(PolicyDenied, match="frozen"):
            await session.fetch()
        world.policies.policy = loaded(ALLOW)
        assert await session.fetch()
    assert "changed" in world.actions()


async def test_a_mint_under_way_at_a_revocation_is_thrown_away() -> None:
    world = World()
    async with serving(world) as session:
        world.clock.pass_(3 * MINUTE)
        world.roles.gate = asyncio.Event()
        world.roles.started.clear()
        await session.fetch()
        await world.roles.started.wait()
        await revoke(world, session)
        with pytest.raises(SessionRevoked):
            await session.fetch()
        world.roles.gate.set()
        await settle()
        assert len(world.roles.given) == 2
        with pytest.raises(SessionRevoked):
            await session.fetch()


async def test_a_new_session_is_minted_in_the_background_when_12_and_a_half_minutes_are_left() -> None:
    world = World()
    async with serving(world) as session:
        world.clock.pass_(2 * MINUTE)
        await session.fetch()
        await settle()
        assert len(world.roles.asks) == 1
        world.clock.pass_(MINUTE / 2)
        first = json.loads(await session.fetch())
        await settle()
        second = json.loads(await session.fetch())
        assert (first["AccessKeyId"], second["AccessKeyId"]) == ("ASIA0001", "ASIA0002")


async def test_fetches_that_wait_together_are_decided_together_and_all_counted() -> None:
    world = World()
    async with serving(world) as session:
        loads = world.policies.loads
        await asyncio.gather(*(session.fetch() for _ in range(50)))
        assert world.policies.loads - loads == 1
    (row,) = await rows(world)
    assert row.request_count == 50
    assert sum(event.count or 0 for event in world.audit.events if event.action.value == "served") == 51


async def test_refusals_of_fetches_that_wait_together_are_all_counted() -> None:
    world = World()
    async with serving(world) as session:
        world.policies.policy = loaded(DENY)
        errors = await asyncio.gather(*(session.fetch() for _ in range(9)), return_exceptions=True)
        assert all(isinstance(error, PolicyDenied) for error in errors)
        assert len({id(error) for error in errors}) == 9
    refusals = [event for event in world.audit.events if event.code == "PolicyDenied"]
    assert sum(event.count or 0 for event in refusals) == 9


async def test_a_mint_that_takes_long_keeps_no_later_fetch_from_its_refusal() -> None:
    world = World()
    async with serving(world) as session:
        world.seat.cache.invalidate()
        world.roles.gate = asyncio.Event()
        waiting = [asyncio.ensure_future(session.fetch()) for _ in range(9)]
        await settle()
        await revoke(world, session)
        with pytest.raises(SessionRevoked):
            await session.fetch()
        world.roles.gate.set()
        errors = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(error, SentinelError) for error in errors), "the mint was thrown away"
    outcomes = [event.outcome for event in world.audit.events if event.action.value == "outcome"]
    assert outcomes == ["issued", "discarded"]


async def test_a_decision_that_a_later_one_overtook_with_a_denial_is_not_served() -> None:
    world = World()
    async with serving(world) as session:
        slow = _Slow(world.store)
        world.seat.reader = slow
        early = asyncio.ensure_future(session.fetch())
        await slow.asked.wait()
        world.seat.reader = world.store
        await revoke(world, session)
        with pytest.raises(SessionRevoked):
            await session.fetch()
        slow.go.set()
        with pytest.raises(TooLate):
            await early
        assert len(world.roles.asks) == 1, "nothing new was minted for it"


async def test_many_fetches_share_one_mint() -> None:
    world = World()
    async with serving(world) as session:
        world.clock.pass_(3 * MINUTE)
        await asyncio.gather(*(session.fetch() for _ in range(50)))
        await settle()
        assert len(world.roles.asks) == 2


async def test_the_cached_one_is_served_while_sts_fails_and_over_60_seconds_are_left() -> None:
    world = World()
    async with serving(world) as session:
        world.roles.fails = UpstreamFailed("sts is down")
        world.clock.pass_(9 * MINUTE)
        assert json.loads(await session.fetch())["AccessKeyId"] == "ASIA0001"
        await session._beat(world.store, session.session_id or "")
        world.clock.pass_(5 * MINUTE)
        with pytest.raises(UpstreamFailed):
            await session.fetch()


async def test_a_revocation_is_honoured_while_sts_fails() -> None:
    world = World()
    async with serving(world) as session:
        world.roles.fails = UpstreamFailed("sts is down")
        await revoke(world, session)
        with pytest.raises(SessionRevoked):
            await session.fetch()


async def test_ten_minutes_of_silence_lapse_a_session_and_its_own_server_revives_it() -> None:
    world = World()
    async with serving(world) as session:
        world.clock.pass_(11 * MINUTE)
        assert await session.fetch()
        assert "session_revived" in world.actions()


class _HoldsUp(MemorySessions):
    """A store that a beat reaches only when the test lets it through."""

    def __init__(self) -> None:
        super().__init__()
        self.sent, self.through, self.landed = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def beat(self, beat: Beat) -> bool:
        self.sent.set()
        await self.through.wait()
        try:
            return await super().beat(beat)
        finally:
            self.landed.set()


async def test_a_beat_that_slept_with_the_laptop_does_not_lapse_the_session_again() -> None:
    store = _HoldsUp()
    world = World(store=store)
    async with serving(world) as session:
        held_up = asyncio.create_task(session._beat(store, session.session_id or ""))
        await store.sent.wait()
        world.clock.pass_(11 * MINUTE)
        assert await session.fetch()
        store.through.set()
        await held_up
        (row,) = await rows(world)
        assert (row.heartbeat_at, await session.fetch() != b"") == (world.clock.now(), True)
        assert world.actions().count("session_revived") == 1


class _LandsBeforeRevival(_HoldsUp):
    """A store that the beat which was held up reaches between our look and the revival."""

    async def revive(self, session_id: str, server_instance_id: str, seen: datetime, at: datetime) -> bool:
        self.through.set()
        await self.landed.wait()
        return await super().revive(session_id, server_instance_id, seen, at)


async def test_a_beat_that_lands_before_the_revival_costs_no_fetch() -> None:
    store = _LandsBeforeRevival()
    world = World(store=store)
    async with serving(world) as session:
        world.clock.pass_(MINUTE)
        held_up = asyncio.create_task(session._beat(store, session.session_id or ""))
        await store.sent.wait()
        world.clock.pass_(11 * MINUTE)
        assert await session.fetch()
        await held_up
        assert world.actions().count("session_revived") == 1


@pytest.mark.parametrize("asleep", [False, True], ids=["beating", "revived"])
async def test_a_clock_that_was_ahead_keeps_nothing_from_being_recorded_once_it_is_right(
    asleep: bool,
) -> None:
    world = World()
    async with serving(world) as session:
        store, session_id = world.store, session.session_id or ""
        right = world.clock.now()
        world.clock.time = right + 4 * MINUTE + (10 * MINUTE if asleep else 0 * MINUTE)
        await (session.fetch() if asleep else session._beat(store, session_id))
        world.clock.time = right + MINUTE
        await session.fetch()
        await session._beat(store, session_id)
        (row,) = await rows(world)
        assert (row.heartbeat_at, row.request_count) == (right + MINUTE, 2 if asleep else 1)


async def test_a_lapsed_session_stays_dead_when_it_was_revoked_in_its_sleep() -> None:
    world = World()
    async with serving(world) as session:
        world.clock.pass_(11 * MINUTE)
        await revoke(world, session)
        with pytest.raises(SessionRevoked):
            await session.fetch()


async def test_another_instance_can_never_revive_it() -> None:
    world = World()
    async with serving(world) as session:
        world.seat.instance_id = "b" * 16
        world.clock.pass_(11 * MINUTE)
        with pytest.raises(SessionMissing):
            await session.fetch()


async def test_a_session_ends_at_its_longest_whatever_happens() -> None:
    world = World()
    async with serving(world, SessionOptions(max_session=MINUTE * 8)) as session:
        body = json.loads(await session.fetch())
        assert body["Expiration"] == "2026-01-31T12:08:00Z"
        assert world.roles.asks[0].not_after == world.clock.now() + MINUTE * 8
        world.clock.pass_(8 * MINUTE)
        with pytest.raises(SessionEnded):
            await session.fetch()


async def test_other_base_credentials_are_noticed() -> None:
    world = World()
    async with serving(world) as session:
        world.base.who = BOB
        with pytest.raises(SentinelError, match="now belong to"):
            await session.fetch()
        (row,) = await rows(world)
        assert row.ended_at is not None
        world.base.who = ALICE
        with pytest.raises(PrincipalChanged):
            await session.fetch()


async def test_other_base_credentials_end_it_for_good_when_the_store_cannot_be_told() -> None:
    world = World()
    async with serving(world) as session:
        world.base.who = BOB
        store, world.seat.store = world.seat.store, _Deaf()
        with pytest.raises(PrincipalChanged):
            await session.fetch()
        world.base.who, world.seat.store = ALICE, store
        with pytest.raises(PrincipalChanged):
            await session.fetch()
        assert len(world.roles.asks) == 1


async def test_a_beat_that_breaks_does_not_end_the_beating() -> None:
    world = World()
    async with serving(world) as session:
        await session._beat(_Odd(), session.session_id or "")
        await session._beat(world.store, session.session_id or "")


class _Deaf(MemorySessions):
    """A store that takes no writes of a session's holder."""

    async def beat(self, beat: Beat) -> bool:
        raise StoreUnavailable("down")

    async def end(self, session_id: str, at: datetime) -> bool:
        raise StoreUnavailable("down")


class _Odd(MemorySessions):
    """A store with a mistake in it."""

    async def beat(self, beat: Beat) -> bool:
        raise ZeroDivisionError


async def test_a_login_that_lapses_is_a_refusal_that_names_the_cure() -> None:
    world = World()
    async with serving(world) as session:
        world.base.fails = LoginRequired("the SSO token has expired")
        with pytest.raises(LoginRequired) as caught:
            await session.fetch()
        assert "sentinel sso login" in caught.value.line()


async def test_what_cannot_be_stamped_is_found_before_the_child_starts() -> None:
    world = World()
    world.roles.fails = CannotStamp("no")
    with pytest.raises(CannotStamp):
        async with serving(world):
            pass
    (row,) = await rows(world)
    assert row.state(world.clock.now(), 10 * MINUTE) is State.ENDED


async def test_a_lazy_server_settles_everything_at_the_first_fetch() -> None:
    world = World()
    async with serving(world, SessionOptions(lazy=True)) as session:
        assert session.session_id is None
        assert world.base.asked == 0
        assert await session.fetch()
        assert len(await rows(world)) == 1


async def test_a_lazy_server_that_was_refused_may_try_again() -> None:
    world = World()
    world.policies.policy = loaded(DENY)
    async with serving(world, SessionOptions(lazy=True)) as session:
        with pytest.raises(PolicyDenied):
            await session.fetch()
        world.policies.policy = loaded(ALLOW)
        assert await session.fetch()


async def test_a_lazy_server_that_tries_again_reads_the_blocks_of_whoever_is_there_now() -> None:
    world = World()
    world.policies.policy = loaded(DENY)
    async with serving(world, SessionOptions(lazy=True)) as session:
        with pytest.raises(PolicyDenied):
            await session.fetch()
        world.policies.policy = loaded(ALLOW)
        world.base.who = BOB
        key = BlockKey(scope=Scope.PERSON, name=BOB.person)
        await world.store.block(Block(key=key, at=world.clock.now(), by="carol", reason="left"))
        with pytest.raises(Blocked):
            await session.fetch()


async def test_the_end_of_the_child_ends_the_row_and_says_what_was_served() -> None:
    world = World()
    async with serving(world) as session:
        for _ in range(7):
            await session.fetch()
    (row,) = await rows(world)
    assert (row.request_count, row.ended_at) == (7, world.clock.now())
    assert world.actions()[-1] == "session_ended"


async def test_a_beat_never_undoes_a_revocation() -> None:
    world = World()
    async with serving(world, SessionOptions(heartbeat=timedelta(milliseconds=1))) as session:
        await revoke(world, session)
        await settle()
        (row,) = await rows(world)
        assert row.revocation is not None


async def test_w21_every_change_is_a_line_and_more_of_the_same_a_count() -> None:
    world = World()
    async with serving(world) as session:
        for _ in range(5):
            await session.fetch()
        await revoke(world, session)
        for _ in range(5):
            with pytest.raises(SessionRevoked):
                await session.fetch()
    refusals = [event for event in world.audit.events if event.code == "SessionRevoked"]
    assert [event.count for event in refusals] == [1, 4]
    served = [event for event in world.audit.events if event.action.value == "served"]
    assert sum(event.count or 0 for event in served) == 6


async def test_serving_on_after_a_refusal_waits_for_the_line_that_says_so() -> None:
    world = World()
    async with serving(world) as session:
        world.policies.policy = loaded(DENY)
        with pytest.raises(PolicyDenied):
            await session.fetch()
        world.policies.policy = loaded(ALLOW)
        world.audit.fails = AuditUnavailable("disk full")
        for _ in range(2):
            with pytest.raises(AuditUnavailable):
                await session.fetch()
        world.audit.fails = None
        assert await session.fetch()


async def test_a_store_that_fails_for_a_while_costs_no_new_mint() -> None:
    world = World()
    async with serving(world) as session:
        await session.fetch()
        reader, world.seat.reader = world.seat.reader, _Broken()
        with pytest.raises(StoreUnavailable):
            await session.fetch()
        world.seat.reader = reader
        assert await session.fetch()
        assert len(world.roles.asks) == 1


async def test_the_strict_lease_reports_five_minutes() -> None:
    world = World()
    world.policies.policy = loaded(replace(ALLOW, max_lease=STRICT))
    async with serving(world) as session:
        assert json.loads(await session.fetch())["Expiration"] == "2026-01-31T12:05:00Z"


async def test_no_answer_of_the_store_outlasts_the_patience_of_a_fetch() -> None:
    world = World()
    async with serving(world) as session:
        world.seat.reader = _Silent()
        started = asyncio.get_running_loop().time()
        with pytest.raises(StoreUnavailable, match="within"):
            await session.fetch()
        assert asyncio.get_running_loop().time() - started < 0.8


class _Slow:
    """A reader that has looked already, and keeps what it saw until it may go."""

    def __init__(self, store: SessionStore) -> None:
        self._store = store
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    async def standing(
        self, session_id: str | None, keys: Sequence[BlockKey], refs: Sequence[Ref] = ()
    ) -> Standing:
        seen = await self._store.standing(session_id, keys, refs)
        self.asked.set()
        await self.go.wait()
        return seen


class _Broken:
    """A reader whose store is down."""

    async def standing(
        self, session_id: str | None, keys: Sequence[BlockKey], refs: Sequence[Ref] = ()
    ) -> Standing:
        raise StoreUnavailable("down")


class _Silent:
    """A reader that never answers."""

    async def standing(
        self, session_id: str | None, keys: Sequence[BlockKey], refs: Sequence[Ref] = ()
    ) -> Standing:
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_revived_session_that_lapses_in_between_is_refused_not_served() -> None:
    world = World()
    async with serving(world) as session:
        world.clock.pass_(11 * MINUTE)
        world.seat.store = _Lost()
        with pytest.raises(SessionLapsed):
            await session.fetch()


class _Lost(MemorySessions):
    """A store in which somebody else has always written first."""

    async def revive(self, *_: object) -> bool:
        return False
