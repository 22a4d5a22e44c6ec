"""A developer who breaks the glass and somebody who oversees it, each with a command line on one AWS."""

from __future__ import annotations

import re
from pathlib import Path

from sentinel_server.sandbox.principals import UserKeys
from tests.fakes.aws import Sandbox
from tests.fakes.command_line import CommandLine, Ran

WHY = "the payment service is down for everyone"
POLICY = """\
version: "1"
kind: breakglass
rules:
  - name: on call
    profiles: [prod]
    users: [dev]
    reviewers: [sec]
    allowed_reason_codes: [incident, security]
    max_duration: 2h
"""
"""The break-glass policy they start with."""


class TwoPeople:
    """`dev`, who breaks the glass of `prod`, and `sec`, who oversees it."""

    def __init__(self, sentinel: CommandLine, aws: Sandbox, sec: UserKeys) -> None:
        self.sentinel = sentinel
        self.account = aws.aws.account_id
        sentinel.connect(aws)
        with (sentinel.home / ".aws" / "credentials").open("a") as file:
            file.write(f"[sec]\naws_access_key_id = {sec.access_key_id}\n")
            file.write(f"aws_secret_access_key = {sec.secret_access_key}\n")
        with (sentinel.home / ".aws" / "config").open("a") as file:
            file.write(f"[profile sec]\nregion = {aws.aws.region}\n")
        self.write("breakglass.yaml", POLICY)

    @property
    def developer(self) -> str:
        """The developer's key as a person."""
        return f"iam:{self.account}:dev"

    def dev(self, *words: str) -> Ran:
        """A command of the developer's."""
        self.sentinel.set(AWS_PROFILE="base")
        return self.sentinel(*words)

    def sec(self, *words: str) -> Ran:
        """A command of the security team's, on a machine that knows nothing of the developer's keys."""
        config = self.sentinel.home / ".aws" / "config"
        theirs = config.read_text()
        config.write_text(re.sub(r"(?s)\[profile (base|prod)\].*?(?=\[|\Z)", "", theirs))
        self.sentinel.set(AWS_PROFILE="sec")
        try:
            return self.sentinel(*words)
        finally:
            config.write_text(theirs)

    def opens(self, *more: str, code: str = "incident") -> Ran:
        """The developer breaks the glass."""
        said = ("--profile", "prod", "--reason-code", code, "--justification", WHY)
        return self.dev("breakglass", *said, *more)

    def opened(self, *more: str) -> str:
        """The id of an emergency that the developer has just opened."""
        ran = self.opens("--json", *more)
        assert ran.status == 0, ran.err
        return str(ran.json["event_id"])

    def write(self, name: str, text: str) -> Path:
        """A file of our configuration."""
        path = self.sentinel.settings.directories.config / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path
