"""The command under `exec --server`: its end is our end, and what we refuse has a status of its own."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sentinel_server.clock import SystemClock
from sentinel_server.sessions.model import State
from sentinel_server.settings.environ import read_settings
from sentinel_server.wiring import open_store
from tests.fakes.deployment import Deployment, Door, Ran, deployment
from tests.fakes.processes import Running, sentinel, started, until

APPROVAL = """\
version: "1"
rules:
  - name: four-eyes
    effect: require_approval
    match: any
"""
SHADOWS = {
    **dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AMAZON_ACCESS_KEY_ID"), "AKIASHADOW"),
    **dict.fromkeys(("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AMAZON_SECRET_ACCESS_KEY"), "shadow"),
    **dict.fromkeys(("AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AMAZON_SESSION_TOKEN"), "shadow"),
    "AWS_CREDENTIAL_EXPIRATION": "2040-01-01T00:00:00Z",
    "AWS_PROFILE": "security",
    "AWS_DEFAULT_PROFILE": "security",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/dev/null",
    "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/shadow",
    "AWS_ROLE_SESSION_NAME": "shadow",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/shadow",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/shadow",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN": "shadow",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/shadow",
    "AWS_CONTAINER_SERVICE_ENDPOINT": "http://127.0.0.1:1/shadow",
    "AWS_ACCOUNT_ID": "999999999999",
    "MINIO_ACCESS_KEY": "shadow",
    "MINIO_SECRET_KEY": "shadow",
    "BOTO_CONFIG": "/shadow",
    "AWS_EC2_METADATA_DISABLED": "false",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1/shadow",
}
"""Every variable by which some SDK finds credentials elsewhere."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A home with its sessions in SQLite."""
    with deployment(tmp_path_factory.mktemp("home"), shared=False) as made:
        yield made


def served(home: Deployment, *command: str, **env: str) -> Ran:
    return home.run("exec", "--server", "--profile", "prod", "--", *command, **env)


def state_of(home: Deployment, session: str, **env: str) -> State:
    settings = read_settings({}, home.env(**env))

    async def read() -> State:
        async with open_store(settings) as store:
            found = (await store.standing(session, ())).session
            assert found is not None
            return found.state(SystemClock().now(), settings.lapse_after)

    return asyncio.run(read())


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("exit 0", 0),
        ("exit 3", 3),
        ("exit 125", 125),
        ("kill -TERM $$", 143),
        ("kill -KILL $$", 137),
        ("kill -SEGV $$", 139),
    ],
)
def test_the_end_of_the_command_is_ours(home: Deployment, script: str, code: int) -> None:
    assert served(home, "sh", "-c", script).code == code


def test_a_command_killed_by_ctrl_c_takes_us_along_so_that_a_loop_ends(home: Deployment) -> None:
    assert served(home, "sh", "-c", "kill -INT $$").code == -signal.SIGINT


def test_what_cannot_be_run_ends_as_in_a_shell(home: Deployment, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("echo started\n")
    for command, code in ((str(plain), 126), (str(tmp_path / "nothing"), 127), ("no-such-command", 127)):
        done = served(home, command)
        assert (done.code, done.out) == (code, "")
        assert done.last.startswith("sentinel: next: ")


def refused(done: Ran, code: int, saying: str) -> None:
    assert (done.code, done.out) == (code, ""), done.err
    assert saying in done.err
    assert done.last.startswith("sentinel: ")
    assert "Traceback" not in done.err


def test_what_we_refuse_has_a_status_of_its_own(home: Deployment, tmp_path: Path) -> None:
    (tmp_path / "prod.yaml").write_text(APPROVAL)
    echo = ("--", "echo", "started")
    denied = home.run("exec", "--server", "--profile", "admin", *echo)
    refused(denied, 3, "rule 'nobody' denies dev")
    asked = served(home, "echo", "started", SENTINEL_POLICIES=f"file://{tmp_path}")
    refused(asked, 4, "rule 'four-eyes' wants an approval")
    refused(served(home, "echo", SENTINEL_POLICIES="file:///nowhere"), 6, "/nowhere")
    refused(served(home, "echo", SENTINEL_STORE="sqlite:///proc/no.db"), 6, "/proc")
    refused(home.run("exec", "--server", "--profile", "nobody", *echo), 2, "nobody")
    refused(home.run("exec", "--server", *echo), 2, "--profile")
    refused(served(home, "echo", SENTINEL_LEASES="strict"), 2, "SENTINEL_LEASES")
    refused(served(home, "echo", SENTINEL_LEASE="lenient"), 2, "lenient")


def test_a_mistake_of_ours_is_125_and_says_where(home: Deployment, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "tests.fakes.sabotaged", "environment"]
    words = ("exec", "--server", "--profile", "prod", "--", "echo", "started")
    with started([*argv, *words], env=home.env(), into=tmp_path) as running:
        assert running.wait() == 125
        refused(Ran(code=125, out=running.out(), err=running.err()), 125, "internal error: RuntimeError")


def test_the_session_ends_with_the_command(home: Deployment) -> None:
    with home.door() as door:
        assert state_of(home, door.session) is State.ACTIVE
        door.running.hush()
        assert door.running.wait() == 0
        assert state_of(home, door.session) is State.ENDED


def test_there_is_nothing_to_find_when_it_is_over(home: Deployment) -> None:
    runtime = Path(home.env()["XDG_RUNTIME_DIR"])
    with home.door() as door:
        (token,) = runtime.rglob("token")
        assert (token.read_text(), token.stat().st_mode & 0o777) == (door.token, 0o600)
        door.running.hush()
        door.running.wait()
        assert [path for path in runtime.rglob("*") if path.is_file()] == []


def test_a_shell_inside_a_shell_is_refused(home: Deployment) -> None:
    done = served(home, *sentinel("exec", "--server", "--profile", "dev", "--", "echo", "started"))
    refused(done, 2, "this shell already has credentials of prod")


def test_nothing_set_before_shadows_what_we_serve(home: Deployment) -> None:
    program = (
        "import boto3, json, os; "
        "print(json.dumps([dict(os.environ), boto3.client('sts').get_caller_identity()['Arn']]))"
    )
    done = served(home, sys.executable, "-c", program, **SHADOWS)
    assert done.code == 0, done.err
    inside, caller = json.loads(done.out)
    assert ":assumed-role/prod/sentinel-u.dev-" in caller
    assert {name for name in SHADOWS if name in inside} == {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_EC2_METADATA_DISABLED",
    }
    assert "shadow" not in " ".join(inside.values()).lower()
    assert inside["AWS_EC2_METADATA_DISABLED"] == "true"


QUICK = {"SENTINEL_HEARTBEAT": "1s", "SENTINEL_LAPSE_AFTER": "3s"}


@pytest.fixture
def quick(home: Deployment) -> Iterator[Door]:
    """A session that must show a sign of life every three seconds."""
    with home.door(**QUICK) as door:
        assert door.fetch().status == 200
        yield door


def lapses(home: Deployment, door: Door) -> None:
    until(lambda: state_of(home, door.session, **QUICK) is State.LAPSED, "the session lapses")


def test_a_session_lapses_when_we_are_killed(home: Deployment, quick: Door) -> None:
    quick.running.send(signal.SIGKILL)
    assert quick.running.wait() == -signal.SIGKILL
    with pytest.raises(ConnectionRefusedError):
        quick.fetch()
    lapses(home, quick)


def test_a_suspended_server_revives_its_session_when_it_is_continued(home: Deployment, quick: Door) -> None:
    quick.running.send(signal.SIGSTOP)
    lapses(home, quick)
    quick.running.send(signal.SIGCONT)
    assert quick.fetch().status == 200
    assert state_of(home, quick.session, **QUICK) is State.ACTIVE
    assert audited(home, quick.session).count("session_revived") == 1


def test_a_suspended_server_does_not_revive_what_was_revoked_meanwhile(home: Deployment, quick: Door) -> None:
    quick.running.send(signal.SIGSTOP)
    lapses(home, quick)
    home.revoke(quick.session)
    quick.running.send(signal.SIGCONT)
    assert quick.fetch().code == "SessionRevoked"


def test_signals_to_us_alone_reach_the_command(home: Deployment) -> None:
    with home.serving("--", sys.executable, "-m", "tests.fakes.signal_listener") as running:
        running.wait_for("^ready$")
        for number in (signal.SIGINT, signal.SIGUSR1, signal.SIGHUP):
            running.send(number)
            running.wait_for(f"^got {number.name}$")
        assert ended(running) == 7


def ended(running: Running) -> int:
    running.send(signal.SIGTERM)
    return running.wait()


def audited(home: Deployment, session: str) -> list[str]:
    """The actions that the audit log has of a session."""
    logs = (Path(home.env()["XDG_STATE_HOME"]) / "sentinel" / "audit").glob("*.jsonl")
    lines = [json.loads(line) for log in logs for line in log.read_text().splitlines()]
    return [line["action"] for line in lines if line.get("session_id") == session]


def test_the_parent_of_a_command_has_no_secret_in_its_words(home: Deployment) -> None:
    with home.door() as door:
        for pid in (door.running.pid, *children(door.running.pid)):
            assert door.token not in Path(f"/proc/{pid}/cmdline").read_text()
        assert door.token not in Path(f"/proc/{door.running.pid}/environ").read_text()


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
