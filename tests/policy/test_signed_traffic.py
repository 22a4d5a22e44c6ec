"""Readers and writers at the same time, in tasks and in processes of their own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest

from sentinel_server.adapters.local.key_file import generate_key, read_key_set, write_key_set
from sentinel_server.policy.keys import KeySet
from sentinel_server.policy.loading import policy_in
from sentinel_server.policy.shipping import ship, signed_by
from sentinel_server.policy.signing import next_serial, sign_policy
from sentinel_server.policy.stored import PolicyStore
from sentinel_server.policy.verified import Verified
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.policy_stores import MemorySerials, file_store, ssm_client, ssm_store
from tests.fakes.signers import ALLOW, key_pair, pinned

ROOT = Path(__file__).parents[2]
KEYS = KeySet(keys=(key_pair().public,))
_roots = count(1)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with embedded_aws() as running:
        yield running


@pytest.fixture(params=["files", "ssm"])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, sandbox: Sandbox
) -> AsyncIterator[PolicyStore]:
    if request.param == "files":
        async with file_store(tmp_path) as opened:
            yield opened
    else:
        async with ssm_client(sandbox) as client:
            yield ssm_store(client, sandbox, f"/traffic/{next(_roots)}")


def text(number: int) -> bytes:
    """A policy of its own for every push."""
    return b"# push %d\n" % number + ALLOW


async def push(store: PolicyStore, number: int) -> None:
    seen = await store.read("prod")
    new = await sign_policy(key_pair(), seen.place, text(number), serial=next_serial(seen, KEYS), now=NOON)
    await ship(store, seen, text(number), new)


async def test_doors_that_read_while_policies_are_pushed_are_never_refused(store: PolicyStore) -> None:
    await push(store, 0)
    done = asyncio.Event()

    async def read(serials: MemorySerials) -> list[int]:
        source = Verified(store, pinned(KEYS), serials, FakeClock(), policy_in)
        found = []
        while not done.is_set():
            loaded = await source.load("prod")
            found.append(loaded.serial or 0)
        return found

    async def write() -> None:
        for number in range(1, 9):
            await push(store, number)
        done.set()

    readers = [asyncio.create_task(read(MemorySerials())) for _ in range(3)]
    await write()
    for found in await asyncio.gather(*readers):
        assert found == sorted(found), "a door never goes back"
        assert found[-1] in {8, 9}


PUSHER = """
import sys
from cli.main import run
print("ready", flush=True)
sys.stdin.readline()
sys.exit(run(sys.argv[1:]))
"""


def test_of_many_who_push_over_one_version_exactly_one_succeeds(tmp_path: Path) -> None:
    key, keys = tmp_path / "team.key", tmp_path / "keys.json"
    write_key_set(keys, KeySet(keys=(generate_key(key),)))
    pushers = []
    for number in range(5):
        file = tmp_path / f"{number}.yaml"
        file.write_bytes(text(number))
        words = ["policy", "push", "prod", str(file), "--yes", "--expect-version", "0"]
        pushers.append(
            subprocess.Popen(
                [sys.executable, "-c", PUSHER, *words, "--sign-with", str(key), "--keys", str(keys)],
                env={"HOME": str(tmp_path)},
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    for pusher in pushers:
        assert pusher.stdout is not None
        assert pusher.stdout.readline() == "ready\n"
    for pusher in pushers:
        assert pusher.stdin is not None
        pusher.stdin.write("\n")
        pusher.stdin.flush()
    said = [pusher.communicate(timeout=60) for pusher in pushers]
    statuses = [pusher.returncode for pusher in pushers]
    assert sorted(statuses) == [0, 1, 1, 1, 1], said
    policy = tmp_path / ".config" / "sentinel" / "policies" / "prod.yaml"
    envelope = policy.with_name("prod.yaml.sig").read_bytes()
    winner = text(statuses.index(0))
    assert policy.read_bytes() == winner
    found = signed_by(winner, envelope)
    assert found is not None
    assert read_key_set(keys).find(found.statement.key_id) is not None
