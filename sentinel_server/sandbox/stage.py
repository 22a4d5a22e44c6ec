"""What a story is played on: our own commands and programs under `exec --server`, as real processes.

Every step is checked, not only shown: one that does not behave raises Findings, and the story ends there.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from queue import Empty, Queue
from threading import Thread
from typing import IO, Any

from sentinel_server.errors import Findings
from sentinel_server.frozen import frozen

SENTINEL = (sys.executable, "-P", "-m", "cli.main")
"""Our own console script, whether or not it is on the PATH, and whatever the current directory has."""
PATIENCE = 30.0
"""Seconds that any one step may take."""

CHILD = """
import boto3, sys, time
from botocore.exceptions import CredentialRetrievalError
sts, s3 = boto3.client("sts"), boto3.client("s3")
print("caller", sts.get_caller_identity()["Arn"], flush=True)
for _ in range(600):
    try:
        names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    except CredentialRetrievalError as error:
        print("refused", error, flush=True)
        sys.exit(7)
    print("buckets", *names, flush=True)
    time.sleep(0.2)
"""
"""A program that knows nothing of Sentinel: plain boto3, default credentials."""

Tell = Callable[[str], None]


@frozen
class Result:
    """What one command of ours did."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Its first line, of data or else of talk."""
        return next(iter((self.out or self.err).strip().splitlines()), "")

    @property
    def value(self) -> Any:
        """What it printed as JSON. Raises Findings when that is none."""
        try:
            return json.loads(self.out)
        except ValueError:
            raise unexpected("that is no JSON", [self.out, self.err]) from None


class Stage:
    """Where a story is played: a seeded environment, and somebody to tell it to.

    `security` is the environment of the security engineer, where that must be another's.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        tell: Tell,
        step: Tell,
        security: Mapping[str, str] | None = None,
    ) -> None:
        self._environment = dict(environment)
        self._security = dict(security or environment)
        self.tell = tell
        self.step = step

    def run(self, *words: str) -> Result:
        """One command of ours, to its end."""
        return _ran(self._environment, words)

    def done(self, what: str, *words: str) -> Result:
        """The same where it must succeed; `what` is said when it does not. Raises Findings."""
        done = self.run(*words)
        expect(done.code == 0, what, done)
        return done

    def security(self, what: str, *words: str) -> Result:
        """The same by the security engineer."""
        done = _ran(self._security, words)
        expect(done.code == 0, what, done)
        return done

    def program(self, profile: str) -> Program:
        """A boto3 program under `exec --server` for `profile`."""
        return Program(self._environment, profile)

    def verified(self) -> None:
        """The last step of every story: the audit log holds."""
        self.step("`sentinel audit verify-logs`")
        done = self.done("the audit log does not verify", "audit", "verify-logs")
        self.tell(done.out.strip().splitlines()[-1])


def _ran(environment: Mapping[str, str], words: Sequence[str]) -> Result:
    done = subprocess.run(  # noqa: S603  # our own script, our own words
        [*SENTINEL, *words], env=dict(environment), capture_output=True, text=True, timeout=PATIENCE
    )
    return Result(code=done.returncode, out=done.stdout, err=done.stderr)


class Program:
    """`exec --server` with the boto3 program in it, and the lines it prints."""

    def __init__(self, environment: Mapping[str, str], profile: str) -> None:
        words: Sequence[str] = ("exec", "--server", "--profile", profile, "--lease", "strict", "--")
        self._process = subprocess.Popen(  # noqa: S603  # our own script, our own words
            [*SENTINEL, *words, sys.executable, "-P", "-c", CHILD],
            env=dict(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: Queue[str | None] = Queue()
        self._seen: list[str] = []
        self._reader = Thread(target=self._read, args=(self._process.stdout,), daemon=True)

    def __enter__(self) -> Program:
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)

    def line(self, start: str) -> str:
        """The next line that starts so. Raises Findings when none comes."""
        while True:
            try:
                line = self._lines.get(timeout=PATIENCE)
            except Empty:
                raise unexpected(f"nothing like {start!r} was printed in time", self._seen) from None
            if line is None:
                raise unexpected(f"the program ended before {start!r}", self._seen)
            if line.startswith(start):
                return line

    def wait(self) -> int:
        """The exit status of `exec --server`."""
        return self._process.wait(PATIENCE)

    def _read(self, stream: IO[str] | None) -> None:
        for line in stream or ():
            self._seen.append(line.rstrip())
            self._lines.put(line.rstrip())
        if stream is not None:
            stream.close()
        self._lines.put(None)


def expect(truth: bool, what: str, done: Result | None = None) -> None:
    """Go on when it is so. Raises Findings."""
    if not truth:
        raise unexpected(what, [] if done is None else [f"exit {done.code}", done.err])


def unexpected(what: str, seen: Sequence[str]) -> Findings:
    """What ends a story: what should have been, and the last that was seen."""
    last = " | ".join(line.strip() for line in seen[-5:] if line.strip())
    return Findings(f"the story went wrong: {what}{f' ({last})' if last else ''}")
