"""Bringing keys in: nothing is lost, overwritten unasked, or said to be there when it is not."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest

from sentinel_server.errors import KeyringUnavailable
from sentinel_server.keyring.aws_vault import Found, exported, found_in, passing
from sentinel_server.keyring.imports import Outcome, bring_in
from sentinel_server.keyring.keys import Keys
from sentinel_server.keyring.model import AccessKey
from sentinel_server.keyring.vault import Item, MemoryVault
from sentinel_server.secret import Secret
from tests.fakes.aws_vault import SESSION_NAME, an_item
from tests.fakes.clock import FakeClock
from tests.fakes.turns import FakeTurns

ONE = AccessKey(id="AKIAIOSFODNN7EXAMPLE", secret=Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"))
TWO = AccessKey(id="AKIAI44QH8DHBEXAMPLE", secret=Secret("je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY"))


class ForgetfulVault(MemoryVault):
    """Keeps nothing, or fails, as a test says."""

    forgets = fails = False

    async def change(self, write: Mapping[str, Item], erase: Collection[str] = ()) -> None:
        """Write and erase."""
        if self.fails:
            raise KeyringUnavailable("the disk is full")
        if not self.forgets:
            await super().change(write, erase)


@pytest.fixture
def vault() -> ForgetfulVault:
    return ForgetfulVault(FakeClock())


@pytest.fixture
def keys(vault: ForgetfulVault) -> Keys:
    return Keys(vault, FakeTurns(), FakeClock())


async def kept(keys: Keys) -> dict[str, str]:
    return {profile: stored.key.id for profile, stored in (await keys.of_all()).items()}


async def test_what_is_found_is_kept_and_said_in_order(keys: Keys) -> None:
    found = [Found(name="work", key=TWO), Found(name="base", key=ONE), Found(name="x", why="odd")]
    lines = await bring_in(keys, [*found, Found(name="s", why="a session", passing=True)])
    assert [(line.name, line.outcome, line.key_id) for line in lines] == [
        ("base", Outcome.IMPORTED, ONE.id),
        ("s", Outcome.LEFT, None),
        ("work", Outcome.IMPORTED, TWO.id),
        ("x", Outcome.FAILED, None),
    ]
    assert await kept(keys) == {"base": ONE.id, "work": TWO.id}
    assert [line.outcome.fine for line in lines] == [True, True, True, False]


async def test_a_second_time_everything_is_there_already(keys: Keys) -> None:
    found = [Found(name="base", key=ONE)]
    await bring_in(keys, found)
    (line,) = await bring_in(keys, found)
    assert (line.outcome, line.outcome.fine) == (Outcome.THERE, True)


async def test_another_key_is_left_in_place_unless_that_is_said(keys: Keys) -> None:
    await keys.add("base", ONE)
    (line,) = await bring_in(keys, [Found(name="base", key=TWO)])
    assert (line.outcome, line.outcome.fine, line.why) == (
        Outcome.DIFFERENT,
        False,
        f"{ONE.id} was left in place",
    )
    assert await kept(keys) == {"base": ONE.id}
    (line,) = await bring_in(keys, [Found(name="base", key=TWO)], replace=True)
    assert (line.outcome, await kept(keys)) == (Outcome.IMPORTED, {"base": TWO.id})


async def test_a_rehearsal_changes_nothing(keys: Keys) -> None:
    (line,) = await bring_in(keys, [Found(name="base", key=ONE)], dry_run=True)
    assert (line.outcome, await kept(keys)) == (Outcome.IMPORTED, {})


async def test_what_was_not_kept_is_not_said_to_be(keys: Keys, vault: ForgetfulVault) -> None:
    vault.forgets = True
    (line,) = await bring_in(keys, [Found(name="base", key=ONE)])
    assert (line.outcome, line.why) == (Outcome.FAILED, "the keyring did not keep it")


async def test_one_that_fails_does_not_stop_the_others(keys: Keys, vault: ForgetfulVault) -> None:
    vault.fails = True
    found = [Found(name="base", key=ONE), Found(name="bad]name", key=TWO)]
    lines = await bring_in(keys, found)
    assert [line.why for line in lines] == ["'bad]name' cannot be the name of a profile", "the disk is full"]


@pytest.mark.parametrize(
    ("name", "what"),
    [
        (SESSION_NAME, "a session, which will end"),
        ("session,YmFzZQ,,1500000000", "a session, which will end"),
        ("session:base::2017-01-01T00:00:00Z", "a session, which will end"),
        ("base session (1500000000)", "a session, which will end"),
        ("oidc:https://example.awsapps.com/start", "a token of an SSO login, which will end"),
        ("base", ""),
        ("my,profile", ""),
        ("session", ""),
    ],
)
def test_what_ends_by_itself_is_told_by_its_name(name: str, what: str) -> None:
    assert passing(name) == what


def test_an_item_is_called_what_it_says_itself() -> None:
    found = found_in(an_item("two/words", ONE.id, ONE.secret.reveal()), "two%2Fwords")
    assert (found.name, found.key is not None) == ("two/words", True)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"Key": "x", "Data": "!"}', '{"Key": "x", "Data": "bnVsbA=="}']
)
def test_what_aws_vault_does_not_write_is_said(text: str) -> None:
    assert "it is not what aws-vault writes" in found_in(text, "name").why


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"AccessKeyId": "AKIA"}'])
def test_what_aws_vault_does_not_print_is_said(text: str) -> None:
    assert exported(text, "name").why == "aws-vault did not print a key"


def test_a_key_that_is_none_is_said_without_its_secret() -> None:
    found = exported('{"AccessKeyId": "nonsense", "SecretAccessKey": "the-secret-of-it-all"}', "name")
    assert found.key is None
    assert "secret-of" not in found.why
