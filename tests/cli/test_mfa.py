"""`sentinel mfa` as a person types it: a secret that is shown once, and kept only when its code was given."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from cli.proving import prove
from sentinel_server.clock import SystemClock
from sentinel_server.errors import MfaRefused, MfaRequired
from sentinel_server.mfa.totp import Totp
from sentinel_server.secret import Secret
from sentinel_server.settings.environ import process_environ
from sentinel_server.settings.resolve import Settings
from sentinel_server.wiring import Factors as Opened
from sentinel_server.wiring import open_factors, open_records
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.command_line import CommandLine
from tests.fakes.factors import FOR_PROD, Factors
from tests.fakes.processes import sentinel as argv
from tests.fakes.terminal import Terminal, on_a_terminal

PLACES = {
    "keyring": {"SENTINEL_KEYRING_BACKEND": "file", "SENTINEL_KEYRING_PASSPHRASE": "open sesame"},
    "ssm": {"SENTINEL_MFA_SECRETS": "ssm://us-east-1/sentinel/mfa"},
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with embedded_aws() as running:
        yield running


@pytest.fixture
def alice(sentinel: CommandLine, sandbox: Sandbox) -> CommandLine:
    """The command line of the user `dev`, who keeps second factors in SSM."""
    ssm = sandbox.client("ssm")
    for each in ssm.describe_parameters()["Parameters"]:
        ssm.delete_parameter(Name=each["Name"])
    sentinel.connect(sandbox)
    sentinel.set(AWS_PROFILE="base", **PLACES["ssm"])
    return sentinel


def me(sandbox: Sandbox) -> str:
    """The person key of `dev`."""
    return f"iam:{sandbox.aws.account_id}:dev"


@contextmanager
def typing(*words: str, **variables: str) -> Iterator[Terminal]:
    """The command on a terminal."""
    with on_a_terminal(argv(*words), {**process_environ(), **variables}) as terminal:
        yield terminal


def scanned(terminal: Terminal) -> Totp:
    """The authenticator that was given what the terminal shows."""
    found = terminal.expect(r"otpauth://totp/Sentinel:\S+?secret=([A-Z2-7]+)&")
    return Totp(secret=Secret(found[1]))


def code(totp: Totp, later: int = 0) -> str:
    """What it shows, so many steps from now."""
    return totp.code(totp.step(SystemClock().now()) + later)


def enrolled(*words: str, **variables: str) -> Totp:
    """An authenticator that was enrolled."""
    with typing("mfa", "enroll", *words, **variables) as terminal:
        totp = scanned(terminal)
        terminal.expect("shows now")
        terminal.line(code(totp))
        terminal.expect("Enrolled: totp for iam:")
        assert terminal.process.wait() == 0, terminal.shown
    return totp


@pytest.mark.parametrize("place", PLACES)
def test_an_authenticator_is_enrolled_where_the_setting_says(
    alice: CommandLine, sandbox: Sandbox, place: str
) -> None:
    alice.set(SENTINEL_MFA_SECRETS="keyring")
    alice.set(**PLACES[place])
    totp = enrolled()
    status = alice("mfa", "status", "--json")
    assert status.json["totp"] == {"digits": 6, "period": 30, "algorithm": "SHA1"}
    assert (status.json["person"], status.json["locked_until"]) == (me(sandbox), None)
    assert totp.secret.reveal() not in status.out + status.err
    files = [path for path in alice.home.rglob("*") if path.is_file()]
    assert [path for path in files if totp.secret.reveal().encode() in path.read_bytes()] == []
    (line,) = alice.audited()
    assert (line["action"], line["person"], line["mfa_method"]) == ("mfa_enrolled", me(sandbox), "totp")


def test_6_a_secret_whose_code_was_not_given_is_not_kept(alice: CommandLine) -> None:
    with typing("mfa", "enroll") as terminal:
        scanned(terminal)
        for _ in range(3):
            terminal.expect("shows now")
            terminal.line("000000x")
        terminal.expect("nothing was kept")
        assert terminal.process.wait() == 3
    assert alice("mfa", "status", "--json").json["totp"] is None
    assert "next: sentinel mfa enroll" in alice("mfa", "status").err


def test_6_the_code_that_enrolled_is_used_up(alice: CommandLine) -> None:
    with typing("mfa", "enroll") as terminal:
        typed = code(scanned(terminal))
        terminal.expect("shows now")
        terminal.line(typed)
        terminal.expect("Enrolled")
    with typing("mfa", "remove") as terminal:
        terminal.expect("authenticator shows")
        terminal.line(typed)
        terminal.expect("used before|is wrong")  # wrong, when this took more than a minute
        assert terminal.process.wait() == 3
    assert alice("mfa", "status", "--json").json["totp"] is not None


def test_an_authenticator_is_replaced_only_with_a_code_of_the_one_before(alice: CommandLine) -> None:
    first = enrolled()
    with typing("mfa", "enroll") as terminal:
        terminal.expect("enrolled that already")
        terminal.expect("--replace")
        assert terminal.process.wait() == 1
    with typing("mfa", "enroll", "--replace") as terminal:
        terminal.expect("authenticator shows")
        terminal.line("123")
        terminal.expect("the code is wrong")
        assert terminal.process.wait() == 3
    with typing("mfa", "enroll", "--replace") as terminal:
        terminal.expect("authenticator shows")
        terminal.line(code(first, 1))
        second = scanned(terminal)
        terminal.expect("shows now")
        terminal.line(code(second, 1))
        terminal.process.wait()
    assert second.secret != first.secret


def test_without_a_terminal_nothing_is_enrolled(alice: CommandLine) -> None:
    ran = alice("mfa", "enroll")
    assert (ran.status, ran.out) == (2, "")
    assert "at a terminal" in ran.err


def test_security_takes_a_lost_factor_away_and_the_log_says_who(alice: CommandLine, sandbox: Sandbox) -> None:
    alice.set(SENTINEL_MFA_SECRETS="ssm://us-east-1/sentinel/mfa")
    nobody = alice("mfa", "remove", "--person", "sso:bob", "--yes")
    assert (nobody.status, "next: see: sentinel mfa status" in nobody.err) == (1, True)
    assert alice("mfa", "remove", "--person", "bob", "--yes").status == 2
    assert alice("mfa", "status", "--person", "bob").status == 2
    enrolled()
    bob = sandbox.aws.add_user("security")
    ran = alice_as(alice, bob.access_key_id, bob.secret_access_key)(
        "mfa", "remove", "--person", me(sandbox), "--yes"
    )
    assert (ran.status, ran.out) == (0, f"Removed: the second factor of {me(sandbox)}\n")
    line = alice.audited()[-1]
    assert (line["action"], line["by"]) == ("mfa_removed", me(sandbox).replace("dev", "security"))


def alice_as(line: CommandLine, key_id: str, secret: str) -> CommandLine:
    """The same command line with somebody else's keys."""
    credentials = line.home / ".aws" / "credentials"
    credentials.write_text(f"[base]\naws_access_key_id = {key_id}\naws_secret_access_key = {secret}\n")
    return line


async def give_wrong(settings: Settings, person: str, times: int) -> None:
    """Give so many wrong codes, as a command does."""
    async with open_records(settings) as records, open_factors(settings, records) as factors:
        for _ in range(times):
            with pytest.raises(MfaRefused):
                await prove(factors, replace(FOR_PROD, person=person), code="x")


def test_6_wrong_codes_are_in_the_audit_log_and_lock(alice: CommandLine, sandbox: Sandbox) -> None:
    totp = enrolled()
    asyncio.run(give_wrong(alice.settings, me(sandbox), 5))
    status = alice("mfa", "status")
    assert re.search(r"Locked until +20\d\d-", status.out)
    with typing("mfa", "remove") as terminal:
        terminal.expect("authenticator shows")
        terminal.line(code(totp, 1))
        terminal.expect("5 wrong codes")
    actions = [line["action"] for line in alice.audited() if line.get("mfa_verified") is False]
    assert actions == ["mfa_failed"] * 4 + ["mfa_locked"] * 2
    assert all(line["person"] == me(sandbox) for line in alice.audited())


def test_a_telephone_is_enrolled_with_the_code_that_was_sent(alice: CommandLine, sandbox: Sandbox) -> None:
    from moto.sns.models import sns_backends

    with typing("mfa", "enroll", "--phone", "+491701234567") as terminal:
        terminal.expect("mfa.sms_region is not set")
        assert terminal.process.wait() == 2
    with typing("mfa", "enroll", "--phone", "+491701234567", SENTINEL_MFA_SMS_REGION="us-east-1") as terminal:
        terminal.expect("sent to …567")
        texts = sns_backends[sandbox.aws.account_id]["us-east-1"].sms_messages.values()
        ((phone, text),) = texts
        assert phone == "+491701234567"
        terminal.line(text.rpartition(" ")[2])
        terminal.expect("Enrolled: sms for")
        assert terminal.process.wait() == 0
    assert alice("mfa", "status", "--json").json["phone"] == "…567"


class Told:
    """What a command without a terminal is told."""

    def __init__(self) -> None:
        self.factors = Factors()
        self.opened = Opened(
            verifier=self.factors.factor(),
            store=self.factors.drawer,
            sender=self.factors.telephone,
            where="a drawer",
        )


async def test_without_a_terminal_the_message_says_how_to_give_a_code() -> None:
    told = Told()
    with pytest.raises(MfaRequired) as caught:
        await prove(told.opened, FOR_PROD)
    assert "--mfa-code" in caught.value.hint


async def test_6_without_a_terminal_a_sent_code_is_given_in_another_run() -> None:
    told = Told()
    told.factors.by_telephone()
    with pytest.raises(MfaRequired, match="sent to …567") as caught:
        await prove(told.opened, FOR_PROD)
    challenge = re.findall(r"--mfa-challenge-id ([0-9a-f]{16}) ", caught.value.hint)[0]
    sent = told.factors.telephone.code
    other = replace(FOR_PROD, person="iam:111122223333:bob")
    with pytest.raises(MfaRefused, match="somebody or something else"):
        await prove(told.opened, other, code=sent, challenge_id=challenge)
    proof = await prove(told.opened, FOR_PROD, code=sent, challenge_id=challenge)
    assert proof.challenge_id == challenge
    told.factors.clock.pass_(timedelta(seconds=1))
    with pytest.raises(MfaRefused, match="answered before"):
        await prove(told.opened, FOR_PROD, code=sent, challenge_id=challenge)


async def test_6_an_empty_code_is_a_code_and_wrong() -> None:
    with pytest.raises(MfaRefused, match="wrong"):
        await prove(Told().opened, FOR_PROD, code="")
