"""A home whose profiles get their credentials from the embedded AWS's Identity Center."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sentinel_server.clock import whole_seconds
from sentinel_server.sandbox.aws import EmbeddedAws
from tests.fakes.aws import trust
from tests.fakes.processes import REPOSITORY

PERSON = "ann@example.com"

_CONFIG = """\
[sso-session corp]
sso_start_url = {aws.sso.start_url}
sso_region = us-east-1
[profile corp]
sso_session = corp
sso_account_id = {aws.account_id}
sso_role_name = Admin
region = us-east-1
[profile legacy]
sso_start_url = {aws.sso.start_url}
sso_region = us-east-1
sso_account_id = {aws.account_id}
sso_role_name = Admin
region = us-east-1
[profile prod]
role_arn = {prod}
source_profile = corp
region = us-east-1
[profile old]
role_arn = {prod}
source_profile = legacy
region = us-east-1
"""

POLICY = """\
version: "1"
rules:
  - name: everybody
    effect: allow
    allow_unstamped: true
    match: any
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corp:
    """A home directory, its environment, and the AWS behind it. `prod` and `old` are roles behind SSO."""

    aws: EmbeddedAws
    home: Path

    @property
    def cache(self) -> Path:
        """Where tokens are kept."""
        return self.home / ".aws" / "sso" / "cache"

    @property
    def token_file(self) -> Path:
        """The file of the sso-session `corp`."""
        return self.cache / f"{hashlib.sha1(b'corp').hexdigest()}.json"

    @property
    def visits(self) -> list[str]:
        """The pages that the browser was sent to."""
        log = self.home / "visits"
        return log.read_text().splitlines() if log.exists() else []

    def env(self, answer: str = "approve", **more: str) -> dict[str, str]:
        """The environment of a person whose browser gives this answer (approve, deny or ignore)."""
        browser = [sys.executable, "-m", "tests.fakes.browser", str(self.home / "visits"), answer]
        runtime = self.home / "run"
        return {
            "PATH": os.defpath,
            "HOME": str(self.home),
            "PYTHONPATH": str(REPOSITORY),
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "XDG_RUNTIME_DIR": str(runtime),
            "BROWSER": f"{shlex.join(browser)} %s",
            **more,
        }

    def kept(self) -> dict[str, Any]:
        """The token of `corp` as it is kept."""
        found: dict[str, Any] = json.loads(self.token_file.read_text())
        return found

    def lapse(self, **more: str) -> None:
        """Leave a token that ended an hour ago, as a morning finds it; `more` of its keys may be given."""
        ended = whole_seconds(datetime.now(UTC) - timedelta(hours=1))  # noqa: TID251
        token: Mapping[str, str] = {"accessToken": "ended", "expiresAt": ended, "region": "us-east-1", **more}
        self.cache.mkdir(parents=True, exist_ok=True)
        self.token_file.write_text(json.dumps(token))


@contextmanager
def corp(home: Path) -> Iterator[Corp]:
    """A running AWS with one person, and a home in it."""
    with EmbeddedAws() as aws:
        role = aws.sso.assign(PERSON, "Admin")
        prod = aws.add_role("prod", trust(role))
        (home / ".aws").mkdir(parents=True)
        (home / ".aws" / "config").write_text(_CONFIG.format(aws=aws, prod=prod))
        (home / "run").mkdir(mode=0o700)
        policies = home / ".config" / "sentinel" / "policies"
        policies.mkdir(parents=True)
        for name in ("corp", "legacy", "prod", "old"):
            (policies / f"{name}.yaml").write_text(POLICY)
        yield Corp(aws=aws, home=home)
