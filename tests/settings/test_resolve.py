"""Which source of a setting wins, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.errors import InvalidSetting
from sentinel_server.settings.locations import (
    DynamoDbLocation,
    FilePolicies,
    SqliteLocation,
    SsmPolicies,
)
from sentinel_server.settings.resolve import (
    COMMAND_VARIABLES,
    OTHER_VARIABLES,
    ConfigFile,
    Directories,
    Settings,
    resolve,
)

DIRECTORIES = Directories(
    config=Path("/home/a/.config/sentinel"), state=Path("/home/a/.local/state/sentinel")
)
FILE = Path("/home/a/.config/sentinel/config.yaml")


def settled(
    flags: Mapping[str, str | None] | None = None,
    environ: Mapping[str, str] | None = None,
    file: Mapping[str, str] | None = None,
) -> Settings:
    """The settings of these three sources; the file's entries are on lines 1, 2, 3."""
    lines = {name: (text, line) for line, (name, text) in enumerate((file or {}).items(), start=1)}
    return resolve(flags or {}, environ or {}, ConfigFile(path=FILE, values=lines), DIRECTORIES)


def origin(settings: Settings, name: str) -> str:
    """Where a setting came from."""
    return next(won.where for won in settings.won if won.name == name)


def test_by_default_everything_is_embedded() -> None:
    settings = settled()
    assert settings.store == SqliteLocation(path=DIRECTORIES.state / "sentinel.db")
    assert settings.policies == FilePolicies(directory=DIRECTORIES.config / "policies")
    assert settings.audit_directory == DIRECTORIES.state / "audit"
    assert settings.audit_required is True
    assert settings.lease is None
    assert {won.where for won in settings.won} == {"default", "beside the policies"}


def test_a_side_policy_that_nobody_has_placed_is_shown_where_it_is() -> None:
    def where(settings: Settings) -> dict[str, tuple[str, str]]:
        sides = ("approvals", "breakglass", "ratelimits")
        return {won.name: (won.text, won.where) for won in settings.won if won.name in sides}

    beside = where(settled())
    assert beside["approvals"] == (f"file://{DIRECTORIES.config / 'approvals.yaml'}", "beside the policies")
    stored = where(
        settled({"policies": "ssm://eu-west-1/team/policies", "ratelimits": "file:///r/limits.yaml"})
    )
    assert stored["breakglass"] == ("ssm://eu-west-1/team/breakglass", "beside the policies")
    assert stored["ratelimits"] == ("file:///r/limits.yaml", "flag")


@pytest.mark.parametrize(
    ("sources", "hint"),
    [
        ({"environ": {"SENTINEL_HEARTBEAT": "x"}}, "take it away: unset SENTINEL_HEARTBEAT;"),
        ({"file": {"heartbeat": "x"}}, "mend that line, or take it away: sentinel config unset heartbeat"),
        ({"file": {"store": "redis://x"}}, "mend that line, or take it away: sentinel config unset store"),
        ({"environ": {"SENTINEL_NOTIFICATIONS_TO": "chat"}}, "one destination a line, or between semicolons"),
    ],
)
def test_a_value_that_means_nothing_is_mended_where_it_is(
    sources: dict[str, dict[str, str]], hint: str
) -> None:
    """Looking at the settings would end in the same error."""
    with pytest.raises(InvalidSetting) as caught:
        settled(**sources)
    assert caught.value.hint.startswith(hint)


def test_a_flag_beats_a_variable_that_beats_the_file_that_beats_the_default() -> None:
    sources = {"environ": {"SENTINEL_HEARTBEAT": "20s"}, "file": {"heartbeat": "30s"}}
    found = [
        settled({"heartbeat": "10s"}, **sources),
        settled(**sources),
        settled(file=sources["file"]),
        settled(),
    ]
    assert [settings.heartbeat.seconds for settings in found] == [10, 20, 30, 60]
    assert [origin(settings, "heartbeat") for settings in found] == [
        "flag",
        "SENTINEL_HEARTBEAT",
        f"{FILE}:1",
        "default",
    ]


def test_a_flag_that_was_not_given_and_a_variable_that_is_empty_say_nothing() -> None:
    settings = settled({"region": None}, {"SENTINEL_REGION": ""}, {"region": "eu-central-1"})
    assert settings.region == "eu-central-1"


@pytest.mark.parametrize("narrow", ["flag", "variable", "file"])
@pytest.mark.parametrize("wide", ["flag", "variable", "file"])
def test_of_two_forms_of_a_place_the_stronger_source_wins(narrow: str, wide: str) -> None:
    strength = ["file", "variable", "flag"]
    flags: dict[str, str | None] = {}
    environ: dict[str, str] = {}
    file: dict[str, str] = {}
    for source, name, text in (
        (narrow, "session_table", "x-sessions"),
        (wide, "store", "sqlite:///s.db"),
        (narrow, "policy_parameter", "/one"),
        (wide, "policies", "file:///p"),
    ):
        match source:
            case "flag":
                flags[name] = text
            case "variable":
                environ[f"SENTINEL_{name.upper()}"] = text
            case _:
                file[name] = text
    settings = settled(flags, environ, file)
    if strength.index(narrow) >= strength.index(wide):
        assert settings.store == DynamoDbLocation(table="x-sessions")
        assert settings.policies == SsmPolicies(parameter="/one")
        assert origin(settings, "store").startswith("overridden by session_table (")
    else:
        assert settings.store == SqliteLocation(path=Path("/s.db"))
        assert settings.policies == FilePolicies(directory=Path("/p"))
        assert origin(settings, "policy_parameter").startswith("overridden by policies (")


def test_a_value_that_is_overridden_must_still_mean_something() -> None:
    with pytest.raises(InvalidSetting):
        settled({"session_table": "x-sessions"}, {"SENTINEL_STORE": "nonsense"})


def test_a_misspelt_variable_is_refused_because_a_protection_may_hang_on_it() -> None:
    with pytest.raises(InvalidSetting, match="SENTINEL_ENFORCE_LEESE is not a variable of sentinel"):
        settled(environ={"SENTINEL_ENFORCE_LEESE": "true"})


def test_variables_of_commands_and_of_others_are_let_be() -> None:
    settled(environ=dict.fromkeys([*OTHER_VARIABLES, "AWS_PROFILE", "SENTINELX", "HOME"], "x"))
    assert COMMAND_VARIABLES < OTHER_VARIABLES


def test_a_bad_value_says_where_it_stands() -> None:
    with pytest.raises(InvalidSetting, match=r"region|heartbeat: 'often' \(SENTINEL_HEARTBEAT\)"):
        settled(environ={"SENTINEL_HEARTBEAT": "often"})
    with pytest.raises(InvalidSetting, match=rf"{FILE}:1"):
        settled(file={"listen": "0.0.0.0"})


def test_a_session_must_not_lapse_between_two_signs_of_life() -> None:
    with pytest.raises(InvalidSetting, match="lapse_after must be longer than heartbeat"):
        settled({"lapse_after": "60s"})
    assert settled({"lapse_after": "61s"}).lapse_after.seconds == 61


def test_people_are_joined_and_nobody_is_two() -> None:
    file = ConfigFile(path=FILE, people={"bob": ["sso:bob", "iam:111122223333:bob"]})
    settings = resolve({}, {}, file, DIRECTORIES)
    assert settings.persons.joined("sso:bob") == "person:bob"
    assert settings.persons.joined("sso:alice") == "sso:alice"
    twice = ConfigFile(path=FILE, people={"bob": ["sso:bob"], "rob": ["sso:bob"]})
    with pytest.raises(InvalidSetting, match="both bob and rob"):
        resolve({}, {}, twice, DIRECTORIES)


@given(
    st.dictionaries(st.sampled_from(["region", "heartbeat", "lease", "store"]), st.just("strict"), max_size=4)
)
def test_every_setting_is_told_once_whatever_is_set(flags: dict[str, str | None]) -> None:
    try:
        settings = settled(flags)
    except InvalidSetting:
        return
    names = [won.name for won in settings.won]
    assert len(set(names)) == len(names)
    assert {won.name for won in settings.won if won.where == "flag"} == set(flags)
