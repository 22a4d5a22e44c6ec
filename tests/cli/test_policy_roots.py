"""`policy keys sign`: the signed key set, and that nothing believes another one once its root is pinned."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fakes.command_line import CommandLine, Ran

POLICY = 'version: "1"\nrules:\n  - {name: all, effect: allow, match: any}\n'


class Company:
    """An author with a key, a root key, and a machine that pins the root."""

    def __init__(self, sentinel: CommandLine) -> None:
        self.sentinel = sentinel
        self.home = sentinel.home
        self.policy = self.home / "prod.yaml"
        self.policy.write_text(POLICY)
        self.team, self.root = self.home / "team.key", self.home / "root.key"
        self.set = self.home / "keys.json"
        for key in (self.team, self.root):
            assert self("keys", "generate", key).status == 0
        sentinel.set(SENTINEL_SIGNING_KEYS=str(self.set))
        assert self("keys", "add", "--public-key", f"{self.team}.pub").status == 0
        assert self("push", "prod", self.policy, "--sign-with", self.team, "--yes").status == 0

    def __call__(self, *words: str | Path) -> Ran:
        """Run `sentinel policy` with these words."""
        return self.sentinel("policy", *map(str, words))

    def sign_set(self, *words: str) -> Ran:
        """Sign the key set with the root."""
        return self("keys", "sign", "--sign-with", self.root, "--yes", *words)

    def pin_root(self) -> None:
        """Let the machine believe only what the root signed."""
        text = self("keys", "root", "--public-key", f"{self.root}.pub").out.strip()
        self.sentinel.set(SENTINEL_SIGNING_ROOT=text)


@pytest.fixture
def company(sentinel: CommandLine) -> Company:
    return Company(sentinel)


@pytest.fixture
def pinned(company: Company) -> Company:
    assert company.sign_set().status == 0
    company.pin_root()
    assert company("verify", "prod").status == 0
    return company


def refused_everywhere(company: Company, why: str) -> None:
    """Every command that believes signatures refuses, and says why."""
    explain = company("explain", "--profile", "prod", "--user", "dev")
    assert (explain.status, why in explain.err) == (6, True), explain.err
    verify = company("verify", "prod")
    assert (verify.status, why in verify.err) == (1, True), verify.err
    for words in (
        ("history", "prod"),
        ("pull", "prod", "--verify"),
        ("push", "prod", str(company.policy), "--sign-with", str(company.team), "--yes"),
        ("rollback", "prod", "--sign-with", str(company.team), "--yes"),
        ("keys", "pin", "prod"),
        ("keys", "list"),
    ):
        ran = company(*words)
        assert (ran.status, why in ran.err) == (6, True), f"{words}: {ran.err}"


def test_signing_shows_the_set_asks_and_says_what_to_pin(company: Company) -> None:
    unasked = company("keys", "sign", "--sign-with", company.root)
    assert (unasked.status, "--yes" in unasked.err) == (2, True)
    assert '"public_key"' in unasked.err
    signed = company.sign_set("--valid-for", "90d")
    assert signed.out.strip() == str(company.set)
    root = company("keys", "root", "--public-key", f"{company.root}.pub").out.strip()
    assert f"signing: {{root: {root}}}" in signed.err
    assert "signed by ed25519-" in company("keys", "list").err
    assert json.loads(company("keys", "list", "--json").out)["serial"] == 1


def test_an_unsigned_set_is_refused_everywhere(company: Company) -> None:
    company.pin_root()
    refused_everywhere(company, "is not signed, and signing.root asks for a signature")


def test_a_set_that_was_changed_after_signing_is_refused_everywhere(pinned: Company) -> None:
    pinned.set.write_text(
        pinned.set.read_text().replace('"minimum_serials": {}', '"minimum_serials": {"x": 1}')
    )
    refused_everywhere(pinned, "is not the one that was signed")


def test_an_older_set_is_refused_everywhere(pinned: Company) -> None:
    old = pinned.set.read_text()
    assert pinned.sign_set().status == 0
    assert pinned("verify", "prod").status == 0
    pinned.set.write_text(old)
    refused_everywhere(pinned, "its serial 1 is older than 2")


def test_pins_are_signed_and_keep_an_old_policy_out_of_a_machine_that_has_seen_none(pinned: Company) -> None:
    stored = pinned.home / ".config" / "sentinel" / "policies"
    old = {path: path.read_bytes() for path in stored.iterdir()}
    assert (
        pinned("push", "prod", pinned.policy, "--sign-with", pinned.team, "--valid-for", "9d", "--yes").status
        == 0
    )
    pin = pinned("keys", "pin", "prod")
    assert "no door believes it until it is signed" in pin.err
    assert pinned.sign_set().status == 0
    for path, data in old.items():
        path.write_bytes(data)
    (pinned.home / ".local" / "state" / "sentinel" / "policies.db").unlink()
    said = pinned("verify", "prod")
    assert (said.status, "its serial 1 is below 2, which the key set asks for" in said.err) == (1, True)


@pytest.mark.parametrize(
    "words",
    [("explain", "--profile", "prod", "--user", "dev"), ("verify", "prod"), ("history", "prod")],
    ids=str,
)
def test_a_memory_that_is_new_is_said_once(pinned: Company, words: tuple[str, ...]) -> None:
    for path in (pinned.home / ".local" / "state" / "sentinel").glob("policies.db*"):
        path.unlink()
    said = [pinned(*words).err.count("policies.db is new") for _ in range(2)]
    assert said == [1, 0]


def test_only_the_pinned_root_signs_and_never_a_key_of_the_set(pinned: Company) -> None:
    other = pinned.home / "other.key"
    pinned("keys", "generate", other)
    for key, why in ((other, "is not a key that signing.root names"), (None, "no root key to sign with")):
        words = ("--sign-with", str(key)) if key else ()
        ran = pinned("keys", "sign", "--yes", *words)
        assert (ran.status, why in ran.err) == (2, True)
    pinned.sentinel.set(SENTINEL_SIGNING_ROOT="")
    own = pinned("keys", "sign", "--yes", "--sign-with", str(pinned.team))
    assert (own.status, "cannot be the root of its own set" in own.err) == (2, True)


@pytest.mark.parametrize("root", ["nonsense", "AAAA", ","])
def test_a_root_that_is_no_key_is_an_error(company: Company, root: str) -> None:
    company.sentinel.set(SENTINEL_SIGNING_ROOT=root)
    ran = company("verify", "prod")
    assert (ran.status, "signing.root" in ran.err) == (2, True)


def test_a_root_without_a_key_set_is_an_error(company: Company) -> None:
    company.pin_root()
    company.sentinel.set(SENTINEL_SIGNING_KEYS="")
    ran = company("explain", "--profile", "prod", "--user", "dev")
    assert (ran.status, "signing.root is set, and signing.keys names no keys" in ran.err) == (2, True)
