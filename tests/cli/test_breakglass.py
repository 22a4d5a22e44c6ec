"""The life of an emergency on the command line, with two people of an embedded AWS."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from cli.commands.breakglass import REASON_CODES
from cli.commands.emergencies import STATES
from sentinel_server.breakglass.model import EventState
from sentinel_server.policy.breakglass import ReasonCode
from sentinel_server.sandbox.principals import UserKeys
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.command_line import CommandLine
from tests.fakes.receiver import receiving_elsewhere
from tests.fakes.sessions import a_session, beginning_now
from tests.fakes.two_people import POLICY, WHY, TwoPeople

LIMITS = """\
version: "1"
kind: ratelimit
rules:
  - name: limits
    cooldown: 30m
    max_per_user: 3
    quota_window: 24h
    escalation_threshold: 1
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
    """Two people and a break-glass policy."""
    return TwoPeople(sentinel, aws, sec)


def test_the_words_of_options_are_those_of_the_values() -> None:
    assert tuple(code.value for code in ReasonCode) == REASON_CODES
    assert tuple(state.value for state in EventState) == STATES


def test_an_emergency_is_opened_with_what_to_do_next(people: TwoPeople) -> None:
    ran = people.opens("--ticket", "OPS-7")
    assert ran.status == 0
    lines = ran.out.splitlines()
    assert re.fullmatch(
        r"Opened: emergency [0-9a-f]{32} for prod, until \S+Z \(1h\), by rule 'on call'\.", lines[0]
    )
    assert lines[1] == "Use it: sentinel exec --profile prod -- COMMAND"
    assert re.fullmatch(r"Close it: sentinel breakglass-close [0-9a-f]{32} --reason WHY", lines[2])
    assert "sentinel breakglass-review" in lines[3]
    (line,) = people.sentinel.audited()
    assert (line["action"], line["ticket"], line["justification"]) == ("breakglass_opened", "OPS-7", WHY)
    assert line["person"] == people.developer


def test_programs_learn_the_same_from_json(people: TwoPeople) -> None:
    fields: dict[str, Any] = people.opens("--json", "--duration", "90m").json
    assert fields["status"] == "active"
    assert fields["duration"] == "1h30m"
    assert fields["mfa_verified"] is False
    assert set(fields["next"]) == {"use", "close", "review"}
    checked = people.dev("breakglass-check", fields["event_id"], "--json").json
    assert checked == {name: value for name, value in fields.items() if name not in ("event_id", "next")}


@pytest.mark.parametrize(
    ("more", "status", "told"),
    [
        (("--duration", "3h"), 3, "3h is more than the 2h that break-glass rule 'on call' allows"),
        (("--justification", "it broke"), 2, "the justification has 8 characters, and 20 to 1000"),
        (("--duration", "soon"), 2, "'soon'"),
        (("--profile", "base"), 3, "no break-glass rule is for base, so nobody may"),
        (("--profile", "nowhere"), 2, "nowhere"),
    ],
    ids=["too long", "no reason", "no duration", "no rule", "no profile"],
)
def test_what_cannot_be_opened_says_why(
    people: TwoPeople, more: tuple[str, ...], status: int, told: str
) -> None:
    ran = people.opens(*more)
    assert ran.status == status
    assert told in ran.err
    assert people.sentinel.audited() == []


def test_a_reason_code_the_rule_does_not_allow_is_named(people: TwoPeople) -> None:
    ran = people.opens(code="maintenance")
    assert ran.status == 3
    assert "does not allow the reason code maintenance for prod" in ran.err
    assert "it allows: incident, security" in ran.err


def test_weakness_2_without_a_policy_nothing_is_opened(people: TwoPeople) -> None:
    people.write("breakglass.yaml", POLICY).unlink()
    ran = people.opens()
    assert ran.status == 3
    assert "there is no break-glass policy" in ran.err


def test_limits_are_kept_and_said(people: TwoPeople) -> None:
    people.write("ratelimits.yaml", LIMITS)
    first = people.opens()
    assert "Escalated:" in first.out
    again = people.opens()
    assert again.status == 3
    assert "is open until" in again.err
    (event,) = people.dev("breakglass-list", "--json").json["events"]
    people.dev("breakglass-close", event["id"], "--reason", "over")
    cooling = people.opens()
    assert cooling.status == 3
    assert "rate-limit rule 'limits' wants 30m between two" in cooling.err


def test_weakness_12_limits_that_cannot_be_read_want_a_second_factor(people: TwoPeople) -> None:
    people.write("ratelimits.yaml", "nonsense")
    ran = people.opens()
    assert ran.status in (3, 6)
    assert "second factor" in ran.err


def test_its_life_from_opening_to_review(people: TwoPeople) -> None:
    event = people.opened()
    closed = people.dev("breakglass-close", event, "--reason", "failed over")
    assert closed.status == 0
    assert closed.out.startswith(f"Closed: emergency {event} for prod.")
    assert people.sec("breakglass-list", "--unreviewed", "--json").json["events"][0]["id"] == event
    reviewed = people.sec("breakglass-review", event, "--not-justified", "--comment", "a restart would do")
    assert reviewed.status == 0
    assert reviewed.out == f"Reviewed: emergency {event} of dev for prod was not justified.\n"
    assert people.sec("breakglass-list", "--unreviewed", "--json").json["events"] == []
    shown = people.sec("breakglass-check", event).out
    assert f"by iam:{people.account}:sec: a restart would do" in shown
    assert f"by iam:{people.account}:dev: failed over" in shown
    actions = [line["action"] for line in people.sentinel.audited()]
    assert actions == ["breakglass_opened", "breakglass_closed", "breakglass_reviewed"]


def test_closing_ends_the_sessions_that_ran_under_it(people: TwoPeople) -> None:
    event = people.opened()
    session = beginning_now(a_session(person=people.developer, override_id=event))
    people.sentinel.in_store(lambda store: store.create(session))
    closed = people.sec("breakglass-close", event, "--reason", "stop that", "--json")
    assert closed.status == 0, closed.err
    assert closed.json["sessions"] == [session.id]
    assert people.dev("server-session", session.id, "--json").json["status"] == "revoked"
    assert people.sentinel.audited()[-1]["action"] == "session_revoked"


def test_weakness_14_who_is_not_named_closes_nothing(people: TwoPeople) -> None:
    event = people.opened()
    people.write("breakglass.yaml", POLICY.replace("[sec]", "[somebody]"))
    ran = people.sec("breakglass-close", event, "--reason", "stop that")
    assert ran.status == 3
    assert "is dev's, and the break-glass policy does not name you to close it" in ran.err


def test_an_invoker_closes_their_own_when_no_policy_can_be_read_and_nobody_else_does(
    people: TwoPeople,
) -> None:
    event = people.opened()
    people.write("breakglass.yaml", "nonsense")
    ran = people.sec("breakglass-close", event, "--reason", "stop that")
    assert ran.status == 6
    assert people.dev("breakglass-close", event, "--reason", "over").status == 0


def test_weakness_3_nobody_reviews_their_own(people: TwoPeople) -> None:
    event = people.opened()
    people.dev("breakglass-close", event, "--reason", "over")
    ran = people.dev("breakglass-review", event, "--justified", "--comment", "well done")
    assert ran.status == 3
    assert f"is your own, because the credentials of this machine are those of {people.developer}" in ran.err
    assert f"sentinel breakglass-review {event} --justified --comment WHAT" in ran.err


def test_a_rule_may_want_a_ticket(people: TwoPeople) -> None:
    people.write("breakglass.yaml", POLICY + "    ticket_pattern: 'OPS-[0-9]+'\n")
    refused = people.opens("--ticket", "later")
    assert (refused.status, "is not of the form OPS-[0-9]+" in refused.err) == (2, True), refused.err
    assert people.opens("--ticket", "OPS-7").status == 0


@pytest.mark.parametrize("said", [(), ("--justified", "--not-justified")], ids=["neither", "both"])
def test_a_review_has_one_verdict(people: TwoPeople, said: tuple[str, ...]) -> None:
    ran = people.sec("breakglass-review", "0123456789abcdef" * 2, *said, "--comment", "well")
    assert ran.status == 2
    assert "say one of --justified and --not-justified" in ran.err


def test_the_verdict_that_is_typed_goes_before_that_of_the_environment(people: TwoPeople) -> None:
    event = people.opened()
    people.dev("breakglass-close", event, "--reason", "over")
    people.sentinel.set(SENTINEL_BREAKGLASS_REVIEW_JUSTIFIED="true")
    ran = people.sec("breakglass-review", event, "--not-justified", "--comment", "a restart would do")
    assert (ran.status, "was not justified" in ran.out) == (0, True), ran.err


def test_an_open_one_is_not_reviewed_and_a_closed_one_not_closed_again(people: TwoPeople) -> None:
    event = people.opened()
    early = people.sec("breakglass-review", event, "--justified", "--comment", "fine")
    assert early.status == 1
    assert "is open until" in early.err
    people.dev("breakglass-close", event, "--reason", "over")
    again = people.dev("breakglass-close", event, "--reason", "over")
    assert again.status == 1
    assert "was closed at" in again.err
    assert f"next: look at it: sentinel breakglass-check {event}" in again.err


def test_a_drill_is_marked_everywhere_and_offers_no_use(people: TwoPeople) -> None:
    ran = people.opens("--drill")
    assert ran.out.startswith("Opened: drill ")
    assert "nothing is issued" in ran.out
    assert "sentinel exec" not in ran.out
    assert "active (drill)" in people.dev("breakglass-list").out
    assert people.sentinel.audited()[0]["drill"] is True
    assert people.opens().status == 0
    assert len(people.dev("breakglass-list", "--drills", "--json").json["events"]) == 1
    assert len(people.dev("breakglass-list", "--no-drills", "--json").json["events"]) == 1


def test_weakness_25_filters_combine_and_pages_follow_each_other(people: TwoPeople) -> None:
    real, drill = people.opened(), people.opened("--drill")
    people.dev("breakglass-close", drill, "--reason", "over")
    words = ("breakglass-list", "--json", "--since", "1h")
    first = people.dev(*words, "--limit", "1").json
    assert [each["id"] for each in first["events"]] == [drill]
    second = people.dev(*words, "--limit", "1", "--next", first["next"]).json
    assert [each["id"] for each in second["events"]] == [real]
    mine = people.dev(*words, "--mine", "--profile", "prod", "--status", "active").json
    assert [each["id"] for each in mine["events"]] == [real]
    theirs = people.sec(*words, "--mine").json
    assert theirs["events"] == []


def test_a_list_is_a_table_for_people_and_csv_for_spreadsheets(people: TwoPeople) -> None:
    assert "no such emergencies" in people.dev("breakglass-list").err
    event = people.opened()
    heading, row = people.dev("breakglass-list").out.splitlines()
    assert heading.split() == ["EVENT", "PROFILE", "STATE", "REASON", "OPENED", "UNTIL", "REVIEW", "INVOKER"]
    assert (row.split()[:4], row.split()[-1]) == ([event, "prod", "active", "incident"], "dev")
    names, values = people.dev("breakglass-list", "--output", "csv").out.splitlines()
    assert names.startswith("id,profile,status,invoker,reason_code")
    assert values.startswith(f"{event},prod,active,dev,incident")


@pytest.mark.parametrize(
    "words",
    [
        ("breakglass-list", "--mine", "--person", "sso:alice"),
        ("breakglass-list", "--person", "alice"),
        ("breakglass-list", "--next", "x.y"),
        ("breakglass-check", "active#dev#prod"),
        ("breakglass-review", "ff" * 16, "--comment", "no verdict"),
    ],
    ids=str,
)
def test_what_is_used_wrongly_is_said_before_anything_is_asked(
    people: TwoPeople, words: tuple[str, ...]
) -> None:
    assert people.dev(*words).status == 2


def test_what_is_not_there_is_not_found(people: TwoPeople) -> None:
    ran = people.dev("breakglass-check", "ff" * 16)
    assert ran.status == 1
    assert "there is no emergency ffffffff" in ran.err


def test_it_is_told_at_once_and_what_could_not_be_told_is_kept_and_said(people: TwoPeople) -> None:
    with receiving_elsewhere() as receiver:
        people.sentinel.set(
            HOOK_KEY="k" * 40,
            SENTINEL_NOTIFICATIONS_TO=f"hook webhook {receiver.url} key=env:HOOK_KEY events=breakglass.*",
        )
        event = people.opened()
        (message,) = [json.loads(each.body) for each in receiver.got]
        assert (message["type"], message["breakglass"]["id"]) == ("breakglass.opened", event)
    closed = people.dev("breakglass-close", event, "--reason", "over")
    assert closed.status == 0
    assert "breakglass.closed was not delivered to hook" in closed.err
    waiting = people.dev("notify", "list", "--json").json["waiting"]
    assert [each["event"] for each in waiting] == ["breakglass.closed"]
    assert people.sentinel.audited()[-1]["action"] == "notification_failed"
