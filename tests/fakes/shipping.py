"""The command line over policies in SSM, with a key file and a key set, and somebody who can write to SSM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sentinel_server.adapters.local.key_file import load_signer
from tests.fakes.aws import Sandbox
from tests.fakes.command_line import CommandLine, Ran
from tests.fakes.signers import KeyPair

ROOT = "/sentinel/policies"

POLICY = """\
# Who may use production.
version: "1"   # the only one

rules:
  - name: everybody
    effect: allow
    conditions: {profiles: [prod], users: [dev]}
"""
CHANGED = POLICY.replace("[dev]", "[dev, carol]")


class Team:
    """One who writes policies, and one who can only write to SSM."""

    def __init__(self, sentinel: CommandLine, sandbox: Sandbox) -> None:
        self.run = sentinel
        self.sandbox = sandbox
        self.ssm = sandbox.client("ssm")
        self.key = sentinel.home / "team.key"
        self.key_set = sentinel.home / "keys.json"
        sentinel.connect(sandbox)
        sentinel.set(SENTINEL_CONTROL_PROFILE="base", SENTINEL_POLICIES=f"ssm://{sandbox.aws.region}{ROOT}")

    def pin_a_key(self) -> str:
        """Make a key, pin it, and require signatures from now on; the key's id."""
        made = self("keys", "generate", str(self.key))
        assert made.status == 0, made.err
        self.run.set(SENTINEL_SIGNING_KEYS=str(self.key_set))
        assert self("keys", "add", "--public-key", f"{self.key}.pub").status == 0
        return made.out.strip()

    def kms_key(self, spec: str) -> str:
        """A new KMS key, pinned."""
        arn: str = self.sandbox.client("kms").create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"][
            "Arn"
        ]
        self.run.set(SENTINEL_SIGNING_KEYS=str(self.key_set))
        added = self("keys", "add", "--kms-key", arn)
        assert added.status == 0, added.err
        return arn

    def __call__(self, *words: str) -> Ran:
        """Run `sentinel policy` with these words."""
        return self.run("policy", *words)

    def file(self, text: str | bytes = POLICY, name: str = "prod.yaml") -> str:
        """A file with that text."""
        path: Path = self.run.home / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    def push(self, text: str | bytes = POLICY, *words: str, profile: str = "prod", sign: bool = True) -> Ran:
        """Push, signed with the key file unless a test wants otherwise."""
        how = ("--sign-with", str(self.key)) if sign else ()
        return self("push", profile, self.file(text), "--yes", *how, *words)

    def loads(self, profile: str = "prod") -> Ran:
        """What a door makes of the policy."""
        return self("explain", "--profile", profile, "--user", "dev")

    def stored(self, name: str = "prod") -> str | None:
        """The text of a parameter."""
        found = self.ssm.get_parameters(Names=[f"{ROOT}/{name}"], WithDecryption=True)["Parameters"]
        return str(found[0]["Value"]) if found else None

    def forge(self, text: str | None, name: str = "prod", ssm: Any = None) -> None:
        """Write a parameter, as somebody can who has nothing to do with the policy's authors."""
        client = ssm or self.ssm
        client.put_parameter(Name=f"{ROOT}/{name}", Value=text, Type="String", Overwrite=True)

    def pair(self) -> KeyPair:
        """The team's key, to sign with it what the command would not."""
        signer = load_signer(self.key)
        return KeyPair(public=signer.public, private=signer._private)
