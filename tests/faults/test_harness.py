"""The harness notices what it is there to notice."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from tests.faults.cells import Cell, Moment
from tests.faults.faults import of_clock
from tests.faults.ground import Ground, ground
from tests.faults.guest import Guest, within
from tests.faults.house import house
from tests.faults.loop import WatchedLoop, owned, the_loop


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with ground("harness", tmp_path_factory.mktemp("ground"), shared=False) as made:
        yield made


def in_a_watched_loop(work: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=WatchedLoop) as runner:
        runner.run(work)


def test_a_guest_served_after_its_revocation_was_acknowledged_is_noticed(local: Ground) -> None:
    async def lie() -> None:
        async with house(local, "house") as open_house:
            guest = Guest("guest", open_house)
            await guest.settle_in()
            assert (await guest.fetch()).code == "Success"
            assert guest.wrong == []
            guest.revoked = True
            await guest.fetch()
            await guest.close()
            assert guest.wrong == ["served after its revocation was acknowledged"]

    in_a_watched_loop(lie())


def test_a_key_told_to_last_longer_than_it_may_is_noticed(local: Ground) -> None:
    async def dilate() -> None:
        async with house(local, "house") as open_house:
            guest = Guest("guest", open_house)
            await guest.settle_in()
            guest._check_credentials("ASIANEVERGIVEN", local.truth.now(), revoked=False)
            (key,) = {(await guest.fetch()).key}
            end = local.ends_at(key)
            assert end is not None
            guest._check_credentials(key, end.replace(year=end.year + 1), revoked=False)
            await guest.close()
            assert [wrong.partition(" that ")[0] for wrong in guest.wrong] == [
                "served a key",
                "told",
                "told",
            ]

    in_a_watched_loop(dilate())


def test_a_refusal_that_quotes_a_secret_or_rambles_is_noticed(local: Ground) -> None:
    async def ramble() -> None:
        async with house(local, "house") as open_house:
            guest = Guest("guest", open_house)
            await guest.settle_in()
            await guest.fetch()
            guest._check_refusal(next(iter(local.aws.secrets)), "short")
            guest._check_refusal("", "x" * 400)
            guest._check_refusal("", "an unexpected KeyError came")
            assert len(guest.wrong) == 3
            await guest.close()

    in_a_watched_loop(ramble())


def test_a_task_that_is_left_behind_is_its_owners() -> None:
    async def leave() -> None:
        with owned("somebody"):
            left = asyncio.create_task(asyncio.sleep(60))
        assert await the_loop().cleared("somebody") == ["sleep"]
        assert the_loop().left_by("somebody else") == []
        left.cancel()
        await asyncio.gather(left, return_exceptions=True)
        assert await the_loop().cleared("somebody") == []

    in_a_watched_loop(leave())


def test_what_does_not_end_in_time_is_given_up() -> None:
    async def wait() -> None:
        assert await within(0.01, asyncio.Event().wait()) is None
        assert await within(5.0, asyncio.sleep(0)) is not None

    in_a_watched_loop(wait())


def test_a_surprise_in_a_cell_is_wrong() -> None:
    cell = Cell(fault=of_clock()[0], moment=Moment.STEADY)
    cell.expect(["ClockSkewed", "ClockSkewed"], frozenset({"ClockSkewed"}))
    assert (cell.said, cell.wrong) == (["ClockSkewed"], [])
    cell.expect(["Success"], frozenset({"ClockSkewed"}))
    assert cell.wrong == ["Success, where only ClockSkewed is right"]
