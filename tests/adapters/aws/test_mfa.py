"""A session with MFA: opened once with a code, shared, renewed without a person where that can be."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.adapters.aws.clients import AwsSession
from sentinel_server.adapters.aws.mfa import MfaSession
from sentinel_server.adapters.aws.renewing import Renewing, Supply
from sentinel_server.credentials.codes import MemorySessions
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.credentials.ports import CodeAsk, CodeSource, SessionCache
from sentinel_server.errors import LoginRequired, UpstreamFailed
from sentinel_server.sandbox.mfa import Device
from sentinel_server.secret import Secret
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.clock import FakeClock

HOURS_12 = timedelta(hours=12)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with embedded_aws() as running:
        yield running


@pytest.fixture(scope="module")
def device(sandbox: Sandbox) -> Device:
    return sandbox.aws.add_mfa("dev")


@pytest.fixture(autouse=True)
def _forgetful(sandbox: Sandbox) -> Iterator[None]:
    sandbox.aws.forget_calls()
    yield
    sandbox.aws.heal()


@dataclass(slots=True)
class Codes:
    """A CodeSource with codes by the way they were asked for; `typed` ones need a person."""

    typed: list[str] = field(default_factory=list)
    alone: list[str] = field(default_factory=list)
    asked: list[CodeAsk] = field(default_factory=list)

    async def code(self, ask: CodeAsk) -> str | None:
        self.asked.append(ask)
        have = self.alone or (self.typed if ask.attended else [])
        return have.pop(0) if have else None


@dataclass(slots=True)
class Keys:
    """A Supply of these credentials."""

    given: AwsCredentials

    async def resolve(self) -> AwsCredentials:
        return self.given

    def at_hand(self) -> AwsCredentials | None:
        return self.given


@dataclass(slots=True)
class Scene:
    """A profile with MFA over the keys of `dev`."""

    sandbox: Sandbox
    device: Device
    codes: Codes = field(default_factory=Codes)
    clock: FakeClock = field(default_factory=lambda: FakeClock(time=datetime.now(UTC)))  # noqa: TID251

    def code(self) -> str:
        return self.sandbox.aws.devices.code(self.device.serial)

    def wrong(self) -> str:
        return str((int(self.code()) + 1) % 1_000_000).zfill(6)

    def session(
        self,
        *,
        codes: CodeSource | None = None,
        sessions: SessionCache | None = None,
        token: Secret | None = None,
    ) -> MfaSession:
        dev = self.sandbox.dev
        keys = AwsCredentials(
            access_key_id=dev.access_key_id,
            secret_access_key=Secret(dev.secret_access_key),
            session_token=token,
        )
        return MfaSession(
            CodeAsk(profile="prod", serial=self.device.serial),
            Keys(keys),
            self.open,
            codes=codes or self.codes,
            sessions=sessions,
            clock=self.clock,
            owner="base",
        )

    def open(self, supply: Supply) -> AwsSession:
        return AwsSession(
            region="us-east-1", credentials=supply.resolve, endpoints={"sts": self.sandbox.aws.url}
        )

    def opened(self) -> int:
        return len(self.sandbox.aws.calls_to("sts", "GetSessionToken"))


@pytest.fixture
def scene(sandbox: Sandbox, device: Device) -> Scene:
    return Scene(sandbox, device)


async def test_one_code_opens_a_session_of_twelve_hours(scene: Scene) -> None:
    scene.codes.typed = [scene.code()]
    mfa = scene.session()
    await mfa.prepare()
    found = await mfa.resolve()
    assert found.session_token is not None
    assert found.expires_at is not None
    assert abs(found.expires_at - scene.clock.now() - HOURS_12) < timedelta(minutes=1)
    assert await mfa.resolve() == mfa.at_hand() == found
    assert (scene.opened(), [ask.attended for ask in scene.codes.asked]) == (1, [True])
    scene.clock.pass_(HOURS_12)
    assert mfa.at_hand() is None


async def test_a_code_that_was_refused_is_followed_by_another(scene: Scene) -> None:
    scene.codes.typed = [scene.wrong(), scene.code()]
    mfa = scene.session()
    await mfa.prepare()
    assert [ask.refused for ask in scene.codes.asked] == [0, 1]
    assert (await mfa.resolve()).session_token is not None


async def test_when_no_further_code_comes_the_refusal_says_which_device(scene: Scene) -> None:
    scene.codes.typed = [scene.wrong()]
    with pytest.raises(LoginRequired, match=f"AWS did not accept the code of {scene.device.serial}"):
        await scene.session().prepare()
    with pytest.raises(LoginRequired, match="no terminal to ask for it") as refused:
        await scene.session().prepare()
    assert "--mfa-token" in refused.value.hint


async def test_codes_without_an_end_are_given_up(scene: Scene) -> None:
    scene.codes.typed = [scene.wrong() for _ in range(20)]
    with pytest.raises(LoginRequired, match="did not accept"):
        await scene.session().prepare()
    assert scene.opened() == 5


async def test_temporary_credentials_are_passed_on_and_no_code_is_asked(scene: Scene) -> None:
    mfa = scene.session(token=Secret("a-session"))
    await mfa.prepare()
    assert (await mfa.resolve()).session_token == Secret("a-session")
    assert (scene.codes.asked, scene.opened()) == ([], 0)


async def test_a_trouble_of_sts_is_no_wrong_code(scene: Scene) -> None:
    scene.sandbox.aws.fail(service="sts", operation="GetSessionToken", kind="error500")
    scene.codes.typed = [scene.code()]
    with pytest.raises(UpstreamFailed):
        await scene.session().prepare()


async def test_what_one_base_asked_for_another_of_the_same_process_uses(scene: Scene) -> None:
    scene.codes.typed = [scene.code()]
    shared = MemorySessions(scene.clock)
    first, second = scene.session(sessions=shared), scene.session(sessions=shared)
    await first.prepare()
    await second.prepare()
    assert await first.resolve() == await second.resolve()
    assert len(scene.codes.asked) == 1
    scene.clock.pass_(HOURS_12 - timedelta(minutes=2))
    scene.codes.typed = [scene.code()]
    await scene.session(sessions=shared).prepare()
    assert scene.opened() == 2


async def settled() -> None:
    """Wait until nothing is under way in the background."""
    await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))


@pytest.mark.parametrize("shared", [False, True])
async def test_a_source_that_needs_nobody_renews_it_in_time(scene: Scene, shared: bool) -> None:
    scene.codes.typed = [scene.code()]
    mfa = scene.session(sessions=MemorySessions(scene.clock) if shared else None)
    await mfa.prepare()
    first = await mfa.resolve()
    scene.codes.alone = [scene.code()]
    scene.clock.pass_(HOURS_12 - timedelta(minutes=11))
    assert await mfa.resolve() == first
    await settled()
    assert (await mfa.resolve()).access_key_id != first.access_key_id
    assert mfa.renewing.lapse is None


async def test_one_that_needs_a_person_says_so_ten_minutes_ahead_and_never_asks(scene: Scene) -> None:
    scene.codes.typed = [scene.code()]
    mfa = scene.session()
    await mfa.prepare()
    first = await mfa.resolve()
    scene.codes.typed = [scene.code()]
    scene.clock.pass_(HOURS_12 - timedelta(minutes=11))
    await mfa.resolve()
    await settled()
    assert mfa.renewing.lapse is not None
    end, why = mfa.renewing.lapse
    assert (end, why.message) == (first.expires_at, "the MFA session of profile 'prod' has ended")
    assert end - scene.clock.now() > timedelta(minutes=10)
    scene.clock.pass_(timedelta(minutes=12))
    with pytest.raises(LoginRequired, match="has ended"):
        await mfa.resolve()
    assert scene.codes.typed != []


async def test_a_source_that_failed_is_not_asked_at_every_fetch(scene: Scene) -> None:
    """It may be a command that wants a finger on a key."""
    mfa = scene.session()
    for _ in range(5):
        with pytest.raises(LoginRequired):
            await mfa.resolve()
    assert len(scene.codes.asked) == 1
    scene.clock.pass_(timedelta(seconds=61))
    scene.codes.alone = [scene.code()]
    assert (await mfa.resolve()).session_token is not None


async def test_while_a_source_is_left_alone_a_session_of_another_process_is_taken(scene: Scene) -> None:
    shared = MemorySessions(scene.clock)
    mfa = scene.session(sessions=shared)
    with pytest.raises(LoginRequired):
        await mfa.resolve()
    scene.codes.typed = [scene.code()]
    await scene.session(sessions=shared).prepare()
    assert (await mfa.resolve()).session_token is not None
    assert scene.opened() == 1


async def test_a_person_is_asked_though_a_source_has_just_failed(scene: Scene) -> None:
    mfa = scene.session()
    with pytest.raises(LoginRequired):
        await mfa.resolve()
    scene.codes.typed = [scene.code()]
    await mfa.prepare()
    assert (await mfa.resolve()).session_token is not None


async def test_a_code_that_sts_could_not_take_is_not_followed_by_another_at_once(scene: Scene) -> None:
    scene.sandbox.aws.fail(service="sts", operation="GetSessionToken", kind="error500")
    scene.codes.alone = ["123456", "654321"]
    mfa = scene.session()
    for _ in range(3):
        with pytest.raises(UpstreamFailed):
            await mfa.resolve()
    assert scene.codes.alone == ["654321"]


@dataclass(slots=True)
class Taken:
    """Credentials that are numbered, or what goes wrong."""

    clock: FakeClock
    lasting: timedelta = timedelta(hours=1)
    times: int = 0
    trouble: Exception | None = None

    async def __call__(self) -> AwsCredentials:
        self.times += 1
        if self.trouble is not None:
            raise self.trouble
        end = self.clock.now() + self.lasting
        return AwsCredentials(
            access_key_id=f"ASIA{self.times}",
            secret_access_key=Secret("s"),
            session_token=Secret("t"),
            expires_at=end,
        )


async def test_a_failed_renewal_is_left_alone_for_a_while_and_forgotten_when_one_succeeds() -> None:
    clock = FakeClock()
    taken = Taken(clock)
    renewing = Renewing(taken, clock)
    assert (await renewing.resolve()).access_key_id == "ASIA1"
    taken.trouble = LoginRequired("the login has ended")
    clock.pass_(timedelta(minutes=49))
    for _ in range(3):
        assert (await renewing.resolve()).access_key_id == "ASIA1"
        await settled()
    lapses = [renewing.lapse is not None]
    assert taken.times == 2
    taken.trouble = None
    clock.pass_(timedelta(seconds=31))
    await renewing.resolve()
    await settled()
    assert [*lapses, renewing.lapse is not None] == [True, False]
    assert (await renewing.resolve()).access_key_id == "ASIA3"


@given(
    lasting=st.integers(1, 90),
    passes=st.lists(st.integers(0, 40), max_size=8),
    person=st.booleans(),
    fails=st.booleans(),
)
async def test_what_is_at_hand_is_what_resolving_gives_without_taking_anything(
    lasting: int, passes: list[int], person: bool, fails: bool
) -> None:
    clock = FakeClock()
    taken = Taken(clock, lasting=timedelta(minutes=lasting))
    renewing = Renewing(taken, clock, person=person)
    assert renewing.at_hand() is None, "nothing has been taken yet"
    await renewing.resolve()
    taken.trouble = UpstreamFailed("no network") if fails else None
    for minutes in passes:
        clock.pass_(timedelta(minutes=minutes))
        before, found = taken.times, renewing.at_hand()
        if found is not None:
            assert await renewing.resolve() is found
            await settled()
            assert taken.times == before
        else:
            await asyncio.gather(renewing.resolve(), return_exceptions=True)
            await settled()
            assert taken.times > before or fails, "it was due"
    await renewing.close()


async def test_fresh_credentials_are_at_hand_until_they_are_due() -> None:
    clock = FakeClock()
    renewing = Renewing(Taken(clock), clock)
    await renewing.resolve()
    clock.pass_(timedelta(minutes=48))
    assert renewing.at_hand() is not None
    clock.pass_(timedelta(seconds=1))
    assert renewing.at_hand() is None


@pytest.mark.parametrize("instant", [True, False])
async def test_keys_without_an_end_are_at_hand_when_their_owner_says_so(instant: bool) -> None:
    forever = AwsCredentials(access_key_id="AKIA1", secret_access_key=Secret("s"))

    async def take() -> AwsCredentials:
        return forever

    renewing = Renewing(take, FakeClock(), instant=lambda: instant, at_hand=lambda: forever)
    await renewing.resolve()
    assert renewing.at_hand() == (forever if instant else None)


async def test_a_session_is_not_at_hand_before_it_was_opened_and_temporary_keys_are(scene: Scene) -> None:
    assert scene.session().at_hand() is None
    found = scene.session(token=Secret("t")).at_hand()
    assert found is not None
    assert found.session_token is not None


async def test_a_renewal_that_failed_for_another_reason_calls_for_nobody() -> None:
    clock = FakeClock()
    taken = Taken(clock)
    renewing = Renewing(taken, clock)
    await renewing.resolve()
    taken.trouble = UpstreamFailed("no network")
    clock.pass_(timedelta(minutes=50))
    await renewing.resolve()
    await settled()
    assert renewing.lapse is None
    await renewing.close()


@pytest.mark.parametrize(("person", "times"), [(False, [1, 1, 2, 2]), (True, [2, 3, 4, 5])])
async def test_short_lives_are_renewed_at_half_unless_a_person_is_to_be_told_ahead(
    person: bool, times: list[int]
) -> None:
    clock = FakeClock()
    taken = Taken(clock, lasting=timedelta(minutes=10))
    renewing, seen = Renewing(taken, clock, person=person), []
    await renewing.resolve()
    for minutes in (1, 3, 2, 4):
        clock.pass_(timedelta(minutes=minutes))
        await renewing.resolve()
        await settled()
        seen.append(taken.times)
    assert seen == times


async def test_what_comes_back_unchanged_is_tried_again_and_not_later_and_later() -> None:
    """botocore hands out what it has when an early renewal fails."""
    clock = FakeClock()
    taken = Taken(clock, lasting=timedelta(minutes=20))
    renewing = Renewing(taken, clock)
    same = await renewing.resolve()

    async def unchanged() -> AwsCredentials:
        taken.times += 1
        return same

    renewing = Renewing(unchanged, clock)
    renewing.put(same)
    clock.pass_(timedelta(minutes=10, seconds=1))
    for times in (2, 3, 4):
        await renewing.resolve()
        await settled()
        assert taken.times == times
        clock.pass_(timedelta(seconds=31))
