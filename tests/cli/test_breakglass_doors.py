"""What an emergency gives at a door, and when it no longer does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sentinel_server.sandbox.principals import UserKeys
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.command_line import CommandLine
from tests.fakes.two_people import POLICY, TwoPeople

DENIED = """\
version: "1"
rules:
  - name: nobody
    effect: deny
    reason: use the break-glass procedure
    match: any
"""


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    with embedded_aws() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def sec(aws: Sandbox) -> UserKeys:
    """The keys of somebody in security."""
    return aws.aws.add_user("sec")


@pytest.fixture
def people(sentinel: CommandLine, aws: Sandbox, sec: UserKeys) -> TwoPeople:
    """Two people and a profile that policy denies to everybody."""
    people = TwoPeople(sentinel, aws, sec)
    people.write("policies/prod.yaml", DENIED)
    return people


def served(people: TwoPeople) -> bool:
    """Whether the developer gets credentials; a refusal must be a denial."""
    ran = people.dev("credentials", "--profile", "prod")
    assert ran.status in (0, 3), ran.err
    return ran.status == 0


def test_it_is_refused_then_served_then_refused_again(people: TwoPeople) -> None:
    assert not served(people)
    event = people.opened()
    assert served(people)
    (outcome,) = [line for line in people.sentinel.audited() if line["action"] == "outcome"]
    assert (outcome["override"], outcome["override_kind"]) == (event, "emergency")
    assert "=b=" in outcome["source_identity"]
    assert people.sec("breakglass-close", event, "--reason", "stop that").status == 0
    assert not served(people)


def test_a_drill_gives_nothing(people: TwoPeople) -> None:
    people.opened("--drill")
    assert not served(people)


def test_what_is_given_ends_with_the_emergency(people: TwoPeople) -> None:
    people.opened("--duration", "20m")
    fields = people.dev("credentials", "--profile", "prod").json
    ends = people.dev("breakglass-list", "--json").json["events"][0]["expires_at"]
    assert fields["Expiration"] <= ends


def test_weakness_15_less_than_a_quarter_of_an_hour_is_served_and_stamped_with_its_event(
    people: TwoPeople,
) -> None:
    """STS gives no less than 15 minutes; a session policy ends what it gives with the emergency."""
    event = people.opened("--duration", "5m")
    given = people.dev("credentials", "--profile", "prod").json
    (listed,) = people.dev("breakglass-list", "--json").json["events"]
    assert given["Expiration"] <= listed["expires_at"]
    lines = people.sentinel.audited()
    (outcome,) = [line for line in lines if line["action"] == "outcome"]
    assert outcome["source_identity"] == f"sentinel=u.dev=b={outcome['issue_id']}"
    assert outcome["override"] == event


def test_weakness_2_a_policy_that_no_longer_names_somebody_takes_it_back(people: TwoPeople) -> None:
    people.opened()
    assert served(people)
    people.write("breakglass.yaml", POLICY.replace("[dev]", "[somebody]"))
    assert not served(people)


@pytest.mark.parametrize(
    ("override", "lifted"), [("emergency", True), ("approval_only", False), ("none", False)]
)
def test_a_rule_says_what_lifts_it(people: TwoPeople, override: str, lifted: bool) -> None:
    people.write(
        "policies/prod.yaml", DENIED.replace("effect: deny", f"effect: deny\n    override: {override}")
    )
    people.opened()
    assert served(people) is lifted


def test_a_block_is_not_lifted(people: TwoPeople) -> None:
    people.opened()
    person = people.developer
    assert people.sec("server-revoke", "--user", person, "--reason", "not you", "--yes").status == 0
    ran = people.dev("credentials", "--profile", "prod")
    assert ran.status == 5
    assert "not you" in ran.err
