"""Which signatures count, and what signs, as it is set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from sentinel_server.adapters.local.key_file import generate_key, read_key_set, write_key_set
from sentinel_server.errors import InvalidSetting
from sentinel_server.policy.keys import KeySet
from sentinel_server.policy.roots import sign_key_set
from sentinel_server.requests.rules import no_signature_wanted
from sentinel_server.requests.signing import signed
from sentinel_server.settings.resolve import ConfigFile, Directories, Settings, resolve
from sentinel_server.wiring import open_vote_signer, vote_check
from tests.fakes.clock import FakeClock
from tests.fakes.requests import BOB, NOON, a_request, vote_of
from tests.fakes.signers import key_pair

Set = Callable[..., Settings]


@pytest.fixture
def settings(tmp_path: Path) -> Set:
    """Settings by the last part of their names, with no file and no variables."""
    places = Directories(config=tmp_path, state=tmp_path)

    def make(**flags: str) -> Settings:
        file = ConfigFile(path=tmp_path / "config.yaml")
        return resolve({f"approvals.{name}": text for name, text in flags.items()}, {}, file, places)

    return make


@pytest.fixture
def bobs_key(tmp_path: Path) -> Path:
    """Bob's private key; its public half is pinned in `approvers.json`."""
    public = generate_key(tmp_path / "bob.key")
    write_key_set(tmp_path / "approvers.json", KeySet(keys=(replace(public, owner=BOB.person),)))
    return tmp_path / "bob.key"


async def test_a_key_file_signs_and_the_pinned_keys_check(settings: Set, bobs_key: Path) -> None:
    pinned = str(bobs_key.parent / "approvers.json")
    request = a_request()
    vote = vote_of(BOB, request, NOON)
    async with open_vote_signer(settings(key_file=str(bobs_key))) as signer:
        assert signer is not None
        with_signature = await signed(signer, request, vote)
    later = NOON + timedelta(minutes=1)
    for said, unsigned_counts in (
        ({}, False),
        ({"signing": "optional"}, True),
        ({"signing": "required"}, False),
    ):
        check = await vote_check(settings(keys=pinned, **said), FakeClock())
        assert check(request, with_signature, later) == ""
        assert (check(request, vote, later) == "") is unsigned_counts


async def test_approvers_keys_count_only_as_the_root_signed_them_where_one_is_pinned(
    settings: Set, bobs_key: Path
) -> None:
    root, pinned = key_pair("root"), bobs_key.parent / "approvers.json"
    request = a_request()
    async with open_vote_signer(settings(key_file=str(bobs_key))) as signer:
        assert signer is not None
        vote = await signed(signer, request, vote_of(BOB, request, NOON))
    rooted = replace(settings(keys=str(pinned)), signing_root=(root.public.der,))
    later, clock = NOON + timedelta(minutes=1), FakeClock(NOON + timedelta(minutes=1))

    async def why_not() -> str:
        return (await vote_check(rooted, clock))(request, vote, later)

    assert "cannot be checked: the key set is not signed" in await why_not()
    write_key_set(pinned, await sign_key_set(root, read_key_set(pinned), serial=1, now=NOON))
    assert await why_not() == ""
    write_key_set(pinned, await sign_key_set(root, read_key_set(pinned), serial=2, now=NOON))
    assert await why_not() == ""
    write_key_set(pinned, await sign_key_set(root, read_key_set(pinned), serial=1, now=NOON))
    assert "cannot be checked" in (await vote_check(rooted, clock))(request, vote, later), (
        "an older set came back"
    )


async def test_without_keys_nothing_is_looked_at_and_nothing_signs(settings: Set) -> None:
    assert await vote_check(settings(), FakeClock()) is no_signature_wanted
    async with open_vote_signer(settings()) as signer:
        assert signer is None


async def test_required_without_keys_is_refused_and_not_taken_for_optional(settings: Set) -> None:
    with pytest.raises(InvalidSetting, match=r"approvals\.keys names no keys"):
        await vote_check(settings(signing="required"), FakeClock())


async def test_two_keys_of_ones_own_are_refused(settings: Set, bobs_key: Path) -> None:
    with pytest.raises(InvalidSetting, match="both set"):
        async with open_vote_signer(settings(key_file=str(bobs_key), kms_key="alias/mine")):
            pass


@pytest.mark.parametrize(
    ("name", "text"),
    [("signing", "yes"), ("ticket_pattern", "OPS-["), ("max_pending", "0"), ("keys", "x.json")],
)
def test_what_means_nothing_is_refused(settings: Set, name: str, text: str) -> None:
    with pytest.raises(InvalidSetting, match=rf"approvals\.{name}"):
        settings(**{name: text})
