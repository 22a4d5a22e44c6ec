"""A home on an embedded AWS with a requester, two approvers and somebody else, and what they agreed on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sentinel_server.sandbox.principals import UserKeys
from tests.fakes.aws import Sandbox
from tests.fakes.command_line import CommandLine, Ran

POLICY = """\
version: "1"
rules:
  - {name: ask-first, effect: require_approval, reason: production, conditions: {profiles: [prod]}}
"""
APPROVALS = """\
version: "1"
kind: approval
rules:
  - name: production
    profiles: [prod]
    requesters: [dev]
    approvers: [bob, carol, dev]
    approvals_required: 1
"""
WHY = "rotate the database keys"


@dataclass(frozen=True, slots=True)
class Team:
    """`dev` asks through the profile `prod`; `bob`, `carol` and `zed` are profiles of their own."""

    sentinel: CommandLine
    account: str

    def __call__(self, *words: str) -> Ran:
        """Run one command."""
        return self.sentinel(*words)

    def approvals(self, text: str) -> None:
        """Put another approval policy in force."""
        (self.sentinel.home / ".config" / "sentinel" / "approvals.yaml").write_text(text)

    def ask(self, *words: str) -> str:
        """The id of a new request for prod."""
        ran = self("request", "--profile", "prod", "--justification", WHY, "--json", *words)
        assert ran.status == 0, ran.err
        return str(ran.json["request_id"])

    def approve(self, request_id: str, who: str = "bob", *words: str) -> Ran:
        """Somebody agrees."""
        return self("approve", request_id, "--aws-profile", who, *words)

    def person(self, name: str) -> str:
        """The key of a person."""
        return f"iam:{self.account}:{name}"


def staff(sandbox: Sandbox) -> Mapping[str, UserKeys]:
    """The keys of everyone but `dev`, who are made by this."""
    return {name: sandbox.aws.add_user(name) for name in ("bob", "carol", "zed")}


def team(sentinel: CommandLine, sandbox: Sandbox, keys_of: Mapping[str, UserKeys]) -> Team:
    """A home for them."""
    sentinel.connect(sandbox)
    credentials = (sentinel.home / ".aws" / "credentials").open("a")
    config = (sentinel.home / ".aws" / "config").open("a")
    with credentials, config:
        for name, keys in keys_of.items():
            credentials.write(
                f"[{name}]\naws_access_key_id = {keys.access_key_id}\n"
                f"aws_secret_access_key = {keys.secret_access_key}\n"
            )
            config.write(f"[profile {name}]\nregion = {sandbox.aws.region}\n")
    place = sentinel.home / ".config" / "sentinel"
    (place / "policies").mkdir(parents=True)
    (place / "policies" / "prod.yaml").write_text(POLICY)
    made = Team(sentinel, sandbox.aws.account_id)
    made.approvals(APPROVALS)
    sentinel.set(AWS_PROFILE="base")
    return made
