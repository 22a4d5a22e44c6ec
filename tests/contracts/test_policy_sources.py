"""What every policy source promises."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sentinel_server.errors import InvalidIdentifier, InvalidPolicy, PolicyUnavailable
from sentinel_server.policy.parse import parse_policy
from tests.fakes.policies import Shelf, open_shelf

ALLOW = "version: 1\nrules:\n  - {name: all, effect: allow, match: any}\n"
DENY = "version: 1\nrules:\n  - {name: none, effect: deny, match: any}\n"


@pytest.fixture(params=["memory", "files", "ssm"])
async def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Shelf]:
    async with open_shelf(request.param, tmp_path) as opened:
        yield opened


async def test_a_policy_is_loaded_with_the_hash_of_its_bytes(shelf: Shelf) -> None:
    shelf.put("prod", ALLOW)
    loaded = await shelf.source.load("prod")
    assert loaded.policy == parse_policy(ALLOW, file="x")
    assert loaded.sha256 == hashlib.sha256(ALLOW.encode()).hexdigest()
    assert "prod" in loaded.name


async def test_every_load_reads_anew(shelf: Shelf) -> None:
    shelf.put("prod", ALLOW)
    first = await shelf.source.load("prod")
    shelf.put("prod", DENY)
    second = await shelf.source.load("prod")
    assert [loaded.policy.rules[0].name for loaded in (first, second)] == ["all", "none"]
    assert first.sha256 != second.sha256


async def test_each_profile_has_its_own_policy(shelf: Shelf) -> None:
    shelf.put("prod", DENY)
    shelf.put("dev-eu.1", ALLOW)
    prod, dev = await asyncio.gather(shelf.source.load("prod"), shelf.source.load("dev-eu.1"))
    assert (prod.policy.rules[0].name, dev.policy.rules[0].name) == ("none", "all")


async def test_a_missing_policy_is_unavailable(shelf: Shelf) -> None:
    with pytest.raises(PolicyUnavailable, match="no policy for prod"):
        await shelf.source.load("prod")


async def test_an_invalid_policy_is_unavailable_and_says_where_it_is_wrong(shelf: Shelf) -> None:
    shelf.put("prod", "version: 1\nrules:\n  - {name: a, effect: permit, match: any, condtions: {}}\n")
    with pytest.raises(
        PolicyUnavailable, match=r"prod.*:3:\d+: rules\[0\].effect: `permit`.*\(and 1 more\)"
    ) as caught:
        await shelf.source.load("prod")
    assert isinstance(caught.value.__cause__, InvalidPolicy)
    assert len(caught.value.__cause__.problems) == 2


@pytest.mark.parametrize("profile", ["", "../prod", "..", "a\0b", "a\nb", "a\x1b[2J"])
async def test_a_name_that_could_lead_elsewhere_is_refused(shelf: Shelf, profile: str) -> None:
    with pytest.raises(InvalidIdentifier):
        await shelf.source.load(profile)
