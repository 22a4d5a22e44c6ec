"""Rotation: whatever interrupts it, wherever, there is a working key, and the same command ends it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from sentinel_server.errors import NotFound, Refused, RotationStopped, SentinelError, UpstreamFailed
from sentinel_server.keyring.keys import Keys
from sentinel_server.keyring.model import AccessKey, StoredKey
from sentinel_server.keyring.names import session_name
from sentinel_server.keyring.rotate import PATIENCE, NotYet, Rotated, Rotator
from sentinel_server.keyring.vault import Item
from sentinel_server.secret import Secret
from tests.fakes.access_keys import Crash, FakeAccessKeys, SteppingVault, Steps
from tests.fakes.clock import FakeClock
from tests.fakes.turns import FakeTurns

OLD = AccessKey(id="AKIAOLDOLDOLDOLD", secret=Secret("secret-of-old"))
FOREIGN = AccessKey(id="AKIAFOREIGNFORE", secret=Secret("secret-of-others"))


class Scene:
    """A keyring with one key, AWS with the same, and steps that can be counted and ended."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.steps = Steps()
        self.vault = SteppingVault(self.clock, self.steps)
        self.turns = FakeTurns()
        self.keys = Keys(self.vault, self.turns, self.clock)
        self.aws = FakeAccessKeys(self.clock, OLD, self.steps)
        self.said: list[str] = []

    async def begin(self, *profiles: str) -> None:
        """Keep the old key for these profiles, and count from now on."""
        for profile in profiles or ("base",):
            await self.keys.add(profile, OLD)
        self.steps.done.clear()

    def end_at(self, step: int | None, *, after: bool = False, error: BaseException | None = None) -> None:
        """Count from now on, and end the step of this number."""
        self.steps.done.clear()
        self.steps.at, self.steps.after, self.steps.error = step, after, error or Crash()

    async def rotate(self, profile: str = "base") -> Rotated:
        """Rotate, as a new process."""

        async def pause(much: timedelta) -> None:
            self.clock.pass_(much)

        rotator = Rotator(self.vault, FakeTurns(), self.aws, self.clock, pause, self.said.append)
        return await rotator.rotate(profile)

    async def stored(self, profile: str = "base") -> StoredKey:
        """What is kept now."""
        stored = await self.keys.get(profile)
        assert stored is not None
        return stored

    async def in_use_works(self, profile: str = "base") -> bool:
        """Whether AWS has the key that is kept, with the secret that is kept."""
        key = (await self.stored(profile)).key
        known = self.aws.keys.get(key.id)
        return known is not None and known[0].secret.reveal() == key.secret.reveal()


@pytest.fixture
async def scene() -> Scene:
    made = Scene()
    await made.begin()
    return made


async def test_a_new_key_takes_the_place_of_the_old_one(scene: Scene) -> None:
    done = await scene.rotate()
    assert done == Rotated(old=OLD.id, new="AKIAMADE00000001", user="dev", profiles=("base",))
    stored = await scene.stored()
    assert (stored.key.id, stored.rotation, list(scene.aws.keys)) == (done.new, None, [done.new])
    assert await scene.in_use_works()
    assert scene.steps.done == ["list", "change", "create", "change", "change", "delete", "change"]


STEPS = 7


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("first", range(1, STEPS + 1))
async def test_after_a_crash_at_any_step_there_is_a_working_key_and_the_same_command_ends_it(
    scene: Scene, first: int, after: bool
) -> None:
    scene.end_at(first, after=after)
    with pytest.raises(Crash):
        await scene.rotate()
    assert await scene.in_use_works()
    scene.end_at(None)
    done = await scene.rotate()
    assert await scene.in_use_works()
    assert list(scene.aws.keys) == [done.new]
    assert (await scene.stored()).rotation is None


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("first", range(1, STEPS + 1))
@pytest.mark.parametrize("second", range(1, STEPS + 2))
async def test_two_crashes_are_no_worse_than_one(scene: Scene, first: int, second: int, after: bool) -> None:
    for step in (first, second):
        scene.end_at(step, after=after)
        try:
            await scene.rotate()
        except Crash:
            assert await scene.in_use_works()
    scene.end_at(None)
    await scene.rotate()
    assert await scene.in_use_works()
    assert len(scene.aws.keys) == 1


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", range(1, STEPS + 1))
async def test_an_error_at_any_step_says_which_key_is_in_use_and_can_be_resumed(
    scene: Scene, step: int, after: bool
) -> None:
    scene.end_at(step, after=after, error=UpstreamFailed("the wire broke"))
    with pytest.raises(RotationStopped, match="the wire broke") as stopped:
        await scene.rotate()
    stored = await scene.stored()
    assert f"{stored.key.id} is in use" in stopped.value.message
    assert await scene.in_use_works()
    if stored.rotation is not None:
        assert stopped.value.hint == "carry on: sentinel keyring rotate base"
    scene.end_at(None)
    await scene.rotate()
    assert (await scene.in_use_works(), len(scene.aws.keys)) == (True, 1)


async def test_a_key_that_was_made_and_lost_is_deleted_and_said(scene: Scene) -> None:
    scene.end_at(3, after=True)
    with pytest.raises(Crash):
        await scene.rotate()
    assert sorted(scene.aws.keys) == ["AKIAMADE00000001", OLD.id]
    scene.end_at(None)
    done = await scene.rotate()
    assert done.new == "AKIAMADE00000002"
    assert "deleted AKIAMADE00000001, which was made and lost when this was interrupted" in scene.said


async def test_a_key_that_somebody_else_made_is_not_deleted(scene: Scene) -> None:
    scene.end_at(3)
    with pytest.raises(Crash):
        await scene.rotate()
    scene.end_at(None)
    scene.aws.keys[FOREIGN.id] = (FOREIGN, scene.clock.now() - timedelta(hours=1))
    with pytest.raises(RotationStopped, match="which is not ours"):
        await scene.rotate()
    assert FOREIGN.id in scene.aws.keys


async def test_a_second_key_leaves_no_room_and_nothing_is_begun(scene: Scene) -> None:
    scene.aws.keys[FOREIGN.id] = (FOREIGN, scene.clock.now())
    with pytest.raises(RotationStopped, match=f"has a second access key, {FOREIGN.id}") as stopped:
        await scene.rotate()
    assert f"aws iam delete-access-key --user-name dev --access-key-id {FOREIGN.id}" in stopped.value.hint
    assert ((await scene.stored()).rotation, scene.steps.done) == (None, ["list"])


async def test_what_aws_refuses_to_make_leaves_no_rotation_behind(scene: Scene) -> None:
    scene.aws.refuses["create"] = Refused("AWS refuses it", hint="the user needs iam:CreateAccessKey")
    with pytest.raises(RotationStopped, match="AWS refuses it") as stopped:
        await scene.rotate()
    assert stopped.value.hint == "the user needs iam:CreateAccessKey"
    assert (await scene.stored()).rotation is None


async def test_what_aws_refuses_to_delete_can_be_deleted_later(scene: Scene) -> None:
    scene.aws.refuses["delete"] = Refused("AWS refuses it")
    with pytest.raises(RotationStopped, match="AKIAMADE00000001 is in use"):
        await scene.rotate()
    scene.aws.refuses.clear()
    assert (await scene.rotate()).old == OLD.id
    assert list(scene.aws.keys) == ["AKIAMADE00000001"]


async def test_a_new_key_is_waited_for_until_aws_knows_it(scene: Scene) -> None:
    scene.aws.slow = 20
    began = scene.clock.now()
    await scene.rotate()
    assert scene.clock.now() - began == timedelta(seconds=22)


async def test_a_key_that_aws_never_accepts_is_never_taken_into_use(scene: Scene) -> None:
    scene.aws.slow = 10_000
    with pytest.raises(RotationStopped, match=f"has not accepted AKIAMADE00000001 for {PATIENCE.seconds} s"):
        await scene.rotate()
    stored = await scene.stored()
    assert stored.key.id == OLD.id
    assert stored.rotation is not None
    scene.aws.slow = 0
    assert (await scene.rotate()).new == "AKIAMADE00000001"


async def test_a_new_key_that_somebody_deleted_is_forgotten(scene: Scene) -> None:
    scene.end_at(4, after=True)
    with pytest.raises(Crash):
        await scene.rotate()
    scene.end_at(None)
    del scene.aws.keys["AKIAMADE00000001"]
    with pytest.raises(RotationStopped):
        await scene.rotate()
    assert ((await scene.stored()).rotation, await scene.in_use_works()) == (None, True)
    assert (await scene.rotate()).new == "AKIAMADE00000002"


async def test_the_old_key_is_taken_into_use_again_when_the_new_one_is_gone(scene: Scene) -> None:
    scene.end_at(5, after=True)
    with pytest.raises(Crash):
        await scene.rotate()
    scene.end_at(None)
    del scene.aws.keys["AKIAMADE00000001"]
    with pytest.raises(RotationStopped, match=f"{OLD.id} is in use"):
        await scene.rotate()
    assert await scene.in_use_works()


async def test_the_part_of_aws_that_deletes_may_learn_of_the_key_later(scene: Scene) -> None:
    scene.end_at(6, error=NotYet("not known here yet"))
    await scene.rotate()
    assert len(scene.aws.keys) == 1


async def test_all_profiles_with_the_key_get_the_new_one_and_lose_its_sessions() -> None:
    scene = Scene()
    await scene.begin("base", "work")
    await scene.keys.add("other", FOREIGN)
    until = scene.clock.now() + timedelta(hours=1)
    sessions = {name: session_name(name, ["x"]) for name in ("base", "work", "other")}
    await scene.vault.change({name: Item(value=Secret("{}"), until=until) for name in sessions.values()})
    done = await scene.rotate("work")
    assert done.profiles == ("base", "work")
    assert await scene.in_use_works("base")
    assert (await scene.stored("other")).key.id == FOREIGN.id
    kept = await scene.vault.listing()
    assert [name for name in sessions.values() if name in kept] == [sessions["other"]]


async def test_a_rotation_of_the_same_key_under_another_profile_goes_first() -> None:
    scene = Scene()
    await scene.begin("base", "work")
    scene.end_at(4, after=True)
    with pytest.raises(Crash):
        await scene.rotate("work")
    scene.end_at(None)
    with pytest.raises(RotationStopped) as stopped:
        await scene.rotate("base")
    assert stopped.value.hint == "end that rotation first: sentinel keyring rotate work"


async def test_a_key_that_aws_lists_for_nobody_is_not_rotated(scene: Scene) -> None:
    scene.aws.keys = {FOREIGN.id: (FOREIGN, scene.clock.now())}
    with pytest.raises(RotationStopped, match=f"does not list {OLD.id}"):
        await scene.rotate()


async def test_what_is_not_kept_is_not_rotated(scene: Scene) -> None:
    with pytest.raises(NotFound):
        await scene.rotate("nobody")


class HeldKeys(FakeAccessKeys):
    """Makes a key only when a test lets it."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene.clock, OLD, scene.steps)
        self.started, self.go_on = asyncio.Event(), asyncio.Event()

    async def create(self, user: str) -> AccessKey:
        """A new key, when it may."""
        self.started.set()
        await self.go_on.wait()
        return await super().create(user)


async def test_who_is_told_to_stop_keeps_the_key_that_was_being_made(scene: Scene) -> None:
    scene.aws = held = HeldKeys(scene)
    rotating = asyncio.create_task(scene.rotate())
    await held.started.wait()
    rotating.cancel()
    held.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await rotating
    rotation = (await scene.stored()).rotation
    assert rotation is not None
    assert rotation.made is not None
    assert (await scene.rotate()).new == rotation.made.id


async def test_a_vault_that_fails_in_between_is_said(scene: Scene) -> None:
    scene.end_at(2, error=SentinelError("no disk"))
    with pytest.raises(RotationStopped, match="no disk"):
        await scene.rotate()
    assert (await scene.stored()).rotation is None
