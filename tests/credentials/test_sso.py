"""Logins as values: whose they are, where they are kept, and the forms of their files."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.utils import SSOTokenLoader
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.credentials.config_file import FileText
from sentinel_server.credentials.profiles import Profiles
from sentinel_server.credentials.sso import Client, Device, Notes, Token, login_of
from sentinel_server.credentials.sso_form import parse_notes, parse_token, render_notes, render_token
from sentinel_server.errors import InvalidSetting
from sentinel_server.secret import Secret
from tests.fakes.clock import NOON

CONFIG = """
[sso-session corp]
sso_start_url = https://corp.example.com/start
sso_region = eu-west-1
{more}
[profile work]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = Dev
[profile legacy]
sso_start_url = https://d-92671207e4.awsapps.com/start
sso_region = us-east-1
sso_account_id = 111122223333
sso_role_name = Dev
"""

texts = st.text(min_size=1, max_size=40)
secrets = texts.map(Secret)
instants = st.integers(0, 10**6 * 4000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
clients = st.builds(Client, id=texts, secret=secrets, expires_at=instants)
tokens = st.builds(
    Token,
    access=secrets,
    expires_at=instants,
    refresh=st.none() | secrets,
    client=st.none() | clients,
)
devices = st.builds(
    Device,
    code=secrets,
    user_code=texts,
    url=texts,
    expires_at=instants,
    interval=st.integers(1, 60).map(float),
    client=clients,
)


def profiles(more: str = "") -> Profiles:
    return Profiles(FileText(path="~/.aws/config", text=CONFIG.format(more=more)), None)


def test_a_login_is_kept_under_its_session_or_else_its_start_url() -> None:
    """The names by which botocore looks for these very files."""
    work, legacy = (login_of(profiles().get(name)) for name in ("work", "legacy"))
    kept = {"work": {"accessToken": "1", "expiresAt": ""}, "legacy": {"accessToken": "2", "expiresAt": ""}}
    cache = {work.key: kept["work"], legacy.key: kept["legacy"]}
    load = SSOTokenLoader(cache=cache)
    assert load(work.start_url, session_name="corp") == kept["work"]
    assert load(legacy.start_url) == kept["legacy"]


def test_a_session_asks_for_the_scope_that_brings_refresh_tokens_unless_it_names_others() -> None:
    assert login_of(profiles().get("work")).scopes == ("sso:account:access",)
    named = profiles("sso_registration_scopes = sso:account:access, codewhisperer:completions")
    assert login_of(named.get("work")).scopes == ("sso:account:access", "codewhisperer:completions")
    assert login_of(profiles().get("legacy")).scopes == ()


def test_a_profile_that_does_not_say_all_of_its_login_is_told_what_is_missing() -> None:
    half = Profiles(FileText(path="f", text="[profile half]\nsso_role_name = Dev\n"), None)
    with pytest.raises(InvalidSetting, match="without sso_start_url, sso_region, sso_account_id") as refused:
        login_of(half.get("half"))
    assert "--profile half" in refused.value.hint


@given(tokens)
def test_a_token_is_read_back_as_it_was_written(token: Token) -> None:
    assert parse_token(render_token(login_of(profiles().get("work")), token)) == token


@given(st.none() | devices, st.integers(0, 99), st.text(max_size=40))
def test_notes_are_read_back_as_they_were_written(device: Device | None, failures: int, why: str) -> None:
    notes = Notes(device=device, failures=failures, why=why)
    assert parse_notes(render_notes(notes)) == notes


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"accessToken": 7}',
        '{"accessToken": "x", "expiresAt": "soon"}',
        '{"accessToken": "x", "expiresAt": "0001-01-01T00:00:00+14:00"}',
    ],
)
def test_what_is_no_token_is_none(text: str) -> None:
    assert parse_token(text) is None
    assert parse_notes(text) == Notes()


@pytest.mark.parametrize(
    "said", ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00UTC", "2026-01-31T13:00:00+01:00"]
)
def test_every_way_in_which_tools_have_written_an_end_is_read(said: str) -> None:
    token = parse_token(json.dumps({"accessToken": "x", "expiresAt": said}))
    assert token is not None
    assert token.expires_at == NOON


def test_a_token_renews_with_a_refresh_token_and_a_client_that_lasts() -> None:
    client = Client(id="c", secret=Secret("s"), expires_at=NOON + timedelta(days=1))
    token = Token(access=Secret("a"), expires_at=NOON, refresh=Secret("r"), client=client)
    assert token.renews(NOON)
    assert not token.lasts(NOON)
    assert token.lasts(NOON - timedelta(seconds=1))
    assert not token.renews(NOON + timedelta(days=1))
    assert not replace(token, refresh=None).renews(NOON)


def test_nothing_secret_is_in_a_repr() -> None:
    client = Client(id="c", secret=Secret("hidden-1"), expires_at=NOON)
    token = Token(access=Secret("hidden-2"), expires_at=NOON, refresh=Secret("hidden-3"), client=client)
    device = Device(
        code=Secret("hidden-4"), user_code="A", url="u", expires_at=NOON, interval=1, client=client
    )
    assert "hidden" not in repr((token, Notes(device=device)))
