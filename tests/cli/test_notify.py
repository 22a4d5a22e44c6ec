"""`sentinel notify` on a real SQLite store, and a receiver on loopback."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pytest

from cli.notices import deliver_now
from sentinel_server.clock import SystemClock
from sentinel_server.errors import StoreUnavailable
from sentinel_server.notifications.event import Event
from sentinel_server.notifications.outbox import outbox_change
from sentinel_server.records.memory import MemoryRecords
from sentinel_server.records.model import Change, Ledger, Ref, Row
from sentinel_server.wiring import open_records
from tests.fakes.command_line import CommandLine
from tests.fakes.notices import asked, opened
from tests.fakes.receiver import Receiver, receiving_elsewhere, says

KEY = "k" * 40
IDS = [f"{number:016x}" for number in range(1, 4)]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving_elsewhere() as running:
        yield running


def tell(sentinel: CommandLine, receiver: Receiver, events: str = "*") -> None:
    """Let the receiver be told of everything."""
    sentinel.set(
        HOOK_KEY=KEY,
        SENTINEL_NOTIFICATIONS_TO=f"hook webhook {receiver.url} key=env:HOOK_KEY events={events}",
    )


def put(sentinel: CommandLine, event: Event | None = None, delivery: str = IDS[0]) -> None:
    """Commit something that is to be told."""
    event = replace(event or asked(), at=SystemClock().now())
    ledger = Ledger.REQUESTS if event.type.value.startswith("request") else Ledger.BREAKGLASS

    async def commit() -> None:
        async with open_records(sentinel.settings) as records:
            assert await records.commit([outbox_change(ledger, event, delivery)])

    asyncio.run(commit())


def test_29_what_was_not_delivered_is_listed_and_flushed(sentinel: CommandLine, receiver: Receiver) -> None:
    tell(sentinel, receiver)
    put(sentinel)
    put(sentinel, opened(), IDS[1])
    listed = sentinel("notify", "list", "--json").json["waiting"]
    assert [(each["delivery"], each["event"], each["about"]) for each in listed] == [
        (IDS[0], "request.created", "00000000000000aa"),
        (IDS[1], "breakglass.opened", "bb" * 16),
    ]
    ran = sentinel("notify", "flush")
    assert (ran.status, ran.out, ran.err) == (0, "Delivered: 2. Still waiting: 0.\n", "")
    assert [posted.delivery for posted in receiver.got] == IDS[:2]
    ran = sentinel("notify", "list")
    assert (ran.out, ran.err) == ("", "sentinel: everybody has been told\n")


def test_29_what_fails_is_said_stays_and_is_in_the_audit_log(
    sentinel: CommandLine, receiver: Receiver
) -> None:
    tell(sentinel, receiver)
    put(sentinel)
    receiver.otherwise = says(404, "gone")
    ran = sentinel("notify", "flush", "--json")
    assert ran.status == 1
    ((delivery,), (waiting,)) = ran.json["deliveries"], ran.json["waiting"]
    assert (delivery["outcome"], delivery["failed"]) == ("failing", {"hook": "127.0.0.1 answered 404: gone"})
    assert (waiting["attempts"], waiting["error"]) == (1, "hook: 127.0.0.1 answered 404: gone")
    (line,) = sentinel.audited()
    assert (line["action"], line["delivery_id"]) == ("notification_failed", IDS[0])
    assert "request.created was not delivered to hook: 127.0.0.1 answered 404" in line["reason"]


def test_what_waits_is_not_tried_before_its_time_but_with_early(
    sentinel: CommandLine, receiver: Receiver
) -> None:
    tell(sentinel, receiver)
    put(sentinel)
    receiver.script = [says(404)]
    assert sentinel("notify", "flush").status == 1
    ran = sentinel("notify", "flush")
    assert (ran.status, ran.out) == (1, "Delivered: 0. Still waiting: 1.\n")
    ran = sentinel("notify", "flush", "--early")
    assert (ran.status, ran.out) == (0, "Delivered: 1. Still waiting: 0.\n")
    assert len(receiver.got) == 2


def test_the_list_is_a_table_and_csv(sentinel: CommandLine, receiver: Receiver) -> None:
    tell(sentinel, receiver)
    put(sentinel)
    receiver.otherwise = says(404)
    sentinel("notify", "flush")
    heading, row = sentinel("notify", "list").out.splitlines()
    assert heading.split()[:2] == ["ABOUT", "EVENT"]
    assert row.split()[:2] == ["00000000000000aa", "request.created"]
    assert IDS[0] in row
    (read,) = csv.DictReader(io.StringIO(sentinel("notify", "list", "--output", "csv").out))
    assert (read["attempts"], read["error"]) == ("1", "hook: 127.0.0.1 answered 404")
    assert (read["delivery"], read["about"]) == (IDS[0], "00000000000000aa")


def test_without_a_destination_a_flush_says_so_and_touches_nothing(sentinel: CommandLine) -> None:
    put(sentinel)
    for command in ("flush", "test"):
        ran = sentinel("notify", command)
        assert (ran.status, ran.out) == (2, "")
        assert "notifications.to names no destination" in ran.err
    assert len(sentinel("notify", "list", "--json").json["waiting"]) == 1


def test_a_store_that_does_not_answer_is_exit_6(sentinel: CommandLine, receiver: Receiver) -> None:
    tell(sentinel, receiver)
    broken = sentinel.home / "broken.db"
    broken.write_bytes(b"x" * 100)
    broken.chmod(0o600)
    ran = sentinel("notify", "flush", "--store", f"sqlite://{broken}")
    assert ran.status == 6, ran.err


def test_a_test_goes_to_every_destination_and_not_through_the_outbox(
    sentinel: CommandLine, receiver: Receiver
) -> None:
    tell(sentinel, receiver, events="breakglass.*")
    ran = sentinel("notify", "test")
    assert (ran.status, ran.out) == (0, "hook: delivered\n")
    assert json.loads(receiver.got[0].body)["type"] == "sentinel.test"
    assert sentinel("notify", "list", "--json").json == {"waiting": []}


def test_a_test_that_is_not_taken_is_exit_1(sentinel: CommandLine, receiver: Receiver) -> None:
    tell(sentinel, receiver)
    receiver.otherwise = says(403)
    ran = sentinel("notify", "test", "--json")
    assert ran.status == 1
    assert ran.json == {"destinations": [{"name": "hook", "error": "127.0.0.1 answered 403"}]}
    assert sentinel("notify", "test", "--to", "other").status == 2


def test_a_secret_that_is_missing_is_a_failure_of_its_destination_alone(
    sentinel: CommandLine, receiver: Receiver
) -> None:
    good = f"good webhook {receiver.url} key=env:HOOK_KEY"
    sentinel.set(HOOK_KEY=KEY, SENTINEL_NOTIFICATIONS_TO=f"{good}; bad slack file:///nowhere/slack")
    put(sentinel)
    ran = sentinel("notify", "flush", "--json")
    assert ran.status == 1
    (delivery,) = ran.json["deliveries"]
    assert delivery["done"] == ["good"]
    assert "/nowhere/slack cannot be read" in delivery["failed"]["bad"]


@pytest.mark.parametrize(("mode", "status"), [(0o600, 0), (0o640, 0), (0o644, 1)])
def test_a_secret_in_a_file_must_not_be_everybodys(
    sentinel: CommandLine, receiver: Receiver, mode: int, status: int
) -> None:
    url = sentinel.home / "slack-url"
    url.write_text(receiver.url + "\n")
    url.chmod(mode)
    sentinel.set(SENTINEL_NOTIFICATIONS_TO=f"chat slack file://{url}")
    ran = sentinel("notify", "test")
    assert ran.status == status
    assert ("everybody can read" in ran.out) == (status == 1)
    assert len(receiver.got) == 1 - status


def test_a_short_signing_key_is_refused(sentinel: CommandLine, receiver: Receiver) -> None:
    tell(sentinel, receiver)
    sentinel.set(HOOK_KEY="short")
    ran = sentinel("notify", "test")
    assert (ran.status, receiver.got) == (1, [])
    assert "at least 32 characters" in ran.out


@pytest.mark.parametrize("within", ["16m", "1d"])
def test_a_flush_has_an_end(sentinel: CommandLine, receiver: Receiver, within: str) -> None:
    tell(sentinel, receiver)
    assert sentinel("notify", "flush", "--within", within).status == 2


def now(sentinel: CommandLine, delivery: str) -> list[str]:
    """Deliver at once, as a command does after its change; the audit lines of what failed."""

    async def deliver() -> list[str]:
        settings = sentinel.settings
        async with open_records(settings) as records:
            lines = await deliver_now(settings, records, Ledger.REQUESTS, [delivery])
        return [str(line.reason) for line in lines]

    return asyncio.run(deliver())


def test_29_a_command_delivers_at_once(sentinel: CommandLine, receiver: Receiver) -> None:
    tell(sentinel, receiver)
    put(sentinel)
    assert now(sentinel, IDS[0]) == []
    assert [posted.delivery for posted in receiver.got] == [IDS[0]]


def test_29_a_command_that_cannot_deliver_says_how_to_and_goes_on(
    sentinel: CommandLine, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(sentinel, receiver)
    put(sentinel)
    receiver.otherwise = says(503)
    sentinel.set(SENTINEL_NOTIFICATIONS_WITHIN="1s")
    (line,) = now(sentinel, IDS[0])
    assert "request.created was not delivered to hook" in line
    assert "warning: request.created was not delivered" in (said := capsys.readouterr().err)
    assert "sentinel notify flush" in said
    receiver.otherwise = says(204)
    assert sentinel("notify", "flush", "--early").status == 0
    assert {posted.delivery for posted in receiver.got} == {IDS[0]}


def test_29_a_command_whose_store_is_gone_says_that_nobody_was_told(
    sentinel: CommandLine, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    class Gone(MemoryRecords):
        """A store that went away after the commit."""

        async def get(self, refs: Sequence[Ref]) -> Mapping[Ref, Row]:
            raise StoreUnavailable("the table does not answer")

    tell(sentinel, receiver)
    assert asyncio.run(deliver_now(sentinel.settings, Gone(), Ledger.REQUESTS, IDS[:1])) == []
    said = capsys.readouterr().err
    assert "nobody was told yet (the table does not answer)" in said
    assert "sentinel notify flush" in said


def test_a_flush_that_cannot_be_written_down_is_exit_6_and_says_what_was_done(
    sentinel: CommandLine, receiver: Receiver
) -> None:
    tell(sentinel, receiver)
    put(sentinel)
    receiver.otherwise = says(404)
    (sentinel.home / "nowhere").write_text("a file")
    sentinel.set(SENTINEL_AUDIT_DIRECTORY=str(sentinel.home / "nowhere" / "audit"))
    ran = sentinel("notify", "flush")
    assert ran.status == 6
    assert ran.out == "Delivered: 0. Still waiting: 1.\n"
    assert "the audit log has no line of it" in ran.err


@pytest.mark.parametrize("data", [b"", b" \n", b"\xff\xfe", b"x" * 20_000])
def test_a_file_that_holds_no_secret_is_said(sentinel: CommandLine, data: bytes) -> None:
    path = sentinel.home / "slack-url"
    path.write_bytes(data)
    path.chmod(0o600)
    sentinel.set(SENTINEL_NOTIFICATIONS_TO=f"chat slack file://{path}")
    ran = sentinel("notify", "test")
    assert ran.status == 1
    assert "is not" in ran.out


def test_a_variable_that_holds_no_secret_is_said(sentinel: CommandLine) -> None:
    sentinel.set(SENTINEL_NOTIFICATIONS_TO="chat slack env:SLACK_URL")
    ran = sentinel("notify", "test")
    assert ran.status == 1
    assert "the variable SLACK_URL is not set" in ran.out


def test_a_command_without_destinations_leaves_it_to_others(sentinel: CommandLine) -> None:
    put(sentinel)
    assert now(sentinel, IDS[0]) == []
    assert len(sentinel("notify", "list", "--json").json["waiting"]) == 1


def test_a_row_that_somebody_made_by_hand_is_said_at_every_flush(
    sentinel: CommandLine, receiver: Receiver
) -> None:
    tell(sentinel, receiver)

    async def forge() -> None:
        async with open_records(sentinel.settings) as records:
            ref = Ref(ledger=Ledger.REQUESTS, key="by hand")
            made = Change(ref=ref, seen=None, set={"outbox": "due", "created_at": "2000"})
            assert await records.commit([made])

    asyncio.run(forge())
    ran = sentinel("notify", "flush")
    assert ran.status == 1
    assert "by hand is not a row of the outbox" in ran.err


def test_no_secret_of_a_destination_is_in_what_is_said_or_kept(
    sentinel: CommandLine, receiver: Receiver
) -> None:
    url = sentinel.home / "slack-url"
    url.write_text(receiver.url)
    url.chmod(0o600)
    receiver.otherwise = says(403)
    hook = f"hook webhook file://{url} key=env:HOOK_KEY"
    sentinel.set(HOOK_KEY=KEY, SENTINEL_NOTIFICATIONS_TO=f"{hook}; chat slack file://{url}")
    put(sentinel)
    said = [sentinel("notify", *words) for words in (["flush"], ["list", "--json"], ["test"], ["flush"])]
    said.append(sentinel("config", "show"))
    url.unlink()
    texts = [ran.out + ran.err for ran in said]
    kept = [path.read_bytes().decode("latin-1") for path in sentinel.home.rglob("*") if path.is_file()]
    assert [text for text in (*texts, *kept) if "T0PSECRET" in text or KEY in text] == []
    assert len(receiver.got) == 4
