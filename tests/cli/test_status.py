"""`status`: what a shell holds, from its variables, its server's note and its server's answer."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from cli.fetched import fetch
from cli.seats import NAME, Refusal, SeatNote, SeatNotes, read_note
from cli.standing_words import prompt_words
from cli.standings import Holds, Standing, from_variables
from sentinel_server.auditlog.latest import latest
from sentinel_server.clock import SystemClock, whole_seconds
from sentinel_server.errors import PolicyDenied, SessionRevoked, StoreUnavailable
from tests.fakes.command_line import CommandLine
from tests.fakes.sessions import NOON, a_session, beginning_now

HOUR = timedelta(hours=1)
TOKEN = "canary-token-of-the-server"
KEYS = {"AWS_ACCESS_KEY_ID": "ASIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "canary-secret-key"}
NOTE = SeatNote(profile="prod", pid=os.getpid(), session_id="00000000000000ab")


class Answers:
    """A server on loopback that answers every fetch with `answer`, a status and a body."""

    def __init__(self) -> None:
        self.answer: tuple[int, bytes] = (200, b"")
        self.asked: list[str] = []
        ours = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                ours.asked.append(self.headers["Authorization"])
                status, body = ours.answer
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Tests read stderr."""

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/credentials"

    def serves(self, until: str = "2999-01-01T00:00:00Z") -> None:
        body = {"AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "canary-secret-key", "Expiration": until}
        self.answer = (200, json.dumps(body).encode())

    def refuses(self, code: str, message: str) -> None:
        self.answer = (403, json.dumps({"code": code, "message": message}).encode())


@pytest.fixture
def server() -> Iterator[Answers]:
    answers = Answers()
    threading.Thread(target=answers.http.serve_forever, daemon=True).start()
    yield answers
    answers.http.shutdown()
    answers.http.server_close()


@pytest.fixture
def shell(sentinel: CommandLine, server: Answers, tmp_path: Path) -> CommandLine:
    """A command line under `exec --server` for prod, whose server is `server`."""
    directory = tmp_path / "run"
    directory.mkdir()
    noted(directory, NOTE)
    sentinel.set(
        AWS_SENTINEL="prod",
        AWS_SENTINEL_ID="00000000000000ab",
        AWS_CONTAINER_CREDENTIALS_FULL_URI=server.url,
        AWS_CONTAINER_AUTHORIZATION_TOKEN=TOKEN,
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=str(directory / "token"),
    )
    return sentinel


def noted(directory: Path, note: SeatNote) -> None:
    (directory / NAME).write_text(json.dumps(asdict(note)))


def holds(shell: CommandLine) -> tuple[dict[str, Any], int]:
    ran = shell("status", "--json")
    assert ran.err == ""
    return ran.json, ran.status


# ---- outside


def test_outside_of_our_shells_it_says_so_and_how_to_get_into_one(sentinel: CommandLine) -> None:
    ran = sentinel("status")
    assert (ran.status, ran.out) == (1, "Holds  this shell has no credentials from sentinel\n")
    assert ran.err == "sentinel: next: sentinel exec --server\n"
    assert sentinel("status", "--prompt").out == ""
    sentinel.set(AWS_ACCESS_KEY_ID="AKIAEXAMPLE")
    assert "AWS_ACCESS_KEY_ID is set here, by sentinel export or" in sentinel("status").err


def test_outside_the_last_refusal_on_this_machine_is_shown(sentinel: CommandLine) -> None:
    directory = sentinel.settings.audit_directory
    directory.mkdir(parents=True)
    line = {
        "at": "2026-03-01T12:00:00.000000Z",
        "action": "refused",
        "profile": "prod",
        "code": "PolicyDenied",
    }
    older = json.dumps({**line, "reason": "older"})
    newer = json.dumps({**line, "at": "2026-03-02T12:00:00.000000Z", "reason": "rule 'x' denies"})
    (directory / "20260301T120000000000Z-00000000000000aa.jsonl").write_text(
        f'{older}\n{newer}\n{{"action":"served","at":"2027"}}\n'
    )
    found, status = holds(sentinel)
    assert (found["holds"], found["profile"], status) == ("nothing", None, 1)
    assert found["last_refusal"]["message"] == "rule 'x' denies"
    assert "Last refusal  prod: rule 'x' denies (" in sentinel("status").out


# ---- under exec


def test_credentials_that_were_handed_over_are_held_until_their_end(sentinel: CommandLine) -> None:
    until = SystemClock().now() + HOUR + timedelta(seconds=30)
    sentinel.set(AWS_SENTINEL="prod", AWS_CREDENTIAL_EXPIRATION=whole_seconds(until), **KEYS)
    found, status = holds(sentinel)
    assert (found["holds"], found["ends_at"], status) == ("held", whole_seconds(until), 0)
    assert (found["server"], found["server_alive"]) == (None, None)
    assert sentinel("status", "--prompt").out == "prod 1h"
    assert "canary" not in sentinel("status").out


@pytest.mark.parametrize("lacking", ["AWS_CREDENTIAL_EXPIRATION", "AWS_ACCESS_KEY_ID"])
def test_credentials_that_are_over_or_taken_away_are_no_use(sentinel: CommandLine, lacking: str) -> None:
    variables = {**KEYS, "AWS_SENTINEL": "prod", "AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z"}
    if lacking == "AWS_ACCESS_KEY_ID":
        del variables[lacking]
    sentinel.set(**variables)
    found, status = holds(sentinel)
    assert (found["holds"], status) == ("over", 1)
    assert found["next"].startswith("leave this shell (exit)")
    assert sentinel("status", "--prompt").out == "prod over"


# ---- under exec --server


def test_what_the_server_tells_an_sdk_is_the_lease(shell: CommandLine, server: Answers) -> None:
    server.serves("2999-01-01T00:00:00Z")
    found, status = holds(shell)
    assert (found["holds"], found["lease_until"], status) == ("served", "2999-01-01T00:00:00Z", 0)
    assert (found["id"], found["server_alive"]) == ("00000000000000ab", True)
    assert server.asked == [TOKEN]
    ran = shell("status")
    assert "canary" not in ran.out + ran.err


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("PolicyDenied", 3),
        ("ApprovalRequired", 4),
        ("SessionRevoked", 5),
        ("StoreUnavailable", 6),
        ("New", 6),
    ],
)
def test_a_refusal_has_its_reason_its_next_step_and_its_exit_status(
    shell: CommandLine, server: Answers, code: str, status: int
) -> None:
    server.refuses(code, "that is why; do this; and that")
    found, code_of = holds(shell)
    assert (found["holds"], code_of) == ("refused", status)
    assert (found["last_refusal"]["message"], found["next"]) == ("that is why", "do this; and that")


def test_what_the_server_has_noted_keeps_reason_and_next_step_apart(
    shell: CommandLine, server: Answers, tmp_path: Path
) -> None:
    server.refuses("SessionRevoked", "INC-42; stolen; do this")
    refusal = Refusal(
        code="SessionRevoked", message="INC-42; stolen", next="do this", at="2026-03-01T12:00:00Z"
    )
    noted(tmp_path / "run", replace(NOTE, refusing=True, refusal=refusal))
    found, _ = holds(shell)
    assert found["last_refusal"] == asdict(refusal)
    assert shell("status", "--prompt").out == "prod refused"


def test_a_refusal_that_is_past_is_still_told(shell: CommandLine, server: Answers, tmp_path: Path) -> None:
    server.serves()
    refusal = Refusal(
        code="StoreUnavailable", message="no answer", next="try again", at="2026-03-01T12:00:00Z"
    )
    noted(tmp_path / "run", replace(NOTE, refusal=refusal))
    ran = shell("status")
    assert (ran.status, ran.err) == (0, "")
    assert "Last refusal  no answer (" in ran.out


@pytest.mark.parametrize("body", [b"", b"[]", b'{"hello": 1}', b'{"Expiration": "soon"}'])
def test_an_answer_that_is_not_ours_verifies_nothing(
    shell: CommandLine, server: Answers, body: bytes
) -> None:
    server.answer = (200, body)
    ran = shell("status", "--json")
    assert (ran.status, ran.json["holds"]) == (6, "silent")
    assert len(ran.json["not_asked"]) == 1


def test_a_server_that_has_ended_is_gone(shell: CommandLine, server: Answers, tmp_path: Path) -> None:
    shell.set(AWS_CONTAINER_CREDENTIALS_FULL_URI="http://127.0.0.1:1/credentials")
    found, status = holds(shell)
    assert (found["holds"], found["server_alive"], status) == ("gone", False, 1)
    (tmp_path / "run" / NAME).unlink()
    assert holds(shell)[0]["holds"] == "gone"
    assert shell("status", "--prompt").out == "prod over"
    assert server.asked == []


def test_a_server_without_a_note_is_asked_all_the_same(
    shell: CommandLine, server: Answers, tmp_path: Path
) -> None:
    """As in a container, which has the variables and not the directory."""
    (tmp_path / "run" / NAME).unlink()
    server.serves()
    found, status = holds(shell)
    assert (found["holds"], found["id"], found["identity"], status) == ("served", "00000000000000ab", None, 0)


def test_a_dead_process_leaves_no_doubt_to_a_prompt(shell: CommandLine, tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    noted(tmp_path / "run", replace(NOTE, pid=child))
    assert shell("status", "--prompt").out == "prod over"


def test_a_url_that_is_none_is_said_and_not_asked() -> None:
    assert "did not answer" in fetch("http://127.0.0.1:x/", "t", "").why
    assert "did not answer" in fetch("", "t", "").why


def test_variables_that_get_in_the_way_are_named(shell: CommandLine, server: Answers) -> None:
    server.serves()
    shell.set(AWS_PROFILE="dev", **KEYS)
    err = shell("status").err
    assert "AWS_PROFILE is set to 'dev', which this shell does not have: unset AWS_PROFILE" in err
    assert "AWS_ACCESS_KEY_ID is set, and SDKs take it instead" in err
    shell.set(AWS_PROFILE="prod")
    assert "AWS_PROFILE" not in shell("status").err


def test_what_cannot_be_read_is_said(sentinel: CommandLine) -> None:
    sentinel.set(SENTINEL_LEASE="nonsense", AWS_SENTINEL="prod", AWS_SENTINEL_ID="ab", **KEYS)
    ran = sentinel("status", "--json")
    assert ran.status == 0
    assert ran.json["not_asked"][0].startswith("the audit log was not looked at: lease: 'nonsense'")


# ---- a prompt


@pytest.mark.parametrize(
    ("holding", "words"),
    [
        (Standing(holds=Holds.SERVED, profile="prod", until=NOON + 3 * HOUR), "prod 3h"),
        (Standing(holds=Holds.WAITING, profile="prod"), "prod"),
        (Standing(holds=Holds.REFUSED, profile="prod", until=NOON + HOUR), "prod refused"),
        (Standing(holds=Holds.SERVED, profile="a\x1b[2J\n"), "a\\x1b[2J\\n"),
        (Standing(holds=Holds.NOTHING), ""),
    ],
)
def test_a_prompt_has_a_word_or_two_that_no_terminal_obeys(holding: Standing, words: str) -> None:
    assert prompt_words(holding, NOON) == words


def test_a_session_that_reached_its_end_is_over(tmp_path: Path) -> None:
    noted(tmp_path, replace(NOTE, ends_at="2026-03-01T12:00:00Z"))
    environ = {
        "AWS_SENTINEL": "prod",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(tmp_path / "token"),
    }
    assert from_variables(environ, NOON - HOUR).holds is Holds.SERVED
    assert from_variables(environ, NOON).holds is Holds.OVER


# ---- the note


class Directory:
    """Writes as a server's private directory does: a file that is there is never written over."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, name: str, text: str) -> Path:
        with (self.path / name).open("x") as file:
            file.write(text)
        return self.path / name


def test_a_note_follows_its_session(tmp_path: Path) -> None:
    notes = SeatNotes(SeatNote(profile="prod", pid=1))
    session = beginning_now(a_session())
    notes.begun(session)
    assert read_note(tmp_path) is None
    notes.keep_in(Directory(tmp_path))
    first = read_note(tmp_path)
    assert first is not None
    assert (first.session_id, first.principal, first.refusing) == (session.id, session.principal_arn, False)
    notes.told(SessionRevoked("by security"), NOON)
    refused = read_note(tmp_path)
    assert refused is not None
    assert refused.refusal is not None
    assert (refused.refusing, refused.refusal.at) == (True, "2026-03-01T12:00:00Z")
    notes.told(None, NOON)
    again = read_note(tmp_path)
    assert again == replace(refused, refusing=False)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_note_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    notes = SeatNotes(NOTE)
    notes.keep_in(Directory(tmp_path / "missing"))
    notes.told(StoreUnavailable("no answer"), NOON)

    def refuses(name: str, text: str) -> Path:
        raise PolicyDenied("no")

    notes.keep_in(refuses)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"profile": 1', '{"profile": "a", "pid": 1, "refusal": []}']
)
def test_what_is_no_note_is_none_unless_it_says_enough(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    found = read_note(tmp_path)
    assert found is None or found == SeatNote(profile="a", pid=1)


def test_a_note_of_a_later_version_is_read_as_far_as_we_know(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(json.dumps({**asdict(NOTE), "mood": "good"}))
    assert read_note(tmp_path) == NOTE


# ---- the log


class Log:
    """Log files in memory."""

    def __init__(self, **files: list[bytes]) -> None:
        self.files = files

    def names(self) -> list[str]:
        return sorted(self.files)

    def lines(self, name: str, start: int = 0) -> Iterator[tuple[bytes, int]]:
        for line in self.files[name]:
            yield line, 0

    def end(self, name: str) -> int:
        return 0


def test_the_newest_entry_counts_in_whichever_file_it_is() -> None:
    def line(at: str, word: str) -> bytes:
        return json.dumps({"at": at, "action": word}).encode()

    log = Log(
        a=[line("3", "refused"), line("9", "served")],
        b=[line("1", "refused"), line("2", "refused"), b'{"refused'],
    )
    found = latest(log, (b'"refused"',), lambda entry: True)
    assert found is not None
    assert found["at"] == "3"
    assert latest(log, (b'"nothing"',), lambda entry: True) is None
    many = Log(**{f"f{number:02}": [line(str(number), "refused")] for number in range(20)})
    assert latest(many, (b'"refused"',), lambda entry: str(entry["at"]) == "3") is None


def test_instants_without_a_zone_are_utc() -> None:
    environ = {"AWS_SENTINEL": "prod", "AWS_CREDENTIAL_EXPIRATION": "2026-03-01T12:00:00", **KEYS}
    assert from_variables(environ, NOON).until == datetime(2026, 3, 1, 12, tzinfo=UTC)
