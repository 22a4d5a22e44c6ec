"""Codes from a seed in the keyring: this moment's, and the next one's when that was used already."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from sentinel_server.adapters.local.seeds import SeedCodes
from sentinel_server.credentials.ports import CodeAsk
from sentinel_server.errors import LoginRequired
from sentinel_server.sandbox.mfa import code_at
from sentinel_server.secret import Secret
from tests.fakes.clock import FakeClock

SERIAL = "arn:aws:iam::111122223333:mfa/dev"
SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@dataclass(slots=True)
class Kept:
    """A keyring with one seed."""

    seed: str = SEED
    clock: FakeClock = field(default_factory=FakeClock)
    paused: list[float] = field(default_factory=list)

    async def read(self, serial: str) -> Secret | None:
        return Secret(self.seed) if serial == SERIAL else None

    async def pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        self.clock.pass_(timedelta(seconds=seconds))

    async def code(self, *, serial: str = SERIAL, refused: int = 0) -> str | None:
        ask = CodeAsk(profile="prod", serial=serial, attended=False, refused=refused)
        return await SeedCodes(self.read, self.clock, self.pause).code(ask)

    def step(self) -> int:
        return int(self.clock.now().timestamp()) // 30


async def test_the_code_of_this_moment_is_given_without_anybody() -> None:
    kept = Kept()
    assert await kept.code() == code_at(SEED, kept.step())
    assert await kept.code(serial=f"{SERIAL}2") is None


async def test_after_a_refusal_the_next_code_is_waited_for_and_no_further_one() -> None:
    kept = Kept()
    kept.clock.pass_(timedelta(seconds=12))
    before = kept.step()
    assert await kept.code(refused=1) == code_at(SEED, before + 1)
    assert kept.paused == [18]
    assert await kept.code(refused=2) is None


async def test_a_seed_that_is_none_is_said_without_quoting_it() -> None:
    with pytest.raises(
        LoginRequired, match=r"seed of .* cannot be used: the secret is not Base32"
    ) as refused:
        await Kept(seed="hidden!").code()
    assert "hidden" not in refused.value.line()
