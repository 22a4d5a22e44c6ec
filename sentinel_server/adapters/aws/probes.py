"""Looks at AWS from here: what answers and what time it is there, which reads are refused, how tables are.

Nothing is changed, and no role is assumed: only a decision may do that.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aiobotocore.config import AioConfig
from botocore import UNSIGNED
from botocore.exceptions import BotoCoreError, ClientError

from sentinel_server.adapters.aws.answers import DENIED, error_code
from sentinel_server.adapters.aws.provisioner import DynamoDbProvisioner
from sentinel_server.adapters.aws.sso import NoCredentials
from sentinel_server.adapters.aws.tls import SharedTls
from sentinel_server.clock import Clock
from sentinel_server.diagnosis.aws import Outcome, Reached, TableSeen, Tried
from sentinel_server.errors import UpstreamFailed
from sentinel_server.provisioning.plan import Found, Guard

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient
    from types_aiobotocore_ssm import SSMClient

NOBODY = "sentinel-doctor"
"""The key of a row that nothing writes: reading it shows whether reading is allowed."""

_QUESTIONS = {
    "sts": ("get_caller_identity", {}),
    "ssm": ("get_parameter", {"Name": f"/{NOBODY}"}),
    "dynamodb": ("describe_table", {"TableName": NOBODY}),
}
"""A question to each service, which refuses it because nobody has signed it."""


class Unreached(Exception):
    """No answer came from `host`, and why."""

    def __init__(self, message: str, host: str) -> None:
        super().__init__(message)
        self.host = host


async def reach(
    service: str,
    region: str,
    endpoint: str | None,
    config_files: tuple[Path, Path],
    *,
    clock: Clock,
    seconds: float,
) -> Reached:
    """Ask a service something unsigned, over the way that every request takes. Raises Unreached.

    It is one of sts, ssm and dynamodb. Any answer will do, and its date tells how far our clock is off.
    """
    session = NoCredentials()
    for name, path in zip(("config_file", "credentials_file"), config_files, strict=True):
        session.set_config_variable(name, str(path))
    chosen = session.get_config_variable("profile")
    if chosen is not None:  # AWS_PROFILE may name what is not there, and who is asked does not depend on it
        session.full_config["profiles"].setdefault(chosen, {})
    config = AioConfig(
        signature_version=UNSIGNED,
        connect_timeout=seconds,
        read_timeout=seconds,
        retries={"total_max_attempts": 1},
        http_session_cls=SharedTls,
    )
    create: Any = session.create_client
    async with create(service, region_name=region, endpoint_url=endpoint, config=config) as client:
        host = urlsplit(client.meta.endpoint_url).netloc
        operation, words = _QUESTIONS[service]
        began = clock.monotonic()
        try:
            answer = await getattr(client, operation)(**words)
        except ClientError as error:
            answer = error.response
        except (BotoCoreError, OSError, TimeoutError) as error:
            first = str(error).strip().partition("\n")[0][:300]
            raise Unreached(first or type(error).__name__, host) from error
        took = clock.monotonic() - began
    return Reached(
        service=service,
        host=host,
        ahead=_ahead(answer, clock.now() - timedelta(seconds=took / 2)),
        seconds=took,
    )


def _ahead(answer: Mapping[str, Any], ours: datetime) -> timedelta | None:
    """How much their clock was ahead at our `ours`; whole seconds, because theirs are."""
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        said = parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError, TypeError):
        return None
    if said.tzinfo is None:
        return None
    ahead = timedelta(seconds=round((said + timedelta(milliseconds=500) - ours).total_seconds()))
    return ahead if abs(ahead) > timedelta(seconds=2) else timedelta(0)


async def try_table(client: DynamoDBClient, table: str, index: str | None) -> list[Tried]:
    """Which reads of a table are refused; `index` is one that whoever is asked about may query."""
    key = {"id": {"S": NOBODY}}
    calls: dict[str, Callable[[], Awaitable[Any]]] = {
        "dynamodb:GetItem": lambda: client.get_item(TableName=table, Key=key, ConsistentRead=True),
        "dynamodb:BatchGetItem": lambda: client.batch_get_item(RequestItems={table: {"Keys": [key]}}),
    }
    if index is not None:
        attribute = index.removeprefix("gsi-").replace("-", "_")
        calls["dynamodb:Query"] = lambda: client.query(
            TableName=table,
            IndexName=index,
            KeyConditionExpression="#a = :v",
            ExpressionAttributeNames={"#a": attribute},
            ExpressionAttributeValues={":v": {"S": NOBODY}},
            Limit=1,
        )
    return [await _tried(action, table, call) for action, call in calls.items()]


async def try_parameter(client: SSMClient, name: str) -> Tried:
    """Whether a parameter may be read."""
    return await _tried("ssm:GetParameter", name, lambda: client.get_parameter(Name=name))


async def _tried(action: str, on: str, call: Callable[[], Awaitable[Any]]) -> Tried:
    try:
        await call()
    except ClientError as error:
        code = error_code(error)
        if code in DENIED:
            said = " ".join(str(error.response.get("Error", {}).get("Message", "")).split())[:300]
            return Tried(action=action, on=on, outcome=Outcome.REFUSED, said=said)
        return Tried(action=action, on=on, outcome=Outcome.ABSENT, said=code)
    except (BotoCoreError, OSError, TimeoutError) as error:
        raise UpstreamFailed(f"{action} on {on}: {type(error).__name__}") from error
    return Tried(action=action, on=on, outcome=Outcome.ALLOWED)


class TableProbe(DynamoDbProvisioner):
    """Looks at tables, and goes on where something is not shown to us."""

    def __init__(self, client: DynamoDBClient) -> None:
        super().__init__(client, poll=0.5, patience=3)
        self._hidden: set[Guard] = set()
        self._ttl_hidden = False

    async def look(self, name: str) -> TableSeen:
        """The table as it is. Raises UpstreamFailed."""
        try:
            found = await self.find(name)
        except UpstreamFailed as error:
            if isinstance(error.__cause__, ClientError) and error_code(error.__cause__) in DENIED:
                return TableSeen(name=name, found=None, may_look=False)
            raise
        return TableSeen(name=name, found=found, hidden=frozenset(self._hidden), ttl_hidden=self._ttl_hidden)

    async def find(self, name: str) -> Found | None:
        """As for whoever provisions, but what is not shown counts as absent, and is remembered."""
        self._hidden, self._ttl_hidden = set(), False
        return await super().find(name)

    async def _recoverable(self, name: str) -> bool:
        try:
            return await super()._recoverable(name)
        except ClientError as error:
            if error_code(error) not in DENIED:
                raise
            self._hidden.add(Guard.POINT_IN_TIME_RECOVERY)
            return False

    async def _ttl(self, name: str) -> str | None:
        try:
            return await super()._ttl(name)
        except ClientError as error:
            if error_code(error) not in DENIED:
                raise
            self._ttl_hidden = True
            return None
