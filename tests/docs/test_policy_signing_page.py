"""Every command on the page about signing is run, in its order, and prints what the page says it prints."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from cli.commands.policy import COMMANDS
from sentinel_server.adapters.aws.policy_store import ADVANCED_BYTES, STANDARD_BYTES
from sentinel_server.policy.events import MAX_BYTES
from sentinel_server.policy.signing import read_public
from sentinel_server.policy.statement import ENVELOPE, STATEMENT, Algorithm
from sentinel_server.settings.config_file import parse_config
from sentinel_server.settings.environ import own_directories
from sentinel_server.settings.table import read_roots
from tests.fakes.command_line import CommandLine
from tests.fakes.signers import signed

PAGE = (Path(__file__).parents[2] / "docs" / "policy-signing.md").read_text(encoding="utf-8")
CONSOLE = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
SETTINGS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)

POLICY = """\
# Who may use production.
version: "1"
rules:
  - name: everybody
    effect: allow
    conditions:
      profiles: [prod]
      users: [dev]
"""


APPROVALS = "kind: approval\nversion: 1\nrules: [{name: a, profiles: [prod], approvers: [alice]}]\n"


@pytest.fixture
def sentinel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    line = CommandLine(tmp_path, monkeypatch, capsys)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prod.yaml").write_text(POLICY)
    (tmp_path / "approvals.yaml").write_text(APPROVALS)
    (tmp_path / "changed.yaml").write_text(POLICY.replace("[dev]", "[dev, carol]"))
    line.set(SENTINEL_SIGNING_KEYS=str(tmp_path / "policy-keys.json"))
    return line


def steps() -> list[tuple[str, list[str]]]:
    """Every command with the lines that it prints."""
    found: list[tuple[str, list[str]]] = []
    for line in "".join(CONSOLE).splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def fits(printed: str, page: str) -> bool:
    """Whether a line is the page's: `…` stands for anything, spaces for any number of them."""
    words = [re.escape(part) for part in re.split(r"\s+|(…)", page) if part]
    pattern = r"\s*".join(".*" if word == re.escape("…") else word for word in words)
    return re.fullmatch(pattern, printed.strip()) is not None


def test_every_command_does_what_the_page_says(sentinel: CommandLine) -> None:
    for command, page in steps():
        program, *words = shlex.split(command)
        assert program == "sentinel"
        ran = sentinel(*words)
        assert ran.status == 0, f"{command}\n{ran.err}"
        printed = ran.out.splitlines()
        if "…" in page[1:]:
            shown = [each for each in page if each != "…"]
            assert all(any(fits(line, each) for line in printed) for each in shown), ran.out
        else:
            assert len(printed) == len(page), f"{command}\n{ran.out}"
            assert all(map(fits, printed, page)), f"{command}\n{ran.out}"


def test_every_command_of_signing_and_shipping_is_there() -> None:
    for name in ("fmt", "history", "keys", "pull", "push", "rollback", "sign", "verify"):
        assert name in COMMANDS
        assert f"sentinel policy {name}" in PAGE


def test_the_settings_are_settings(tmp_path: Path) -> None:
    directories = own_directories({"HOME": str(tmp_path)})
    found = [parse_config(text.encode(), tmp_path / "config.yaml", directories).values for text in SETTINGS]
    assert [each["signing.keys"][0] for each in found] == ["/etc/sentinel/policy-keys.json"] * 2
    (root,) = read_roots(found[1]["signing.root"][0])
    assert read_public(root, "root").algorithm is Algorithm.ED25519


def test_every_field_form_and_number_is_right() -> None:
    for name in signed().statement.fields():
        assert f"`{name}`" in PAGE
    for text in (STATEMENT, ENVELOPE):
        assert f"`{text}`" in PAGE
    for algorithm in (Algorithm.RSA_PSS, Algorithm.ECDSA):
        assert f"`{algorithm.value}`" in PAGE
    assert f"up to {STANDARD_BYTES} bytes" in PAGE
    assert f"up to {ADVANCED_BYTES}." in PAGE
    assert f"up to {MAX_BYTES // 1024} KiB" in PAGE
