"""`server-sessions` and `server-session` on a real SQLite store."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest

from cli import tables
from cli.commands.sessions import STATES
from cli.watching import line_of, redraw, tell_changes
from sentinel_server.clock import SystemClock
from sentinel_server.sessions.memory import MemorySessions
from sentinel_server.sessions.model import Block, BlockKey, Revocation, Scope, Session, State
from sentinel_server.sessions.store import Page, SessionQuery, SessionStore
from sentinel_server.settings.environ import process_environ
from sentinel_server.settings.locations import SqliteLocation
from tests.fakes.clock import FakeClock
from tests.fakes.command_line import CommandLine
from tests.fakes.processes import DEADLINE, REPOSITORY
from tests.fakes.sessions import a_session
from tests.fakes.terminal import CTRL_C, on_a_terminal

MINUTE = timedelta(minutes=1)


def live(number: int = 1, /, ago: timedelta = MINUTE, **changes: Any) -> Session:
    """A session that began a while ago and showed itself a moment ago."""
    now = SystemClock().now()
    times = {
        "started_at": now - ago,
        "heartbeat_at": now,
        "last_access_at": now,
        "expires_at": now + timedelta(hours=12),
    }
    return a_session(number, **(times | changes))


def fill(sentinel: CommandLine, *sessions: Session) -> None:
    """Put sessions into the store."""

    async def create(store: SessionStore) -> None:
        for session in sessions:
            await store.create(session)

    sentinel.in_store(create)


def revoke(sentinel: CommandLine, session_id: str, reason: str = "laptop stolen") -> None:
    """Revoke one in the store."""
    cut = Revocation(at=SystemClock().now(), by="security", reason=reason)
    sentinel.in_store(lambda store: store.revoke(session_id, cut))


def ids(ran: Any) -> list[str]:
    """The ids in a JSON answer."""
    return [session["id"] for session in ran.json["sessions"]]


def test_the_states_on_offer_are_the_states_there_are() -> None:
    assert set(STATES) == {state.value for state in State}


def test_an_empty_store_is_said_on_stderr_and_leaves_stdout_empty(sentinel: CommandLine) -> None:
    ran = sentinel("server-sessions")
    assert (ran.status, ran.out, ran.err) == (0, "", "sentinel: no such sessions\n")


def test_the_table_shows_the_live_sessions_of_everyone_newest_first(sentinel: CommandLine) -> None:
    fill(sentinel, live(1, ago=3 * MINUTE), live(2, user="bob", person="sso:bob"))
    head, first, second = sentinel("server-sessions").out.splitlines()
    assert head.split() == list(tables.SESSION_HEADINGS)
    assert first.split()[:5] == [f"{2:016x}", "bob", "prod", "active", "1m"]
    assert second.split()[:5] == [f"{1:016x}", "alice", "prod", "active", "3m"]


def test_sessions_that_are_over_are_shown_with_all_or_by_their_state(sentinel: CommandLine) -> None:
    fill(sentinel, live(1), live(2, heartbeat_at=SystemClock().now() - 11 * MINUTE, ago=20 * MINUTE), live(3))
    revoke(sentinel, f"{1:016x}")
    assert ids(sentinel("server-sessions", "--json")) == [f"{3:016x}"]
    assert len(ids(sentinel("server-sessions", "--all", "--json"))) == 3
    assert ids(sentinel("server-sessions", "--status", "revoked", "--json")) == [f"{1:016x}"]
    assert ids(sentinel("server-sessions", "--status", "lapsed", "--json")) == [f"{2:016x}"]


def test_filters_hold_together(sentinel: CommandLine) -> None:
    fill(
        sentinel,
        live(1, user="bob", person="sso:bob"),
        live(2, user="bob", person="iam:111122223333:bob"),
        live(3, profile="dev"),
        live(4, user="bob", person="sso:bob", ago=timedelta(days=2)),
    )
    assert len(ids(sentinel("server-sessions", "--user", "bob", "--json"))) == 3
    recent = sentinel("server-sessions", "--user", "bob", "--since", "1d12h", "--json")
    assert ids(recent) == [f"{2:016x}", f"{1:016x}"]
    assert len(ids(sentinel("server-sessions", "--person", "sso:bob", "--json"))) == 2
    assert ids(sentinel("server-sessions", "--profile", "dev", "--json")) == [f"{3:016x}"]


def test_a_person_joined_by_the_people_map_is_found_under_the_joined_key(sentinel: CommandLine) -> None:
    directory = sentinel.settings.directories.config
    directory.mkdir(parents=True)
    (directory / "config.yaml").write_text("people:\n  bob: [sso:bob]\n")
    fill(sentinel, live(1, person="person:bob"), live(2))
    assert ids(sentinel("server-sessions", "--person", "sso:bob", "--json")) == [f"{1:016x}"]


def test_json_has_the_keys_scripts_know_and_nothing_a_terminal_obeys(sentinel: CommandLine) -> None:
    fill(sentinel, live(1, user="al\x1b[2Jice", credentials_until=SystemClock().now() + MINUTE))
    ran = sentinel("server-sessions", "--json")
    (session,) = ran.json["sessions"]
    assert {
        *("id", "user", "profile", "status", "started_at", "last_access_at", "expires_at"),
        *("request_count", "server_instance_id", "source_identity"),
    } <= set(session)
    assert session["user"] == "al\x1b[2Jice"
    assert "\x1b" not in ran.out
    assert "\x1b" not in sentinel("server-sessions").out


def test_csv_is_read_back_and_starts_no_formula(sentinel: CommandLine) -> None:
    fill(sentinel, live(1, user="=cmd,1"), live(2))
    rows = list(csv.DictReader(io.StringIO(sentinel("server-sessions", "--output", "csv").out)))
    assert sorted(row["user"] for row in rows) == ["'=cmd,1", "alice"]
    assert list(rows[0]) == list(tables.SESSION_FIELDS)


def test_pages_lead_through_all_sessions_each_once(sentinel: CommandLine) -> None:
    fill(sentinel, *(live(number, ago=number * MINUTE) for number in range(1, 6)))
    seen: list[str] = []
    more: list[str] = []
    while True:
        ran = sentinel("server-sessions", "--limit", "2", "--since", "1h", "--json", *more)
        seen += ids(ran)
        token = ran.json["next"]
        if token is None:
            break
        assert f"--next {token}" in ran.err
        more = ["--next", token]
    assert seen == [f"{number:016x}" for number in range(1, 6)]


@pytest.mark.parametrize("token", ["x", "9" * 30 + ".x", "abc.def", "1.x"])
def test_a_token_that_is_none_is_a_usage_error(sentinel: CommandLine, token: str) -> None:
    ran = sentinel("server-sessions", "--next", token)
    assert ran.status == 2
    assert "page token" in ran.err


@pytest.mark.parametrize(
    "words",
    [
        ("--all", "--status", "active"),
        ("--mine", "--person", "sso:bob"),
        ("--person", "bob"),
        ("--since", "7"),
        ("--limit", "0"),
        ("--status", "zombie"),
    ],
)
def test_what_contradicts_itself_is_a_usage_error(sentinel: CommandLine, words: tuple[str, ...]) -> None:
    ran = sentinel("server-sessions", *words)
    assert (ran.status, ran.out) == (2, "")


def test_a_flag_has_a_variable_and_the_settings_know_it(sentinel: CommandLine) -> None:
    fill(sentinel, live(1), live(2, profile="dev"))
    sentinel.set(SENTINEL_SESSIONS_PROFILE="dev", SENTINEL_OUTPUT="json")
    assert ids(sentinel("server-sessions")) == [f"{2:016x}"]


def test_one_session_is_shown_with_all_it_has(sentinel: CommandLine) -> None:
    fill(sentinel, live(1, credentials_until=SystemClock().now() + 12 * MINUTE))
    shown = sentinel("server-session", f"{1:016x}").out
    for text in (
        "active",
        "iam:111122223333:alice",
        "role/prod",
        "sentinel=u.alice=d=",
        "11m",
        "Held until",
    ):
        assert text in shown
    assert "Revoked" not in shown


def test_one_session_says_who_revoked_it_and_which_block_holds(sentinel: CommandLine) -> None:
    fill(sentinel, live(1))
    revoke(sentinel, f"{1:016x}", reason="gone\nto sea")
    key = BlockKey(scope=Scope.PROFILE, name="prod")
    block = Block(key=key, at=SystemClock().now(), by="security", reason="audit")
    sentinel.in_store(lambda store: store.block(block))
    lines = sentinel("server-session", f"{1:016x}").out.splitlines()
    assert "Blocked     profile:prod by security: audit" in lines
    assert "Reason      gone\\nto sea" in lines
    found = sentinel("server-session", f"{1:016x}", "--json").json
    assert found["revoked_reason"] == "gone\nto sea"
    assert [block["key"] for block in found["blocks"]] == ["profile:prod"]


def test_a_block_under_the_key_from_before_a_people_map_is_shown_too(sentinel: CommandLine) -> None:
    fill(sentinel, live(1, person="person:alice", principal_arn="arn:aws:iam::111122223333:user/alice"))
    key = BlockKey(scope=Scope.PERSON, name="iam:111122223333:alice")
    block = Block(key=key, at=SystemClock().now(), by="security", reason="audit")
    sentinel.in_store(lambda store: store.block(block))
    found = sentinel("server-session", f"{1:016x}", "--json").json
    assert [block["key"] for block in found["blocks"]] == ["person:iam:111122223333:alice"]


def test_a_session_nobody_knows_is_not_found(sentinel: CommandLine) -> None:
    ran = sentinel("server-session", "0123456789abcdef")
    assert (ran.status, ran.out) == (1, "")
    assert "there is no session 0123456789abcdef in sqlite://" in ran.err


def test_what_is_no_id_is_bad_input(sentinel: CommandLine) -> None:
    assert sentinel("server-session", "prod").status == 2


class Stop(Exception):
    """Ends a watch."""


def watched(store: SessionStore, clock: FakeClock, steps: list[Any]) -> list[tuple[str, str]]:
    """What `tell_changes` tells while one step after the other happens to the store."""
    told: list[tuple[str, str]] = []
    left = iter(steps)

    async def pause() -> None:
        step = next(left, None)
        if step is None:
            raise Stop
        await step()

    async def watch() -> None:
        await tell_changes(
            store,
            SessionQuery(state=State.ACTIVE),
            10,
            clock,
            lambda session, now: told.append((session.user, session.state(now).value)),
            pause,
        )

    with pytest.raises(Stop):
        asyncio.run(watch())
    return told


def test_a_watch_without_a_screen_tells_each_change_once() -> None:
    clock = FakeClock()
    store = MemorySessions()

    def starts(number: int, user: str) -> Any:
        now = clock.now()
        session = a_session(
            number, user=user, started_at=now, heartbeat_at=now, expires_at=now + timedelta(hours=1)
        )
        return lambda: store.create(session)

    async def nothing() -> None:
        return None

    def revoked() -> Any:
        return store.revoke(f"{1:016x}", Revocation(at=clock.now(), by="s", reason="r"))

    asyncio.run(starts(1, "alice")())
    steps = [starts(2, "bob"), nothing, revoked, nothing]
    assert watched(store, clock, steps) == [("alice", "active"), ("bob", "active"), ("alice", "revoked")]


def test_a_watch_on_a_screen_draws_the_page_again_and_again() -> None:
    store, clock = MemorySessions(), FakeClock()
    drawn: list[int] = []
    pauses = iter(range(2))

    async def pause() -> None:
        if next(pauses, None) is None:
            raise Stop
        now = clock.now()
        number = len(drawn)
        await store.create(a_session(number, started_at=now, heartbeat_at=now))

    def draw(page: Page, now: Any) -> None:
        drawn.append(len(page.sessions))

    with pytest.raises(Stop):
        asyncio.run(redraw(store, SessionQuery(), 10, clock, draw, pause))
    assert drawn == [0, 1, 2]


def test_on_a_terminal_a_watch_shows_the_page_and_ends_with_ctrl_c(sentinel: CommandLine) -> None:
    fill(sentinel, live(1))
    watch = [sys.executable, "-m", "cli.main", "server-sessions", "--watch"]
    with on_a_terminal(watch, {**process_environ(), "TERM": "xterm"}) as terminal:
        terminal.expect("sessions: 1, every 2 s; Ctrl-C ends this")
        terminal.expect(f"{1:016x}")
        fill(sentinel, live(2))
        terminal.expect(f"{2:016x}")
        terminal.type(CTRL_C)
        assert terminal.process.wait(DEADLINE) == 0
        assert "Traceback" not in terminal.shown


def test_in_a_pipe_a_watch_writes_a_line_per_change_until_it_is_interrupted(sentinel: CommandLine) -> None:
    fill(sentinel, live(1))
    words = [sys.executable, "-m", "cli.main", "server-sessions", "--watch", "--json"]
    with subprocess.Popen(
        words, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["status"] == "active"
        revoke(sentinel, f"{1:016x}")
        assert json.loads(process.stdout.readline())["status"] == "revoked"
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE) == 0
        assert process.stdout.read() == ""


@pytest.mark.parametrize(
    ("output", "begins"), [("csv", "{id},alice,prod,"), ("table", "{id}  alice  prod  ")]
)
def test_a_change_is_one_line_of_the_wanted_format(
    capsys: pytest.CaptureFixture[str], output: str, begins: str
) -> None:
    session = live(1)
    line_of(output)(session, SystemClock().now())
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(begins.format(id=session.id))


def test_a_row_that_cannot_be_read_is_named_not_hidden(sentinel: CommandLine) -> None:
    fill(sentinel, live(1), live(2))
    assert isinstance(sentinel.settings.store, SqliteLocation)
    with closing(sqlite3.connect(sentinel.settings.store.path)) as store, store:
        store.execute("UPDATE sessions SET started_at = 'soon' WHERE id = ?", (f"{1:016x}",))
    ran = sentinel("server-sessions", "--json")
    assert (ids(ran), ran.json["unreadable"]) == ([f"{2:016x}"], [f"{1:016x}"])
    assert f"rows that cannot be read: {1:016x}" in ran.err


def test_ids_are_whole_on_a_narrow_terminal(sentinel: CommandLine) -> None:
    fill(sentinel, live(1, user="a.very.long.name@example.com", profile="team/production/eu-central-1"))
    words = [sys.executable, "-m", "cli.main", "server-sessions"]
    with on_a_terminal(words, {**process_environ(), "TERM": "dumb", "NO_COLOR": "1"}) as terminal:
        row = terminal.expect(rf"{1:016x}[^\r\n]*")[0]
        assert len(row) <= 80
        assert terminal.process.wait(DEADLINE) == 0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0s"),
        (0, "0s"),
        (59, "59s"),
        (60, "1m"),
        (7500, "2h5m"),
        (7200, "2h"),
        (90000, "1d1h"),
        (86400, "1d"),
    ],
)
def test_spans_have_two_units_at_most(seconds: int, words: str) -> None:
    assert tables.in_words(timedelta(seconds=seconds)) == words


def test_every_field_of_a_session_is_in_its_json() -> None:
    now = FakeClock().now()
    shown = tables.session_fields(a_session(1), now)
    assert {each.name for each in fields(Session)} - {"revocation"} <= set(shown)
    assert json.loads(json.dumps(shown)) == shown
