"""How the text of each setting is read."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.errors import InvalidSetting
from sentinel_server.policy.schema import STRICT, Lease
from sentinel_server.settings.table import read_value, settings_table

TABLE = settings_table(Path("/state"), Path("/config"))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("lease", "strict", STRICT),
        ("lease", "90s", Lease(seconds=90, word="90s")),
        ("enforce_lease", "true", True),
        ("max_session", "8h", timedelta(hours=8)),
        ("rate_limit", "0", 0),
        ("allow_uid", "1000, 1001", (1000, 1001)),
        ("allow_uid", "", ()),
        ("listen", "169.254.170.2", "169.254.170.2"),
        ("audit.directory", "/var/log/sentinel", Path("/var/log/sentinel")),
        ("heartbeat", "1s", timedelta(seconds=1)),
    ],
)
def test_a_text_becomes_its_value(name: str, text: str, value: object) -> None:
    assert read_value(TABLE[name], text, "flag") == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lease", "59s"),
        ("lease", "soon"),
        ("enforce_lease", "yes"),
        ("enforce_lease", "True"),
        ("audit.required", "0"),
        ("max_session", "30s"),
        ("max_session", "8d"),
        ("max_session", "12"),
        ("policy_max_age", "2h"),
        ("rate_limit", "-1"),
        ("rate_limit", "1e3"),
        ("rate_limit", "\N{FULLWIDTH DIGIT ONE}"),
        ("server_port", "65536"),
        ("server_port", "9" * 5000),
        ("listen", "0.0.0.0"),
        ("listen", "localhost"),
        ("allow_uid", "root"),
        ("audit.directory", "logs"),
        ("store", "nowhere"),
        ("session_table", "x y"),
        ("heartbeat", "6m"),
        ("lapse_after", "11m"),
    ],
)
def test_what_means_nothing_is_refused_by_name_and_place(name: str, text: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        read_value(TABLE[name], text, "config.yaml:3")
    assert "config.yaml:3" in caught.value.message
    assert caught.value.exit_status == 2
    assert caught.value.hint


def test_a_default_is_a_text_that_can_be_read() -> None:
    for setting in TABLE.values():
        if setting.default is not None:
            read_value(setting, setting.default, "default")


def test_names_and_variables_are_of_one_form() -> None:
    for name, setting in TABLE.items():
        assert setting.name == name
        assert re.fullmatch(r"[a-z_]+(\.[a-z_]+)?", name)
        assert setting.variable == "SENTINEL_" + name.upper().replace(".", "_")
        assert setting.meaning
    assert len({setting.variable for setting in TABLE.values()}) == len(TABLE)


def test_a_safe_default_stands_where_nothing_is_said() -> None:
    assert TABLE["audit.required"].default == "true"
    assert TABLE["listen"].default == "127.0.0.1"
    assert TABLE["allow_uid"].default == ""


@given(st.sampled_from(sorted(TABLE)), st.text(max_size=40))
def test_no_text_breaks_a_setting(name: str, text: str) -> None:
    try:
        read_value(TABLE[name], text, "flag")
    except InvalidSetting as error:
        assert "flag" in error.message  # noqa: PT017  # a text may well be good
