"""A ready-made embedded AWS: one developer, one role that may be assumed with a stamp."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3  # type: ignore[import-untyped]
from botocore.config import Config

from sentinel_server.clock import Clock
from sentinel_server.sandbox.aws import EmbeddedAws
from sentinel_server.sandbox.principals import SessionKeys, UserKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """An embedded AWS and what is in it: the user `dev` and the role `prod` that trusts it."""

    aws: EmbeddedAws
    dev: UserKeys
    dev_arn: str
    prod_arn: str

    def client(self, service: str, keys: UserKeys | SessionKeys | None = None) -> Any:
        """A boto3 client with `dev`'s keys, or others; it asks once and waits at most 30 s."""
        return client(self.aws, service, keys or self.dev)


def client(aws: EmbeddedAws, service: str, keys: UserKeys | SessionKeys) -> Any:
    """A boto3 client of the embedded AWS that never retries."""
    return boto3.client(
        service,
        endpoint_url=aws.url,
        region_name=aws.region,
        aws_access_key_id=keys.access_key_id,
        aws_secret_access_key=keys.secret_access_key,
        aws_session_token=keys.session_token if isinstance(keys, SessionKeys) else None,
        config=Config(connect_timeout=30, read_timeout=30, retries={"total_max_attempts": 1}),
    )


def trust(
    *arns: str, actions: Sequence[str] = (), condition: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A trust policy that lets `arns` assume and stamp the role, or do just `actions`."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": list(arns)},
        "Action": list(actions) or ["sts:AssumeRole", "sts:SetSourceIdentity"],
    }
    if condition is not None:
        statement["Condition"] = condition
    return {"Version": "2012-10-17", "Statement": [statement]}


@contextmanager
def embedded_aws(*, clock: Clock | None = None) -> Iterator[Sandbox]:
    """A running embedded AWS with the user `dev` and the role `prod`, both of which may do everything."""
    with EmbeddedAws(clock=clock) as aws:
        dev_arn = f"arn:aws:iam::{aws.account_id}:user/dev"
        dev = aws.add_user("dev")
        prod_arn = aws.add_role("prod", trust(dev_arn), max_session=43200)
        yield Sandbox(aws=aws, dev=dev, dev_arn=dev_arn, prod_arn=prod_arn)
