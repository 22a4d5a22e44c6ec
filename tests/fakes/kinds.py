"""Every kind of profile as people have them, each the source of a role, in one AWS."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sentinel_server.sandbox.aws import SSO_PATH, EmbeddedAws
from sentinel_server.sandbox.principals import SessionKeys, UserKeys
from tests.fakes.aws import trust
from tests.fakes.metadata import Metadata, metadata
from tests.fakes.processes import REPOSITORY

PERSON = "ann@example.com"
POLICY = 'version: "1"\nrules:\n  - {name: all, effect: allow, allow_unstamped: true, match: any}\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One way to base credentials.

    `caller` is who takes the last hop, as a regular expression over the ARN; `flags` are asked for at every
    run, because a code is good once.
    """

    config: str
    caller: str
    env: dict[str, str] = field(default_factory=dict)
    flags: Callable[[], Sequence[str]] = tuple
    opens_session: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """An AWS, the fakes beside it, and a place for homes."""

    aws: EmbeddedAws
    metadata: Metadata
    dev: UserKeys
    path: Path
    prod: str
    jump: str

    def home(self, name: str, kind: Kind) -> dict[str, str]:
        """A new home for this kind, and the environment in it."""
        home = self.path / name
        (home / ".aws").mkdir(parents=True)
        (home / ".aws" / "config").write_text(kind.config)
        policies = home / ".config" / "sentinel" / "policies"
        policies.mkdir(parents=True)
        for profile in ("prod", "plain"):
            (policies / f"{profile}.yaml").write_text(POLICY)
        (home / "run").mkdir(mode=0o700)
        return {
            "PATH": os.defpath,
            "HOME": str(home),
            "PYTHONPATH": str(REPOSITORY),
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "XDG_RUNTIME_DIR": str(home / "run"),
            **kind.env,
        }

    def target(self, source: str, more: str = "") -> str:
        """The profile `prod`, whose source this is."""
        return f"[profile prod]\nregion = us-east-1\nrole_arn = {self.prod}\n{source}\n{more}"

    def keys(self, name: str, keys: UserKeys | SessionKeys | None = None) -> str:
        """A profile with keys in the file."""
        keys = keys or self.dev
        token = f"aws_session_token = {keys.session_token}\n" if isinstance(keys, SessionKeys) else ""
        return (
            f"[profile {name}]\nregion = us-east-1\naws_access_key_id = {keys.access_key_id}\n"
            f"aws_secret_access_key = {keys.secret_access_key}\n{token}"
        )

    def script(self, name: str, text: str) -> str:
        """The command line of a program with this text."""
        path = self.path / name
        path.write_text(text)
        return shlex.join([sys.executable, str(path)])


@contextmanager
def world(path: Path) -> Iterator[World]:
    """A running AWS whose role `prod` trusts whoever the kinds turn out to be, stamped."""
    with EmbeddedAws() as aws:
        account = aws.account_id
        dev_arn = f"arn:aws:iam::{account}:user/dev"
        dev = aws.add_user("dev")
        jump = aws.add_role(
            "jump", trust(dev_arn, condition={"StringEquals": {"sts:ExternalId": "a-customer"}})
        )
        machine = aws.add_role("machine", trust(dev_arn))
        provider = f"arn:aws:iam::{account}:oidc-provider/token.example.com"
        ci = aws.add_role(
            "ci",
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Federated": provider},
                        "Action": "sts:AssumeRoleWithWebIdentity",
                    }
                ],
            },
        )
        sso = aws.sso.assign(PERSON, "Admin")
        assert SSO_PATH in sso
        stamped = {"StringLike": {"sts:SourceIdentity": "sentinel=*=?=*"}}
        prod = aws.add_role("prod", trust(dev_arn, jump, machine, ci, sso, condition=stamped))
        keys = aws.sso_session(machine, "i-0123456789abcdef0")
        with metadata(keys) as beside:
            yield World(aws=aws, metadata=beside, dev=dev, path=path, prod=prod, jump=jump)
