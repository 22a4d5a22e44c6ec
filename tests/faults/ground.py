"""Where a series of faults happens: an AWS, a home, and a way to each service that can be cut."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sentinel_server import wiring
from sentinel_server.keyring.model import AccessKey
from sentinel_server.sandbox.aws import EmbeddedAws
from sentinel_server.sandbox.seed import seed
from sentinel_server.secret import Secret
from sentinel_server.settings.environ import read_settings
from sentinel_server.settings.resolve import Settings
from tests.fakes.relay import Relay
from tests.fakes.vaults import BACKEND
from tests.faults.clocks import Truth

SERVICES = ("sts", "ssm", "dynamodb")
"""What a door asks of AWS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """One AWS and one home in it. `shared` says whether policies and sessions are in AWS."""

    name: str
    truth: Truth
    aws: EmbeddedAws
    home: Path
    shared: bool
    settings: Settings
    ways: dict[str, Relay]

    def ends_at(self, key: str) -> datetime | None:
        """When AWS itself stops taking an access key; None for one that it never gave."""
        known = self.aws._sessions.find(key)  # nothing else knows, and the product must not
        return None if known is None else known.expires_at


@contextmanager
def ground(
    name: str, into: Path, *, shared: bool, named: bool = False, kept: bool = False
) -> Iterator[Ground]:
    """A running one. With `named`, services are reached by name; `kept` base keys are in the keyring."""
    truth = Truth()
    inherited = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}  # noqa: TID251
    with ExitStack() as stack:
        aws = stack.enter_context(EmbeddedAws(clock=truth))
        home = into / name
        home.mkdir(parents=True, mode=0o700)
        environ = dict(seed(aws, home, inherited, shared=shared, bucket=f"{name}-reports").environment)
        ways = {service: stack.enter_context(Relay(aws.url)) for service in SERVICES}
        for service, way in ways.items():
            url = way.url.replace("127.0.0.1", f"{service}.test") if named else way.url
            environ[f"AWS_ENDPOINT_URL_{service.upper()}"] = url
        flags = {"policy_max_age": "5s", "rate_limit": "0", "max_session": "48h", "keyring.backend": BACKEND}
        settings = read_settings(flags, environ)
        if kept:
            _keep(settings, home / "aws" / "credentials")
        yield Ground(
            name=name,
            truth=truth,
            aws=aws,
            home=home,
            shared=shared,
            settings=settings,
            ways=ways,
        )


_BASE = r"\[base\]\naws_access_key_id = (\S+)\naws_secret_access_key = (\S+)\n"


def _keep(settings: Settings, credentials: Path) -> None:
    """Move the base keys into the keyring."""
    text = credentials.read_text()
    found = re.search(_BASE, text)
    assert found is not None
    key = AccessKey(id=found[1], secret=Secret(found[2]))
    asyncio.run(wiring.open_keyring(settings).keys.add("base", key))
    credentials.write_text(text.replace(found[0], ""))
