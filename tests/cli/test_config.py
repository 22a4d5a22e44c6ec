"""`config show`: every setting and who set it."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest

from sentinel_server.settings.table import settings_table
from tests.fakes.command_line import CommandLine
from tests.fakes.processes import REPOSITORY


def written(sentinel: CommandLine, text: str) -> Path:
    """Write `config.yaml`, and say where it is."""
    path = sentinel.settings.directories.config / "config.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def shown(sentinel: CommandLine, *words: str) -> dict[str, tuple[str | None, str]]:
    """Value and origin of each setting."""
    found = sentinel("config", "show", "--json", *words).json["settings"]
    return {setting["name"]: (setting["value"], setting["from"]) for setting in found}


def test_every_setting_is_shown_and_where_it_came_from(sentinel: CommandLine) -> None:
    path = written(sentinel, "heartbeat: 30s\nregion: eu-central-1\naudit:\n  required: false\n")
    sentinel.set(SENTINEL_REGION="eu-west-1", SENTINEL_LEASE="strict")
    found = shown(sentinel, "--region", "us-east-1")
    assert set(found) == set(settings_table(Path("/"), Path("/")))
    assert found["region"] == ("us-east-1", "flag")
    assert found["lease"] == ("strict", "SENTINEL_LEASE")
    assert found["heartbeat"] == ("30s", f"{path}:1")
    assert found["audit.required"] == ("false", f"{path}:4")
    assert found["max_session"] == ("12h", "default")
    assert found["control_profile"] == (None, "default")


def test_the_places_of_side_policies_are_shown_and_can_be_asked_for(sentinel: CommandLine) -> None:
    path = sentinel.settings.directories.config / "breakglass.yaml"
    assert shown(sentinel)["breakglass"] == (f"file://{path}", "beside the policies")
    assert sentinel("config", "get", "breakglass").out == f"file://{path}\n"


def test_of_two_forms_the_weaker_says_what_overrides_it(sentinel: CommandLine) -> None:
    sentinel.set(SENTINEL_SESSION_TABLE="x-sessions")
    assert shown(sentinel)["store"] == (None, "overridden by session_table (SENTINEL_SESSION_TABLE)")
    assert shown(sentinel, "--store", "sqlite:///tmp/x.db")["session_table"] == (
        None,
        "overridden by store (flag)",
    )


def test_people_see_a_table(sentinel: CommandLine) -> None:
    head, first, *_ = sentinel("config", "show").out.splitlines()
    assert head.split() == ["SETTING", "VALUE", "FROM"]
    assert first.split() == ["region", "-", "default"]


def test_csv_has_a_row_per_setting(sentinel: CommandLine) -> None:
    rows = list(csv.DictReader(io.StringIO(sentinel("config", "show", "--output", "csv").out)))
    assert {"name": "heartbeat", "value": "60s", "from": "default"} in rows


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("heartbeet: 30s\n", ":1:1: unknown setting 'heartbeet'; did you mean `heartbeat`?"),
        ("[", "config.yaml:1"),
    ],
)
def test_a_bad_file_is_bad_input_that_says_where(sentinel: CommandLine, text: str, said: str) -> None:
    written(sentinel, text)
    assert said in bad_input(sentinel)


def bad_input(sentinel: CommandLine) -> str:
    """The message of a command that fails with bad input."""
    ran = sentinel("config", "show")
    assert (ran.status, ran.out) == (2, "")
    return ran.err


def test_a_misspelt_variable_is_bad_input(sentinel: CommandLine) -> None:
    sentinel.set(SENTINEL_LEESE="strict")
    assert "SENTINEL_LEESE is not a variable of sentinel" in bad_input(sentinel)


def test_looking_at_settings_loads_no_aws_library(sentinel: CommandLine) -> None:
    program = (
        "import sys; from cli.main import run; run(['config', 'show', '--json']); "
        "sys.exit(' '.join({'boto3', 'botocore', 'aiohttp', 'aioboto3'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
