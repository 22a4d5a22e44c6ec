"""ARNs as values, and the principal that an ARN from `sts:GetCallerIdentity` names.

Only what AWS itself can write is read: names of IAM users, roles, sessions and federated users have the
characters `[A-Za-z0-9_+=,.@-]`, so an ARN with a wildcard, a space or a control character names nobody.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sentinel_server.errors import InvalidArn
from sentinel_server.frozen import frozen
from sentinel_server.identity.principal import Kind, Principal

PARTITIONS = frozenset(
    {"aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"}
)
"""Every partition AWS has named (botocore's `partitions.json`)."""

_ACCOUNT = re.compile(r"[0-9]{12}")
_NAME = re.compile(r"[\w+=,.@-]+", re.ASCII)
_PATH = re.compile(r"[!-~]+", re.ASCII)
_SSO_ROLE = re.compile(r"AWSReservedSSO_.+_[0-9a-f]{16}")


@frozen
class Arn:
    """`arn:partition:service:region:account:resource`; `region` is empty for IAM and STS."""

    partition: str
    service: str
    account: str
    resource: str
    region: str = ""

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"


def parse_arn(text: str) -> Arn:
    """The ARN that `text` is; `str()` of it gives `text` back.

    Raises InvalidArn unless the partition is known, the account 12 digits and the resource printable ASCII.
    """
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn":
        raise _invalid(text, "it has not the form arn:partition:service:region:account:resource")
    _, partition, service, region, account, resource = parts
    if partition not in PARTITIONS:
        raise _invalid(text, f"AWS has no partition {partition!r}")
    if not _ACCOUNT.fullmatch(account):
        raise _invalid(text, "the account is not 12 digits")
    if not service or not all(_PATH.fullmatch(part) for part in (service, resource)):
        raise _invalid(text, "the service or the resource is empty or not printable")
    if region and not _NAME.fullmatch(region):
        raise _invalid(text, "the region is not a name")
    return Arn(partition=partition, service=service, region=region, account=account, resource=resource)


def parse_role(text: str) -> Arn:
    """The ARN of an IAM role, as a profile's `role_arn` has it; raises InvalidArn for any other."""
    arn = parse_arn(text)
    kind, _, rest = arn.resource.partition("/")
    if arn.service != "iam" or kind != "role":
        raise _invalid(text, "it is not a role of IAM")
    _name(text, rest.rpartition("/")[2])
    return arn


def parse_principal(arn: str, *, unique_id: str) -> Principal:
    """The principal that `Arn` and `UserId` of GetCallerIdentity name.

    Raises InvalidArn for anything that is not root, an IAM user, an assumed role or a federated user.
    """
    parsed = parse_arn(arn)
    if not unique_id or not unique_id.isprintable():
        raise _invalid(arn, "no unique id came with it")
    if parsed.region:
        raise _invalid(arn, "a principal belongs to no region")
    kind, _, rest = parsed.resource.partition("/")
    read = _READERS.get((parsed.service, kind))
    if read is None:
        raise _invalid(arn, "it is no user, role session, federated user or root")
    what, name, role = read(arn, rest)
    return Principal(
        partition=parsed.partition,
        account=parsed.account,
        kind=what,
        name=name,
        role=role,
        unique_id=unique_id,
        arn=arn,
    )


def is_sso_role(role: str) -> bool:
    """Whether IAM Identity Center made the role: only it can make a role of such a name."""
    return _SSO_ROLE.fullmatch(role) is not None


_Read = tuple[Kind, str, str | None]


def _root(arn: str, rest: str) -> _Read:
    if rest or arn.endswith("/"):
        raise _invalid(arn, "root has no name")
    return Kind.ROOT, "root", None


def _user(arn: str, rest: str) -> _Read:
    return Kind.IAM_USER, _name(arn, rest.rpartition("/")[2]), None


def _role(arn: str, rest: str) -> _Read:
    role, _, session = rest.partition("/")
    kind = Kind.SSO_ROLE if is_sso_role(role) else Kind.ASSUMED_ROLE
    return kind, _name(arn, session), _name(arn, role)


def _federated(arn: str, rest: str) -> _Read:
    return Kind.FEDERATED_USER, _name(arn, rest), None


_READERS: dict[tuple[str, str], Callable[[str, str], _Read]] = {
    ("iam", "root"): _root,
    ("iam", "user"): _user,
    ("sts", "assumed-role"): _role,
    ("sts", "federated-user"): _federated,
}


def _name(arn: str, name: str) -> str:
    if not _NAME.fullmatch(name):
        raise _invalid(arn, f"{name!r} is not a name IAM allows" if name else "a name is empty")
    return name


def _invalid(arn: str, why: str) -> InvalidArn:
    return InvalidArn(f"cannot use the ARN {arn!r}: {why}")
