"""Where requests and emergencies are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel_server.errors import InvalidSetting
from sentinel_server.records.model import Ledger
from sentinel_server.settings.locations import DynamoDbLocation, StoreLocation
from sentinel_server.settings.resolve import ConfigFile, Directories, Settings, resolve

HOME = Directories(config=Path("/c"), state=Path("/s"))
ACCOUNT = "111122223333"
ARN = f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/audited-requests"


def settled(**flags: str) -> Settings:
    """The settings of these flags alone."""
    return resolve(flags, {}, ConfigFile(path=Path("/c/config.yaml")), HOME)


def places(settings: Settings) -> tuple[StoreLocation, StoreLocation]:
    """Where requests and emergencies are."""
    return settings.ledgers[Ledger.REQUESTS], settings.ledgers[Ledger.BREAKGLASS]


def table(name: str, region: str | None = None, account: str | None = None) -> DynamoDbLocation:
    """A table."""
    return DynamoDbLocation(table=name, region=region, account=account)


def test_by_default_they_are_beside_the_sessions() -> None:
    embedded = settled()
    assert places(embedded) == (embedded.store, embedded.store)
    shared = settled(store=f"dynamodb://{ACCOUNT}@eu-central-1/team-")
    assert places(shared) == (
        table("team-requests", "eu-central-1", ACCOUNT),
        table("team-breakglass", "eu-central-1", ACCOUNT),
    )


@pytest.mark.parametrize(
    ("sessions", "requests"),
    [
        ("team-sessions", "team-requests"),
        ("sessions", "requests"),
        ("SentinelServer", "sentinel-requests"),
        (f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/x-sessions", "x-requests"),
    ],
)
def test_the_sessions_table_lends_its_prefix_and_place(sessions: str, requests: str) -> None:
    settings = settled(session_table=sessions)
    region, account = ("eu-west-1", ACCOUNT) if sessions.startswith("arn:") else (None, None)
    assert places(settings)[0] == table(requests, region, account)


def test_a_table_that_is_named_wins_and_a_bare_name_is_in_the_place_of_the_store() -> None:
    store = f"dynamodb://{ACCOUNT}@eu-central-1/team-"
    named = settled(store=store, request_table="other-requests", breakglass_table=ARN)
    assert places(named) == (
        table("other-requests", "eu-central-1", ACCOUNT),
        table("audited-requests", "eu-west-1", ACCOUNT),
    )
    mixed = settled(request_table="sentinel-requests")
    assert places(mixed) == (table("sentinel-requests"), mixed.store)


@pytest.mark.parametrize(
    "flags",
    [
        {"request_table": "one-table", "breakglass_table": "one-table"},
        {"session_table": "x-sessions", "request_table": "x-sessions"},
        {"session_table": "x-sessions", "breakglass_table": "x-requests"},
    ],
)
def test_one_table_cannot_be_two(flags: dict[str, str]) -> None:
    with pytest.raises(InvalidSetting, match="two kinds of rows"):
        settled(**flags)


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="'a table' is neither"):
        settled(request_table="a table")
