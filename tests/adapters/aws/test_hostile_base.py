"""Base credentials that are slower than a fetch may wait, and a clock that was wrong and is mended."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from sentinel_server.adapters.aws.base import BotoBase
from sentinel_server.credentials.config_file import FileText
from sentinel_server.credentials.profiles import Profiles
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.clock import FakeClock
from tests.fakes.waiting import until


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with embedded_aws() as running:
        yield running


@asynccontextmanager
async def based(home: Path, sandbox: Sandbox, clock: FakeClock, config: str) -> AsyncIterator[BotoBase]:
    """A base for the profile `work` of this configuration."""
    (home / "config").write_text(config)
    keys = sandbox.dev
    base = BotoBase(
        Profiles(FileText(path="config", text=config), None),
        "work",
        config_file=home / "config",
        credentials_file=home / "credentials",
        environment={
            "HOME": str(home),
            "AWS_ENDPOINT_URL_STS": sandbox.aws.url,
            "AWS_ACCESS_KEY_ID": keys.access_key_id,
            "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
            "AWS_EC2_METADATA_DISABLED": "true",
        },
        clock=clock,
    )
    try:
        yield base
    finally:
        await base.close()


async def test_slow_credentials_are_there_for_the_next_who_asks(tmp_path: Path, sandbox: Sandbox) -> None:
    """Or a fetch after a sleep would begin them anew each time, and give up each time."""
    process = tmp_path / "process.py"
    process.write_text(
        "import json, os, sys\n"
        f"open({str(tmp_path / 'runs')!r}, 'a').write('x')\n"
        f"with open({str(tmp_path / 'pipe')!r}) as pipe: pipe.read()\n"
        "print(json.dumps({'Version': 1, 'AccessKeyId': 'ASIA1', 'SecretAccessKey': 's',\n"
        "    'SessionToken': 't', 'Expiration': '2099-01-01T00:00:00Z'}))\n"
    )
    (tmp_path / "runs").touch()
    os.mkfifo(tmp_path / "pipe")
    config = f"[profile work]\ncredential_process = {sys.executable} {process}\n"
    async with based(tmp_path, sandbox, FakeClock(), config) as base:
        impatient = asyncio.create_task(base.resolve())
        writer = await asyncio.to_thread((tmp_path / "pipe").open, "w")
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        writer.close()
        assert (await base.resolve()).access_key_id == "ASIA1"
    assert (tmp_path / "runs").read_text() == "x"


async def test_an_sts_that_is_slower_than_a_fetch_has_answered_the_next_one(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    sandbox.aws.forget_calls()
    async with based(tmp_path, sandbox, FakeClock(), "[profile work]\n") as base:
        impatient = asyncio.create_task(base.principal())
        await until(lambda: bool(sandbox.aws.calls_to("sts", "GetCallerIdentity")))
        impatient.cancel()
        assert (await base.principal()).name == "dev"
    assert len(sandbox.aws.calls_to("sts", "GetCallerIdentity")) == 1


async def test_a_clock_that_was_mended_is_noticed(tmp_path: Path, sandbox: Sandbox) -> None:
    """Nothing else asks AWS for the time on a machine whose policies and sessions are files."""
    clock = FakeClock()
    async with based(tmp_path, sandbox, clock, "[profile work]\n") as base:
        await base.principal()
        sandbox.aws.forget_calls()
        await base.principal()
        assert not sandbox.aws.calls_to("sts", "GetCallerIdentity")
        clock.skewed = timedelta(minutes=-10)
        assert base.at_hand() is None
        await base.principal()
        assert sandbox.aws.calls_to("sts", "GetCallerIdentity")
