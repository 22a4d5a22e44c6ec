"""Where state lives, as one URL each, so that the same program is embedded or distributed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from sentinel_server.errors import InvalidSetting
from sentinel_server.frozen import frozen
from sentinel_server.records.model import Ledger

# Patterns are compiled when they are first used: most starts need one of them.
_ACCOUNT_AND_REGION = r"(?:(?P<account>\d{12})@)?(?P<region>[a-z]{2,}(?:-[a-z]+)+-\d)?"
_DYNAMODB = rf"dynamodb://{_ACCOUNT_AND_REGION}(?:/(?P<prefix>[A-Za-z0-9_.-]*))?"
_SSM = rf"ssm://{_ACCOUNT_AND_REGION}(?P<root>/[A-Za-z0-9_./-]+)"
_CLOUDWATCH = rf"cloudwatch://{_ACCOUNT_AND_REGION}/(?P<group>[A-Za-z0-9_./#-]{{1,512}})"
_TABLE_ARN = (
    r"arn:[a-z-]+:dynamodb:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):table/(?P<name>[A-Za-z0-9_.-]{3,255})"
)
_TABLE_NAME = r"[A-Za-z0-9_.-]{3,255}"

DEFAULT_PREFIX = "sentinel-"
"""What the names of our tables begin with unless the URL says otherwise."""


@frozen
class SqliteLocation:
    """The embedded store: one file of this machine."""

    path: Path

    def __str__(self) -> str:
        return f"sqlite://{self.path}"


@frozen
class DynamoDbLocation:
    """The shared store: a table, in a region and account when they are given. An account is verified."""

    table: str
    region: str | None = None
    account: str | None = None

    def __str__(self) -> str:
        account = f"{self.account}@" if self.account else ""
        return f"dynamodb://{account}{self.region or ''}/{self.table}"


@frozen
class FilePolicies:
    """Policies as `<profile>.yaml` in one directory, or one `file` of it for whatever is asked."""

    directory: Path
    file: str | None = None

    def __str__(self) -> str:
        return f"file://{self.directory / (self.file or '')}"


@frozen
class SsmPolicies:
    """Policies in SSM Parameter Store: `<root>/<profile>`, or one `parameter` for whatever is asked."""

    root: str = "/sentinel/policies"
    parameter: str | None = None
    region: str | None = None
    account: str | None = None

    def __str__(self) -> str:
        account = f"{self.account}@" if self.account else ""
        return f"ssm://{account}{self.region or ''}{self.parameter or self.root}"


@frozen
class SsmFactors:
    """Second factors in SSM Parameter Store, as SecureStrings below `root`."""

    root: str
    region: str | None = None
    account: str | None = None

    def __str__(self) -> str:
        account = f"{self.account}@" if self.account else ""
        return f"ssm://{account}{self.region or ''}{self.root}"


@frozen
class CloudWatchLocation:
    """A log group of CloudWatch Logs, in a region and account when they are given. An account is verified."""

    group: str
    region: str | None = None
    account: str | None = None

    def __str__(self) -> str:
        account = f"{self.account}@" if self.account else ""
        return f"cloudwatch://{account}{self.region or ''}/{self.group}"


StoreLocation = SqliteLocation | DynamoDbLocation
PolicyLocation = FilePolicies | SsmPolicies


def parse_store(text: str) -> StoreLocation:
    """The store that a URL names. Raises InvalidSetting."""
    if text.startswith("sqlite://"):
        return SqliteLocation(path=_path(text, "sqlite://"))
    found = re.fullmatch(_DYNAMODB, text, re.ASCII)
    if found is None:
        raise InvalidSetting(
            f"store {text!r} is neither sqlite:///PATH nor dynamodb://[ACCOUNT@]REGION/TABLE-PREFIX"
        )
    prefix = found["prefix"] or DEFAULT_PREFIX
    return DynamoDbLocation(table=f"{prefix}sessions", region=found["region"], account=found["account"])


def parse_table(text: str) -> DynamoDbLocation:
    """The sessions table that a name or a full ARN names. Raises InvalidSetting."""
    arn = re.fullmatch(_TABLE_ARN, text, re.ASCII)
    if arn is not None:
        return DynamoDbLocation(table=arn["name"], region=arn["region"], account=arn["account"])
    if not re.fullmatch(_TABLE_NAME, text, re.ASCII):
        raise InvalidSetting(f"{text!r} is neither the name nor the ARN of a DynamoDB table")
    return DynamoDbLocation(table=text)


def ledgers_beside(
    store: StoreLocation, named: Mapping[Ledger, DynamoDbLocation | None]
) -> Mapping[Ledger, StoreLocation]:
    """Where each ledger is: in the table that is named, else beside the sessions. A bare name is in the place
    of the store. Raises InvalidSetting when one table would have to be two.
    """
    found = {ledger: _ledger_beside(store, ledger, named.get(ledger)) for ledger in Ledger}
    tables = [where for where in (store, *found.values()) if isinstance(where, DynamoDbLocation)]
    for where in tables:
        if tables.count(where) > 1:
            raise InvalidSetting(f"{where} cannot be the table of two kinds of rows")
    return found


def _ledger_beside(store: StoreLocation, ledger: Ledger, named: DynamoDbLocation | None) -> StoreLocation:
    if isinstance(store, SqliteLocation):
        return named or store
    if named is None:
        prefix = store.table.removesuffix("sessions") if store.table.endswith("sessions") else DEFAULT_PREFIX
        return replace(store, table=f"{prefix}{ledger.value}")
    return named if named.account else replace(named, region=store.region, account=store.account)


def parse_policies(text: str) -> PolicyLocation:
    """The policy source that a URL names. Raises InvalidSetting."""
    if text.startswith("file://"):
        return FilePolicies(directory=_path(text, "file://"))
    found = re.fullmatch(_SSM, text, re.ASCII)
    if found is None or not found["root"].strip("/"):
        raise InvalidSetting(
            f"policies {text!r} is neither file:///DIRECTORY nor ssm://[ACCOUNT@][REGION]/PARAMETER/PATH"
        )
    return SsmPolicies(root=found["root"].rstrip("/"), region=found["region"], account=found["account"])


def parse_cloudwatch(text: str) -> CloudWatchLocation:
    """The log group that a URL names; its own first slash is a second one there. Raises InvalidSetting."""
    found = re.fullmatch(_CLOUDWATCH, text, re.ASCII)
    if found is None:
        raise InvalidSetting(f"{text!r} is not cloudwatch://[ACCOUNT@][REGION]/LOG-GROUP")
    return CloudWatchLocation(group=found["group"], region=found["region"], account=found["account"])


def parse_factors(text: str) -> SsmFactors | None:
    """Where second factors are, None for the keyring of this machine. Raises InvalidSetting."""
    if text == "keyring":
        return None
    found = re.fullmatch(_SSM, text, re.ASCII)
    if found is None or not found["root"].strip("/"):
        raise InvalidSetting(f"mfa.secrets {text!r} is neither keyring nor ssm://[ACCOUNT@][REGION]/PATH")
    return SsmFactors(root=found["root"].rstrip("/"), region=found["region"], account=found["account"])


def parse_parameter(text: str) -> SsmPolicies:
    """One SSM parameter, named in full or by ARN. Raises InvalidSetting."""
    if not re.fullmatch(r"/[A-Za-z0-9_./-]{1,1010}", text, re.ASCII):
        raise InvalidSetting(f"{text!r} is not the full name of an SSM parameter (it begins with /)")
    return SsmPolicies(parameter=text)


def parse_side(text: str) -> PolicyLocation:
    """The one document that a URL names. Raises InvalidSetting."""
    if text.startswith("file://"):
        path = _path(text, "file://")
        if not path.name:
            raise InvalidSetting(f"{text!r} names no file")
        return FilePolicies(directory=path.parent, file=path.name)
    found = re.fullmatch(_SSM, text, re.ASCII)
    if found is None or not found["root"].strip("/"):
        raise InvalidSetting(f"{text!r} is neither file:///FILE nor ssm://[ACCOUNT@][REGION]/PARAMETER")
    parameter = found["root"].rstrip("/")
    return SsmPolicies(parameter=parameter, region=found["region"], account=found["account"])


def beside(policies: PolicyLocation, name: str) -> PolicyLocation:
    """Where a side policy lies unless it is said: `name` next to the directory or path of the policies."""
    if isinstance(policies, FilePolicies):
        return FilePolicies(directory=policies.directory.parent, file=f"{name}.yaml")
    parameter = f"{policies.root.rpartition('/')[0]}/{name}"
    return SsmPolicies(parameter=parameter, region=policies.region, account=policies.account)


def _path(text: str, scheme: str) -> Path:
    try:
        path = Path(text.removeprefix(scheme)).expanduser()
    except RuntimeError as error:
        raise InvalidSetting(f"{text!r}: nobody has that home") from error
    if not path.is_absolute():
        raise InvalidSetting(f"{text!r} needs an absolute path: {scheme}/PATH")
    return path
