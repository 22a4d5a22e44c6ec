"""The page of settings says what the settings are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sentinel_server.settings.config_file import parse_config
from sentinel_server.settings.locations import DynamoDbLocation, SsmPolicies, parse_policies, parse_store
from sentinel_server.settings.resolve import OTHER_VARIABLES, Directories, resolve
from sentinel_server.settings.table import Setting, settings_table
from tests.fakes.processes import REPOSITORY

PAGE = (REPOSITORY / "docs" / "settings.md").read_text(encoding="utf-8")
HOME = Directories(config=Path("~/.config/sentinel"), state=Path("~/.local/state/sentinel"))
TABLE = settings_table(HOME.state, HOME.config)


def section(title: str) -> str:
    """The text under one heading."""
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def row(setting: Setting) -> str:
    """A setting as the table has it."""
    default = f"`{setting.default}`" if setting.default else "-"
    return f"| `{setting.name}` | `{setting.variable}` | {default} | {setting.meaning} |"


def test_the_table_has_every_setting_in_order_and_no_other() -> None:
    rows = [line for line in section("All settings").splitlines() if line.startswith("| `")]
    assert rows == [row(setting) for setting in TABLE.values()]


def test_the_example_is_a_configuration_file_that_means_something() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", section("config.yaml"), re.DOTALL)
    file = parse_config(example.encode(), Path("config.yaml"), HOME)
    settings = resolve({}, {}, file, HOME)
    assert isinstance(settings.store, DynamoDbLocation)
    assert isinstance(settings.policies, SsmPolicies)
    assert str(settings.lease) == "strict"
    assert settings.persons.joined("sso:alice@example.com") == "person:alice"


@pytest.mark.parametrize("variable", sorted(set(re.findall(r"SENTINEL_[A-Z_]+[A-Z]", PAGE))))
def test_every_variable_on_the_page_is_one(variable: str) -> None:
    assert variable in OTHER_VARIABLES | {setting.variable for setting in TABLE.values()}


def test_every_form_of_a_place_is_one_that_is_read() -> None:
    words = {"ACCOUNT": "111122223333", "REGION": "eu-central-1", "PREFIX": "x-", "[": "", "]": ""}
    forms = re.findall(r"\| `(store|policies)` \| `([^`]+)` \|", section("Places"))
    assert len(forms) == 4
    for setting, form in forms:
        for word, text in words.items():
            form = form.replace(word, text)
        (parse_store if setting == "store" else parse_policies)(form)
