"""Where the environment says that things are, and what is read from there."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from sentinel_server.errors import InvalidSetting
from sentinel_server.settings.environ import own_directories, process_environ, read_settings

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has places of its own")


@posix
def test_without_xdg_everything_is_below_the_home() -> None:
    found = own_directories({"HOME": "/home/a"})
    assert found.config == Path("/home/a/.config/sentinel")
    assert found.state == Path("/home/a/.local/state/sentinel")


@posix
def test_xdg_places_are_honoured_when_they_are_absolute() -> None:
    found = own_directories({"HOME": "/home/a", "XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "state"})
    assert found.config == Path("/c/sentinel")
    assert found.state == Path("/home/a/.local/state/sentinel")


def test_settings_are_read_from_the_configuration_file(tmp_path: Path) -> None:
    directory = own_directories({"HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}).config
    directory.mkdir(parents=True)
    (directory / "config.yaml").write_text("region: eu-central-1\n")
    assert read_settings({}, {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}).region == "eu-central-1"


def test_another_file_may_be_named(tmp_path: Path) -> None:
    named = tmp_path / "other.yaml"
    named.write_text("region: eu-west-1\n")
    assert read_settings({}, {"HOME": str(tmp_path), "SENTINEL_CONFIG": str(named)}).region == "eu-west-1"


def test_a_file_that_was_named_and_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match=r"gone\.yaml"):
        read_settings({}, {"HOME": str(tmp_path), "SENTINEL_CONFIG": str(tmp_path / "gone.yaml")})


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="cannot read"):
        read_settings({}, {"HOME": str(tmp_path), "SENTINEL_CONFIG": str(tmp_path)})


def test_the_environment_is_a_copy() -> None:
    found = process_environ()
    assert found == dict(os.environ)  # noqa: TID251
    assert found is not process_environ()
