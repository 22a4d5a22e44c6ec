"""Checks run side by side, and none that breaks or hangs hides the others."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from sentinel_server.diagnosis.checkup import Check, examine
from sentinel_server.diagnosis.model import (
    Finding,
    Topic,
    Verdict,
    exit_status,
    ok,
    problem,
    unknown,
    warning,
)
from sentinel_server.errors import StoreUnavailable

GOOD = ok(Topic.STORES, "all is well")


class Look:
    """A check that waits for `gate`, then fails with `error` or finds that all is well."""

    def __init__(self, gate: asyncio.Event | None = None, error: Exception | None = None) -> None:
        self._gate = gate
        self._error = error

    async def __call__(self) -> Sequence[Finding]:
        """Look."""
        if self._gate is not None:
            await self._gate.wait()
        if self._error is not None:
            raise self._error
        return [GOOD]


def check(look: Look, seconds: float = 30) -> Check:
    """A check of the stores."""
    return Check(topic=Topic.STORES, doing="asking the store", look=look, seconds=seconds)


async def test_a_check_that_hangs_is_given_up_and_the_others_are_told() -> None:
    found = await examine([check(Look()), check(Look(gate=asyncio.Event()), seconds=0.01), check(Look())])
    assert found == (GOOD, unknown(Topic.STORES, "asking the store: no answer within 0.01 s"), GOOD)


async def test_what_is_refused_is_a_problem_with_its_own_way_out() -> None:
    (found,) = await examine([check(Look(error=StoreUnavailable("the store is silent", hint="wake it")))])
    assert found == problem(Topic.STORES, "the store is silent", mend="wake it")


async def test_a_mistake_of_ours_is_told_without_its_words() -> None:
    found = await examine([check(Look(error=KeyError("canary-secret"))), check(Look())])
    assert found[0].verdict is Verdict.UNKNOWN
    assert "internal error: KeyError" in found[0].what
    assert "canary" not in f"{found[0]}"
    assert found[1] == GOOD


async def test_checks_do_not_wait_for_each_other() -> None:
    """The first only ends when the second has begun."""
    gate = asyncio.Event()

    class Opens(Look):
        async def __call__(self) -> Sequence[Finding]:
            gate.set()
            return [GOOD]

    assert await examine([check(Look(gate=gate)), check(Opens())]) == (GOOD, GOOD)


@pytest.mark.parametrize(
    ("findings", "status"),
    [
        ([], 0),
        ([GOOD, warning(Topic.STATE, "open", "others read it")], 0),
        ([GOOD, problem(Topic.STATE, "gone")], 1),
        ([problem(Topic.STATE, "gone"), unknown(Topic.STORES, "silent"), GOOD], 6),
    ],
)
def test_the_exit_status_says_whether_all_was_seen_and_whether_all_is_well(
    findings: list[Finding], status: int
) -> None:
    assert exit_status(findings) == status
