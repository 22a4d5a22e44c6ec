"""The story that `sentinel sandbox` plays, with real processes: allowed, working, revoked, refused, proven.

Every step is checked, not only shown: one that does not behave raises Findings, and the story ends there.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from queue import Empty, Queue
from threading import Thread
from typing import IO

from sentinel_server.errors import Findings

SENTINEL = (sys.executable, "-m", "cli.main")
"""Our own console script, whether or not it is on the PATH."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one command of ours did."""

    code: int
    out: str
    err: str


class Story:
    """Plays the story in a seeded environment, telling each step as it happens."""

    def __init__(self, environment: Mapping[str, str], tell: Tell, step: Tell) -> None:
        self._environment = dict(environment)
        self._tell = tell
        self._step = step

    def play(self) -> None:
        """All of it. Raises Findings at the first step that does not behave."""
        self._refused_by_policy()
        self._step("a boto3 program under `sentinel exec --server --profile prod --lease strict`")
        with _Child(self._environment) as child:
            self._works(child)
            session = self._listed()
            self._revoked(session)
            self._cut_off(child, session)
        self._verified()

    def _refused_by_policy(self) -> None:
        self._step("what policy does not allow: `sentinel credentials --profile admin`")
        done = self._run("credentials", "--profile", "admin")
        _expect(done.code == 3 and not done.out, "the admin profile was not refused", done)
        self._tell(done.err.strip().splitlines()[0])

    def _works(self, child: _Child) -> None:
        caller = child.line("caller ")
        _expect(":assumed-role/prod/sentinel-u.dev-" in caller, f"unexpected caller {caller}")
        self._tell(f"allowed: {caller.removeprefix('caller ')}")
        for _ in range(3):
            child.line("buckets reports")
        self._tell("it keeps working; every signature was a fetch, and every fetch a decision")

    def _listed(self) -> str:
        self._step("in another terminal: `sentinel server-sessions`")
        done = self._run("server-sessions", "--json")
        _expect(done.code == 0, "the sessions could not be listed", done)
        sessions = json.loads(done.out)["sessions"]
        _expect(len(sessions) == 1, f"{len(sessions)} sessions are listed, not one", done)
        session = sessions[0]
        self._tell(f"session {session['id']}: {session['user']} has {session['profile']}")
        return str(session["id"])

    def _revoked(self, session: str) -> None:
        reason = "INC-42 laptop stolen"
        self._step(f"`sentinel server-revoke {session} --reason '{reason}'`")
        done = self._run("server-revoke", session, "--reason", reason)
        _expect(done.code == 0, "the session could not be revoked", done)
        self._tell((done.out or done.err).strip().splitlines()[0])

    def _cut_off(self, child: _Child, session: str) -> None:
        self._step("the boto3 program, at its next call")
        refusal = child.line("refused ")
        _expect("INC-42" in refusal and session in refusal, f"the reason is missing: {refusal}")
        found = re.search(r'"message":"([^"]*)"', refusal)
        self._tell(f"CredentialRetrievalError: {found[1] if found else refusal}")
        _expect(child.wait() == 7, "the program's exit code did not come through")
        self._tell("exit code 7: the program's own")

    def _verified(self) -> None:
        self._step("`sentinel audit verify-logs`")
        done = self._run("audit", "verify-logs")
        _expect(done.code == 0, "the audit log does not verify", done)
        self._tell(done.out.strip().splitlines()[-1])

    def _run(self, *words: str) -> Result:
        done = subprocess.run(  # noqa: S603  # our own script, our own words
            [*SENTINEL, *words], env=self._environment, capture_output=True, text=True, timeout=PATIENCE
        )
        return Result(code=done.returncode, out=done.stdout, err=done.stderr)


class _Child:
    """`exec --server` with the boto3 program in it, and the lines it prints."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        words: Sequence[str] = ("exec", "--server", "--profile", "prod", "--lease", "strict", "--")
        self._process = subprocess.Popen(  # noqa: S603  # our own script, our own words
            [*SENTINEL, *words, sys.executable, "-c", CHILD],
            env=dict(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: Queue[str | None] = Queue()
        self._seen: list[str] = []
        self._reader = Thread(target=self._read, args=(self._process.stdout,), daemon=True)

    def __enter__(self) -> _Child:
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
                raise _unexpected(f"nothing like {start!r} was printed in time", self._seen) from None
            if line is None:
                raise _unexpected(f"the program ended before {start!r}", self._seen)
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


def _expect(truth: bool, what: str, done: Result | None = None) -> None:
    if not truth:
        raise _unexpected(what, [] if done is None else [f"exit {done.code}", done.err])


def _unexpected(what: str, seen: Sequence[str]) -> Findings:
    last = " | ".join(line.strip() for line in seen[-5:] if line.strip())
    return Findings(f"the story went wrong: {what}{f' ({last})' if last else ''}")
