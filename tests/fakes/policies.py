"""Policy sources to test against: texts in memory, files, and SSM on an embedded AWS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from sentinel_server.adapters.aws.clients import AwsSession
from sentinel_server.adapters.aws.policies import SsmPolicies
from sentinel_server.adapters.aws.timing import PATIENT, Timing
from sentinel_server.adapters.local.policies import FilePolicies
from sentinel_server.credentials.endpoints import Direct
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.errors import InvalidIdentifier, PolicyUnavailable
from sentinel_server.policy.loading import loaded_policy
from sentinel_server.policy.schema import LoadedPolicy, Origin
from sentinel_server.policy.source import PolicySource
from sentinel_server.secret import Secret
from tests.fakes.aws import Sandbox, embedded_aws


class Shelf(Protocol):
    """A source together with the place where its policies lie."""

    source: PolicySource

    def put(self, profile: str, text: str) -> None:
        """Make `text` the policy of `profile`."""
        ...


@dataclass(slots=True)
class TextPolicies:
    """A PolicySource over texts in memory."""

    texts: dict[str, str] = field(default_factory=dict)

    async def load(self, profile: str) -> LoadedPolicy:
        """The policy put there, parsed now."""
        if not profile or ".." in profile or not profile.isprintable():
            raise InvalidIdentifier(f"no policy can be named {profile!r}")
        if profile not in self.texts:
            raise PolicyUnavailable(f"no policy for {profile}")
        return loaded_policy(self.texts[profile].encode(), name=profile, origin=Origin.FILE)


class TextShelf:
    """Texts in memory."""

    def __init__(self) -> None:
        self._texts = TextPolicies()
        self.source: PolicySource = self._texts

    def put(self, profile: str, text: str) -> None:
        """Keep the text."""
        self._texts.texts[profile] = text


class FileShelf:
    """Files in a directory."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.source: PolicySource = FilePolicies(root)

    def put(self, profile: str, text: str) -> None:
        """Write the file as a person with the usual umask would."""
        path = self._root / f"{profile}.yaml"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)


class SsmShelf:
    """Parameters of an embedded AWS."""

    def __init__(self, source: SsmPolicies, aws: Sandbox) -> None:
        self.source: PolicySource = source
        self.aws = aws
        self._ssm = aws.client("ssm")

    def put(self, profile: str, text: str) -> None:
        """Put the parameter, encrypted."""
        name = f"/sentinel/policies/{profile}"
        self._ssm.put_parameter(Name=name, Value=text, Type="SecureString", Overwrite=True)


ONCE = replace(PATIENT, attempts=1)
"""Patient, and without a second try that would hide a first one's failure."""


@asynccontextmanager
async def ssm_shelf(*, parameter: str | None = None, timing: Timing = ONCE) -> AsyncIterator[SsmShelf]:
    """An embedded AWS with an `SsmPolicies` that reads from it.

    It has answered before anybody is timed: its first answer waits for seconds of imports.
    """
    with embedded_aws() as sandbox:
        await asyncio.to_thread(sandbox.client("ssm").describe_parameters)
        keys = AwsCredentials(
            access_key_id=sandbox.dev.access_key_id, secret_access_key=Secret(sandbox.dev.secret_access_key)
        )

        async def credentials() -> AwsCredentials:
            return keys

        session = AwsSession(
            region=sandbox.aws.region,
            credentials=credentials,
            endpoints={"ssm": sandbox.aws.url},
            direct=Direct(),
        )
        async with session.calls("ssm", timing) as client:
            yield SsmShelf(SsmPolicies(client, parameter=parameter), sandbox)


@asynccontextmanager
async def open_shelf(kind: str, root: Path) -> AsyncIterator[Shelf]:
    """The shelf of that kind: memory, files or ssm."""
    if kind == "ssm":
        async with ssm_shelf() as shelf:
            yield shelf
    else:
        yield TextShelf() if kind == "memory" else FileShelf(root)
