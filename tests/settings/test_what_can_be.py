"""Settings for whoever looks for troubles: what means something counts, and what does not is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel_server.errors import InvalidSetting
from sentinel_server.settings.environ import config_path, read_what_can_be


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where `config.yaml` is, in a home of its own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    path = tmp_path / ".config" / "sentinel" / "config.yaml"
    path.parent.mkdir(parents=True)
    return path


def test_what_is_right_is_taken_as_it_is(file: Path) -> None:
    file.write_text("region: eu-central-1\n")
    settings, trouble = read_what_can_be({})
    assert (settings.region, trouble) == ("eu-central-1", None)


def test_a_broken_file_leaves_the_variables(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("reggion: eu-central-1\n")
    monkeypatch.setenv("SENTINEL_LEASE", "strict")
    settings, trouble = read_what_can_be({})
    assert (settings.region, str(settings.lease)) == (None, "strict")
    assert trouble is not None
    assert "unknown setting 'reggion'" in trouble.message


def test_a_wrong_variable_leaves_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("region: eu-central-1\n")
    monkeypatch.setenv("SENTINEL_LEESE", "strict")
    settings, trouble = read_what_can_be({})
    assert (settings.region, trouble is not None) == ("eu-central-1", True)


def test_where_both_are_wrong_the_first_is_told_and_the_rest_is_usual(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("[")
    monkeypatch.setenv("SENTINEL_LEESE", "strict")
    settings, trouble = read_what_can_be({"region": "eu-west-1"})
    assert settings.region == "eu-west-1"
    assert trouble is not None
    assert {won.name for won in settings.won if won.where == "flag"} == {"region"}


def test_a_file_that_was_named_and_is_not_there_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTINEL_CONFIG", str(file.with_name("gone.yaml")))
    _, trouble = read_what_can_be({})
    assert trouble is not None
    assert "cannot read" in trouble.message


@pytest.mark.usefixtures("file")
def test_a_wrong_flag_is_the_callers_own_mistake() -> None:
    with pytest.raises(InvalidSetting, match="redis"):
        read_what_can_be({"store": "redis://x"})


def test_the_file_is_where_it_was_named_or_in_the_configuration_directory(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    assert config_path(home) == tmp_path / ".config" / "sentinel" / "config.yaml"
    assert config_path({**home, "SENTINEL_CONFIG": "/x/y.yaml"}) == Path("/x/y.yaml")
