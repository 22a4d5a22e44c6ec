"""Policies pulled, pushed, signed, verified and rolled back on SSM and KMS, as a person types it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from cli.policies.push import TIERS
from sentinel_server.clock import SystemClock
from sentinel_server.policy.statement import Envelope, Place, print_envelope
from sentinel_server.policy.stored import Tier
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.command_line import CommandLine
from tests.fakes.shipping import CHANGED, POLICY, ROOT, Team
from tests.fakes.signers import signed


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with embedded_aws() as running:
        yield running


@pytest.fixture
def team(sentinel: CommandLine, sandbox: Sandbox) -> Team:
    return Team(sentinel, sandbox)


@pytest.fixture
def signing(team: Team) -> Team:
    team.pin_a_key()
    return team


# ---- there and back


def test_a15_what_is_pulled_is_what_was_pushed_to_the_byte(signing: Team, tmp_path: Path) -> None:
    assert signing.push(POLICY).status == 0
    assert signing("pull", "prod").out == POLICY
    target = tmp_path / "pulled.yaml"
    assert signing("pull", "prod", "-o", str(target), "--verify").status == 0
    assert target.read_text() == POLICY
    envelope = tmp_path / "pulled.sig"
    envelope.write_text(signing.stored("prod.sig") or "")
    words = ("--parameter", f"{ROOT}/prod", "--account", signing.sandbox.aws.account_id)
    verified = signing(
        "verify", str(target), "--signature", str(envelope), *words, "--region", signing.sandbox.aws.region
    )
    assert verified.status == 0, verified.err


@pytest.mark.parametrize("spec", ["RSA_2048", "ECC_NIST_P256"])
def test_a8_policies_signed_by_kms_go_round_without_kms_being_asked_to_verify(team: Team, spec: str) -> None:
    arn = team.kms_key(spec)
    for number, text in enumerate((POLICY, CHANGED), 1):
        pushed = team.push(text, "--kms-key", arn, sign=False)
        assert pushed.out == f"{ROOT}/prod: version {number}, serial {number}\n", pushed.err
    back = team("rollback", "prod", "--yes", "--kms-key", arn)
    assert back.out == f"{ROOT}/prod: version 3, serial 3\n", back.err
    team.sandbox.aws.forget_calls()
    assert team("verify", "prod", "--json").json["key_id"] == arn
    assert team.loads().status == 0
    assert team.sandbox.aws.calls_to("kms") == []
    history = team("history", "prod", "--json").json["versions"]
    assert [(each["version"], each["serial"], each["signature"]) for each in history] == [
        (3, 3, "good"),
        (2, 2, "good"),
        (1, 1, "good"),
    ]
    assert history[0]["sha256"] == history[2]["sha256"] != history[1]["sha256"]


def test_the_door_records_whose_signature_it_went_by(signing: Team) -> None:
    key_id = signing("keys", "list", "--json").json["keys"][0]["id"]
    assert signing.push().status == 0
    assert signing.run("credentials", "--profile", "prod").status == 0
    assert {line["policy_signer"] for line in signing.run.audited() if "rule" in line} == {key_id}


# ---- what somebody with SSM alone can do


def test_a7_a_changed_policy_is_refused_by_doors_and_by_verify(signing: Team) -> None:
    signing.push()
    signing.forge(CHANGED)
    assert signing.loads().status == 6
    assert signing.run("credentials", "--profile", "prod").status == 6
    verified = signing("verify", "prod")
    assert (verified.status, "is not what was signed" in verified.err) == (1, True)
    assert signing("verify", "prod", "--json").json["valid"] is False
    assert signing("pull", "prod", "--verify").status == 6
    assert signing("pull", "prod").status == 0


def test_a7_dev_does_not_become_prod(signing: Team) -> None:
    for profile in ("prod", "dev"):
        assert signing.push(POLICY.replace("[prod]", f"[{profile}]"), profile=profile).status == 0
    texts = {name: signing.stored(name) for name in ("prod", "prod.sig", "dev", "dev.sig")}
    for name, text in texts.items():
        signing.forge(text, name.replace("prod", "x").replace("dev", "prod").replace("x", "dev"))
    for profile, other in (("prod", "dev"), ("dev", "prod")):
        refused = signing.loads(profile)
        assert refused.status == 6
        assert f"it is for {signing.sandbox.aws.account_id}/us-east-1{ROOT}/{other}, not for" in refused.err


def test_a7_an_older_policy_does_not_come_back(signing: Team) -> None:
    signing.push(CHANGED)
    old = {name: signing.stored(name) for name in ("prod", "prod.sig")}
    signing.push(POLICY)
    assert signing.loads().status == 0
    for name, text in old.items():
        signing.forge(text, name)
    refused = signing.loads()
    assert (refused.status, "its serial 1 is older than 2" in refused.err) == (6, True)


def test_a7_a_pinned_serial_keeps_it_out_of_machines_that_saw_nothing(signing: Team, tmp_path: Path) -> None:
    signing.push(CHANGED)
    old = {name: signing.stored(name) for name in ("prod", "prod.sig")}
    signing.push(POLICY)
    assert signing("keys", "pin", "prod").status == 0
    for name, text in old.items():
        signing.forge(text, name)
    signing.run.set(XDG_STATE_HOME=str(tmp_path / "another machine"))
    assert "its serial 1 is below 2, which the key set asks for" in signing.loads().err


def test_a7_an_expired_signature_is_refused(signing: Team) -> None:
    signing.push()
    place = Place(parameter=f"{ROOT}/prod", account=signing.sandbox.aws.account_id, region="us-east-1")
    past = SystemClock().now().replace(microsecond=0) - timedelta(days=2)
    ended = signed(
        POLICY.encode(), by=signing.pair(), place=place, serial=2, at=past, valid_for=timedelta(days=1)
    )
    signing.forge(print_envelope(Envelope(signatures=(ended,))).decode(), "prod.sig")
    refused = signing.loads()
    assert (refused.status, "it expired at" in refused.err) == (6, True)


def test_a7_another_accounts_policy_is_refused(signing: Team) -> None:
    signing.push()
    with embedded_aws() as other:
        elsewhere = other.client("ssm")
        for name in ("prod", "prod.sig"):
            signing.forge(signing.stored(name), name, elsewhere)
        (signing.run.home / ".aws" / "credentials").write_text(
            f"[base]\naws_access_key_id = {other.dev.access_key_id}\n"
            f"aws_secret_access_key = {other.dev.secret_access_key}\n"
        )
        signing.run.set(AWS_ENDPOINT_URL=other.aws.url)
        refused = signing.loads()
    assert refused.status == 6
    assert f"it is for {signing.sandbox.aws.account_id}/" in refused.err


def test_a_missing_signature_is_refused_and_with_enforcement_off_it_is_said(signing: Team) -> None:
    signing.forge(POLICY)
    assert "is not signed, and signatures are required" in signing.loads().err
    signing.run.set(SENTINEL_SIGNING_REQUIRED="false")
    allowed = signing.run("credentials", "--profile", "prod")
    assert allowed.status == 0
    assert "is not signed; signing.required is false" in allowed.err
    signing.forge("{}", "prod.sig")
    assert signing.run("credentials", "--profile", "prod").status == 6


# ---- settings


@pytest.mark.parametrize("text", ["TRUE", "1", "yes", "on", "False"])
def test_a17_nothing_but_true_and_false_switches_enforcement(signing: Team, text: str) -> None:
    signing.run.set(SENTINEL_SIGNING_REQUIRED=text)
    refused = signing.loads()
    assert (refused.status, "signing.required" in refused.err) == (2, True)


def test_a17_signatures_cannot_be_required_without_keys(team: Team) -> None:
    team.forge(POLICY)
    team.run.set(SENTINEL_SIGNING_REQUIRED="true")
    refused = team.loads()
    assert (refused.status, "signing.keys names no keys" in refused.err) == (2, True)


def test_a17_pinned_keys_are_enforced_without_another_word(signing: Team) -> None:
    signing.forge(POLICY)
    assert signing.loads().status == 6


# ---- push


def test_a10_it_signs_before_it_writes(team: Team) -> None:
    arn = team.kms_key("ECC_NIST_P256")
    team.push(POLICY, "--kms-key", arn, sign=False)
    team.sandbox.aws.fail(service="kms", operation="Sign", kind="deny")
    failed = team.push(CHANGED, "--kms-key", arn, sign=False)
    assert (failed.status, "AccessDenied" in failed.err) == (1, True)
    assert team.stored() == POLICY
    assert team("verify", "prod").status == 0


def test_b25_nothing_is_written_without_a_yes(signing: Team) -> None:
    refused = signing("push", "prod", signing.file(), "--sign-with", str(signing.key))
    assert (refused.status, "add --yes" in refused.err) == (2, True)
    assert "+version:" in refused.err
    assert signing.stored() is None
    assert signing.stored("prod.sig") is None


def test_a_change_is_shown_to_the_letter_and_in_meaning(signing: Team) -> None:
    signing.push(POLICY)
    shown = signing.push(CHANGED).err
    assert "-    conditions: {profiles: [prod], users: [dev]}" in shown
    assert "+    conditions: {profiles: [prod], users: [dev, carol]}" in shown
    assert "carol" in shown.partition("change")[2]


def test_a20_only_the_expected_version_is_replaced(signing: Team) -> None:
    assert signing.push(POLICY, "--expect-version", "0").status == 0
    late = signing.push(CHANGED, "--expect-version", "0")
    assert (late.status, "version 1 is at" in late.err) == (1, True)
    assert signing.stored() == POLICY
    assert signing.push(CHANGED, "--expect-version", "1").status == 0


def test_a20_a_policy_can_be_encrypted_and_of_the_advanced_tier(signing: Team) -> None:
    key = signing.sandbox.client("kms").create_key()["KeyMetadata"]["Arn"]
    words = ("--secure", "--kms-key-id", key, "--tier", "advanced")
    assert signing.push(POLICY, *words).status == 0
    (kept,) = signing.ssm.get_parameter_history(Name=f"{ROOT}/prod")["Parameters"]
    assert (kept["Type"], kept["KeyId"], kept["Tier"]) == ("SecureString", key, "Advanced")
    assert signing.loads().status == 0
    assert set(TIERS) == set(Tier.__args__)  # type: ignore[attr-defined]


LARGE = POLICY + "".join(f"# {number:060}\n" for number in range(320))


def test_a8_a_policy_of_20_kib_is_too_large_for_ssm_and_lives_in_a_file(team: Team, tmp_path: Path) -> None:
    arn = team.kms_key("RSA_2048")
    assert len(LARGE) > 20_000
    refused = team.push(LARGE, "--kms-key", arn, sign=False)
    assert (refused.status, "an SSM parameter holds 8192" in refused.err) == (2, True)
    assert team.stored() is None
    assert team.stored("prod.sig") is None
    assert "advanced" not in refused.err, "no tier would help"
    file = team.file(LARGE)
    place = ("--parameter", f"{ROOT}/prod", "--account", team.sandbox.aws.account_id, "--region", "us-east-1")
    assert team("sign", file, *place, "--kms-key", arn).status == 0
    assert team("verify", file, *place).status == 0
    team.run.set(SENTINEL_POLICIES=f"file://{tmp_path / 'policies'}")
    for text in (LARGE, LARGE.replace("[dev]", "[carol]")):
        pushed = team.push(text, "--kms-key", arn, sign=False)
        assert pushed.status == 0, pushed.err
    assert team("verify", "prod").status == 0
    assert team("rollback", "prod", "--kms-key", arn, "--yes").status == 0
    assert team("pull", "prod", "--verify").out == LARGE
    assert team.loads().status == 0


def test_a18_no_profile_has_the_name_of_a_signature(signing: Team) -> None:
    refused = signing.push(profile="prod.sig")
    assert (refused.status, "are those of signatures" in refused.err) == (2, True)
    assert signing.loads("prod.sig").status == 2


def test_what_nobody_would_accept_is_not_pushed(signing: Team) -> None:
    assert "signatures are required" in signing.push(sign=False).err
    other = str(signing.run.home / "other.key")
    signing("keys", "generate", other)
    stranger = signing("push", "prod", signing.file(), "--yes", "--sign-with", other)
    assert (stranger.status, "is not in the key set" in stranger.err) == (2, True)
    key_id = signing("keys", "list", "--json").json["keys"][0]["id"]
    signing("keys", "retire", key_id)
    retired = signing.push()
    assert (retired.status, "counts no longer" in retired.err) == (2, True)
    assert signing.stored("prod.sig") is None


def test_a_policy_that_is_signed_is_not_replaced_by_one_that_is_not(signing: Team) -> None:
    signing.push()
    signing.run.set(SENTINEL_SIGNING_REQUIRED="false")
    refused = signing.push(CHANGED, sign=False)
    assert (refused.status, "is signed" in refused.err) == (2, True)
    assert signing.loads().status == 0


EVERYBODY = "version: 1\nrules:\n  - {name: a, effect: allow, match: any}\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("version: 1\nrules: []\n", "rules"),
        ("nonsense", "is text where"),
        (EVERYBODY + "  - {name: b, effect: deny, conditions: {users: [carol]}}\n", "lint speaks against"),
    ],
    ids=["no rules", "no policy", "lint"],
)
def test_what_is_no_policy_or_speaks_against_itself_is_not_pushed(signing: Team, text: str, why: str) -> None:
    refused = signing.push(text)
    assert refused.status in {1, 2}
    assert why in refused.err
    assert signing.stored() is None


TESTS = """\
version: 1
tests:
  - {name: dev works, who: dev, profile: prod, mode: cli, expect: {effect: allow}}
  - {name: carol does not, who: carol, profile: prod, mode: cli, expect: {effect: deny}}
"""


def test_the_tests_beside_a_policy_must_pass(signing: Team) -> None:
    signing.file(TESTS, "prod.tests.yaml")
    good = signing.push(POLICY)
    assert (good.status, "2 tests" in good.err) == (0, True), good.err
    bad = signing.push(CHANGED)
    assert (bad.status, "FAIL  carol does not" in bad.err) == (1, True)
    assert signing.stored() == POLICY
    assert signing.push(CHANGED, "--no-tests").status == 0


def test_the_same_push_again_does_nothing_and_a_longer_life_is_signed_anew(signing: Team) -> None:
    signing.push()
    again = signing.push()
    assert (again.status, again.out) == (0, "")
    assert "has these bytes already" in again.err
    longer = signing.push(POLICY, "--valid-for", "90d")
    assert longer.out == f"{ROOT}/prod: version 1, serial 2\n"
    assert signing("verify", "prod", "--json").json["not_after"] is not None


def test_a_signature_made_elsewhere_is_pushed_with_its_policy(signing: Team) -> None:
    file = signing.file()
    place = (
        "--parameter",
        f"{ROOT}/prod",
        "--account",
        signing.sandbox.aws.account_id,
        "--region",
        "us-east-1",
    )
    assert signing("sign", file, *place, "--sign-with", str(signing.key)).status == 0
    assert signing("verify", file, *place).status == 0
    assert signing("verify", file).status == 1, "it is not for the file itself"
    assert signing("push", "dev", file, "--yes", "--signature", f"{file}.sig").status == 2
    assert signing("push", "prod", file, "--yes", "--signature", f"{file}.sig").status == 0
    assert signing.loads().status == 0
    changed = signing.file(CHANGED)
    assert "no signature of this policy" in signing("push", "prod", changed, "--signature", f"{file}.sig").err


# ---- history and rollback


def test_b25_any_version_can_be_had_back(signing: Team) -> None:
    for text in (POLICY, CHANGED, POLICY.replace("everybody", "all")):
        assert signing.push(text).status == 0
    assert signing("pull", "prod", "--version", "1").out == POLICY
    sign = ("--yes", "--sign-with", str(signing.key))
    assert signing("rollback", "prod", "--to", "1", *sign).out == f"{ROOT}/prod: version 4, serial 4\n"
    assert signing.stored() == POLICY
    assert signing.loads().status == 0
    assert signing("rollback", "prod", "--to", "9", *sign).status == 1
    table = signing("history", "prod").out.splitlines()
    assert len(table) == 5
    assert table[0].split() == ["VERSION", "DATE", "AUTHOR", "SHA256", "SERIAL", "SIGNED-BY"]


def test_history_marks_what_does_not_hold(signing: Team) -> None:
    signing.push()
    signing.forge(
        json.dumps(json.loads(signing.stored("prod.sig") or "")).replace('"serial": 1', '"serial": 8'),
        "prod.sig",
    )
    assert [each["signature"] for each in signing("history", "prod", "--json").json["versions"]] == ["bad"]
    assert "(bad)" in signing("history", "prod").out
    assert signing("history", "prod", "--output", "csv").out.startswith("version,date,author")


@pytest.mark.parametrize("command", ["pull", "history", "verify", "rollback"])
def test_a_policy_that_is_not_there_is_said_so(signing: Team, command: str) -> None:
    found = signing(command, "nowhere", *(("--yes",) if command == "rollback" else ()))
    assert found.status == (6 if command == "verify" else 1)
    assert "nowhere" in found.err


def test_a_store_that_does_not_answer_is_unreadable(signing: Team) -> None:
    signing.push()
    signing.sandbox.aws.fail(service="ssm", kind="deny")
    for words in (("pull", "prod"), ("verify", "prod"), ("history", "prod")):
        assert signing(*words).status == 6


def test_a11_an_approval_that_nobody_can_give_yet_is_not_given(signing: Team) -> None:
    assert signing.push(POLICY.replace("effect: allow", "effect: require_approval")).status == 0
    assert signing.run("credentials", "--profile", "prod").status == 4
