"""Where the product is measured: a seeded directory, an embedded AWS and, for fetches, DynamoDB Local."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sentinel_server import wiring
from sentinel_server.provisioning.apply import apply
from sentinel_server.provisioning.desired import DEFAULT_PREFIX, sessions_table
from sentinel_server.sandbox.aws import EmbeddedAws
from sentinel_server.sandbox.seed import seed
from sentinel_server.settings.environ import read_settings
from tests.fakes.dynamodb_local import endpoint

PROFILE = "dev"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """`environment` is what a command needs to live there; `account` is the embedded AWS's."""

    environment: Mapping[str, str]
    directory: Path
    account: str

    @property
    def database(self) -> Path:
        """The file of the default session store."""
        return self.directory / "state" / "sentinel" / "sentinel.db"

    def block_keys(self) -> tuple[str, ...]:
        """The keys of the blocks that a fetch reads, as SQLite has them."""
        return ("everyone", f"person:iam:{self.account}:dev", f"profile:{PROFILE}")


@contextmanager
def seeded() -> Iterator[Site]:
    """A running embedded AWS and a directory, both gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="sentinel-benchmark-") as name, EmbeddedAws() as aws:
        there = seed(aws, Path(name), dict(os.environ))  # noqa: TID251  # a program of its own
        yield Site(environment=there.environment, directory=Path(name), account=aws.account_id)


def dynamodb_local() -> str | None:
    """The URL of a DynamoDB Local, started now; None when it cannot be run here."""
    try:
        return endpoint()
    except pytest.skip.Exception as missing:
        print(f"without DynamoDB: {missing}")
        return None


def on_dynamodb(site: Site, url: str) -> Mapping[str, str]:
    """The environment that keeps sessions in a new table at `url`, everything else as in `site`."""
    environment = {
        **site.environment,
        "SENTINEL_STORE": f"dynamodb://us-east-1/{DEFAULT_PREFIX}",
        "AWS_ENDPOINT_URL_DYNAMODB": url,
        "AWS_PROFILE": "base",  # the emulator keeps the tables of every key apart
    }

    async def make() -> None:
        async with wiring.open_provisioner(read_settings({}, environment)) as provisioner:
            await apply(provisioner, sessions_table())

    asyncio.run(make())
    return environment
