"""Policies as SSM parameters, one per profile."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sentinel_server.adapters.aws.answers import answer_errors, error_code
from sentinel_server.errors import InvalidIdentifier, PolicyUnavailable
from sentinel_server.policy.loading import loaded_policy
from sentinel_server.policy.schema import LoadedPolicy, Origin
from sentinel_server.policy.stored import SUFFIX

if TYPE_CHECKING:
    from types_aiobotocore_ssm import SSMClient
    from types_aiobotocore_ssm.type_defs import GetParameterResultTypeDef, ParameterTypeDef

# https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html; a colon would
# choose a version or a label.
_NAME = re.compile(r"[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*")
_MISSING = frozenset({"ParameterNotFound", "ParameterVersionNotFound"})
_DENIED = frozenset({"AccessDenied", "AccessDeniedException"})
_THROTTLED = frozenset({"ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"})


class SsmPolicies:
    """A PolicySource over `<root>/<profile>`, or over the one `parameter` for every profile.

    `client` must be open and bring its own deadlines.
    """

    def __init__(
        self, client: SSMClient, *, root: str = "/sentinel/policies", parameter: str | None = None
    ) -> None:
        self._client = client
        self._root = root.rstrip("/")
        self._parameter = parameter

    async def load(self, profile: str) -> LoadedPolicy:
        """The policy for `profile`, read now.

        Raises PolicyUnavailable and InvalidIdentifier; LoginRequired, IdentityUnavailable or ClockSkewed when
        the base credentials or the clock are at fault.
        """
        name = self._parameter or f"{self._root}/{checked_name(profile)}"
        found = await self._fetch(name, profile)
        text = found.get("Value")
        if not text:
            raise PolicyUnavailable(f"the SSM parameter {name} is empty", hint="put a policy into it")
        account = account_of(found.get("ARN", ""))
        if account is None:  # then a bare name would mean whoever has it, in any account
            raise PolicyUnavailable(f"SSM does not say in which account the parameter {name} is")
        return await asyncio.to_thread(
            loaded_policy,
            text.encode("utf-8", "surrogatepass"),
            name=name,
            origin=Origin.SSM,
            version=str(found.get("Version", "")),
            account=account,
        )

    async def _fetch(self, name: str, profile: str) -> ParameterTypeDef:
        region = self._client.meta.region_name
        doing = f"reading the policy of {profile} from the SSM parameter {name} in {region}"
        with answer_errors(doing, PolicyUnavailable):
            try:
                answer = await self._client.get_parameter(Name=name, WithDecryption=True)
            except ClientError as error:
                if refused := refusal(error, name, profile, region):
                    raise refused from error
                raise
            return parameter_in(answer, name)


def parameter_in(answer: GetParameterResultTypeDef, name: str) -> ParameterTypeDef:
    """What SSM says of the parameter `name`. Raises TypeError for what it says of anything else."""
    found: Mapping[str, Any] = answer.get("Parameter", {})
    if not all(isinstance(found.get(each, ""), str) for each in ("Name", "Value", "ARN")):
        raise TypeError("text was asked for")
    if found.get("Name", name) not in (name, name.partition(":")[0]) and not name.startswith("arn:"):
        raise TypeError("another parameter")
    return answer.get("Parameter", {})


def refusal(error: ClientError, name: str, profile: str, region: str) -> PolicyUnavailable | None:
    """What AWS's answer to a reading means, where it means something of its own."""
    code = error_code(error)
    where = f"the SSM parameter {name} in {region}"
    if code in _MISSING:
        hint = f"is {region} the right region? put the policy there, or name another source (policies: …)"
        return PolicyUnavailable(f"no policy for {profile}: {where} does not exist", hint=hint)
    if code in _DENIED:
        hint = "allow ssm:GetParameter(s) on it (and kms:Decrypt on its key if it is a SecureString)"
        return PolicyUnavailable(f"not allowed to read {where}, the policy of {profile}", hint=hint)
    if code in _THROTTLED:
        return PolicyUnavailable(f"SSM throttled the reading of {where}", hint="try again")
    return None


def checked_name(profile: str) -> str:
    """`profile` when it can end a parameter's name. Raises InvalidIdentifier.

    A name that ends in `.sig` is the one of another policy's envelope.
    """
    if profile.endswith(SUFFIX):
        raise InvalidIdentifier(
            f"no policy can be named {profile[:60]!r}: names that end in {SUFFIX} are those of signatures"
        )
    if not _NAME.fullmatch(profile) or ".." in profile or len(profile) > 512:
        raise InvalidIdentifier(
            f"no SSM parameter can be named after the profile {profile[:60]!r}",
            hint="use letters, digits and `_ . - /`, or name the parameter with --policy-parameter",
        )
    return profile


def account_of(arn: str) -> str | None:
    """The account in an ARN, None when it has none."""
    fields = arn.split(":")
    return fields[4] if len(fields) > 5 and fields[4] else None
