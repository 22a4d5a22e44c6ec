"""All of it at once: an embedded AWS, a seeded home in it, and our console script as real processes."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sentinel_server.sandbox.aws import EmbeddedAws
from sentinel_server.sandbox.principals import UserKeys
from sentinel_server.sandbox.seed import Seeded, seed
from tests.fakes.aws import client
from tests.fakes.processes import REPOSITORY, Running, sentinel, started

if TYPE_CHECKING:
    from tests.fakes.forks import Forks

DOOR = 'echo "door $AWS_CONTAINER_CREDENTIALS_FULL_URI $AWS_CONTAINER_AUTHORIZATION_TOKEN"; exec cat'
"""A child that tells the test where credentials are, and ends when its stdin does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What one command of ours came to."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> str:
        """The last line of stderr."""
        return (self.err.strip().splitlines() or [""])[-1]

    @property
    def json(self) -> Any:
        """stdout as JSON."""
        return json.loads(self.out)


_AGAIN = 2
"""How often an SDK asks again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """One answer of the loopback server, and the seconds it took."""

    status: int
    body: Mapping[str, str] = field(repr=False)
    seconds: float

    @property
    def code(self) -> str:
        """`Success`, or the code of a refusal."""
        return self.body["Code"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """An `exec --server`, seen from inside its child."""

    session: str
    url: str
    token: str = field(repr=False)

    def fetch(self) -> Fetched:
        """One fetch, as an SDK does it: who lacked nothing but time, as on a busy machine, asks again."""
        for _ in range(_AGAIN):
            answer = self.fetch_once()
            if "answer within" not in answer.body.get("Message", ""):
                return answer
        return self.fetch_once()

    def fetch_once(self) -> Fetched:
        """One fetch, whatever its answer."""
        place = urlsplit(self.url)
        began = time.monotonic()
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=10)
        try:
            connection.request("GET", place.path, headers={"Authorization": self.token})
            answer = connection.getresponse()
            body = json.loads(answer.read())
        finally:
            connection.close()
        return Fetched(status=answer.status, body=body, seconds=time.monotonic() - began)


@dataclass(frozen=True, slots=True, kw_only=True)
class Door(Served):
    """The same, with its process."""

    running: Running


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One seeded home; `shared` says whether policies are in SSM and sessions in DynamoDB.

    With `forks`, commands are forked instead of started.
    """

    aws: EmbeddedAws
    seeded: Seeded
    shared: bool
    output: Path
    forks: Forks | None = None

    def env(self, **more: str) -> dict[str, str]:
        """The environment a person there has."""
        return {**self.seeded.environment, **more}

    def run(self, *words: str, **env: str) -> Ran:
        """One command of ours, to its end."""
        if self.forks is not None:
            return self.forks.run(*words, env=self.env(**env))
        done = subprocess.run(
            sentinel(*words),
            env=self.env(**env),
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Ran(code=done.returncode, out=done.stdout, err=done.stderr)

    @contextmanager
    def serving(self, *words: str, profile: str = "prod", **env: str) -> Iterator[Running]:
        """A running `exec --server`; `words` are further flags, `--`, and the command."""
        argv = ("exec", "--server", "--profile", profile, *words)
        into, variables = self.output / f"exec-{next(_numbers)}", self.env(**env)
        if self.forks is not None:
            starting = self.forks.started(*argv, env=variables, into=into, talk=True)
        else:
            starting = started(sentinel(*argv), env=variables, into=into, talk=True)
        with starting as running:
            yield running

    @contextmanager
    def door(self, *flags: str, profile: str = "prod", **env: str) -> Iterator[Door]:
        """A running `exec --server` whose endpoint the test may use like its child."""
        with self.a_door(*flags, profile=profile, **env) as door:
            yield replace(door, session=session_of(door.running))

    @contextmanager
    def a_door(self, *flags: str, profile: str = "prod", **env: str) -> Iterator[Door]:
        """The same where no session need be there yet."""
        with self.serving(*flags, "--", "sh", "-c", DOOR, profile=profile, **env) as running:
            told = running.wait_for(r"^door (\S+) (\S+)$")
            yield Door(running=running, session="", url=told[1], token=told[2])

    def revoke(self, session: str, reason: str = "INC-42 laptop stolen") -> Ran:
        """`server-revoke`, in a process of its own; it must succeed."""
        done = self.run("server-revoke", session, "--reason", reason)
        assert done.code == 0, done.err
        return done

    def root(self, service: str) -> Any:
        """A boto3 client of the account's root, for what happens behind everybody's back."""
        return client(self.aws, service, self.aws.root)

    def base_keys(self) -> UserKeys:
        """The keys of the developer, the base credentials of every profile."""
        text = (self.seeded.directory / "aws" / "credentials").read_text()
        found = re.search(r"\[base\]\naws_access_key_id = (\S+)\naws_secret_access_key = (\S+)", text)
        assert found is not None
        return UserKeys(found[1], found[2])


def session_of(running: Running) -> str:
    """The id that `exec --server` says its session has."""
    return running.wait_for(r"^sentinel: session ([0-9a-f]{16}) serves ")[1]


_numbers = iter(range(1_000_000))


@contextmanager
def deployment(
    into: Path, *, shared: bool, dynamodb_url: str | None = None, forks: Forks | None = None
) -> Iterator[Deployment]:
    """An embedded AWS of its own and a home in it; `dynamodb_url` is where DynamoDB Local answers."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}  # noqa: TID251
    inherited["PYTHONPATH"] = str(REPOSITORY)
    with ExitStack() as stack:
        aws = stack.enter_context(EmbeddedAws(dynamodb_url=dynamodb_url))
        home = into / "home"
        home.mkdir(parents=True)
        seeded = seed(aws, home, inherited, shared=shared)
        yield Deployment(aws=aws, seeded=seeded, shared=shared, output=into / "output", forks=forks)
