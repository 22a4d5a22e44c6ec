"""Every command line that the documents show is one that the program takes, and the first ones are run."""

from __future__ import annotations

import re
import shlex
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cli.main import root
from sentinel_server.sandbox.aws import EmbeddedAws
from sentinel_server.sandbox.seed import Seeded, seed
from sentinel_server.settings.environ import process_environ

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(?:sh|console|bash)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(sentinel [^`]+)`")
SHORT_OF = ("…", "...", "sentinel audit log of writer")
"""What marks a line as no command: one cut short, or the text that begins a chain of the audit log."""

AWS = f"""#!{sys.executable}
import boto3, sys
assert sys.argv[1:] == ["s3", "ls"], sys.argv
for bucket in boto3.client("s3").list_buckets()["Buckets"]:
    print(bucket["Name"])
"""
"""What `aws s3 ls` does, by plain boto3."""


def shown(page: Path) -> Iterator[str]:
    """The `sentinel` command lines of a page, whole ones only."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for block in BLOCK.findall(text):
        for line in block.splitlines():
            yield line.removeprefix("$ ").strip()
    for line in INLINE.findall(text):
        yield line


def commands() -> list[tuple[str, str]]:
    """Page and command line, for every command line that can be parsed."""
    found = {
        (page.relative_to(ROOT).as_posix(), line)
        for page in PAGES
        for line in shown(page)
        if line.startswith("sentinel ") and not any(mark in line for mark in SHORT_OF)
    }
    return sorted(found)


@pytest.mark.parametrize(("page", "line"), commands())
def test_a_command_line_in_the_documents_is_taken(page: str, line: str) -> None:
    words = shlex.split(line.split(" | ")[0], comments=True)[1:]
    command: click.Command = root
    context = click.Context(root, info_name="sentinel")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        assert found is not None, f"{page}: no command {words[0]}"
        command, words = found, words[1:]
    known = {name for option in command.params for name in option.opts}
    ours = words[: words.index("--")] if "--" in words else words
    for word in ours:
        if word.startswith("-"):
            assert word.partition("=")[0] in known, f"{page}: {line}: no option {word}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeded]:
    """A seeded embedded AWS, as `sentinel sandbox -- COMMAND` makes one."""
    with EmbeddedAws() as aws:
        yield seed(aws, tmp_path_factory.mktemp("seeded"), process_environ())


def run(world: Seeded, tmp_path: Path, line: str) -> subprocess.CompletedProcess[str]:
    """The line in a shell where `sentinel` and `aws` are ours."""
    for name, text in (("aws", AWS), ("sentinel", f'#!/bin/sh\nexec "{sys.executable}" -m cli.main "$@"\n')):
        tool = tmp_path / name
        tool.write_text(text)
        tool.chmod(stat.S_IRWXU)
    env = {**world.environment, "PATH": f"{tmp_path}:{world.environment['PATH']}", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["sh", "-c", line], env=env, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_first_commands_of_the_readme_do_what_it_says(world: Seeded, tmp_path: Path) -> None:
    block = next(
        text for text in BLOCK.findall((ROOT / "README.md").read_text()) if text.startswith("sentinel init")
    )
    policy = Path(world.environment["XDG_CONFIG_HOME"]) / "sentinel" / "policies" / "dev.yaml"
    policy.unlink()
    first, second = block.splitlines()
    wrote = run(world, tmp_path, first)
    assert wrote.returncode == 0, wrote.stderr
    assert policy.exists()
    listed = run(world, tmp_path, second)
    assert (listed.returncode, listed.stdout) == (0, "reports\n"), listed.stderr


def test_the_quickstart_cuts_off_lists_and_lets_in_again(world: Seeded, tmp_path: Path) -> None:
    account = world.roles["prod"].split(":")[4]
    person = f"iam:{account}:dev"
    blocked = run(world, tmp_path, f"sentinel server-revoke --user {person} --reason INC-42 --until 8h --yes")
    assert blocked.returncode == 0, blocked.stderr
    assert person in run(world, tmp_path, "sentinel server-blocks").stdout
    refused = run(world, tmp_path, "sentinel exec --server --profile prod -- aws s3 ls")
    assert (refused.returncode, refused.stdout) == (5, "")
    assert "INC-42" in refused.stderr
    lifted = run(world, tmp_path, f"sentinel server-unblock person:{person} --yes")
    assert lifted.returncode == 0, lifted.stderr
    assert run(world, tmp_path, "sentinel exec --server --profile prod -- aws s3 ls").stdout == "reports\n"
