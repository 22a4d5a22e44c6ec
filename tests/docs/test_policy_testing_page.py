"""Every example on the page about testing policies is run, and prints what the page says it prints."""

from __future__ import annotations

import os
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml

from cli.commands.policy import policy as group
from sentinel_server.policy import cases
from sentinel_server.policy.schema import Effect, Mode
from tests.fakes.command_line import CommandLine, Ran

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "policy-testing.md").read_text(encoding="utf-8")
YAML = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
CONSOLE = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
(MAKEFILE,) = re.findall(r"```make\n(.*?)```", PAGE, re.DOTALL)
POLICY, TESTS, HOOK, WORKFLOW = YAML
PASSED, FAILED, RUNS, MATRIX, MEANING = CONSOLE


@pytest.fixture
def sentinel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    """`sentinel`, with an empty store and no AWS."""
    return CommandLine(tmp_path, monkeypatch, capsys)


@pytest.fixture
def page(sentinel: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the page's policy, its tests and its Makefile, and `sentinel` on the path."""
    repository, programs = tmp_path / "repository", tmp_path / "bin"
    (repository / "policies").mkdir(parents=True)
    (repository / "policies" / "prod.yaml").write_text(POLICY)
    (repository / "policies" / "prod.tests.yaml").write_text(TESTS)
    (repository / "Makefile").write_text(MAKEFILE)
    (repository / "new.yaml").write_text(POLICY.replace("[alice,", "[alice, bob,"))
    programs.mkdir()
    program = programs / "sentinel"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m cli.main "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(repository)
    return repository


def shell(*words: str) -> subprocess.CompletedProcess[str]:
    """Runs a program as CI would."""
    return subprocess.run(words, capture_output=True, text=True, check=False)


def typed(sentinel: CommandLine, example: str) -> tuple[Ran, str]:
    """What the first command of a console example did, and what the page says it prints."""
    command, _, printed = example.partition("\n")
    return sentinel(*shlex.split(command.removeprefix("$ sentinel "))), printed


def test_the_first_test_passes(sentinel: CommandLine, page: Path) -> None:
    ran, printed = typed(sentinel, PASSED)
    assert (ran.status, ran.out, ran.err) == (0, printed, "")


def test_a_failure_reads_as_the_page_says(sentinel: CommandLine, page: Path) -> None:
    (page / "policies" / "prod.yaml").write_text(POLICY.replace('end: "20:00"', 'end: "21:00"'))
    ran = sentinel("policy", "test", "policies/prod.yaml")
    assert ran.status == 1
    assert ran.out.startswith(FAILED)


def test_the_other_runs_are_possible(sentinel: CommandLine, page: Path) -> None:
    (page / "build").mkdir()
    for name in ("more.yaml", "tests.yaml"):
        (page / name).write_text(TESTS)
    for line in RUNS.splitlines():
        assert sentinel(*shlex.split(line.removeprefix("$ sentinel "))).status == 0, line
    assert (page / "build" / "prod.xml").exists()


def test_the_matrix_is_the_one_on_the_page(sentinel: CommandLine, page: Path) -> None:
    ran, printed = typed(sentinel, MATRIX)
    assert (ran.status, ran.out) == (0, printed)


def test_the_meaning_is_the_one_on_the_page(sentinel: CommandLine, page: Path) -> None:
    ran, printed = typed(sentinel, MEANING)
    assert ran.status == 1
    assert ran.out.startswith(printed)
    assert ran.out.count("any other profile") == 2


def test_make_checks_every_policy_and_fails_with_it(page: Path) -> None:
    done = shell("make", "policies")
    assert done.returncode == 0, done.stderr
    assert "5 tests, none failed" in done.stdout
    assert (page / "build" / "prod.yaml.xml").exists()
    (page / "policies" / "prod.yaml").write_text(POLICY.replace("20:00", "21:00"))
    assert shell("make", "policies").returncode != 0


def test_the_hook_runs_make_for_policies_and_their_tests() -> None:
    (hook,) = yaml.safe_load(HOOK)["repos"][0]["hooks"]
    assert hook["entry"] == "make policies"
    pattern = re.compile(hook["files"])
    assert all(pattern.search(f"policies/{name}") for name in ("prod.yaml", "prod.tests.yaml"))


def test_the_workflow_asks_for_no_more_than_it_needs() -> None:
    workflow = yaml.load(WORKFLOW, Loader=yaml.BaseLoader)  # so that `on` stays a word
    assert workflow["permissions"] == {}
    assert workflow["jobs"]["test"]["permissions"] == {"contents": "read"}
    assert workflow["jobs"]["meaning"]["permissions"] == {"contents": "read", "id-token": "write"}
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v[0-9]+", step["uses"]) for step in steps if "uses" in step)
    checkouts = [step for step in steps if "checkout" in step.get("uses", "")]
    assert all(step["with"]["persist-credentials"] == "false" for step in checkouts)


@pytest.mark.parametrize("stored", [None, POLICY, POLICY.replace("20:00", "21:00"), "not a policy"])
def test_the_loop_of_the_workflow_passes_for_what_can_be_compared(
    sentinel: CommandLine, page: Path, stored: str | None
) -> None:
    done = loop(sentinel, page, stored)
    assert done.returncode == 0, done.stderr
    assert bool(done.stdout) == (stored != POLICY)


def test_the_loop_of_the_workflow_stops_at_what_cannot(sentinel: CommandLine, page: Path) -> None:
    (page / "policies" / "prod.yaml").write_text(POLICY.replace("effect: allow", "effect: alow"))
    assert loop(sentinel, page, POLICY).returncode == 2
    (page / "policies" / "prod.yaml").write_text(POLICY)
    (page.parent / "stored").chmod(0o777)
    assert loop(sentinel, page, None).returncode == 6


def loop(sentinel: CommandLine, page: Path, stored: str | None) -> subprocess.CompletedProcess[str]:
    """The workflow's loop, run by bash as GitHub runs it, where files are the policies in force."""
    workflow = yaml.safe_load(WORKFLOW)
    (script,) = (
        step["run"] for step in workflow["jobs"]["meaning"]["steps"] if "for policy" in step.get("run", "")
    )
    directory = page.parent / "stored"
    directory.mkdir(exist_ok=True, mode=0o700)
    if stored is not None:
        (directory / "prod.yaml").write_text(stored)
        (directory / "prod.yaml").chmod(0o600)
    sentinel.set(SENTINEL_POLICIES=f"file://{directory}")
    (page / "script.sh").write_text(script)
    return shell("bash", "--noprofile", "--norc", "-eo", "pipefail", "script.sh")


@pytest.mark.parametrize("key", [*cases.TOP_KEYS, *cases.CASE_KEYS, *cases.EXPECT_KEYS])
def test_every_key_of_a_test_is_documented(key: str) -> None:
    assert f"`{key}" in PAGE


@pytest.mark.parametrize("word", [word.value for words in (Effect, Mode) for word in words])
def test_every_word_is_documented(word: str) -> None:
    assert f"`{word}`" in PAGE


@pytest.mark.parametrize("name", ["test", "diff"])
def test_every_option_is_documented(name: str) -> None:
    command = group.get_command(click.Context(group), name)
    assert command is not None
    shared = {"--policies", "--policy-parameter", "--region", "--aws-profile", "--json"}
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert set(parameter.opts) & shared or any(option in PAGE for option in parameter.opts), (
                parameter.opts
            )
