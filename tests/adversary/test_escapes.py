"""What others wrote does nothing to the terminal of whoever reads it, in every listing and in every form."""

from __future__ import annotations

import ast
import asyncio
import json
import sqlite3
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import click
import pytest

from cli.main import root
from sentinel_server.clock import SystemClock
from sentinel_server.notifications.outbox import outbox_change
from sentinel_server.records.model import Ledger
from sentinel_server.sessions.model import Block, BlockKey, Revocation, Scope
from sentinel_server.sessions.store import SessionStore
from sentinel_server.settings.environ import process_environ
from sentinel_server.wiring import open_records
from tests.fakes.approvers import Team, staff, team
from tests.fakes.auditlogs import a_log, a_name
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.command_line import CommandLine, Ran
from tests.fakes.notices import asked
from tests.fakes.processes import REPOSITORY
from tests.fakes.sessions import a_session, beginning_now
from tests.fakes.terminal import on_a_terminal
from tests.fakes.two_people import POLICY

MARK = "MARKED"
"""Stands for the poison where a door would refuse it."""
POISON = "\x1b]0;owned\x07\x1b[2J\x1b[1;31m\x9b31m\r\nsentinel: all is well\u202e\u2028\u2066\u200b\x08\x7f"
"""A title, a cleared screen, colours, a line of ours, text from right to left, and things not seen."""
_ACTING = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def assert_harmless(ran: Ran) -> None:
    """Nothing but characters that are seen, and ends of lines that are ours."""
    for text in (ran.out, ran.err):
        bad = {each for each in text if unicodedata.category(each) in _ACTING and each != "\n"}
        assert not bad, ran
        assert "\nsentinel: all is well" not in text


def poisoned(value: Any) -> Any:
    """A value with poison for every mark in it, also in what is JSON inside of JSON."""
    match value:
        case dict():
            return {poisoned(key): poisoned(each) for key, each in value.items()}
        case list():
            return [poisoned(each) for each in value]
        case str() if value[:1] in ("{", "[") and MARK in value:
            return json.dumps(poisoned(json.loads(value)))
        case str():
            return value.replace(MARK, POISON)
        case _:
            return value


def poison(sentinel: CommandLine) -> int:
    """Write the poison over every mark in the store, as whoever may write to it could; how many fields."""
    changed = 0
    place = sentinel.home / ".local" / "state" / "sentinel" / "sentinel.db"
    with closing(sqlite3.connect(place)) as store, store:
        store.create_function("poisoned", 1, poisoned)
        for (table,) in store.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            columns = store.execute("SELECT name FROM pragma_table_info(?) WHERE type = 'TEXT'", (table,))
            for (column,) in columns.fetchall():
                change = f"UPDATE {table} SET {column} = poisoned({column}) WHERE instr({column}, ?)"
                changed += store.execute(change, (MARK,)).rowcount
    return changed


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    with embedded_aws() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def staffed(aws: Sandbox) -> Callable[[CommandLine], Team]:
    keys = staff(aws)
    return lambda sentinel: team(sentinel, aws, keys)


@pytest.fixture
def people(sentinel: CommandLine, staffed: Callable[[CommandLine], Team]) -> Team:
    made = staffed(sentinel)
    (sentinel.home / ".config" / "sentinel" / "breakglass.yaml").write_text(POLICY)
    return made


def marked_sessions(sentinel: CommandLine) -> None:
    """A session, another that was revoked, and a block, with marks in all that is free text."""
    session = beginning_now(
        a_session(
            1,
            person=f"sso:{MARK}",
            user=MARK,
            principal_arn=f"arn:aws:iam::111122223333:user/{MARK}",
            profile=f"prod{MARK}",
            source_identity=MARK,
            role_arn=f"arn:aws:iam::111122223333:role/{MARK}",
        )
    )
    now = SystemClock().now()

    async def write(store: SessionStore) -> None:
        await store.create(session)
        await store.create(beginning_now(a_session(2, user=MARK)))
        await store.revoke(f"{2:016x}", Revocation(at=now, by=MARK, reason=MARK))
        key = BlockKey(scope=Scope.PERSON, name=f"sso:{MARK}")
        await store.block(Block(key=key, at=now, by=MARK, reason=MARK))

    sentinel.in_store(write)


def assert_shown(ran: Ran) -> None:
    """It worked, did no harm, and the poison was there to do some."""
    assert ran.status == 0, ran.err
    assert "owned" in ran.out
    assert_harmless(ran)


@pytest.mark.parametrize("form", ["human", "json", "csv"])
def test_sessions_and_blocks(sentinel: CommandLine, form: str) -> None:
    marked_sessions(sentinel)
    assert poison(sentinel) >= 8
    how = () if form == "human" else ("--output", form)
    for words in (("server-sessions", "--all"), ("server-blocks", "--all")):
        assert_shown(sentinel(*words, *how))


def test_one_session_and_those_that_are_cut_off(sentinel: CommandLine) -> None:
    marked_sessions(sentinel)
    poison(sentinel)
    for words in (
        ("server-session", f"{1:016x}"),
        ("server-session", f"{2:016x}", "--json"),
        ("server-revoke", f"{1:016x}", "--reason", "why"),
        ("server-revoke", "--all", "--reason", "why", "--yes"),
        ("server-unblock", f"person:sso:{POISON}", "--yes"),
        ("server-session", POISON),
        ("server-revoke", "--user", POISON, "--reason", POISON, "--yes"),
        ("server-sessions", "--profile", POISON),
    ):
        assert_harmless(sentinel(*words))


def marked_requests(people: Team) -> tuple[str, str]:
    """The ids of a request with a vote and an ending, and of an emergency with a closing and a review."""
    why = f"rotate the keys {MARK}"
    request = str(
        people("request", "--profile", "prod", "--justification", why, "--ticket", MARK, "--json").json[
            "request_id"
        ]
    )
    for words in (
        ("approve", request, "--aws-profile", "bob", "--comment", f"fine {MARK}"),
        ("revoke-approval", request, "--aws-profile", "carol", "--comment", f"not so fine {MARK}"),
    ):
        assert people(*words).status == 0
    said = ("--profile", "prod", "--reason-code", "incident", "--justification", f"everything is down {MARK}")
    opened = people("breakglass", *said, "--ticket", MARK, "--json")
    assert opened.status == 0, opened.err
    event = str(opened.json["event_id"])
    assert people("breakglass-close", event, "--reason", f"over {MARK}").status == 0

    async def tell() -> None:
        async with open_records(people.sentinel.settings) as records:
            news = asked(user=MARK, justification=MARK, ticket=MARK, profile=MARK)
            assert await records.commit([outbox_change(Ledger.REQUESTS, news, "00000000000000cc")])

    asyncio.run(tell())
    return request, event


def test_requests_emergencies_and_messages(people: Team) -> None:
    request, event = marked_requests(people)
    assert poison(people.sentinel) >= 3
    for words in (
        ("list", "--mine"),
        ("list", "--mine", "--json"),
        ("list", "--mine", "--output", "csv"),
        ("check", request),
        ("check", request, "--json"),
        ("breakglass-list", "--output", "csv"),
        ("breakglass-check", event),
        ("breakglass-check", event, "--json"),
    ):
        ran = people(*words)
        assert "owned" in ran.out or "cannot be read" in ran.err
        assert_harmless(ran)
    assert_harmless(people("breakglass-list"))
    assert_harmless(people("notify", "list"))


@pytest.mark.parametrize("form", [(), ("--json",), ("--output", "csv")])
def test_lines_of_an_audit_log(sentinel: CommandLine, form: tuple[str, ...]) -> None:
    log = sentinel.home / "log"
    log.mkdir()
    words = dict.fromkeys(("person", "profile", "reason", "rule", "session_id", "ticket", POISON), POISON)
    line = {"v": 1, "seq": 1, "at": "2026-03-01T12:00:00Z", "action": "refused", **words}
    lines = [json.dumps({**line, "seq": n}, ensure_ascii=n % 2 == 0) for n in range(4)]
    (log / a_name(0)).write_bytes(a_log() + "\n".join(lines).encode() + b"\n\x1b[2J\n")
    for command in ("search", "tail"):
        assert_harmless(sentinel("audit", command, "--directory", str(log), *form))
    if "csv" not in form:
        assert_harmless(sentinel("audit", "verify-logs", str(log), *form))


def leaves(group: click.Command, *words: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, and how it is called."""
    if not isinstance(group, click.Group):
        yield words, group
        return
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield from leaves(command, *words, name)


COMMANDS = [each for each in leaves(root) if each[0] != ("sandbox",)]


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=[" ".join(words) for words, _ in COMMANDS])
def test_whatever_a_command_is_given(
    sentinel: CommandLine,
    words: tuple[str, ...],
    command: click.Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Names are often pasted; a message that quotes one must not obey it."""
    monkeypatch.chdir(sentinel.home)  # some write what is named
    options = [each for each in command.params if isinstance(each, click.Option) and not each.is_flag]
    assert_harmless(sentinel(*words, POISON))
    assert_harmless(sentinel(*words, POISON, POISON))
    for option in options:
        assert_harmless(sentinel(*words, option.opts[0], POISON))


CONFIG = f"""\
[profile safe]
region = eu-west-1
[profile bad{POISON.splitlines()[0]}]
region = eu-west-1
[profile quiet\u202e\u2066]
role_arn = arn:aws:iam::111122223333:role/\x1b[2Jadmin
source_profile = safe\x9b31m
mfa_serial = arn:aws:iam::111122223333:mfa/\x1b]0;owned\x07
[profile login]
sso_session = corp\x1b[2J
sso_account_id = 111122223333
sso_role_name = \x1b[2J
[sso-session corp\x1b[2J]
sso_start_url = https://\x1b[2J.example.com/start
sso_region = eu-west-1
"""


def test_profiles_of_an_aws_config(sentinel: CommandLine) -> None:
    (sentinel.home / ".aws").mkdir()
    (sentinel.home / ".aws" / "config").write_text(CONFIG)
    sentinel.set(AWS_CONFIG_FILE=str(sentinel.home / ".aws" / "config"))
    quiet = "quiet\u202e\u2066"
    for words in (
        ("profiles",),
        ("profiles", "--json"),
        ("whoami", "--profile", quiet),
        ("exec", "--profile", quiet, "--", "true"),
        ("credentials", "--profile", "login"),
        ("exec", "--", "true"),
        ("sso", "login", "--profile", "login"),
        ("sso", "logout"),
        ("keyring", "list"),
        ("policy", "explain", "--profile", quiet, "--user", POISON),
        ("doctor",),
        ("doctor", "--json"),
        ("shell", "complete", "fish", "sentinel", "exec", "--profile", ""),
        ("shell", "complete", "zsh", "exec", ""),
    ):
        assert_harmless(sentinel(*words))


class _Aws(BaseHTTPRequestHandler):
    """An AWS, or what poses as one, that refuses everything in words of its own."""

    def do_POST(self) -> None:
        body = json.dumps({"__type": f"Bad{POISON}Exception", "message": POISON, "Message": POISON}).encode()
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def bad_aws() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Aws) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_messages_of_aws(sentinel: CommandLine, bad_aws: str) -> None:
    sentinel.set(
        AWS_ENDPOINT_URL=bad_aws,
        AWS_ACCESS_KEY_ID="AKIAEXAMPLE",
        AWS_SECRET_ACCESS_KEY="x",
        AWS_DEFAULT_REGION="eu-west-1",
        SENTINEL_STORE="dynamodb://eu-west-1/",
        SENTINEL_POLICIES="ssm://eu-west-1/sentinel/policies",
    )
    told = [
        sentinel(*words)
        for words in (
            ("server-sessions",),
            ("server-blocks", "--json"),
            ("policy", "pull", "prod"),
            ("whoami",),
        )
    ]
    assert "owned" in "".join(ran.err for ran in told)
    for ran in told:
        assert ran.status != 0
        assert_harmless(ran)


STORED = b"# \x1b[2J\x1b]0;owned\x07\xff\nrules: []\n# the end\n"
VALID = 'version: "1"\nrules: [{name: a, effect: allow, match: any}]\n'
BAD_FILE = f"bad{POISON.replace('/', '')}.yaml"


@pytest.mark.parametrize(
    "text", ["version: '1'\nrules: []\n", f"version: '1'\nrules: {POISON}\n", "a: [\n", VALID]
)
def test_names_and_texts_of_policies_and_configurations(sentinel: CommandLine, text: str) -> None:
    policies = sentinel.home / ".config" / "sentinel" / "policies"
    policies.mkdir(parents=True)
    file = policies / BAD_FILE
    file.write_text(text)
    (policies.parent / "config.yaml").write_text(text.replace("rules", "store"))
    for words in (
        ("policy", "validate", str(file)),
        ("policy", "lint", str(file)),
        ("policy", "lint", str(file), "--output", "json"),
        ("policy", "test", str(file)),
        ("policy", "fmt", "--check", str(file)),
        ("policy", "diff", str(file), str(policies / "none.yaml")),
        ("policy", "verify", str(file)),
        ("config", "validate", str(file)),
        ("config", "show"),
        ("config", "get", "store"),
        ("server-sessions",),
    ):
        assert_harmless(sentinel(*words))
    (policies.parent / "config.yaml").write_text(json.dumps({"store": f"sqlite:///{POISON}", POISON: 1}))
    for words in (("config", "show"), ("config", "get", "store"), ("server-sessions",), ("doctor",)):
        assert_harmless(sentinel(*words))
    (policies.parent / "config.yaml").write_text(json.dumps({"policies": f"file:///{POISON}"}))
    for words in (("config", "show"), ("config", "get", "policies"), ("config", "set", "policies", POISON)):
        assert_harmless(sentinel(*words))


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")
@pytest.mark.parametrize("onto", ["a terminal", "a pipe"])
def test_a_stored_text_is_itself_for_programs_and_harmless_for_people(onto: str) -> None:
    """What others keep in the place of a policy need not be one."""
    write = [sys.executable, "-c", f"from cli.policies.shelf import write_file; write_file('-', {STORED!r})"]
    if onto == "a pipe":
        assert subprocess.run(write, cwd=REPOSITORY, capture_output=True, check=True).stdout == STORED
        return
    with on_a_terminal(write, env=process_environ()) as terminal:
        terminal.expect("the end")
    assert "# \\x1b[2J\\x1b]0;owned\\x07\\udcff\r\n" in terminal.shown
    assert "\x1b" not in terminal.shown


def unclean(tree: ast.AST) -> Iterator[int]:
    """Lines of what is said, or asked, with something put into it that was not cleaned."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            said, first = ast.unparse(node.func), node.args[0]
            cleaned = isinstance(first, ast.Call) and ast.unparse(first.func) == "clean"
            put_in = said == "click.echo" and isinstance(first, ast.JoinedStr)
            asked = said in ("click.prompt", "click.confirm") and not isinstance(first, ast.Constant)
            if (put_in or asked) and not cleaned:
                yield node.lineno


def test_the_rule_sees_what_is_not_clean() -> None:
    bad = 'click.echo(f"a {b}", err=True)\nclick.prompt(question)\nclick.confirm(f"{clean(a)}{b}")\n'
    good = 'click.echo(clean(f"a {b}"))\nclick.prompt("Passphrase")\nclick.confirm(clean(question))\n'
    assert list(unclean(ast.parse(bad))) == [1, 2, 3]
    assert list(unclean(ast.parse(good))) == []


def test_nothing_is_put_into_words_without_being_cleaned() -> None:
    """The sandbox speaks of nothing but its own AWS."""
    files = [each for each in (REPOSITORY / "cli").rglob("*.py") if each.name != "sandbox.py"]
    assert len(files) > 100
    found = {each.name: lines for each in files if (lines := list(unclean(ast.parse(each.read_text()))))}
    assert found == {}
