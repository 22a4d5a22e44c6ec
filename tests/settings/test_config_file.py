"""`config.yaml`, read as strictly as a policy."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.errors import InvalidSetting
from sentinel_server.settings.config_file import parse_config
from sentinel_server.settings.resolve import ConfigFile, Directories

PATH = Path("/home/a/config.yaml")
DIRECTORIES = Directories(config=Path("/c"), state=Path("/s"))


def parsed(text: str) -> ConfigFile:
    """What this text says."""
    return parse_config(text.encode(), PATH, DIRECTORIES)


def test_a_setting_has_its_text_and_its_line() -> None:
    file = parsed("# ours\nregion: eu-central-1\nrate_limit: 50\nenforce_lease: true\n")
    assert file.values == {
        "region": ("eu-central-1", 2),
        "rate_limit": ("50", 3),
        "enforce_lease": ("true", 4),
    }


def test_a_group_is_opened_into_its_settings() -> None:
    assert parsed("audit:\n  directory: /var/log\n  required: false\n").values == {
        "audit.directory": ("/var/log", 2),
        "audit.required": ("false", 3),
    }


def test_a_name_may_be_of_a_place_and_of_a_group() -> None:
    assert parsed("approvals: file:///a.yaml\napprovals.signing: required\n").values == {
        "approvals": ("file:///a.yaml", 1),
        "approvals.signing": ("required", 2),
    }
    assert parsed("approvals:\n  signing: optional\n").values == {"approvals.signing": ("optional", 2)}


def test_people_are_lists_of_person_keys() -> None:
    file = parsed("people:\n  bob: [sso:bob, 'iam:111122223333:bob']\n  alice:\n    - sso:alice\n")
    assert file.people == {"bob": ["sso:bob", "iam:111122223333:bob"], "alice": ["sso:alice"]}


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n"])
def test_an_empty_file_says_nothing(text: str) -> None:
    file = parsed(text)
    assert (dict(file.values), dict(file.people)) == ({}, {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("reggion: x\n", "1:1: unknown setting 'reggion'; did you mean `region`?"),
        ("zzz: x\n", "1:1: unknown setting 'zzz'"),
        ("audit:\n  requird: false\n", "2:3: unknown setting 'audit.requird'"),
        ("region: a\nregion: b\n", "2:1: region is there twice"),
        ("region: [a]\n", "one value is wanted"),
        ("- region\n", "settings are written as"),
        ("audit: x\n", "settings are written as"),
        ("people:\n  bob: sso:bob\n", "people: bob needs a list"),
        ("people:\n  bob: [[sso:bob]]\n", "one value is wanted"),
        ("? [a]\n: b\n", "a name must be text"),
        ("region: 'a\n", "1:"),
        ("people: {a: [sso:a]}\npeople: {a: [sso:b]}\n", "a is there twice"),
        ("people:\n  bob: [sso:bob]\n  bob: [sso:rob]\n", "bob is there twice"),
        ("audit: {required: false}\naudit: {required: true}\n", "audit.required is there twice"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, said: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        parsed(text)
    assert caught.value.message.startswith(f"{PATH}:")
    assert said in caught.value.message


@given(st.text(max_size=80))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        parsed(text)
    except InvalidSetting as error:
        assert error.message.startswith(str(PATH))  # noqa: PT017  # a text may well be good
    except UnicodeEncodeError:
        pass
