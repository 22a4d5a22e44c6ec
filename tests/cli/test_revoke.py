"""`server-revoke` on a real SQLite store: what is written, what is said, and what is promised."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from cli import revoked
from sentinel_server.clock import SystemClock
from sentinel_server.errors import StoreUnavailable
from sentinel_server.sessions.model import Block, BlockKey, Revocation, Scope, Session
from sentinel_server.sessions.revoke import Failure, MassRevocation, Revoked
from sentinel_server.sessions.store import SessionStore
from sentinel_server.settings.environ import process_environ
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.command_line import CommandLine, Ran
from tests.fakes.processes import DEADLINE
from tests.fakes.sessions import NOON, a_block, a_revocation, a_session
from tests.fakes.terminal import on_a_terminal

ONE, TWO, THREE = (f"{number:016x}" for number in (1, 2, 3))


def fill(sentinel: CommandLine, *changes: dict[str, Any]) -> None:
    """Put one live session into the store for each set of changes."""
    now = SystemClock().now()
    times = {
        "started_at": now,
        "heartbeat_at": now,
        "last_access_at": now,
        "expires_at": now + timedelta(hours=9),
    }

    async def create(store: SessionStore) -> None:
        for number, change in enumerate(changes, start=1):
            await store.create(a_session(number, **(times | change)))

    sentinel.in_store(create)


def states(sentinel: CommandLine) -> dict[str, str]:
    """The state of every session."""
    found = sentinel("server-sessions", "--all", "--json").json["sessions"]
    return {session["id"]: session["status"] for session in found}


def blocks(sentinel: CommandLine) -> list[dict[str, Any]]:
    """Every block in force."""
    found: list[dict[str, Any]] = sentinel("server-blocks", "--json").json["blocks"]
    return found


def flat(text: str) -> str:
    """Text as if no line had been wrapped."""
    return " ".join(text.split())


def test_one_session_is_cut_off_and_the_truth_is_told(sentinel: CommandLine) -> None:
    until = SystemClock().now() + timedelta(minutes=9)
    fill(sentinel, {"credentials_until": until}, {})
    ran = sentinel("server-revoke", ONE, "--reason", "laptop stolen")
    assert ran.status == 0
    assert states(sentinel) == {ONE: "revoked", TWO: "active"}
    told = flat(ran.out)
    assert f"Revoked: session {ONE} of alice on prod." in told
    assert "No fetch that begins after this line is served; one in progress may be for 800 ms." in told
    assert f"until its lease (11m), at the latest to the real expiry {until:%H:%M:%S}Z" in told.replace(
        f"{until:%Y-%m-%dT}", ""
    )
    assert "for role arn:aws:iam::111122223333:role/prod" in told
    assert "derived from it (chained roles, the console) may last longer" in told


def test_one_revocation_is_one_line_in_the_log(sentinel: CommandLine) -> None:
    fill(sentinel, {})
    sentinel("server-revoke", ONE, "--reason", "laptop stolen")
    (event,) = sentinel.audited()
    assert event["action"] == "session_revoked"
    assert (event["session_id"], event["reason"]) == (ONE, "laptop stolen")
    assert (event["person"], event["profile"]) == ("iam:111122223333:alice", "prod")
    assert event["by"].startswith("local:")


def test_a_second_revocation_says_who_was_first_and_changes_nothing(sentinel: CommandLine) -> None:
    fill(sentinel, {})
    cut = Revocation(at=SystemClock().now(), by="arn:aws:iam::111122223333:user/carol", reason="phished")
    sentinel.in_store(lambda store: store.revoke(ONE, cut))
    ran = sentinel("server-revoke", ONE, "--reason", "me too")
    assert ran.status == 0
    assert f"Already revoked: session {ONE} of alice on prod, by {cut.by}" in flat(ran.out)
    assert "phished" in ran.out
    assert sentinel.audited() == []
    again = sentinel("server-revoke", ONE, "--reason", "me too", "--json").json
    assert (again["first"], again["revoked_by"]) == (False, cut.by)


def test_json_is_the_session_as_it_now_is(sentinel: CommandLine) -> None:
    fill(sentinel, {})
    found = sentinel("server-revoke", ONE, "--reason", "why", "--json").json
    assert (found["id"], found["status"], found["revoked_reason"]) == (ONE, "revoked", "why")
    assert found["first"] is True
    assert found["message"] == revoked.AT_ONCE


def test_a_session_nobody_knows_is_not_found(sentinel: CommandLine) -> None:
    ran = sentinel("server-revoke", ONE, "--reason", "why")
    assert (ran.status, ran.out) == (1, "")
    assert sentinel.audited() == []


@pytest.mark.parametrize(
    "words",
    [
        ("--reason", "why"),
        (ONE, "--all", "--reason", "why"),
        ("--user", "alice", "--profile", "prod", "--reason", "why"),
        (ONE, "--reason", "why", "--until", "8h"),
        (ONE,),
        (ONE, "--reason", "  "),
        ("--all", "--reason", "why", "--until", "8"),
        ("not-an-id", "--reason", "why"),
    ],
)
def test_what_names_nothing_or_too_much_is_a_usage_error(
    sentinel: CommandLine, words: tuple[str, ...]
) -> None:
    fill(sentinel, {})
    assert sentinel("server-revoke", *words, "--yes").status == 2
    assert states(sentinel) == {ONE: "active"}
    assert blocks(sentinel) == []


def test_a_person_is_blocked_and_all_their_live_sessions_are_cut_off(sentinel: CommandLine) -> None:
    fill(sentinel, {}, {"profile": "dev"}, {"person": "sso:bob", "user": "bob"})
    ran = sentinel("server-revoke", "--user", "iam:111122223333:alice", "--reason", "gone", "--yes")
    assert ran.status == 0
    assert states(sentinel) == {ONE: "revoked", TWO: "revoked", THREE: "active"}
    (block,) = blocks(sentinel)
    assert (block["key"], block["reason"], block["until"]) == ("person:iam:111122223333:alice", "gone", None)
    told = flat(ran.out)
    assert "Blocked: person:iam:111122223333:alice at every door that uses sqlite:///" in told
    assert "Revoked: 2 live sessions" in told
    assert "To lift the block: sentinel server-unblock person:iam:111122223333:alice" in told
    assert "`sentinel exec` without --server" in told


def test_the_log_has_the_block_first_and_then_each_session(sentinel: CommandLine) -> None:
    fill(sentinel, {}, {})
    sentinel("server-revoke", "--profile", "prod", "--reason", "gone", "--yes")
    events = sentinel.audited()
    assert [event["action"] for event in events] == ["blocked", "session_revoked", "session_revoked"]
    assert {event["session_id"] for event in events[1:]} == {ONE, TWO}
    assert (events[0]["profile"], "person" in events[0]) == ("prod", False)


def test_a_block_may_have_an_end(sentinel: CommandLine) -> None:
    before = SystemClock().now()
    ran = sentinel("server-revoke", "--all", "--reason", "drill", "--until", "8h", "--yes", "--json")
    until = ran.json["block"]["until"]
    assert until >= f"{before + timedelta(hours=8):%Y-%m-%dT%H:%M:%SZ}"
    assert ran.json["block"]["key"] == "everyone"
    assert (ran.json["revoked"], ran.json["failures"]) == ([], [])


def test_sessions_that_were_over_are_left_alone(sentinel: CommandLine) -> None:
    fill(sentinel, {}, {})
    sentinel.in_store(lambda store: store.end(ONE, SystemClock().now()))
    found = sentinel("server-revoke", "--all", "--reason", "drill", "--yes", "--json").json
    assert [session["id"] for session in found["revoked"]] == [TWO]


def test_without_a_terminal_nobody_is_blocked_unasked(sentinel: CommandLine) -> None:
    fill(sentinel, {})
    ran = sentinel("server-revoke", "--all", "--reason", "drill")
    assert ran.status == 2
    assert "add --yes" in ran.err
    assert (states(sentinel), blocks(sentinel)) == ({ONE: "active"}, [])


def named(sentinel: CommandLine, name: str) -> Ran:
    """Revoke by a bare name."""
    return sentinel("server-revoke", "--user", name, "--reason", "gone", "--yes")


def test_a_bare_name_means_the_one_person_who_has_sessions_under_it(sentinel: CommandLine) -> None:
    fill(sentinel, {"user": "bob@example.com", "person": "sso:bob@example.com"}, {})
    assert named(sentinel, "bob@example.com").status == 0
    assert [block["key"] for block in blocks(sentinel)] == ["person:sso:bob@example.com"]
    assert states(sentinel) == {ONE: "revoked", TWO: "active"}


@pytest.mark.parametrize(
    ("people", "said"),
    [
        ([], "no session in sqlite://"),
        (["sso:bob", "iam:111122223333:bob"], "may be any of iam:111122223333:bob, sso:bob"),
        (["role:111122223333:Deploy"], "chose that name; the person is role:111122223333:Deploy"),
        (["sso:bob", "role:111122223333:Deploy"], "may be any of role:111122223333:Deploy, sso:bob"),
    ],
)
def test_a_bare_name_is_never_guessed(sentinel: CommandLine, people: list[str], said: str) -> None:
    fill(sentinel, *({"user": "bob", "person": person} for person in people))
    ran = named(sentinel, "bob")
    assert ran.status == 2
    assert said in ran.err
    assert "sso:NAME, iam:ACCOUNT:NAME" in ran.err
    assert blocks(sentinel) == []


def test_a_person_of_the_people_map_is_blocked_under_the_joined_key(sentinel: CommandLine) -> None:
    directory = sentinel.settings.directories.config
    directory.mkdir(parents=True)
    (directory / "config.yaml").write_text("people:\n  bob: [sso:bob, 'iam:111122223333:bob']\n")
    fill(sentinel, {"user": "bob", "person": "person:bob"})
    assert sentinel("server-revoke", "--user", "sso:bob", "--reason", "gone", "--yes").status == 0
    assert [block["key"] for block in blocks(sentinel)] == ["person:person:bob"]
    assert states(sentinel) == {ONE: "revoked"}


def test_a_log_that_fails_makes_it_no_less_of_a_revocation(sentinel: CommandLine) -> None:
    fill(sentinel, {})
    sentinel.settings.audit_directory.parent.mkdir(parents=True, exist_ok=True)
    sentinel.settings.audit_directory.write_text("in the way")
    ran = sentinel("server-revoke", ONE, "--reason", "gone")
    assert ran.status == 6
    assert "it is done, but the audit log has no line of it" in ran.err
    assert f"Revoked: session {ONE}" in ran.out
    assert states(sentinel) == {ONE: "revoked"}
    everyone = sentinel("server-revoke", "--all", "--reason", "gone", "--yes")
    assert (everyone.status, len(blocks(sentinel))) == (6, 1)


def test_a_log_that_is_not_required_is_missed_quietly(sentinel: CommandLine) -> None:
    fill(sentinel, {})
    sentinel.settings.audit_directory.parent.mkdir(parents=True, exist_ok=True)
    sentinel.settings.audit_directory.write_text("in the way")
    sentinel.set(SENTINEL_AUDIT_REQUIRED="false")
    assert sentinel("server-revoke", ONE, "--reason", "gone").status == 0


def test_a_reason_cannot_draw_on_the_terminal(sentinel: CommandLine) -> None:
    fill(sentinel, {"user": "al\x1b[2Jice"})
    sentinel.in_store(
        lambda store: store.revoke(ONE, Revocation(at=NOON, by="x\rroot", reason="a\x1b]0;b\x07"))
    )
    out = sentinel("server-revoke", ONE, "--reason", "why").out
    assert not set(out) & {"\x1b", "\r", "\x07"}


# ---- on a terminal


@pytest.mark.parametrize(
    ("answer", "status", "state"), [("n", 1, "active"), ("", 1, "active"), ("y", 0, "revoked")]
)
def test_on_a_terminal_a_yes_is_asked_for_first(
    sentinel: CommandLine, answer: str, status: int, state: str
) -> None:
    fill(sentinel, {})
    words = ["server-revoke", "--all", "--reason", "drill", "--until", "8h"]
    with on_a_terminal([sys.executable, "-m", "cli.main", *words], process_environ()) as terminal:
        terminal.expect(r"block everyone at every door for 8h, and revoke its live sessions in .*\[y/N\]: ")
        terminal.line(answer)
        terminal.expect("Revoked: 1 live session" if status == 0 else "not confirmed, so nothing was changed")
        assert terminal.process.wait(DEADLINE) == status
    assert states(sentinel) == {ONE: state}


# ---- in the shared store


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    """An embedded AWS."""
    with embedded_aws() as sandbox:
        yield sandbox


def test_in_the_shared_store_the_one_who_revokes_is_named_by_aws(sentinel: CommandLine, aws: Sandbox) -> None:
    sentinel.connect(aws)
    sentinel.set(AWS_PROFILE="base", SENTINEL_SESSION_TABLE="sentinel-sessions")
    assert sentinel("init", "sessions", "--region", aws.aws.region, "--yes").status == 0
    fill(sentinel, {}, {"person": "sso:bob", "user": "bob"}, {})
    one = sentinel("server-revoke", ONE, "--reason", "gone", "--json").json
    assert (one["revoked_by"], one["first"]) == (aws.dev_arn, True)
    many = sentinel("server-revoke", "--user", "bob", "--reason", "gone", "--yes", "--json").json
    assert [session["id"] for session in many["revoked"]] == [TWO]
    assert states(sentinel) == {ONE: "revoked", TWO: "revoked", THREE: "active"}
    assert {event["by"] for event in sentinel.audited()} == {aws.dev_arn}
    assert sentinel("server-unblock", "person:sso:bob", "--yes", "--json").json["lifted_by"] == aws.dev_arn


# ---- words


def held(**changes: Any) -> str:
    """What is said of what a session still holds, at five past noon."""
    session = a_session(0, revocation=a_revocation(), heartbeat_at=NOON, **changes)
    return flat(revoked.one_in_words(Revoked(session=session, first=True), NOON + timedelta(minutes=5)))


def test_a_full_lease_is_bounded_by_the_real_expiry_alone() -> None:
    assert "still holds lasts at the latest to the real expiry 12:14:00Z" in held(
        lease_seconds=None, credentials_until=NOON + timedelta(minutes=14)
    )


def test_an_expiry_says_how_old_the_knowledge_of_it_is() -> None:
    assert "(as told 5m ago)" in held(credentials_until=NOON + timedelta(minutes=14))
    assert "the server had told none 5m ago; by default 15m after the last fetch" in held()


def test_an_expiry_on_another_day_has_its_date() -> None:
    assert "real expiry 2026-03-02T00:00:00Z" in held(credentials_until=NOON + timedelta(hours=12))


def test_a_session_without_a_role_says_so() -> None:
    assert "for profile prod, which has no role" in held(role_arn=None)


def test_a_session_that_was_over_says_since_when() -> None:
    assert "which had ended at 2026-03-01T12:01:00Z" in held(ended_at=NOON + timedelta(minutes=1))
    assert "which had expired" in held(expires_at=NOON)


def many(*revocations: Session, failures: tuple[Failure, ...] = ()) -> MassRevocation:
    """A block of everyone and what came of it."""
    block: Block = a_block(BlockKey(scope=Scope.EVERYONE), until=NOON + timedelta(hours=1))
    return MassRevocation(block=block, revoked=revocations, already=revocations[:1], failures=failures)


def test_a_mass_revocation_bounds_what_each_session_holds() -> None:
    sessions = [a_session(number, revocation=a_revocation()) for number in (1, 2)]
    told = flat(revoked.many_in_words(many(*sessions), NOON, "memory:"))
    assert "Blocked: everyone at every door that uses memory:, until 2026-03-01T13:00:00Z." in told
    assert f"Already revoked: 1 live session ({ONE})." in told
    assert f"still holds of {ONE} lasts" in told
    assert f"still holds of {TWO} lasts" in told


def test_what_could_not_be_revoked_is_named_and_could_not_be_verified() -> None:
    failure = Failure(session_id=ONE, error=StoreUnavailable("the store is slow"))
    broken = Failure(session_id="", error=StoreUnavailable("the store is gone"))
    done = many(failures=(failure, broken))
    error = revoked.incomplete(done)
    assert error.exit_status == 6
    assert f"{ONE}: the store is slow; the search: the store is gone" in error.message
    assert revoked.many_fields(done, NOON)["failures"] == [
        {"id": ONE, "message": "the store is slow"},
        {"id": "", "message": "the store is gone"},
    ]


def test_nothing_said_is_wider_than_a_terminal() -> None:
    session = a_session(1, revocation=a_revocation(), role_arn="arn:aws:iam::111122223333:role/prod")
    text = revoked.many_in_words(many(session, session), NOON, "memory:")
    assert [line for line in text.splitlines() if len(line) > 80] == []
    assert not re.search(r" $", text, re.MULTILINE)
