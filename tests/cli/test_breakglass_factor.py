"""Breaking the glass with a second factor: nobody else's, no code twice, and evidence that stays."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import pytest
from moto.sns.models import sns_backends

from sentinel_server.clock import SystemClock
from sentinel_server.mfa.enrolment import Enrolment, to_document
from sentinel_server.mfa.totp import Totp
from sentinel_server.sandbox.principals import UserKeys
from sentinel_server.wiring import fresh_totp, open_factors, open_records
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.command_line import CommandLine, Ran
from tests.fakes.two_people import POLICY, TwoPeople

WANTED = POLICY + "    mfa: {required: true}\n"


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    with embedded_aws() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def sec(aws: Sandbox) -> UserKeys:
    return aws.aws.add_user("sec")


@pytest.fixture
def people(sentinel: CommandLine, aws: Sandbox, sec: UserKeys) -> TwoPeople:
    """Two people, a rule that wants a second factor, and second factors in SSM."""
    two = TwoPeople(sentinel, aws, sec)
    two.write("breakglass.yaml", WANTED)
    sentinel.set(
        AWS_PROFILE="base",
        SENTINEL_MFA_SECRETS="ssm://us-east-1/sentinel/mfa",
        SENTINEL_MFA_SMS_REGION="us-east-1",
    )
    return two


def enrol(people: TwoPeople, enrolment: Enrolment) -> None:
    """Put it where it is kept."""
    settings = people.sentinel.settings

    async def write() -> None:
        async with open_records(settings) as records, open_factors(settings, records) as factors:
            await factors.store.write(enrolment.person, to_document(enrolment))

    asyncio.run(write())


def authenticator(people: TwoPeople, person: str | None = None) -> Totp:
    """An authenticator of the developer's, or of somebody else's."""
    totp = fresh_totp()
    enrol(people, Enrolment(person=person or people.developer, totp=totp))
    return totp


def code(totp: Totp) -> str:
    """What it shows now."""
    return totp.code(totp.step(SystemClock().now()))


def refused(ran: Ran, what: str) -> None:
    """It was denied, and said why."""
    assert (ran.status, ran.out) == (3, ""), ran.err
    assert what in ran.err


def test_6_without_a_code_nothing_is_opened_and_the_message_says_how(people: TwoPeople) -> None:
    authenticator(people)
    ran = people.opens()
    refused(ran, "a code of your authenticator is wanted")
    assert "--mfa-code" in ran.err


def test_6_a_code_opens_and_the_evidence_is_stored(people: TwoPeople) -> None:
    totp = authenticator(people)
    fields = people.opens("--mfa-code", code(totp), "--json").json
    assert (fields["mfa_verified"], fields["mfa_method"]) == (True, "totp")
    checked = people.sec("breakglass-check", fields["event_id"], "--json").json
    assert checked["mfa_method"] == "totp"
    assert checked["mfa_verified_at"] == fields["mfa_verified_at"]
    (line,) = people.sentinel.audited()
    assert (line["mfa_method"], line["mfa_verified"]) == ("totp", True)


def test_6_a_code_is_used_up_even_when_it_opened_something_else(people: TwoPeople) -> None:
    totp = authenticator(people)
    typed = code(totp)
    event = people.opened("--mfa-code", typed)
    assert people.dev("breakglass-close", event, "--reason", "it was nothing").status == 0
    ran = people.opens("--mfa-code", typed)
    assert ran.status == 3
    assert re.search("used before|the code is wrong", ran.err)


def test_6_the_code_of_another_person_opens_nothing(people: TwoPeople) -> None:
    authenticator(people)
    other = authenticator(people, f"iam:{people.account}:sec")
    refused(people.opens("--mfa-code", code(other)), "the code is wrong")
    refused(people.opens("--mfa-code", ""), "the code is wrong")
    challenge = ("--mfa-challenge-id", f"iam:{people.account}:sec")
    refused(people.opens("--mfa-code", code(other), *challenge), "no such challenge")
    actions = [line["action"] for line in people.sentinel.audited()]
    assert actions == ["mfa_failed"] * 3


def test_6_after_five_wrong_codes_the_right_one_opens_nothing(people: TwoPeople) -> None:
    totp = authenticator(people)
    for _ in range(5):
        assert people.opens("--mfa-code", "x").status == 3
    refused(people.opens("--mfa-code", code(totp)), "5 wrong codes")
    assert [line["action"] for line in people.sentinel.audited()][-2:] == ["mfa_locked"] * 2


def test_6_a_rule_that_names_its_methods_takes_no_other(people: TwoPeople) -> None:
    people.write("breakglass.yaml", POLICY + "    mfa: {required: true, methods: [sms]}\n")
    totp = authenticator(people)
    refused(people.opens("--mfa-code", code(totp)), "a code by totp does not count here")


def test_6_a_code_by_sms_is_checked_by_another_run(people: TwoPeople, aws: Sandbox) -> None:
    enrol(people, Enrolment(person=people.developer, phone="+491701234567"))
    ran = people.opens()
    refused(ran, "a code was sent to …567")
    (challenge,) = re.findall(r"--mfa-challenge-id ([0-9a-f]{16})", ran.err)
    (_, text) = list(sns_backends[aws.aws.account_id]["us-east-1"].sms_messages.values())[-1]
    sent = text.rpartition(" ")[2]
    assert text.startswith("Sentinel breakglass code for prod: ")
    fields = people.opens("--mfa-code", sent, "--mfa-challenge-id", challenge, "--json").json
    assert (fields["mfa_method"], fields["mfa_challenge_id"]) == ("sms", challenge)


def test_who_has_enrolled_nothing_is_told_how_to(people: TwoPeople, aws: Sandbox) -> None:
    people.sentinel.set(SENTINEL_MFA_SECRETS="ssm://us-east-1/nobody/mfa")
    ran = people.opens("--mfa-code", "123456")
    assert ran.status == 6
    assert "sentinel mfa enroll" in ran.err
