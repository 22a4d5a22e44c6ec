"""From an AWS request to what IAM calls it: actions, resource ARNs and condition keys.

Where the sandbox does not know the ARN it says None, and the evaluator then refuses to conclude anything from
a statement that names resources.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import unquote

from sentinel_server.sandbox.account import Account
from sentinel_server.sandbox.conditions import Context
from sentinel_server.sandbox.dynamodb import Tables, Touch, touches
from sentinel_server.sandbox.iam import Ask
from sentinel_server.sandbox.principals import Principal
from sentinel_server.sandbox.wire import Call

Named = list[tuple[str, str | None, Context]]
"""Action, resource ARN and further condition keys, one for everything a request does."""

_PREFIXES = {"monitoring": "cloudwatch", "email": "ses"}
"""Services whose IAM prefix is not their signing name."""

_S3_ACTIONS = {
    "ListBuckets": "ListAllMyBuckets",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListParts": "ListMultipartUploadParts",
    "HeadObject": "GetObject",
    "GetObjectAttributes": "GetObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}
_SSM_NAMED = frozenset({"GetParameter", "PutParameter", "DeleteParameter", "GetParameterHistory"})
_IAM_KINDS = {
    "RoleName": "role",
    "UserName": "user",
    "GroupName": "group",
    "InstanceProfileName": "instance-profile",
    "PolicyName": "policy",
}


_OWN_KEYS = frozenset({"ListAccessKeys", "CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"})
"""Operations that are about the caller when they name nobody."""


def asks_of(
    call: Call, principal: Principal, context: Context, account: Account, tables: Tables
) -> list[Ask]:
    """Everything the caller must be allowed for this request to pass."""
    if call.service == "iam" and call.operation in _OWN_KEYS and "UserName" not in call.params:
        found: Named = [(f"iam:{call.operation}", principal.arn, {})]
    elif call.service == "dynamodb":
        found = [_dynamodb(call, touch, account.id) for touch in touches(call.operation, call.params, tables)]
    else:
        found = _SERVICES.get(call.service, _unmapped)(call, account)
    return [
        Ask(action=action, resource=resource, context={**context, **more}, principals=principal.names)
        for action, resource, more in found
    ]


def _unmapped(call: Call, _: Account) -> Named:
    return [(f"{_PREFIXES.get(call.service, call.service)}:{call.operation}", None, {})]


def _s3(call: Call, _: Account) -> Named:
    bucket, key = call.params.get("Bucket"), call.params.get("Key")
    action = f"s3:{_S3_ACTIONS.get(call.operation, call.operation)}"
    if bucket is None:
        return [(action, "*", {})]
    context = {f"s3:{name}": call.params[name] for name in ("prefix", "delimiter") if name in call.params}
    arn = f"arn:aws:s3:::{bucket}" + (f"/{key}" if key else "")
    found: Named = [(action, None if call.operation == "DeleteObjects" else arn, context)]
    source = call.headers.get("x-amz-copy-source")
    if source:
        found.append(("s3:GetObject", f"arn:aws:s3:::{unquote(source).lstrip('/').partition('?')[0]}", {}))
    return found


def _ssm(call: Call, account: Account) -> Named:
    action = f"ssm:{call.operation}"
    if call.operation in _SSM_NAMED:
        names = [call.params.get("Name", "")]
    elif call.operation in ("GetParameters", "DeleteParameters"):
        names = call.params.get("Names", [])
    elif call.operation == "GetParametersByPath":
        names = [call.params.get("Path", "")]
    elif call.operation == "DescribeParameters":
        return [(action, f"arn:aws:ssm:{call.region}:{account.id}:*", {})]
    else:
        return [(action, None, {})]
    return [(action, _parameter_arn(name, call.region, account.id), {}) for name in names]


def _parameter_arn(name: str, region: str, account: str) -> str:
    if name.startswith("arn:"):
        return name
    plain = name.partition(":")[0].removeprefix("/")
    return f"arn:aws:ssm:{region}:{account}:parameter/{plain}"


def _iam(call: Call, account: Account) -> Named:
    action = f"iam:{call.operation}"
    for name, kind in _IAM_KINDS.items():
        if name in call.params:
            return [(action, account.arn(kind, call.params[name], call.params.get("Path", "/")), {})]
    arn = call.params.get("PolicyArn")
    listed = {"ListRoles": "role/", "ListUsers": "user/", "GetAccountSummary": "*"}.get(call.operation)
    return [(action, arn or (f"arn:aws:iam::{account.id}:{listed}" if listed else None), {})]


def _kms(call: Call, account: Account) -> Named:
    key = call.params.get("KeyId")
    action = f"kms:{call.operation}"
    if call.operation in ("ListKeys", "ListAliases", "CreateKey", "GenerateRandom"):
        return [(action, "*", {})]
    return [(action, account.key_arn(key, call.region) if key else None, {})]


def _sns(call: Call, account: Account) -> Named:
    name = call.params.get("Name")
    arn = call.params.get("TopicArn") or (f"arn:aws:sns:{call.region}:{account.id}:{name}" if name else None)
    return [(f"sns:{call.operation}", arn, {})]


def _logs(call: Call, account: Account) -> Named:
    group, stream = call.params.get("logGroupName"), call.params.get("logStreamName")
    if group is None:
        return [(f"logs:{call.operation}", None, {})]
    end = f"log-stream:{stream}" if stream else "*"
    return [
        (f"logs:{call.operation}", f"arn:aws:logs:{call.region}:{account.id}:log-group:{group}:{end}", {})
    ]


def _dynamodb(call: Call, touch: Touch, account: str) -> tuple[str, str | None, Context]:
    arn = _table_arn(touch.table, call.region, account)
    if touch.index is not None:
        arn = f"{arn}/index/{touch.index}"
    facts: Mapping[str, str | tuple[str, ...] | None] = {
        "dynamodb:leadingkeys": touch.leading or None,
        "dynamodb:attributes": tuple(sorted(touch.attributes)) or None,
        "dynamodb:select": touch.select,
        "dynamodb:returnvalues": touch.returns,
        "dynamodb:returnconsumedcapacity": touch.capacity,
        "dynamodb:enclosingoperation": touch.enclosing,
    }
    context = {key: value for key, value in facts.items() if value is not None}
    return f"dynamodb:{touch.action}", arn, context


def _table_arn(table: str | None, region: str, account: str) -> str:
    if table is None:
        return f"arn:aws:dynamodb:{region}:{account}:table/*"
    return table if table.startswith("arn:") else f"arn:aws:dynamodb:{region}:{account}:table/{table}"


_SERVICES: Mapping[str, Callable[[Call, Account], Named]] = {
    "s3": _s3,
    "ssm": _ssm,
    "iam": _iam,
    "kms": _kms,
    "sns": _sns,
    "logs": _logs,
}
