"""A hint is a command to copy: a profile's name is one word of it, whatever is in the name."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from sentinel_server.access.gate import Gate
from sentinel_server.access.once import issue_once
from sentinel_server.errors import SentinelError
from sentinel_server.policy.schema import Conditions, Effect, Rule
from tests.fakes.gate import World, loaded

NAME = "my prod; rm -rf ~"


@pytest.mark.parametrize("effect", [Effect.DENY, Effect.REQUIRE_SERVER])
async def test_the_name_of_a_profile_is_quoted(effect: Effect) -> None:
    world = World()
    world.policies.policy = loaded(Rule(name="a", effect=effect, conditions=Conditions(profiles=(NAME,))))
    seat = world.a_seat()
    seat.ask = replace(seat.ask, profile=NAME)
    with pytest.raises(SentinelError) as refused:
        await issue_once(Gate(world.sources), seat)
    assert NAME in shlex.split(refused.value.hint)
