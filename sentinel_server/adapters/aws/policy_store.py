"""Policies and their envelopes as SSM parameters, with compare-and-set made from what SSM has.

SSM can create only what is not there, and overwrite only blindly. So an overwrite looks at the newest version
right before, and at the number of its own right after: a gap is somebody's version in between, which is said.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from botocore.exceptions import ClientError

from sentinel_server.adapters.aws.answers import answer_errors, error_code
from sentinel_server.adapters.aws.policies import account_of, checked_name, refusal
from sentinel_server.canonical import sha256_hex
from sentinel_server.errors import (
    BadInput,
    InvalidIdentifier,
    PolicyChanged,
    PolicyUnavailable,
    SentinelError,
)
from sentinel_server.policy.schema import Origin
from sentinel_server.policy.statement import Place, signatures_in
from sentinel_server.policy.stored import PLAIN, SUFFIX, Revision, Shape, Stored, Tier

if TYPE_CHECKING:
    from datetime import datetime

    from types_aiobotocore_ssm import SSMClient
    from types_aiobotocore_ssm.type_defs import ParameterHistoryTypeDef, ParameterTypeDef

STANDARD_BYTES, ADVANCED_BYTES = 4096, 8192
"""What a parameter of each tier holds: https://docs.aws.amazon.com/general/latest/gr/ssm.html"""


class _Written(NamedTuple):
    """The version of ours, and what others wrote between it and the one that was seen."""

    version: int
    between: tuple[ParameterHistoryTypeDef, ...]


class SsmPolicyStore:
    """A PolicyStore over `<root>/<profile>`, or the one `parameter`; envelopes have the name with `.sig`.

    `client` must be open; `account` tells whose account it works in, asked only where nothing is stored yet.
    """

    def __init__(
        self,
        client: SSMClient,
        account: Callable[[], Awaitable[str]],
        *,
        root: str = "/sentinel/policies",
        parameter: str | None = None,
        shape: Shape = PLAIN,
    ) -> None:
        self._client = client
        self._account = account
        self._root = root.rstrip("/")
        self._parameter = parameter
        self._shape = shape

    async def read(self, profile: str) -> Stored:
        """Both parameters, asked for in one call. Raises PolicyUnavailable, InvalidIdentifier."""
        name = self._name(profile)
        region = self._client.meta.region_name
        doing = f"reading the policy of {profile} from the SSM parameter {name} in {region}"
        with answer_errors(doing, PolicyUnavailable):
            try:
                answer = await self._client.get_parameters(Names=[name, name + SUFFIX], WithDecryption=True)
                found = {parameter["Name"]: parameter for parameter in answer["Parameters"]}
            except ClientError as error:
                if refused := refusal(error, name, profile, region):
                    raise refused from error
                raise
        policy, envelope = found.get(name), found.get(name + SUFFIX)
        place = await self._place(name, policy or envelope)
        return Stored(
            profile=profile,
            name=name,
            place=place,
            origin=Origin.SSM,
            remembered_as=str(place),
            data=_bytes(policy),
            version=_version(policy),
            envelope=_bytes(envelope),
            envelope_version=_version(envelope),
        )

    async def check(self, seen: Stored, data: bytes) -> None:
        """Whether SSM can hold it as it is asked to. Raises PolicyChanged, BadInput."""
        await self._allowed(seen.name, data.decode("utf-8"), seen.version, seen.data, self._shape)

    async def write_envelope(self, seen: Stored, envelope: bytes) -> None:
        """Put the envelope. What somebody wrote in between is put back. Raises PolicyChanged."""
        name = seen.name + SUFFIX
        written = await self._put(name, envelope, seen.envelope_version, seen.envelope, PLAIN)
        if written.between:
            theirs = written.between[-1]
            await self._overwrite(name, theirs["Value"], theirs, theirs.get("Tier", "Standard"))
            raise PolicyChanged(f"somebody else is pushing {seen.name} just now, so nothing was changed")

    async def write_policy(self, seen: Stored, data: bytes) -> int:
        """Put the policy. Raises PolicyChanged, BadInput."""
        written = await self._put(seen.name, data, seen.version, seen.data, self._shape)
        if written.between:
            theirs = written.between[-1]["Version"]
            raise PolicyChanged(
                f"version {theirs} of {seen.name} was written by somebody else just before, and version "
                f"{written.version} has replaced it",
                hint=f"to put theirs back: sentinel policy rollback {seen.profile} --to {theirs}",
            )
        return written.version

    async def history(self, profile: str) -> tuple[Revision, ...]:
        """What Parameter Store keeps: the last hundred versions, each with its author's ARN."""
        name = self._name(profile)
        versions = await self._versions(name)
        envelopes = list(reversed(await self._versions(name + SUFFIX)))
        ends = [each["LastModifiedDate"] for each in versions[1:]]
        found = [_revision(each, envelopes, end) for each, end in zip_longest(versions, ends)]
        return tuple(reversed(found))

    def _name(self, profile: str) -> str:
        if self._parameter is not None and self._parameter.endswith(SUFFIX):
            raise InvalidIdentifier(f"{self._parameter} is the name of a signature, not of a policy")
        return self._parameter or f"{self._root}/{checked_name(profile)}"

    async def _place(self, name: str, found: ParameterTypeDef | None) -> Place:
        arn = (found or {}).get("ARN", "")
        account = account_of(arn) or await self._account()
        region = arn.split(":")[3] if arn else self._client.meta.region_name
        return Place(parameter=name, account=account, region=region)

    async def _put(self, name: str, data: bytes, version: int, old: bytes | None, shape: Shape) -> _Written:
        value = data.decode("utf-8")
        latest, tier = await self._allowed(name, value, version, old, shape)
        if latest is None:
            return await self._create(name, value, tier, shape)
        now = await self._overwrite(name, value, latest, tier, shape.kms_key_id)
        if now == version + 1:
            return _Written(now, ())
        # botocore sends a request again when its answer was lost: what has our own text is our own.
        between = [each for each in await self._versions(name) if version < each["Version"] < now]
        return _Written(now, tuple(each for each in between if each["Value"] != value))

    async def _allowed(
        self, name: str, value: str, version: int, old: bytes | None, shape: Shape
    ) -> tuple[ParameterHistoryTypeDef | None, str]:
        """The newest version, if it is the one that was seen, and the tier for the next."""
        if version == 0:
            return None, _tier(name, value, shape.tier, "Standard")
        latest = next(iter((await self._versions(name))[-1:]), None)
        if latest is None or latest["Version"] != version or latest["Value"].encode() != old:
            who = (latest or {}).get("LastModifiedUser") or "somebody"
            raise PolicyChanged(f"{name} was changed by {who} meanwhile; nothing was written")
        if shape.secure and latest["Type"] != "SecureString":
            raise BadInput(
                f"{name} is a {latest['Type']}, and SSM does not make a SecureString of one",
                hint="delete it first, or name another parameter",
            )
        return latest, _tier(name, value, shape.tier, latest.get("Tier", "Standard"))

    async def _create(self, name: str, value: str, tier: str, shape: Shape) -> _Written:
        key = {"KeyId": shape.kms_key_id} if shape.secure and shape.kms_key_id else {}
        kind = "SecureString" if shape.secure else "String"
        options: dict[str, Any] = {"Type": kind, "Tier": tier, **key}
        with answer_errors(f"creating the SSM parameter {name}", SentinelError):
            try:
                answer = await self._client.put_parameter(Name=name, Value=value, Overwrite=False, **options)
                return _Written(int(answer["Version"]), ())
            except ClientError as error:
                if error_code(error) != "ParameterAlreadyExists":
                    raise
                there = await self._versions(name)
                if len(there) == 1 and there[0]["Value"] == value:
                    return _Written(int(there[0]["Version"]), ())
                raise PolicyChanged(f"{name} was created by somebody else meanwhile") from error

    async def _overwrite(
        self, name: str, value: str, latest: ParameterHistoryTypeDef, tier: str, key: str | None = None
    ) -> int:
        """As it was but for the value; without its key SSM would fall back to the account's default one."""
        options: dict[str, Any] = {"Type": latest["Type"], "Tier": tier}
        if latest["Type"] == "SecureString" and (key or latest.get("KeyId")):
            options["KeyId"] = key or latest.get("KeyId")
        with answer_errors(f"writing the SSM parameter {name}", SentinelError):
            answer = await self._client.put_parameter(Name=name, Value=value, Overwrite=True, **options)
            return int(answer["Version"])

    async def _versions(self, name: str) -> list[ParameterHistoryTypeDef]:
        """Oldest first, at most the hundred that SSM keeps; none when there is no such parameter."""
        with answer_errors(f"reading the versions of the SSM parameter {name}", PolicyUnavailable):
            try:
                pages = self._client.get_paginator("get_parameter_history").paginate(
                    Name=name, WithDecryption=True
                )
                return [each async for page in pages for each in page["Parameters"]]
            except ClientError as error:
                if error_code(error) == "ParameterNotFound":
                    return []
                raise


def _tier(name: str, value: str, wanted: Tier, now: str) -> str:
    size = len(value.encode())
    if size > ADVANCED_BYTES:
        raise BadInput(
            f"{name} would have {size} bytes, and an SSM parameter holds {ADVANCED_BYTES}",
            hint="split it by profile, or keep policies in files (policies: file:///…)",
        )
    if wanted == "standard" and (size > STANDARD_BYTES or now == "Advanced"):
        why = f"has {size} bytes, and that tier holds {STANDARD_BYTES}"
        raise BadInput(f"{name} {why if size > STANDARD_BYTES else 'is of the advanced tier, which is kept'}")
    if wanted == "advanced" or size > STANDARD_BYTES:
        return "Advanced"
    return now if now != "Intelligent-Tiering" else "Standard"


def _bytes(parameter: ParameterTypeDef | None) -> bytes | None:
    return None if parameter is None else parameter.get("Value", "").encode("utf-8", "surrogatepass")


def _version(parameter: ParameterTypeDef | None) -> int:
    return 0 if parameter is None else int(parameter.get("Version", 0))


def _revision(
    found: ParameterHistoryTypeDef, envelopes: list[ParameterHistoryTypeDef], end: datetime | None
) -> Revision:
    """A version, with the newest envelope about it that was there until `end`, when it was replaced."""
    data = found["Value"].encode("utf-8", "surrogatepass")
    author = str(cast("Mapping[str, Any]", found).get("LastModifiedUser", ""))
    in_time = (each for each in envelopes if end is None or each["LastModifiedDate"] <= end)
    texts = (each["Value"].encode() for each in in_time)
    return Revision(
        version=int(found["Version"]),
        at=found["LastModifiedDate"],
        author="" if author == "N/A" else author,
        data=data,
        envelope=next((each for each in texts if _is_about(each, data)), None),
    )


def _is_about(envelope: bytes, data: bytes) -> bool:
    return any(signed.statement.sha256 == sha256_hex(data) for signed in signatures_in(envelope))
