"""The configurations that the pages on profiles and logins show are read by us, and mean what they say."""

from __future__ import annotations

import re

import pytest

from sentinel_server.adapters.local.sso_files import cache_directory
from sentinel_server.credentials.config_file import FileText
from sentinel_server.credentials.endpoints import FIRST_REGIONS
from sentinel_server.credentials.profiles import CredentialSource, Profile, ProfileKind, Profiles
from sentinel_server.credentials.sso import login_of
from sentinel_server.errors import InvalidSetting
from tests.fakes.processes import REPOSITORY

PAGES = {name: (REPOSITORY / "docs" / f"{name}.md").read_text() for name in ("profiles", "sso")}


def configured(page: str) -> Profiles:
    """All that a page shows, as one configuration."""
    blocks = re.findall(r"^```ini\n(.*?)^```", PAGES[page], re.MULTILINE | re.DOTALL)
    return Profiles(FileText(path=f"docs/{page}.md", text="\n".join(blocks)), None)


def test_the_source_of_prod_is_base_and_one_device_serves_the_way() -> None:
    profiles = configured("profiles")
    base = profiles.route("prod").leaf.profile
    assert base is not None
    assert (base.name, base.kind) == ("base", ProfileKind.ENVIRONMENT)
    admin = profiles.route("admin")
    assert admin.serial == "arn:aws:iam::111122223333:mfa/alice"
    assert admin.mfa_process is not None
    assert profiles.get("from-login").kind is ProfileKind.PROCESS


def test_the_profile_that_asks_sentinel_may_be_used_by_sdks_and_not_by_us() -> None:
    with pytest.raises(InvalidSetting, match="runs sentinel"):
        configured("profiles").route("prod-for-sdks")


def test_the_login_of_the_page_is_a_whole_one() -> None:
    leaf = configured("sso").route("prod").leaf.profile
    assert leaf is not None
    login = login_of(leaf)
    assert (login.session, login.region, login.scopes) == ("corp", "eu-central-1", ("sso:account:access",))
    assert str(cache_directory({"HOME": "~"})) in PAGES["sso"]


def test_every_way_to_credentials_is_on_the_page() -> None:
    keys = {
        *("role_arn", "source_profile", "credential_source", "external_id", "duration_seconds", "mfa_serial"),
        *("role_session_name", "credential_process", "web_identity_token_file", "sso_session", "mfa_process"),
        *("sso_start_url", "login_session", "region", "endpoint_url"),
    }
    assert keys <= set(Profile.__dataclass_fields__) | {"duration_seconds"}
    assert {key for key in keys if f"`{key}" not in PAGES["profiles"]} == set()
    assert {each.value for each in CredentialSource if f"`{each.value}`" not in PAGES["profiles"]} == set()


def test_every_partition_is_on_the_page() -> None:
    assert {name for name in FIRST_REGIONS if f"`{name}`" not in PAGES["profiles"]} == set()
