"""The account a demo starts from: a developer, a security engineer, two roles, a bucket, and their policies.

Everything is written below one directory: AWS's files, our configuration and our state. `environment` is what
a process needs to live in it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentinel_server import wiring
from sentinel_server.frozen import frozen
from sentinel_server.provisioning.apply import apply
from sentinel_server.provisioning.desired import DEFAULT_PREFIX, Family, table_of
from sentinel_server.provisioning.iam import Role, policy, table_arn
from sentinel_server.settings.environ import read_settings

if TYPE_CHECKING:
    from sentinel_server.sandbox.aws import EmbeddedAws
    from sentinel_server.sandbox.principals import UserKeys

BUCKET = "reports"
TABLE = table_of(Family.SESSIONS).name
STAMPED = {"StringLike": {"sts:SourceIdentity": "sentinel=*=?=*"}}
"""The condition of a trust policy that lets nobody in without our stamp."""

POLICIES = {
    "prod": """\
version: "1"
rules:
  - name: developers-through-the-server
    effect: require_server
    reason: production is served to live shells only
    conditions:
      profiles: [prod]
      users: [dev]
""",
    "dev": """\
version: "1"
rules:
  - name: developers
    effect: allow
    conditions:
      profiles: [dev]
      users: [dev]
""",
    "admin": """\
version: "1"
rules:
  - name: nobody
    effect: deny
    reason: use the break-glass procedure
    match: any
""",
    "payments": """\
version: "1"
rules:
  - name: with-an-approval
    effect: require_approval
    reason: money moves here
    conditions:
      profiles: [payments]
      users: [dev]
""",
}
"""One policy for each profile with a role; `admin` is there to see a refusal."""

SIDE_POLICIES = {
    "approvals": """\
kind: approval
version: "1"
rules:
  - name: payments
    profiles: [payments]
    requesters: [dev]
    approvers: [security]
    max_duration: 1h
""",
    "breakglass": """\
kind: breakglass
version: "1"
rules:
  - name: incidents
    profiles: [admin]
    users: [dev]
    reviewers: [security]
    allowed_reason_codes: [incident]
    max_duration: 1h
""",
    "ratelimits": """\
kind: ratelimit
version: "1"
rules:
  - name: incidents
    profiles: [admin]
    max_per_user: 3
    quota_window: 24h
""",
}
"""Who may approve, who may break the glass, and how often."""


@frozen
class Seeded:
    """A seeded directory. `roles` maps profile names to role ARNs.

    `environment` is the developer's, who can act as security, too, when no second person is needed;
    `security` is that of the security engineer, who has no keys but their own.
    """

    directory: Path
    environment: Mapping[str, str]
    security: Mapping[str, str]
    roles: Mapping[str, str]


def seed(
    aws: EmbeddedAws,
    directory: Path,
    inherited: Mapping[str, str],
    *,
    shared: bool = False,
    bucket: str = BUCKET,
) -> Seeded:
    """Fill `aws` and `directory`. With `shared`, policies are in SSM and sessions in DynamoDB.

    `inherited` is the environment to build on; everything of AWS's and ours in it is left behind. Several
    in one process need a `bucket` each, for there is one bucket of a name in the world.
    """
    developer = _developer(aws) if shared else None
    keys = {"dev": aws.add_user("dev", policy=developer), "security": aws.add_user("security")}
    user = f"arn:aws:iam::{aws.account_id}:user/dev"
    roles = {name: aws.add_role(name, _trust(user)) for name in POLICIES}
    _client(aws, "s3").create_bucket(Bucket=bucket)
    _write_aws(aws, directory, keys, roles)
    _write_policies(directory)
    environment = _environment(aws, directory, inherited)
    if shared:
        _share(aws, directory)
        asyncio.run(_make_tables(environment))
    return Seeded(
        directory=directory,
        environment=environment,
        security={**environment, **_aws_files(directory / "security")},
        roles=roles,
    )


def _trust(user: str) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": user},
                "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
                "Condition": STAMPED,
            }
        ],
    }


def _client(aws: EmbeddedAws, service: str) -> Any:
    import boto3  # type: ignore[import-untyped]

    return boto3.client(
        service,
        endpoint_url=aws.url,
        region_name=aws.region,
        aws_access_key_id=aws.root.access_key_id,
        aws_secret_access_key=aws.root.secret_access_key,
    )


def _write_aws(
    aws: EmbeddedAws, directory: Path, keys: Mapping[str, UserKeys], roles: Mapping[str, str]
) -> None:
    config = [
        f"[profile {name}]\nregion = {aws.region}\nendpoint_url = {aws.url}\n"
        for name in ("base", "security")
    ]
    config += [
        f"[profile {name}]\nrole_arn = {arn}\nsource_profile = base\nregion = {aws.region}\n"
        f"endpoint_url = {aws.url}\n"
        for name, arn in roles.items()
    ]
    credentials = [
        f"[{profile}]\naws_access_key_id = {key.access_key_id}\n"
        f"aws_secret_access_key = {key.secret_access_key}\n"
        for profile, key in (("base", keys["dev"]), ("security", keys["security"]))
    ]
    _write(directory / "aws" / "config", "\n".join(config))
    _write(directory / "aws" / "credentials", "\n".join(credentials))
    _write(directory / "security" / "config", config[1])
    _write(directory / "security" / "credentials", credentials[1])


def _write_policies(directory: Path) -> None:
    for profile, text in POLICIES.items():
        _write(directory / "config" / "sentinel" / "policies" / f"{profile}.yaml", text)
    for name, text in SIDE_POLICIES.items():
        _write(directory / "config" / "sentinel" / f"{name}.yaml", text)


def _share(aws: EmbeddedAws, directory: Path) -> None:
    ssm = _client(aws, "ssm")
    for profile, text in POLICIES.items():
        ssm.put_parameter(Name=f"/sentinel/policies/{profile}", Value=text, Type="String")
    for name, text in SIDE_POLICIES.items():
        ssm.put_parameter(Name=f"/sentinel/{name}", Value=text, Type="String")
    settings = (
        f"policies: ssm://{aws.region}/sentinel/policies\nstore: dynamodb://{aws.region}/{DEFAULT_PREFIX}\n"
    )
    _write(directory / "config" / "sentinel" / "config.yaml", settings)


async def _make_tables(environment: Mapping[str, str]) -> None:
    async with wiring.open_provisioner(read_settings({}, environment)) as provisioner:
        for family in Family:
            await apply(provisioner, table_of(family))


def _developer(aws: EmbeddedAws) -> dict[str, Any]:
    arns = {
        family: table_arn(region=aws.region, account=aws.account_id, table=table_of(family).name)
        for family in Family
    }
    parts = [policy(role, arns) for role in (Role.DEVELOPER, Role.REQUESTER, Role.INVOKER)]
    document: dict[str, Any] = json.loads(json.dumps(parts[0]))
    for part in parts[1:]:
        document["Statement"] += json.loads(json.dumps(part))["Statement"]
    document["Statement"].append(
        {"Effect": "Allow", "Action": ["sts:*", "ssm:GetParameter", "ssm:GetParameters"], "Resource": "*"}
    )
    logs = f"arn:aws:logs:{aws.region}:{aws.account_id}:log-group:sentinel/audit:log-stream:*"
    document["Statement"].append(
        {"Effect": "Allow", "Action": ["logs:PutLogEvents", "logs:CreateLogStream"], "Resource": logs}
    )
    return document


def _aws_files(directory: Path) -> dict[str, str]:
    return {
        "AWS_CONFIG_FILE": str(directory / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(directory / "credentials"),
    }


def _write(path: Path, text: str) -> None:
    for parent in reversed([parent for parent in path.parents if not parent.exists()]):
        # `parents=True` would make all but the last one for everybody to see.
        parent.mkdir(mode=0o700)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)


def _environment(aws: EmbeddedAws, directory: Path, inherited: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value for name, value in inherited.items() if not name.upper().startswith(("AWS_", "SENTINEL_"))
    }
    runtime = directory / "run"
    runtime.mkdir(mode=0o700, exist_ok=True)
    return {
        **kept,
        **_aws_files(directory / "aws"),
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_PROFILE": "security",
        "AWS_EC2_METADATA_DISABLED": "true",
        "XDG_CONFIG_HOME": str(directory / "config"),
        "XDG_STATE_HOME": str(directory / "state"),
        "XDG_RUNTIME_DIR": str(runtime),
        "LOCALAPPDATA": str(directory / "config"),
    }
