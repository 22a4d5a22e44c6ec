"""`policy keys`, `sign` and `verify` on files: no AWS anywhere."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.command_line import CommandLine, Ran
from tests.fakes.terminal import on_a_terminal

POLICY = 'version: "1"\nrules:\n  - {name: all, effect: allow, match: any}\n'


class Desk:
    """Where an author works: a key, a key set, a policy."""

    def __init__(self, sentinel: CommandLine) -> None:
        self.sentinel = sentinel
        self.home = sentinel.home
        self.policy = self.home / "prod.yaml"
        self.policy.write_text(POLICY)
        self.key = self.home / "team.key"
        self.set = self.home / ".config" / "sentinel" / "policy-keys.json"

    def __call__(self, *words: str | Path) -> Ran:
        """Run `sentinel policy` with these words."""
        return self.sentinel("policy", *map(str, words))

    def sign(self, *words: str | Path) -> Ran:
        """Sign the policy."""
        return self("sign", self.policy, "--sign-with", self.key, *words)

    def verify(self, *words: str | Path) -> Ran:
        """Verify it with the usual key set."""
        return self("verify", self.policy, "--keys", self.set, *words)


@pytest.fixture
def desk(sentinel: CommandLine) -> Desk:
    made = Desk(sentinel)
    assert made("keys", "generate", made.key).status == 0
    assert made("keys", "add", "--public-key", f"{made.key}.pub").status == 0
    return made


def test_a_key_is_made_private_and_never_twice(desk: Desk) -> None:
    assert stat.S_IMODE(desk.key.stat().st_mode) == 0o600
    again = desk("keys", "generate", desk.key)
    assert (again.status, "is there already" in again.err) == (1, True)


def test_no_private_key_is_made_where_its_public_half_cannot_be(desk: Desk) -> None:
    other = desk.home / "other.key"
    Path(f"{other}.pub").touch()
    ran = desk("keys", "generate", other)
    assert (ran.status, "other.key.pub is there already" in ran.err) == (1, True)
    assert not other.exists()


def test_the_private_key_is_never_printed(desk: Desk) -> None:
    secret = desk.key.read_text().splitlines()[1]
    for ran in (desk.sign(), desk.verify(), desk("keys", "list"), desk("keys", "list", "--json")):
        assert secret not in ran.out + ran.err


def test_adding_a_key_says_how_to_use_the_set(sentinel: CommandLine) -> None:
    desk = Desk(sentinel)
    desk("keys", "generate", desk.key)
    added = desk("keys", "add", "--public-key", f"{desk.key}.pub")
    assert added.out.strip() == str(desk.set)
    assert f"signing: {{keys: {desk.set}}}" in added.err
    twice = desk("keys", "add", "--public-key", f"{desk.key}.pub")
    assert (twice.status, "already" in twice.err) == (1, True)


@pytest.mark.parametrize(
    "words",
    [(), ("--public-key", "x", "--kms-key", "y"), ("--public-key", "/nowhere"), ("--not-after", "soon")],
)
def test_what_names_no_one_key_is_refused(desk: Desk, words: tuple[str, ...]) -> None:
    assert desk("keys", "add", *words).status == 2


def test_a_signature_lies_beside_the_file_and_verifies(desk: Desk) -> None:
    assert desk.sign().status == 0
    verified = desk.verify("--json")
    assert verified.status == 0
    assert (verified.json["valid"], verified.json["serial"], verified.json["not_after"]) == (True, 1, None)
    assert "Signature  holds" in desk.verify().out


def test_every_signing_raises_the_serial_unless_one_is_named(desk: Desk) -> None:
    desk.sign()
    desk.sign()
    assert desk.verify("--json").json["serial"] == 2
    desk.sign("--serial", "40")
    assert desk.verify("--json").json["serial"] == 40


def test_a_signature_can_be_printed(desk: Desk) -> None:
    printed = desk.sign("-o", "-")
    assert printed.json["signatures"][0]["statement"]["parameter"] == "prod.yaml"
    assert not desk.policy.with_name("prod.yaml.sig").exists()


def test_a_file_under_another_name_does_not_verify(desk: Desk) -> None:
    desk.sign()
    moved = desk.home / "dev.yaml"
    moved.write_text(POLICY)
    refused = desk("verify", moved, "--signature", f"{desk.policy}.sig", "--keys", desk.set)
    assert (refused.status, "it is for prod.yaml, not for dev.yaml" in refused.err) == (1, True)


def test_one_changed_byte_does_not_verify(desk: Desk) -> None:
    desk.sign()
    desk.policy.write_text(POLICY + "\n")
    assert (desk.verify().status, desk.verify("--json").json["valid"]) == (1, False)


def test_no_signature_is_no_signature_and_no_file_is_unreadable(desk: Desk) -> None:
    assert desk.verify().status == 1
    assert desk("verify", desk.home / "none.yaml", "--keys", desk.set).status == 6
    desk.sign()
    assert desk("verify", desk.policy).status == 2, "no keys to check with"
    assert desk("verify", desk.policy, "--keys", desk.home / "none.json").status == 2


def test_a_parameter_needs_its_account_and_region(desk: Desk) -> None:
    for words in (
        ("--parameter", "/sentinel/policies/prod"),
        ("--account", "111122223333"),
        ("--parameter", "prod", "--account", "111122223333", "--region", "eu-west-1"),
    ):
        assert desk.sign(*words).status == 2
        assert not desk.policy.with_name("prod.yaml.sig").exists()


def test_only_policies_are_signed_and_only_with_a_key(desk: Desk) -> None:
    assert desk("sign", desk.policy).status == 2
    assert desk.sign("--kms-key", "alias/x").status == 2
    desk.policy.write_text("rules: []\n")
    assert desk.sign().status == 2


def test_a_retired_key_verifies_nothing_and_a_later_end_still_does(desk: Desk) -> None:
    desk.sign()
    key_id = json.loads(desk.set.read_text())["keys"][0]["id"]
    assert desk("keys", "retire", key_id, "--at", "2999-01-01T00:00Z").status == 0
    assert desk.verify().status == 0
    assert desk("keys", "retire", key_id).status == 0
    assert "counts no longer" in desk.verify().err
    assert "counts no longer" in desk("keys", "list").out
    assert desk("keys", "retire", "nobody").status == 1


@pytest.mark.parametrize("text", ["soon", "2026-01-31T12:00"])
def test_a_time_needs_a_form_and_a_zone(desk: Desk, text: str) -> None:
    assert desk("keys", "retire", "x", "--at", text).status == 2


def test_a_pin_can_be_set_and_is_shown(desk: Desk) -> None:
    assert desk("keys", "pin", "prod", "--serial", "7").status == 0
    assert desk("keys", "list", "--json").json["minimum_serials"] == {"prod.yaml": 7}
    assert "prod.yaml: no serial below 7" in desk("keys", "list").err
    desk.sign("--serial", "6")
    assert "below 7" in desk.verify().err


PROBE = """
import sys
from cli.main import run
status = run(sys.argv[1:])
print("IMPORTED", "cryptography" in sys.modules, file=sys.stderr)
sys.exit(status)
"""


@pytest.mark.parametrize("pinned", [False, True])
def test_cryptography_is_imported_only_where_keys_are_pinned(desk: Desk, pinned: bool) -> None:
    words = ("--policies", f"file://{desk.home / 'policies'}")
    assert desk("push", "prod", desk.policy, "--yes", "--sign-with", desk.key, *words).status == 0
    variables = {"HOME": str(desk.home)} | ({"SENTINEL_SIGNING_KEYS": str(desk.set)} if pinned else {})
    argv = ["policy", "explain", "--profile", "prod", "--user", "dev", *words]
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *argv],
        env=variables,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"IMPORTED {pinned}" in done.stderr


def pinned(desk: Desk) -> Desk:
    """The desk with its policy pushed, signed, into a directory of policies, and signatures required."""
    desk.sentinel.set(SENTINEL_SIGNING_KEYS=str(desk.set))
    assert desk("push", "prod", desk.policy, "--yes", "--sign-with", desk.key).status == 0
    return desk


def test_what_was_explained_says_who_signed_it(desk: Desk) -> None:
    ran = pinned(desk)("explain", "--profile", "prod", "--user", "dev", "--json")
    assert (ran.json["policy_signer"], ran.json["policy_serial"]) == (
        json.loads(desk.set.read_text())["keys"][0]["id"],
        1,
    )
    assert ", serial 1" in desk("explain", "--profile", "prod", "--user", "dev").out


def test_a_door_that_cannot_remember_serials_refuses(desk: Desk) -> None:
    memory = pinned(desk).home / ".local" / "state" / "sentinel" / "policies.db"
    for path in memory.parent.glob("policies.db*"):
        path.unlink()
    memory.write_text("this is not a database, and it is long enough to be seen as none at all")
    memory.chmod(0o600)
    refused = desk("explain", "--profile", "prod", "--user", "dev")
    assert (refused.status, "what this machine remembers of policies" in refused.err) == (6, True)


def test_a_key_set_that_others_can_write_stops_every_door(desk: Desk) -> None:
    pinned(desk).set.chmod(0o666)
    refused = desk("explain", "--profile", "prod", "--user", "dev")
    assert (refused.status, "can be written by others" in refused.err) == (2, True)


def test_a_rollback_without_the_key_is_refused(desk: Desk) -> None:
    pinned(desk).policy.write_text(POLICY.replace("name: all", "name: other"))
    assert desk("push", "prod", desk.policy, "--yes", "--sign-with", desk.key).status == 0
    refused = desk("rollback", "prod", "--yes")
    assert (refused.status, "signatures are required" in refused.err) == (2, True)
    assert "name: other" in desk("pull", "prod").out


def test_two_keys_or_a_key_and_a_signature_are_too_much(desk: Desk) -> None:
    desk.sign()
    for words in (("--kms-key", "x"), ("--signature", f"{desk.policy}.sig")):
        refused = desk("push", "prod", desk.policy, "--yes", "--sign-with", desk.key, *words)
        assert refused.status == 2


@pytest.mark.parametrize(("answer", "status", "there"), [("y", 0, True), ("n", 1, False), ("", 1, False)])
def test_b25_what_is_asked_on_a_terminal_is_taken_at_its_word(
    desk: Desk, answer: str, status: int, there: bool
) -> None:
    argv = [sys.executable, "-m", "cli.main", "policy", "push", "prod", str(desk.policy)]
    with on_a_terminal(argv, {"HOME": str(desk.home), "TERM": "xterm"}) as terminal:
        terminal.expect(r"\+version: \"1\"")
        terminal.expect(r"put this into .*prod\.yaml\? \[y/N\]")
        terminal.line(answer)
        terminal.expect("version 1" if there else "nothing was changed")
        assert terminal.process.wait(timeout=30) == status
    assert (desk.home / ".config" / "sentinel" / "policies" / "prod.yaml").exists() is there


@pytest.mark.parametrize("no_colour", [False, True])
def test_a_diff_is_coloured_on_a_terminal_that_wants_colour(desk: Desk, no_colour: bool) -> None:
    argv = [sys.executable, "-m", "cli.main", "policy", "push", "prod", str(desk.policy)]
    variables = {"HOME": str(desk.home), "TERM": "xterm"} | ({"NO_COLOR": "1"} if no_colour else {})
    with on_a_terminal(argv, variables) as terminal:
        terminal.expect(r"\[y/N\]")
        terminal.line("n")
        assert ("\x1b[32m+version" in terminal.shown) is not no_colour


def ready(desk: Desk, *words: str) -> Ran:
    """Push the policy with the signature that lies beside it."""
    return desk("push", "prod", desk.policy, "--yes", "--signature", f"{desk.policy}.sig", *words)


def test_a_signature_made_before_must_be_one_that_will_be_accepted(desk: Desk) -> None:
    pinned(desk).policy.write_text(POLICY.replace("name: all", "name: other"))
    desk.sign("--serial", "1")
    used = ready(desk)
    assert (used.status, "serial 1 of the signature was used before" in used.err) == (2, True)
    desk.sign("--serial", "5")
    envelope = desk.policy.with_name("prod.yaml.sig")
    good = envelope.read_text()
    envelope.write_text(good.replace('"serial":5', '"serial":6'))
    forged = ready(desk)
    assert (forged.status, "did not make it" in forged.err) == (6, True)
    assert "name: all" in desk("pull", "prod").out
    envelope.write_text(good)
    assert ready(desk).status == 0
    assert "has these bytes already" in ready(desk).err
    assert desk("verify", "prod", "--json").json["serial"] == 5


def test_a_key_may_have_an_owner_whose_approvals_it_signs(desk: Desk) -> None:
    approvers = desk.home / "approvers.json"
    added = desk("keys", "add", "--keys", approvers, "--public-key", f"{desk.key}.pub", "--owner", "sso:bob")
    assert (added.status, "next:" in added.err) == (0, False)
    (key,) = json.loads(desk("keys", "list", "--keys", approvers, "--json").out)["keys"]
    assert key["owner"] == "sso:bob"
    assert "sso:bob" in desk("keys", "list", "--keys", approvers).out


def test_nobody_pushes_with_the_key_of_their_approvals(desk: Desk) -> None:
    own = desk.home / "alice.key"
    desk("keys", "generate", own)
    assert (
        desk("keys", "add", "--public-key", f"{own}.pub", "--owner", "sso:alice", "--keys", desk.set).status
        == 0
    )
    ran = desk("push", "prod", desk.policy, "--keys", desk.set, "--sign-with", own, "--yes")
    assert (ran.status, "signs the approvals of sso:alice, and no policies" in ran.err) == (2, True)
