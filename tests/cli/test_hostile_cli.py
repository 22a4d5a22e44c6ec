"""What hostile or careless surroundings make the command line say: never a lie, never a fault of ours."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sentinel_server import wiring
from sentinel_server.settings.environ import process_environ
from tests.fakes import processes
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.command_line import CommandLine
from tests.fakes.terminal import CTRL_C, on_a_terminal


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with embedded_aws() as running:
        yield running


def write_policy(sentinel: CommandLine, *lines: str) -> None:
    """A policy for `prod` whose one rule always allows, with these further lines."""
    (policies := sentinel.home / ".config" / "sentinel" / "policies").mkdir(parents=True, mode=0o700)
    rule = ["name: a", "effect: allow", "match: any", *lines]
    (policies / "prod.yaml").write_text(f'version: "1"\nrules: [{{{", ".join(rule)}}}]\n')


def test_a_sentinel_inside_our_own_credential_process_is_told_why_it_is_refused(
    sentinel: CommandLine,
) -> None:
    sentinel.set(SENTINEL_RESOLVING="work")
    ran = sentinel("credentials", "--profile", "default")
    assert ran.status == 2
    assert "runs sentinel, which is waiting for that process" in ran.err


def test_a_span_beyond_the_calendar_is_a_wrong_word_and_no_fault_of_ours(
    sentinel: CommandLine,
) -> None:
    ran = sentinel("server-revoke", "--all", "--yes", "--reason", "x", "--until", "999999999d")
    assert ran.status == 2
    assert "internal error" not in ran.err


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("SENTINEL_AUDIT_DIRECTORY", "~nobody-of-that-name/audit"),
        ("SENTINEL_STORE", "sqlite://~nobody-of-that-name/x.db"),
        ("SENTINEL_POLICIES", "file://~nobody-of-that-name/policies"),
    ],
)
def test_the_home_of_nobody_is_a_setting_to_mend(sentinel: CommandLine, variable: str, text: str) -> None:
    sentinel.set(**{variable: text})
    ran = sentinel("server-sessions")
    assert ran.status == 2
    assert "nobody-of-that-name" in ran.err


def test_a_block_says_in_which_store_it_is(sentinel: CommandLine) -> None:
    """Doors that use another store know nothing of it."""
    ran = sentinel("server-revoke", "--all", "--yes", "--reason", "x")
    flat = " ".join(ran.out.split())
    assert f"at every door that uses {sentinel.settings.store}, until it is lifted" in flat


def test_explain_does_not_take_the_role_of_the_shell_it_runs_in_for_the_person(
    sentinel: CommandLine,
) -> None:
    sentinel.set(AWS_SENTINEL="prod")
    write_policy(sentinel)
    ran = sentinel("policy", "explain", "--profile", "prod")
    assert ran.status == 2
    assert "--user" in ran.err
    assert sentinel("policy", "explain", "--profile", "prod", "--user", "alice").status == 0


def test_the_account_in_the_store_url_is_verified_when_a_rule_names_the_table(
    sentinel: CommandLine, sandbox: Sandbox
) -> None:
    sentinel.connect(sandbox)
    write_policy(sentinel, "session_table: sentinel-sessions")
    sentinel.set(SENTINEL_STORE="dynamodb://999999999999@us-east-1/")
    ran = sentinel("credentials", "--profile", "prod")
    assert ran.status == 6
    assert "is asked with credentials of account" in ran.err
    assert "next: check the account and the profile: sentinel config show" in ran.err


def test_a_revocation_does_not_depend_on_sts(sentinel: CommandLine, sandbox: Sandbox) -> None:
    sentinel.connect(sandbox)
    sentinel.set(AWS_PROFILE="base", SENTINEL_STORE="dynamodb://us-east-1/")
    assert asyncio.run(wiring.actor(sentinel.settings)) == sandbox.dev_arn
    sandbox.aws.fail(service="sts", kind="error500")
    try:
        assert re.fullmatch(r"local:\S+ \(not verified\)", asyncio.run(wiring.actor(sentinel.settings)))
    finally:
        sandbox.aws.heal()


_FULL_DISK = """
import os, resource, sys, urllib.request
try:
    urllib.request.urlopen(urllib.request.Request(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
        headers={"Authorization": os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]}))
except OSError:
    pass
resource.prlimit(os.getppid(), resource.RLIMIT_FSIZE, (0, 0))
sys.exit(7)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit is Linux's")
def test_the_childs_exit_code_is_ours_even_if_the_log_cannot_be_sealed(
    sentinel: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[default]\nregion = us-east-1\n")
    write_policy(sentinel)
    keys = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "x"}
    env = {**process_environ(), **keys, "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "NO_PROXY": "*"}
    words = ("exec", "--server", "--lazy", "--profile", "default", "--", sys.executable, "-c", _FULL_DISK)
    with processes.started(processes.sentinel(*words), env=env, into=tmp_path / "out") as running:
        code = running.wait()
        assert code == 7, running.err()


_ASK = """
import asyncio
from cli.prompt import TerminalCodes
from sentinel_server.credentials.ports import CodeAsk
asyncio.run(TerminalCodes().code(CodeAsk(profile="prod", serial="arn:aws:iam::111122223333:mfa/dev")))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")
def test_ctrl_c_at_the_question_for_a_code_ends_it_at_once() -> None:
    with on_a_terminal([sys.executable, "-c", _ASK], env=process_environ()) as terminal:
        terminal.expect("MFA code of")
        terminal.type(CTRL_C)
        terminal.expect("Abort|KeyboardInterrupt")
