"""Single SSM parameters as the bytes they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from sentinel_server.adapters.aws.answers import answer_errors
from sentinel_server.adapters.aws.policies import parameter_in, refusal
from sentinel_server.errors import PolicyUnavailable

if TYPE_CHECKING:
    from types_aiobotocore_ssm import SSMClient


async def read_parameter(client: SSMClient, name: str) -> bytes:
    """What the parameter of that name holds now. Raises PolicyUnavailable, and what base credentials may."""
    region = client.meta.region_name
    with answer_errors(f"reading the SSM parameter {name} in {region}", PolicyUnavailable):
        try:
            answer = await client.get_parameter(Name=name, WithDecryption=True)
        except ClientError as error:
            if refused := refusal(error, name, name, region):
                raise refused from error
            raise
        text: str | None = parameter_in(answer, name).get("Value")
    if not text:
        raise PolicyUnavailable(f"the SSM parameter {name} is empty", hint="put a document into it")
    return text.encode("utf-8", "surrogatepass")
