"""The AWS files of a child that replaces our process."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sentinel_server.adapters.local.child_files import child_files
from sentinel_server.errors import InvalidSetting

CONFIG = "[default]\nregion = eu-central-1\n"


def test_the_configuration_is_what_was_given_and_the_credentials_are_empty(tmp_path: Path) -> None:
    files = child_files(tmp_path, CONFIG)
    assert files.config.read_text() == CONFIG
    assert files.credentials.read_text() == ""


def test_only_their_owner_can_read_them(tmp_path: Path) -> None:
    files = child_files(tmp_path, CONFIG)
    for path in (files.config, files.credentials):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.config.parent.stat().st_mode) == 0o700


def test_equal_configurations_are_one_file_and_others_are_others(tmp_path: Path) -> None:
    first, again = child_files(tmp_path, CONFIG), child_files(tmp_path, CONFIG)
    other = child_files(tmp_path, CONFIG + "output = json\n")
    assert first == again
    assert other.config != first.config
    assert other.credentials == first.credentials
    assert len(list(first.config.parent.iterdir())) == 3


def test_what_somebody_put_there_under_our_name_does_not_reach_the_child(tmp_path: Path) -> None:
    files = child_files(tmp_path, CONFIG)
    files.credentials.write_text("[default]\naws_access_key_id = AKIAPLANTED\n")
    files.config.unlink()
    files.config.symlink_to(tmp_path / "elsewhere")
    again = child_files(tmp_path, CONFIG)
    assert again.credentials.read_text() == ""
    assert not again.config.is_symlink()
    assert not (tmp_path / "elsewhere").exists()


def test_a_directory_that_others_can_write_or_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "child").mkdir()
    (tmp_path / "open" / "child").chmod(0o777)
    (tmp_path / "led").mkdir()
    (tmp_path / "led" / "child").symlink_to(tmp_path, target_is_directory=True)
    for state in ("open", "led"):
        with pytest.raises(InvalidSetting, match="others could change them"):
            child_files(tmp_path / state, CONFIG)


def test_a_place_that_cannot_be_written_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "child").write_text("a file where the directory should be")
    with pytest.raises(InvalidSetting, match=r"cannot write the child's AWS files in .*child"):
        child_files(tmp_path, CONFIG)
