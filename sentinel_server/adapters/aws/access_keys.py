"""The access keys of an IAM user, by IAM and STS."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from botocore.exceptions import ClientError

from sentinel_server.adapters.aws.answers import aws_errors, error_code
from sentinel_server.adapters.aws.clients import AwsSession, CredentialsProvider, IamClient
from sentinel_server.adapters.aws.sts import StsClient, sts_errors
from sentinel_server.adapters.aws.timing import Timing
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.errors import InvalidArn, Refused, SentinelError, UpstreamFailed
from sentinel_server.identity.arn import parse_principal
from sentinel_server.identity.principal import Kind, Principal
from sentinel_server.keyring.model import AccessKey
from sentinel_server.keyring.rotate import KeyRecord, NotYet
from sentinel_server.secret import Secret

_ONCE = Timing(connect=5.0, read=30.0, attempts=1)
"""For what must not be asked twice: an answer that was lost may have made a key."""

_NOT_YET = frozenset({"InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch"})
_NO = frozenset({"AccessDenied", "AccessDeniedException", "LimitExceeded"})

OpenSession = Callable[[CredentialsProvider], AwsSession]
"""Opens AWS with credentials of one's own, where the profile says that it is."""


class IamAccessKeys:
    """AccessKeys by `session`, which signs with the key in use; `opened` makes sessions for other keys."""

    def __init__(self, session: AwsSession, sts: StsClient, opened: OpenSession) -> None:
        self._session = session
        self._sts = sts
        self._open = opened

    async def user(self) -> str:
        """The name of the IAM user. Raises Refused when the keys are somebody else's, UpstreamFailed."""
        who = await _caller(self._sts)
        if who is None:
            raise Refused(
                "AWS does not know the key that is kept", hint="replace it: sentinel keyring add --replace"
            )
        if who.kind is not Kind.IAM_USER:
            raise Refused(f"{who.arn} is no IAM user, and only their keys can be rotated")
        return who.name

    async def list(self, user: str) -> tuple[KeyRecord, ...]:
        """Every key of the user; IAM allows two, so there is no second page."""
        with _iam_errors(f"listing the access keys of {user}"):
            async with self._iam() as iam:
                answer = await iam.list_access_keys(UserName=user)
                return tuple(
                    KeyRecord(id=record["AccessKeyId"], created_at=record["CreateDate"])
                    for record in answer["AccessKeyMetadata"]
                )

    async def create(self, user: str) -> AccessKey:
        """A new key."""
        with _iam_errors(f"making an access key for {user}"):
            async with self._iam() as iam:
                made = (await iam.create_access_key(UserName=user))["AccessKey"]
                return AccessKey(id=made["AccessKeyId"], secret=Secret(made["SecretAccessKey"]))

    async def works(self, key: AccessKey, user: str) -> bool:
        """Whether STS accepts this key as the user's."""

        async def keys() -> AwsCredentials:
            return AwsCredentials(access_key_id=key.id, secret_access_key=key.secret)

        sts = StsClient(self._open(keys))
        try:
            who = await _caller(sts)
        finally:
            await sts.close()
        if who is not None and (who.kind is not Kind.IAM_USER or who.name != user):
            raise Refused(f"{key.id} is a key of {who.arn}, not of {user}")
        return who is not None

    async def delete(self, user: str, key_id: str) -> None:
        """Delete a key, or find it gone."""
        with _iam_errors(f"deleting {key_id}"):
            async with self._iam() as iam:
                try:
                    await iam.delete_access_key(UserName=user, AccessKeyId=key_id)
                except ClientError as error:
                    if error_code(error) != "NoSuchEntity":
                        raise

    @asynccontextmanager
    async def _iam(self) -> AsyncIterator[IamClient]:
        async with self._session.client("iam", _ONCE) as iam:
            yield iam


async def _caller(sts: StsClient) -> Principal | None:
    """Whose key signs; None while AWS does not know it."""
    client = await sts.get()
    with sts_errors("asking STS whose key it is"):
        try:
            answer = await client.get_caller_identity()
        except ClientError as error:
            if error_code(error) in _NOT_YET:
                return None
            raise
        try:
            return parse_principal(answer["Arn"], unique_id=answer["UserId"])
        except InvalidArn as error:
            raise UpstreamFailed(f"STS named a caller that cannot be used: {error.message}") from error


@contextmanager
def _iam_errors(doing: str) -> Iterator[None]:
    """What AWS refuses is Refused, so that nothing was done; anything else is UpstreamFailed."""
    try:
        with aws_errors(doing, UpstreamFailed):
            try:
                yield
            except ClientError as error:
                raise _meaning(error, doing) from error
    except SentinelError:
        raise
    except Exception as error:  # the parser of a garbled answer raises what it likes
        raise UpstreamFailed(f"{doing}: IAM's answer cannot be used ({type(error).__name__})") from error


def _meaning(error: ClientError, doing: str) -> Exception:
    code = error_code(error)
    if code in _NOT_YET:
        return NotYet(f"{doing}: AWS does not know the key that signed")
    if code not in _NO:
        return error
    hint = "the user needs iam:ListAccessKeys, CreateAccessKey and DeleteAccessKey on itself"
    return Refused(f"{doing}: AWS refuses ({code})", hint=hint)
