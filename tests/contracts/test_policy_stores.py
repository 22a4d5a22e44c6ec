"""What every policy store promises to those who write."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from sentinel_server.errors import InvalidIdentifier, PolicyChanged
from sentinel_server.policy.stored import PolicyStore
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.policy_stores import MemoryStore, file_store, ssm_client, ssm_store
from tests.fakes.signers import ALLOW, DENY

_roots = count(1)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with embedded_aws() as running:
        yield running


@pytest.fixture(params=["memory", "files", "ssm"])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, sandbox: Sandbox
) -> AsyncIterator[PolicyStore]:
    if request.param == "memory":
        yield MemoryStore()
    elif request.param == "files":
        async with file_store(tmp_path) as opened:
            yield opened
    else:
        async with ssm_client(sandbox) as client:
            yield ssm_store(client, sandbox, f"/contract/{next(_roots)}")


async def test_nothing_is_there_at_first(store: PolicyStore) -> None:
    seen = await store.read("prod")
    assert (seen.data, seen.version, seen.envelope, seen.envelope_version) == (None, 0, None, 0)
    assert "prod" in seen.name
    assert "prod" in seen.place.parameter
    assert await store.history("prod") == ()


async def test_what_was_written_is_read_byte_for_byte(store: PolicyStore) -> None:
    data = b"version: 1  # \xc3\xa9 \r\n\n  trailing  \n\n"
    assert await store.write_policy(await store.read("prod"), data) == 1
    await store.write_envelope(await store.read("prod"), b'{"a":1}\n')
    seen = await store.read("prod")
    assert (seen.data, seen.version, seen.envelope, seen.envelope_version) == (data, 1, b'{"a":1}\n', 1)


async def test_every_version_is_remembered_newest_first(store: PolicyStore) -> None:
    for number, text in enumerate((ALLOW, DENY, ALLOW), 1):
        assert await store.write_policy(await store.read("prod"), text) == number
    history = await store.history("prod")
    assert [(each.version, each.data) for each in history] == [(3, ALLOW), (2, DENY), (1, ALLOW)]
    assert history[0].at >= history[2].at


async def test_a_policy_is_not_created_twice(store: PolicyStore) -> None:
    nothing = await store.read("prod")
    await store.write_policy(nothing, ALLOW)
    with pytest.raises(PolicyChanged):
        await store.write_policy(nothing, DENY)
    assert (await store.read("prod")).data == ALLOW


async def test_a20_the_version_that_was_shown_is_the_only_one_that_is_replaced(store: PolicyStore) -> None:
    await store.write_policy(await store.read("prod"), ALLOW)
    shown = await store.read("prod")
    await store.write_policy(shown, DENY)
    with pytest.raises(PolicyChanged):
        await store.write_policy(shown, b"version: 1\nrules: []\n")
    assert (await store.read("prod")).data == DENY


async def test_an_envelope_that_was_not_seen_is_not_replaced(store: PolicyStore) -> None:
    await store.write_policy(await store.read("prod"), ALLOW)
    shown = await store.read("prod")
    await store.write_envelope(shown, b"theirs")
    with pytest.raises(PolicyChanged):
        await store.write_envelope(shown, b"mine")
    assert (await store.read("prod")).envelope == b"theirs"


async def test_the_envelope_belongs_to_one_profile(store: PolicyStore) -> None:
    if isinstance(store, MemoryStore):
        return
    await store.write_envelope(await store.read("prod"), b"of prod")
    assert (await store.read("dev")).envelope is None


async def test_a18_no_policy_has_the_name_of_anothers_envelope(store: PolicyStore) -> None:
    if isinstance(store, MemoryStore):
        return
    await store.write_envelope(await store.read("prod"), b"of prod")
    try:
        seen = await store.read("prod.sig")
    except InvalidIdentifier:
        return
    assert seen.data is None
    assert seen.name != (await store.read("prod")).name + ".sig"


async def test_a_version_that_never_was_is_not_replaced(store: PolicyStore) -> None:
    await store.write_policy(await store.read("prod"), ALLOW)
    seen = await store.read("prod")
    with pytest.raises(PolicyChanged):
        await store.write_policy(replace(seen, version=7, data=b"other"), DENY)


@pytest.mark.parametrize("profile", ["", "../prod", "a\nb"])
async def test_a_name_that_leads_elsewhere_is_refused(store: PolicyStore, profile: str) -> None:
    if not isinstance(store, MemoryStore):
        with pytest.raises(InvalidIdentifier):
            await store.read(profile)
