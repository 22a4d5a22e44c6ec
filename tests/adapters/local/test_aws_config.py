from __future__ import annotations

from pathlib import Path

import pytest

from sentinel_server.adapters.local.aws_config import config_paths, read_profiles
from sentinel_server.errors import InvalidSetting


def test_the_files_are_where_the_environment_says(tmp_path: Path) -> None:
    (tmp_path / "c").write_text("[profile a]\nregion = x\n")
    (tmp_path / "k").write_text("[b]\naws_access_key_id = AKIAX\naws_secret_access_key = s\n")
    env = {"AWS_CONFIG_FILE": str(tmp_path / "c"), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "k")}
    found = read_profiles(env)
    assert found.names() == ("a", "b")
    assert found.get("b").file == str(tmp_path / "k")


def test_by_default_they_are_in_the_home_directory(tmp_path: Path) -> None:
    assert config_paths({"HOME": str(tmp_path)}) == (
        tmp_path / ".aws" / "config",
        tmp_path / ".aws" / "credentials",
    )
    assert config_paths({"AWS_CONFIG_FILE": "~/other", "HOME": str(tmp_path)})[0] == tmp_path / "other"


def test_files_that_are_not_there_hold_no_profiles(tmp_path: Path) -> None:
    assert read_profiles({"HOME": str(tmp_path)}).names() == ()


def test_a_file_that_cannot_be_read_is_not_taken_as_missing(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    with pytest.raises(InvalidSetting, match="cannot read"):
        read_profiles({"AWS_CONFIG_FILE": str(tmp_path / "c"), "HOME": str(tmp_path)})
    (tmp_path / "b").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidSetting, match="not UTF-8"):
        read_profiles({"AWS_CONFIG_FILE": str(tmp_path / "b"), "HOME": str(tmp_path)})
