"""`server-blocks` and `server-unblock` on a real SQLite store."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest

from cli.types import block_key
from sentinel_server.clock import SystemClock
from sentinel_server.errors import BadInput
from sentinel_server.sessions.model import Block, BlockKey, Scope
from tests.fakes.command_line import CommandLine

EVERYONE = BlockKey(scope=Scope.EVERYONE)
ALICE = BlockKey(scope=Scope.PERSON, name="sso:alice@example.com")


def put(sentinel: CommandLine, key: BlockKey, hours: int | None = None, reason: str = "audit") -> None:
    """Write a block an hour ago that ends so many hours from now, or never."""
    now = SystemClock().now()
    until = None if hours is None else now + timedelta(hours=hours)
    block = Block(key=key, at=now - timedelta(hours=1), by="security", reason=reason, until=until)
    sentinel.in_store(lambda store: store.block(block))


def test_an_empty_list_is_said_on_stderr(sentinel: CommandLine) -> None:
    ran = sentinel("server-blocks")
    assert (ran.status, ran.out, ran.err) == (0, "", "sentinel: nobody is blocked\n")


def test_blocks_in_force_are_listed_and_others_only_with_all(sentinel: CommandLine) -> None:
    put(sentinel, EVERYONE, hours=-1)
    put(sentinel, ALICE, hours=5, reason="laptop\x1b[31m stolen")
    _, row = sentinel("server-blocks").out.splitlines()
    assert row.split()[:2] == [str(ALICE), "in"]
    assert "4h59m" in row
    assert "\x1b" not in row
    states = {
        block["key"]: block["status"] for block in sentinel("server-blocks", "--all", "--json").json["blocks"]
    }
    assert states == {"everyone": "ended", str(ALICE): "in force"}


def test_csv_has_a_row_per_block(sentinel: CommandLine) -> None:
    put(sentinel, ALICE, reason='a, "b"')
    (row,) = csv.DictReader(io.StringIO(sentinel("server-blocks", "--output", "csv").out))
    assert (row["key"], row["reason"], row["until"]) == (str(ALICE), 'a, "b"', "")


def test_lifting_is_written_to_the_store_and_to_the_log(sentinel: CommandLine) -> None:
    put(sentinel, ALICE)
    ran = sentinel("server-unblock", str(ALICE), "--yes")
    assert ran.status == 0
    assert ran.out.startswith(f"Lifted: {ALICE}, blocked by security at ")
    assert sentinel("server-blocks", "--json").json == {"blocks": []}
    (event,) = sentinel.audited()
    assert (event["action"], event["person"]) == ("unblocked", ALICE.name)
    assert event["by"].startswith("local:")


def test_lifting_as_json_says_who_lifted(sentinel: CommandLine) -> None:
    put(sentinel, EVERYONE)
    lifted = sentinel("server-unblock", "everyone", "--yes", "--json").json
    assert lifted["status"] == "lifted"
    assert lifted["lifted_by"].startswith("local:")


def test_without_a_terminal_nothing_is_lifted_unasked(sentinel: CommandLine) -> None:
    put(sentinel, EVERYONE)
    ran = sentinel("server-unblock", "everyone")
    assert ran.status == 2
    assert "add --yes" in ran.err
    assert len(sentinel("server-blocks", "--json").json["blocks"]) == 1
    sentinel.set(SENTINEL_YES="true")
    assert sentinel("server-unblock", "everyone").status == 0


def test_what_is_not_blocked_cannot_be_lifted(sentinel: CommandLine) -> None:
    ran = sentinel("server-unblock", "profile:prod", "--yes")
    assert ran.status == 1
    assert "no block on profile:prod is in force" in ran.err
    assert sentinel.audited() == []


@pytest.mark.parametrize("text", ["alice", "person:", "everyone:x", "user:alice", ""])
def test_what_is_no_key_is_bad_input(sentinel: CommandLine, text: str) -> None:
    assert sentinel("server-unblock", text, "--yes").status == 2
    with pytest.raises(BadInput):
        block_key(text)


@pytest.mark.parametrize("key", [EVERYONE, ALICE, BlockKey(scope=Scope.PROFILE, name="a:b")])
def test_a_key_is_read_as_it_is_printed(key: BlockKey) -> None:
    assert block_key(str(key)) == key
