"""`listing`: the first page of what `server-sessions` shows, among 100,000 rows."""

from __future__ import annotations

import asyncio
import configparser
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import timedelta
from typing import Any

from benchmarks.report import Row, row
from benchmarks.site import Site, dynamodb_local, on_dynamodb, seeded
from sentinel_server import wiring
from sentinel_server.adapters.aws.dynamodb import write_value
from sentinel_server.adapters.aws.session_items import new_session
from sentinel_server.adapters.local.sqlite_rows import INSERT_SESSION, session_row
from sentinel_server.provisioning.desired import KEY, sessions_table
from sentinel_server.sessions.model import Session
from sentinel_server.sessions.store import SessionQuery
from sentinel_server.settings.environ import read_settings
from tests.fakes.sessions import NOON, a_session

ROWS = 100_000
PAGE = 50


def run(rounds: int) -> list[Row]:
    """Fill each store once, then read a first page of everybody's and of one person's sessions."""
    with seeded() as site:
        measured = _pages(site.environment, rounds, lambda: _fill_sqlite(site))
        found = list(_rows("sqlite", measured))
        url = dynamodb_local()
        if url is not None:
            environment = on_dynamodb(site, url)
            found += _rows("dynamodb", _pages(environment, rounds, lambda: _fill_dynamodb(url, environment)))
        return found


def _sessions() -> Iterator[Session]:
    """Sessions of a hundred people, one every minute."""
    for number in range(ROWS):
        at = NOON - timedelta(minutes=number)
        yield a_session(
            number, person=f"iam:111122223333:person-{number % 100}", started_at=at, heartbeat_at=at
        )


def _fill_sqlite(site: Site) -> None:
    with closing(sqlite3.connect(site.database)) as connection, connection:
        connection.executemany(INSERT_SESSION, map(session_row, _sessions()))


def _fill_dynamodb(url: str, environment: Mapping[str, str]) -> None:
    """Straight into the emulator, which takes 25 rows at once."""
    import boto3  # type: ignore[import-untyped]

    files = configparser.RawConfigParser()
    files.read(environment["AWS_SHARED_CREDENTIALS_FILE"])
    keys = {name: files["base"][name] for name in ("aws_access_key_id", "aws_secret_access_key")}
    client: Any = boto3.client("dynamodb", endpoint_url=url, region_name="us-east-1", **keys)
    table = sessions_table().name
    batch: list[Any] = []
    for session in _sessions():
        made = {KEY: session.id, **new_session(session)}
        item = {name: write_value(value) for name, value in made.items() if value is not None}
        batch.append({"PutRequest": {"Item": item}})
        if len(batch) == 25:
            client.batch_write_item(RequestItems={table: batch})
            batch = []


def _pages(environment: Mapping[str, str], rounds: int, fill: Any) -> dict[str, list[float]]:
    settings = read_settings({}, environment)

    async def measure() -> dict[str, list[float]]:
        async with wiring.open_store(settings) as store:
            await store.sessions(SessionQuery(), NOON, PAGE)  # which makes the file
            await asyncio.to_thread(fill)
            one = SessionQuery(person="iam:111122223333:person-7")
            found: dict[str, list[float]] = {"everybody": [], "one person": []}
            for number in range(rounds + 1):
                for name, query in (("everybody", SessionQuery()), ("one person", one)):
                    began = time.perf_counter()
                    page = await store.sessions(query, NOON, PAGE)
                    if len(page.sessions) != PAGE:
                        raise RuntimeError(f"{len(page.sessions)} rows on a page of {PAGE}")
                    if number:
                        found[name].append(1000 * (time.perf_counter() - began))
            return found

    return asyncio.run(measure())


def _rows(store: str, measured: Mapping[str, list[float]]) -> Iterator[Row]:
    for name, times in measured.items():
        yield row(f"{store}: first page of {ROWS:,}, {name}", times, "ms", most=200.0)
