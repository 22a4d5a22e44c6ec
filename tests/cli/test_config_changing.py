"""`config get`, `set` and `unset`: one setting at a time, the file kept as its owner wrote it."""

from __future__ import annotations

import stat
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from cli.main import root
from tests.fakes.command_line import CommandLine

TEXT = "# ours\nlease: strict  # agreed\naudit:\n  required: true\n"


@pytest.fixture
def file(sentinel: CommandLine) -> Path:
    """`config.yaml`, as somebody wrote it."""
    path = sentinel.settings.directories.config / "config.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(TEXT)
    return path


@pytest.mark.usefixtures("file")
def test_a_setting_is_printed_alone_for_scripts(sentinel: CommandLine) -> None:
    assert (sentinel("config", "get", "lease").out, sentinel("config", "get", "heartbeat").out) == (
        "strict\n",
        "60s\n",
    )


def test_where_it_comes_from_is_said_beside_it(sentinel: CommandLine, file: Path) -> None:
    ran = sentinel("config", "get", "lease", "-v")
    assert (ran.out, ran.err) == ("strict\n", f"sentinel: lease is from: {file}:2\n")
    sentinel.set(SENTINEL_LEASE="full")
    ran = sentinel("config", "get", "lease", "--origin")
    assert (ran.out, ran.err) == ("full\n", "sentinel: lease is from: SENTINEL_LEASE\n")
    assert sentinel("config", "get", "lease", "--json").json == {
        "name": "lease",
        "value": "full",
        "from": "SENTINEL_LEASE",
    }


@pytest.mark.usefixtures("file")
def test_what_nothing_sets_is_no_value(sentinel: CommandLine) -> None:
    ran = sentinel("config", "get", "region")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.splitlines() == [
        "sentinel: region is not set",
        "sentinel: next: set it: sentinel config set region VALUE",
    ]
    sentinel.set(SENTINEL_SESSION_TABLE="team-sessions")
    assert "store is not in force: overridden by session_table" in sentinel("config", "get", "store").err


@pytest.mark.parametrize("words", [("get", "leese"), ("set", "leese", "full"), ("unset", "leese")])
def test_an_unknown_setting_is_refused_with_the_likely_one(
    sentinel: CommandLine, file: Path, words: tuple[str, ...]
) -> None:
    ran = sentinel("config", *words)
    assert (ran.status, ran.out) == (2, "")
    assert "unknown setting 'leese'; did you mean `lease`?" in ran.err
    assert file.read_text() == TEXT


def test_groups_and_people_are_no_settings(sentinel: CommandLine) -> None:
    assert "it is a group: audit.directory, audit.required" in sentinel("config", "get", "audit").err
    assert "people are lists" in sentinel("config", "set", "people.alice", "sso:alice").err


def test_a_setting_is_written_and_the_rest_stays(sentinel: CommandLine, file: Path) -> None:
    ran = sentinel("config", "set", "lease", "90s", "audit.file_mib", "8")
    assert (ran.status, ran.out) == (0, "")
    assert ran.err.splitlines() == [
        f"sentinel: lease is 90s now, in {file}:2 (it was strict)",
        f"sentinel: audit.file_mib is 8 now, in {file}:5",
    ]
    assert file.read_text() == TEXT.replace("strict", "90s") + "  file_mib: 8\n"
    assert sentinel("config", "get", "audit.file_mib").out == "8\n"


def test_the_file_is_ours_alone_and_no_draft_stays(sentinel: CommandLine) -> None:
    assert sentinel("config", "set", "lease", "full").status == 0
    directory = sentinel.settings.directories.config
    assert [each.name for each in directory.iterdir()] == ["config.yaml"]
    assert stat.S_IMODE((directory / "config.yaml").stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("lease", "10s"), "lease: '10s' ("),
        (("audit.sinks", "file,cloudwatch"), "audit.sinks has cloudwatch exactly when"),
        (("heartbeat", "60s", "lapse_after", "30s"), "lapse_after must be longer than heartbeat"),
        (("store", "redis://x"), "redis://x"),
    ],
)
def test_what_means_nothing_is_not_written(
    sentinel: CommandLine, file: Path, words: tuple[str, ...], said: str
) -> None:
    ran = sentinel("config", "set", *words)
    assert (ran.status, said in ran.err) == (2, True), ran.err
    assert file.read_text() == TEXT


def test_settings_that_need_each_other_are_set_together(sentinel: CommandLine, file: Path) -> None:
    group = "cloudwatch://eu-central-1/sentinel"
    ran = sentinel("config", "set", "audit.sinks", "file,cloudwatch", "audit.cloudwatch", group)
    assert ran.status == 0, ran.err
    assert sentinel("config", "get", "audit.cloudwatch").out == f"{group}\n"
    assert sentinel("config", "unset", "audit.cloudwatch").status == 2
    assert sentinel("config", "unset", "audit.cloudwatch", "audit.sinks").status == 0
    assert file.read_text() == TEXT


def test_a_wrong_value_in_the_file_is_mended_by_setting_it(sentinel: CommandLine, file: Path) -> None:
    file.write_text("lease: 10s\n")
    assert sentinel("config", "get", "lease").status == 2
    assert sentinel("config", "set", "lease", "full").status == 0
    assert file.read_text() == "lease: full\n"


def test_a_setting_is_taken_out(sentinel: CommandLine, file: Path) -> None:
    ran = sentinel("config", "unset", "audit.required", "region")
    assert ran.err.splitlines() == [
        f"sentinel: audit.required is no longer in {file} (it was true)",
        f"sentinel: region was not in {file}",
    ]
    assert file.read_text() == "# ours\nlease: strict  # agreed\n"


def test_a_dry_run_shows_the_difference_and_writes_nothing(sentinel: CommandLine, file: Path) -> None:
    ran = sentinel("config", "set", "lease", "full", "--dry-run")
    assert "-lease: strict  # agreed" in ran.out.splitlines()
    assert "+lease: full  # agreed" in ran.out.splitlines()
    assert file.read_text() == TEXT


def test_a_variable_that_wins_is_named(sentinel: CommandLine) -> None:
    sentinel.set(SENTINEL_LEASE="full")
    ran = sentinel("config", "set", "lease", "strict")
    assert "SENTINEL_LEASE is set and beats the file: lease is full here" in ran.err


def test_setting_what_is_set_leaves_the_file_alone(sentinel: CommandLine, file: Path) -> None:
    before = file.stat().st_ino
    assert "lease is strict already" in sentinel("config", "set", "lease", "strict").err
    assert file.stat().st_ino == before


@pytest.mark.parametrize(
    "words", [("lease", "full", "region"), ("lease", "full", "lease", "strict"), ("lease",)]
)
def test_a_value_without_a_name_is_a_usage_error(sentinel: CommandLine, words: tuple[str, ...]) -> None:
    assert sentinel("config", "set", *words).status == 2


def test_the_file_that_is_named_is_the_one_that_is_written(sentinel: CommandLine, tmp_path: Path) -> None:
    sentinel.set(SENTINEL_CONFIG=str(tmp_path / "other.yaml"))
    assert sentinel("config", "set", "lease", "full").status == 0
    assert (tmp_path / "other.yaml").read_text() == "lease: full\n"


def test_the_names_of_settings_are_completed() -> None:
    assert isinstance(root, click.Command)
    complete = ShellComplete(root, {}, "sentinel", "_SENTINEL_COMPLETE")
    for command in ("get", "set", "unset"):
        found = [each.value for each in complete.get_completions(["config", command], "lea")]
        assert found == ["lease"]
