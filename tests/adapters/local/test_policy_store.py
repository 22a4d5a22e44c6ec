"""What files add to a policy store: edits by hand, and a memory that outlives the process."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from typing import ClassVar

import pytest

from sentinel_server.adapters.local.policy_memory import PolicyMemory
from sentinel_server.adapters.local.policy_store import FilePolicyStore
from sentinel_server.errors import PolicyChanged, PolicyUnavailable, SentinelError
from tests.fakes.clock import FakeClock
from tests.fakes.policy_stores import file_store
from tests.fakes.signers import ALLOW, DENY


async def test_a_file_edited_by_hand_is_one_more_version(tmp_path: Path) -> None:
    async with file_store(tmp_path) as store:
        await store.write_policy(await store.read("prod"), ALLOW)
        (tmp_path / "policies" / "prod.yaml").write_bytes(DENY)
        seen = await store.read("prod")
        assert seen.version == 2
        by_hand, first = await store.history("prod")
        assert (by_hand.version, by_hand.author, by_hand.data) == (2, "", DENY)
        assert (first.version, first.author) == (1, "local:test")
        assert await store.write_policy(seen, ALLOW) == 3
        assert [each.data for each in await store.history("prod")] == [ALLOW, DENY, ALLOW]


class _Noted(type(Path())):  # type: ignore[misc]  # the concrete class is the system's
    """A path that notes in which threads somebody looks at it."""

    looked: ClassVar[set[int]] = set()

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        self.looked.add(threading.get_ident())
        return super().stat(follow_symlinks=follow_symlinks)  # type: ignore[no-any-return]


async def test_a_door_does_not_wait_for_the_disk_with_everything_else(tmp_path: Path) -> None:
    memory = PolicyMemory(tmp_path / "state" / "policies.db")
    (tmp_path / "prod.yaml").write_bytes(ALLOW)
    store = FilePolicyStore(_Noted(tmp_path), memory, FakeClock(), "local:test")
    assert (await store.read("prod")).data == ALLOW
    assert _Noted.looked
    assert threading.get_ident() not in _Noted.looked
    await memory.close()


async def test_a_file_edited_while_we_write_is_not_overwritten(tmp_path: Path) -> None:
    async with file_store(tmp_path) as store:
        await store.write_policy(await store.read("prod"), ALLOW)
        seen = await store.read("prod")
        (tmp_path / "policies" / "prod.yaml").write_bytes(DENY)
        with pytest.raises(PolicyChanged):
            await store.write_policy(seen, b"mine")
        assert (tmp_path / "policies" / "prod.yaml").read_bytes() == DENY


async def test_versions_go_on_after_a_policy_was_deleted(tmp_path: Path) -> None:
    async with file_store(tmp_path) as store:
        await store.write_policy(await store.read("prod"), ALLOW)
        (tmp_path / "policies" / "prod.yaml").unlink()
        seen = await store.read("prod")
        assert (seen.data, seen.version) == (None, 0)
        assert await store.write_policy(seen, DENY) == 2


async def test_files_are_private_and_no_draft_is_left(tmp_path: Path) -> None:
    async with file_store(tmp_path) as store:
        await store.write_policy(await store.read("prod"), ALLOW)
        await store.write_envelope(await store.read("prod"), b"{}")
    found = sorted((tmp_path / "policies").iterdir())
    assert [path.name for path in found] == ["prod.yaml", "prod.yaml.sig"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o600}


async def test_a_policy_that_others_can_write_is_not_read(tmp_path: Path) -> None:
    async with file_store(tmp_path) as store:
        await store.write_policy(await store.read("prod"), ALLOW)
        await store.write_envelope(await store.read("prod"), b"{}")
        (tmp_path / "policies" / "prod.yaml.sig").chmod(0o666)
        with pytest.raises(PolicyUnavailable, match="can be written by others"):
            await store.read("prod")


async def test_a_directory_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    async with file_store(tmp_path) as store:
        seen = await store.read("prod")
        (tmp_path / "policies").write_text("in the way")
        with pytest.raises((SentinelError, PolicyUnavailable), match="policies"):
            await store.write_policy(seen, ALLOW)


async def test_serials_are_remembered_by_the_next_process_and_never_fall(tmp_path: Path) -> None:
    path = tmp_path / "policies.db"
    first, second = PolicyMemory(path), PolicyMemory(path)
    try:
        assert await first.highest("a") == 0
        await first.saw("a", 5)
        await second.saw("a", 3)
        assert [await each.highest("a") for each in (first, second)] == [5, 5]
        assert await second.highest("b") == 0
    finally:
        await first.close()
        await second.close()


async def test_a_memory_that_cannot_be_used_is_a_refusal(tmp_path: Path) -> None:
    (tmp_path / "policies.db").write_text("this is not a database, and it is long enough to be seen as none")
    memory = PolicyMemory(tmp_path / "policies.db")
    try:
        with pytest.raises(PolicyUnavailable, match="what this machine remembers of policies"):
            await memory.highest("a")
    finally:
        await memory.close()
