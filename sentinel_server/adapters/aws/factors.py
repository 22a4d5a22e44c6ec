"""Second factors in SSM Parameter Store: one SecureString for each person, and nothing but a SecureString."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from sentinel_server.adapters.aws.answers import answer_errors, error_code, from_aws
from sentinel_server.errors import MfaUnavailable
from sentinel_server.mfa.enrolment import place_of
from sentinel_server.secret import Secret

if TYPE_CHECKING:
    from types_aiobotocore_ssm import SSMClient


class SsmFactorStore:
    """A SecretStore below `root`, with `client`, which must be open."""

    def __init__(self, client: SSMClient, root: str) -> None:
        self._client = client
        self._root = root

    def name_of(self, person: str) -> str:
        """The parameter of a person."""
        return f"{self._root}/{place_of(person)}"

    async def read(self, person: str) -> Secret | None:
        """The person's document."""
        name = self.name_of(person)
        with answer_errors(f"reading the second factor in {name}", MfaUnavailable):
            try:
                found = (await self._client.get_parameter(Name=name, WithDecryption=True))["Parameter"]
            except ClientError as error:
                if error_code(error) == "ParameterNotFound":
                    return None
                raise
        if found.get("Type") != "SecureString":
            raise MfaUnavailable(
                f"{name} is not a SecureString, so its secret is known to everybody who can read it",
                hint="enrol anew: sentinel mfa enroll --replace",
            )
        return Secret(found.get("Value", ""))

    async def write(self, person: str, document: Secret) -> None:
        """Put the document in the place of any other."""
        name = self.name_of(person)
        with answer_errors(f"writing the second factor to {name}", MfaUnavailable):
            answer = await self._client.put_parameter(
                Name=name,
                Value=document.reveal(),
                Type="SecureString",
                Overwrite=True,
                Description="second factor of a person; written by sentinel mfa",
            )
            from_aws(answer)

    async def remove(self, person: str) -> bool:
        """Take the document away."""
        name = self.name_of(person)
        with answer_errors(f"removing the second factor in {name}", MfaUnavailable):
            try:
                from_aws(await self._client.delete_parameter(Name=name))
            except ClientError as error:
                if error_code(error) == "ParameterNotFound":
                    return False
                raise
        return True
