"""`export` and `console`: credentials for what takes them no other way, decided like all others."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import ClientSession

from sentinel_server.settings.environ import process_environ
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.command_line import CommandLine

ALLOW = 'version: "1"\nrules:\n  - name: dev\n    effect: allow\n    conditions: {users: [dev]}\n'


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    """An embedded AWS with the user `dev` and the role `prod`."""
    with embedded_aws() as sandbox:
        yield sandbox


@pytest.fixture
def home(sentinel: CommandLine, aws: Sandbox) -> CommandLine:
    """A home whose policy lets `dev` have prod."""
    sentinel.connect(aws)
    policies = sentinel.home / ".config" / "sentinel" / "policies"
    policies.mkdir(parents=True, mode=0o700)
    (policies / "prod.yaml").write_text(ALLOW)
    return sentinel


def test_export_prints_what_a_shell_reads(home: CommandLine) -> None:
    ran = home("export", "--profile", "prod")
    assert ran.status == 0
    lines = ran.out.splitlines()
    assert all(line.startswith("export AWS_") for line in lines)
    assert any(line.startswith("export AWS_ACCESS_KEY_ID=ASIA") for line in lines)


@pytest.mark.parametrize("command", [("export",), ("console", "--stdout")])
def test_what_policy_does_not_allow_is_neither_exported_nor_signed_in(
    home: CommandLine, command: tuple[str, ...]
) -> None:
    denied = ALLOW.replace("allow", "deny")
    (home.home / ".config" / "sentinel" / "policies" / "prod.yaml").write_text(denied)
    ran = home(*command, "--profile", "prod")
    assert (ran.status, ran.out) == (3, "")


async def _opened(url: str) -> str:
    async with ClientSession() as browser, browser.get(url) as answer:
        return await answer.text()


def test_the_consoles_address_signs_a_browser_in_as_the_stamped_session(
    home: CommandLine, aws: Sandbox
) -> None:
    import asyncio

    ran = home("console", "--profile", "prod", "--service", "s3", "--stdout")
    assert ran.status == 0
    assert "ends by 20" in ran.err
    url = ran.out.strip()
    assert url.startswith(f"{aws.aws.url}/federation?")
    page = asyncio.run(_opened(url))
    assert ":assumed-role/prod/sentinel-u.dev-" in page
    assert urlsplit(page.rpartition(" to ")[2]).hostname == "console.aws.amazon.com"


@pytest.mark.parametrize(
    ("region", "site"),
    [("cn-north-1", "console.amazonaws.cn"), ("us-gov-west-1", "console.amazonaws-us-gov.com")],
)
def test_the_console_of_a_profile_without_a_role_is_its_regions(
    home: CommandLine, region: str, site: str
) -> None:
    config = home.home / ".aws" / "config"
    config.write_text(f"[profile base]\nregion = {region}\n")
    allowing = ALLOW.replace("effect: allow", "effect: allow\n    allow_unstamped: true")
    (home.home / ".config" / "sentinel" / "policies" / "base.yaml").write_text(allowing)
    ran = home("console", "--profile", "base", "--stdout")
    assert ran.status == 0, ran.err
    (destination,) = parse_qs(urlsplit(ran.out.strip()).query)["Destination"]
    assert urlsplit(destination).hostname == site
    config.write_text("[profile base]\nregion = us-iso-east-1\n")
    assert (
        "address in partition aws-iso is not public" in home("console", "--profile", "base", "--stdout").err
    )


def test_a_page_that_is_none_is_refused_before_anything_is_issued(home: CommandLine) -> None:
    ran = home("console", "--profile", "prod", "--service", "https://evil.example", "--stdout")
    assert (ran.status, ran.out) == (2, "")
    assert "is not the name of a console page" in ran.err


def test_a_sign_in_service_that_fails_is_one_message_without_the_session(home: CommandLine) -> None:
    home.set(AWS_ENDPOINT_URL_SIGNIN="http://127.0.0.1:1")
    ran = home("console", "--profile", "prod", "--stdout")
    assert (ran.status, ran.out) == (6, "")
    assert "ASIA" not in ran.err


ONE_SHOT = (
    ("credentials", "--profile", "prod"),
    ("export", "--profile", "prod"),
    ("console", "--stdout", "--profile", "prod"),
    ("exec", "--profile", "prod", "--", "true"),
)


def answered(home: CommandLine, *words: str) -> int:
    """The status of a door; `exec` becomes its command, so it gets a process of its own."""
    if words[0] != "exec":
        return home(*words).status
    command = [sys.executable, "-m", "cli.main", *words]
    return subprocess.run(command, env=dict(process_environ()), check=False).returncode


def received(listener: socket.socket) -> list[str]:
    """Every line that has arrived, without what syslog puts before it."""
    found: list[str] = []
    while True:
        try:
            message = listener.recv(65536).decode()
        except BlockingIOError:
            return found
        found.append(message[message.index("{") :].strip())


@pytest.mark.parametrize("command", ONE_SHOT, ids=lambda command: command[0])
def test_what_a_door_that_answers_once_has_written_is_shipped_by_the_next_ship_and_never_again(
    home: CommandLine, tmp_path: Path, command: tuple[str, ...]
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "log"))
        listener.setblocking(False)
        home.set(SENTINEL_AUDIT_SINKS="file,syslog", SENTINEL_AUDIT_SYSLOG=str(tmp_path / "log"))
        for _ in range(2):
            assert answered(home, *command) == 0
        assert received(listener) == [], "whoever waits for one answer waits for nothing else"
        files = sorted(home.settings.audit_directory.glob("*.jsonl"))
        written = [line for file in files for line in file.read_text().splitlines()]
        sent = home("audit", "ship", "--json")
        assert (sent.status, sent.json["sent"]) == (0, {"syslog": len(written)})
        assert received(listener) == written
        assert home("audit", "ship", "--json").json["sent"] == {"syslog": 0}
        assert received(listener) == []
        assert answered(home, *command) == 0
        assert home("audit", "ship", "--json").json["sent"]["syslog"] == len(received(listener)) > 0
