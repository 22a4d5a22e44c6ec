"""Who gets a token, when a person is asked for one, and what many processes do about one login."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from sentinel_server.credentials.logins import OTHERS, Logins
from sentinel_server.credentials.sso import Client, Notes, Progress, Token
from sentinel_server.errors import LoginRequired, UpstreamFailed
from sentinel_server.secret import Secret
from tests.fakes.clock import FakeClock
from tests.fakes.logins import LOGIN, FakeFiles, FakeScreen, FakeSignIn, passing

WAITING, TOO_FAST, GONE = Progress.WAITING, Progress.TOO_FAST, Progress.GONE


@dataclass(slots=True)
class Scene:
    """One process on a machine."""

    clock: FakeClock = field(default_factory=FakeClock)
    files: FakeFiles = field(default_factory=FakeFiles)
    screen: FakeScreen = field(default_factory=FakeScreen)
    sign_in: FakeSignIn = field(init=False)
    logins: Logins = field(init=False)

    def __post_init__(self) -> None:
        self.sign_in = FakeSignIn(self.clock)
        self.logins = self.process()

    def process(self, *, meanwhile: object = None) -> Logins:
        """Another process; `meanwhile` is called at each of its pauses."""
        then = meanwhile if callable(meanwhile) else lambda: None
        pause = passing(self.clock, then)
        return Logins(self.files, self.sign_in, self.clock, screen=self.screen, pause=pause)

    def token(self, name: str, left: timedelta, *, refresh: str | None = None) -> Token:
        """A token with so much of its life left."""
        client = Client(id="c", secret=Secret("s"), expires_at=self.clock.now() + timedelta(days=1))
        return Token(
            access=Secret(name),
            expires_at=self.clock.now() + left,
            refresh=Secret(refresh) if refresh else None,
            client=client,
        )


HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def refused(logins: Logins, *, attended: bool = True) -> LoginRequired:
    with pytest.raises(LoginRequired) as caught:
        await logins.token(LOGIN, attended=attended)
    return caught.value


async def test_a_token_that_lasts_is_used_as_it_is(scene: Scene) -> None:
    scene.files.token = scene.token("good", HOUR, refresh="r")
    assert await scene.logins.token(LOGIN) == scene.files.token
    assert (scene.files.turns, scene.sign_in.refreshes) == (0, [])


@pytest.mark.parametrize("left", [14 * MINUTE, -HOUR])
async def test_one_that_ends_soon_or_has_ended_is_refreshed_without_a_person(
    scene: Scene, left: timedelta
) -> None:
    scene.files.token = scene.token("old", left, refresh="r")
    scene.sign_in.refreshed = scene.token("new", 8 * HOUR, refresh="r2")
    assert await scene.logins.token(LOGIN) == scene.sign_in.refreshed == scene.files.token
    assert scene.sign_in.begun == 0


async def test_one_that_cannot_be_refreshed_is_used_to_its_end(scene: Scene) -> None:
    scene.files.token = scene.token("old", MINUTE, refresh="r")
    for refresh in (None, UpstreamFailed("no network")):
        scene.sign_in.refreshed = refresh
        assert await scene.process().token(LOGIN) == scene.files.token
    scene.files.token = scene.token("old", MINUTE)
    assert await scene.logins.token(LOGIN) == scene.files.token


async def test_a_refresh_token_that_was_refused_is_not_tried_again(scene: Scene) -> None:
    scene.files.token = scene.token("old", -MINUTE, refresh="r")
    for _ in range(3):
        await refused(scene.logins, attended=False)
    assert len(scene.sign_in.refreshes) == 1


async def test_without_a_network_a_lapsed_login_is_not_called_a_missing_one(scene: Scene) -> None:
    scene.files.token = scene.token("old", -MINUTE, refresh="r")
    scene.sign_in.refreshed = UpstreamFailed("no network")
    with pytest.raises(UpstreamFailed):
        await scene.logins.token(LOGIN, attended=True)
    assert scene.screen.shown == []


async def test_nobody_is_asked_where_nobody_is(scene: Scene) -> None:
    error = await refused(scene.logins, attended=False)
    assert error.message == "there is no login to sso-session 'corp'"
    assert "sentinel sso login --profile work" in error.hint
    scene.files.token = scene.token("old", -MINUTE)
    assert "has ended" in (await refused(scene.logins, attended=False)).message
    scene.screen.there = False
    assert "neither a terminal nor a browser" in (await refused(scene.logins)).message
    assert (scene.sign_in.begun, scene.files.turns) == (0, 1)


async def test_a_person_is_shown_one_code_and_what_they_confirm_is_kept(scene: Scene) -> None:
    given = scene.token("new", 8 * HOUR)
    scene.sign_in.answers = [WAITING, WAITING, given]
    assert await scene.logins.token(LOGIN, attended=True) == given == scene.files.token
    assert scene.screen.shown == [("CODE-1", True)]
    assert scene.files.notes == Notes()


async def test_who_asks_too_fast_asks_more_slowly(scene: Scene) -> None:
    scene.sign_in.answers = [WAITING, TOO_FAST, WAITING, scene.token("new", HOUR)]
    before = scene.clock.monotonic()
    await scene.logins.token(LOGIN, attended=True)
    assert scene.clock.monotonic() - before == 5 + 5 + 10 + 10


async def test_a_code_that_nobody_confirms_is_given_up_when_it_ends(scene: Scene) -> None:
    scene.sign_in.answers = [WAITING]
    before = scene.clock.monotonic()
    error = await refused(scene.logins)
    assert error.message == "nobody confirmed the code CODE-1 in time to log in to sso-session 'corp'"
    assert scene.clock.monotonic() - before == 600


async def test_a_short_trouble_with_the_network_ends_no_login_and_a_long_one_does(scene: Scene) -> None:
    trouble, given = UpstreamFailed("no network"), scene.token("new", HOUR)
    scene.sign_in.answers = [trouble, trouble, WAITING, trouble, trouble, given]
    assert await scene.logins.token(LOGIN, attended=True) == given
    scene.files.token, scene.sign_in.answers = None, [trouble]
    with pytest.raises(UpstreamFailed):
        await scene.logins.token(LOGIN, attended=True)


async def test_a_declined_login_is_told_to_those_who_waited_and_not_asked_for_again(scene: Scene) -> None:
    declined = LoginRequired("the login was declined")
    scene.sign_in.answers = [declined]
    scene.files.busy = True

    async def decline() -> None:
        scene.files.busy = False
        assert (await refused(scene.process())).message == declined.message
        scene.files.busy = False

    looks = 0

    def meanwhile() -> None:
        nonlocal looks
        looks += 1
        if looks == 3:  # the one that had the turn ends with a refusal
            scene.files.busy, scene.files.notes = False, Notes(failures=1, why="the login was declined")

    error = await refused(scene.process(meanwhile=meanwhile))
    assert (error.message, scene.sign_in.begun) == ("the login was declined", 0)
    await decline()
    assert scene.sign_in.begun == 1  # who comes later may try again


async def test_what_another_process_gets_is_used_by_those_who_wait(scene: Scene) -> None:
    scene.files.busy = True
    scene.files.notes = Notes(device=scene.sign_in.device())
    looks = 0

    def meanwhile() -> None:
        nonlocal looks
        looks += 1
        if looks == 5:
            scene.files.token = scene.token("theirs", HOUR)

    found = await scene.process(meanwhile=meanwhile).token(LOGIN, attended=True)
    assert found == scene.files.token
    assert (scene.screen.waited, scene.sign_in.begun) == (1, 0)


async def test_the_next_goes_on_with_the_code_of_one_that_died_and_opens_no_second_page(scene: Scene) -> None:
    scene.files.notes = Notes(device=scene.sign_in.device(7))
    scene.sign_in.answers = [scene.token("new", HOUR)]
    await scene.logins.token(LOGIN, attended=True)
    assert scene.sign_in.begun == 0
    assert scene.screen.shown == [("CODE-7", False)]
    assert [device.code for device in scene.sign_in.asked] == [Secret("device-7")]


async def test_a_code_that_has_ended_or_was_used_is_not_gone_on_with(scene: Scene) -> None:
    scene.files.notes = Notes(device=scene.sign_in.device(7))
    scene.clock.pass_(10 * MINUTE)
    scene.sign_in.answers = [scene.token("new", HOUR)]
    await scene.logins.token(LOGIN, attended=True)
    assert scene.screen.shown == [("CODE-1", True)]
    scene.files.token, scene.files.notes = None, Notes(device=scene.sign_in.device(8))
    scene.sign_in.answers = [GONE, scene.token("newer", HOUR)]
    await scene.logins.token(LOGIN, attended=True)
    assert scene.screen.shown[1:] == [("CODE-8", False), ("CODE-2", True)]


async def test_a_code_of_our_own_that_is_gone_is_a_refusal_and_no_loop(scene: Scene) -> None:
    scene.sign_in.answers = [GONE]
    assert "not known any more" in (await refused(scene.logins)).message
    assert scene.sign_in.begun == 1


async def test_a_fetch_does_not_wait_long_for_another_process(scene: Scene) -> None:
    scene.files.token = scene.token("old", -MINUTE, refresh="r")
    scene.files.busy = True
    before = scene.clock.monotonic()
    error = await refused(scene.logins, attended=False)
    assert "another process is logging in" in error.message
    assert scene.clock.monotonic() - before <= OTHERS + 1


async def test_a_persons_command_does_not_wait_for_ever_for_a_process_that_hangs(scene: Scene) -> None:
    scene.files.busy = True
    before = scene.clock.monotonic()
    assert "another process is logging in" in (await refused(scene.logins)).message
    assert 600 < scene.clock.monotonic() - before < 700


async def test_a_token_that_the_portal_rejected_is_replaced(scene: Scene) -> None:
    scene.files.token = scene.token("revoked", HOUR)
    scene.logins.reject(scene.files.token)
    await refused(scene.logins, attended=False)
    scene.sign_in.answers = [scene.token("new", HOUR)]
    assert (await scene.logins.token(LOGIN, attended=True)).access == Secret("new")


async def test_a_login_anew_is_made_although_there_is_a_good_one(scene: Scene) -> None:
    scene.files.token = scene.token("good", HOUR, refresh="r")
    scene.sign_in.answers = [scene.token("anew", HOUR)]
    assert (await scene.logins.token(LOGIN, attended=True, anew=True)).access == Secret("anew")
    assert scene.sign_in.refreshes == []


async def test_giving_up_leaves_the_code_for_the_next(scene: Scene) -> None:
    scene.sign_in.answers = [WAITING]
    asked = asyncio.Event()

    async def pause(_: float) -> None:
        asked.set()
        await asyncio.Event().wait()

    logins = Logins(scene.files, scene.sign_in, scene.clock, screen=scene.screen, pause=pause)
    waiting = asyncio.create_task(logins.token(LOGIN, attended=True))
    await asked.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert scene.files.notes.device is not None
    assert scene.files.notes.failures == 0
