"""Requests on the command line, from being refused to being refused again, with real identities."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping

import pytest

from cli.commands.requests import STATUSES
from sentinel_server.records.model import Ledger, Search
from sentinel_server.requests.model import Status
from sentinel_server.sandbox.principals import UserKeys
from sentinel_server.sessions.model import State
from sentinel_server.settings.environ import process_environ
from sentinel_server.wiring import open_records
from tests.fakes.approvers import APPROVALS, WHY, Team, staff, team
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.command_line import CommandLine
from tests.fakes.receiver import receiving_elsewhere
from tests.fakes.sessions import a_session, beginning_now


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    """An embedded AWS with the user `dev`."""
    with embedded_aws() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def keys(aws: Sandbox) -> Mapping[str, UserKeys]:
    """The keys of two approvers and of somebody else."""
    return staff(aws)


@pytest.fixture
def people(sentinel: CommandLine, aws: Sandbox, keys: Mapping[str, UserKeys]) -> Team:
    """A requester, two approvers, and somebody else."""
    return team(sentinel, aws, keys)


def test_the_statuses_that_can_be_listed_are_those_there_are() -> None:
    assert [status.value for status in Status] == list(STATUSES)


def test_refused_requested_approved_served_revoked_refused(people: Team) -> None:
    refused = people("credentials", "--profile", "prod")
    assert refused.status == 4
    assert "sentinel request --profile prod" in refused.err
    request = people.ask()
    assert people("credentials", "--profile", "prod").status == 4
    agreed = people.approve(request, "bob", "--comment", "looks right")
    assert (agreed.status, agreed.out.startswith(f"approved: dev's request {request} for prod")) == (0, True)
    served = people("credentials", "--profile", "prod")
    assert served.status == 0
    assert "AccessKeyId" in served.json
    revoked = people("revoke-approval", request, "--aws-profile", "carol", "--comment", "wrong day")
    assert revoked.status == 0
    assert "refuses its next fetch" in revoked.err
    assert "server-revoke" not in revoked.err, "nothing ran under it"
    again = people("credentials", "--profile", "prod")
    assert again.status == 4
    told = [line["action"] for line in people.sentinel.audited() if line["action"].startswith("request_")]
    assert told[:3] == ["request_created", "request_approved", "request_granted"]
    assert told[-1] == "request_revoked"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("revoke-approval", "--aws-profile", "carol", "--comment", "wrong day"), "revoked: wrong day"),
        (("cancel", "--give-back"), "given back"),
    ],
    ids=["revoked", "given back"],
)
def test_an_approval_that_is_ended_ends_the_sessions_that_it_opened(
    people: Team, words: tuple[str, ...], why: str
) -> None:
    request = people.ask()
    assert people.approve(request).status == 0
    ours, others = (
        beginning_now(a_session(number, person=people.person("dev"), override_id=override))
        for number, override in ((1, request), (2, "00000000000000ff"))
    )
    people.sentinel.in_store(lambda store: store.create(ours))
    people.sentinel.in_store(lambda store: store.create(others))
    ended = people(words[0], request, *words[1:], "--json")
    assert (ended.status, ended.json["sessions"], ended.json["failures"]) == (0, [ours.id], []), ended.err
    assert f"sessions ended with it: {ours.id}" in ended.err
    shown = people("server-session", ours.id, "--json").json
    assert (shown["status"], shown["revoked_reason"]) == ("revoked", f"approval {request} was {why}")
    assert people("server-session", others.id, "--json").json["status"] == "active"
    assert [
        line["session_id"] for line in people.sentinel.audited() if line["action"] == "session_revoked"
    ] == [ours.id]


def test_what_opens_the_door_again_opens_none_to_a_session_that_went_with_its_approval(people: Team) -> None:
    """Nothing lifts a revocation: neither a policy that allows it now nor another approval."""
    request = people.ask()
    assert people.approve(request).status == 0
    running = beginning_now(a_session(1, person=people.person("dev"), override_id=request))
    people.sentinel.in_store(lambda store: store.create(running))
    assert people("revoke-approval", request, "--aws-profile", "carol").status == 0
    assert people.approve(people.ask()).status == 0
    assert people("credentials", "--profile", "prod").status == 0
    found = people.sentinel.in_store(lambda store: store.standing(running.id, ()))
    assert found.session is not None
    assert found.session.state(running.started_at) is State.REVOKED


def test_a_request_is_shown_as_it_is_and_what_comes_next(people: Team) -> None:
    ran = people("request", "--profile", "prod", "--justification", WHY, "--ticket", "OPS-1", "-d", "30m")
    assert ran.status == 0
    rows = dict(line.split("  ", 1) for line in ran.out.splitlines())
    shown = {name: text.strip() for name, text in rows.items()}
    assert (shown["Status"], shown["Duration"], shown["Ticket"]) == ("pending", "30m", "OPS-1")
    assert shown["Requester"] == f"dev ({people.person('dev')})"
    assert f"next: sentinel check {shown['Request']}" in ran.err


def test_json_has_the_keys_scripts_know(people: Team) -> None:
    made = people("request", "--profile", "prod", "--justification", WHY, "--json").json
    assert {"request_id", "profile", "status", "expires_at", "auto_approved"} <= set(made)
    agreed = people.approve(made["request_id"], "bob", "--json", "--comment", "fine").json
    known = {"id", "profile", "status", "approver", "approver_comment"}
    assert {name: agreed[name] for name in known} == {
        "id": made["request_id"],
        "profile": "prod",
        "status": "approved",
        "approver": people.person("bob"),
        "approver_comment": "fine",
    }


def test_weakness_26_the_identity_is_that_of_the_base_credentials_whoever_the_operator_is(
    people: Team,
) -> None:
    people.sentinel.set(AWS_PROFILE="bob")
    request = people.ask()
    own = people("approve", request, "--aws-profile", "base")
    assert (own.status, "is your own" in own.err) == (3, True)
    assert f"an approver of rule 'production' runs: sentinel approve {request}; or" in own.err
    assert people.approve(request).status == 0


def test_weakness_3_who_is_not_listed_may_not_approve_and_exits_with_3(people: Team) -> None:
    ran = people.approve(people.ask(), "zed")
    assert ran.status == 3
    assert "rule 'production' does not list them" in ran.err


def test_check_says_what_the_gate_would_make_of_it(people: Team) -> None:
    request = people.ask()
    waiting = people("check", request)
    assert waiting.status == 0
    assert "0 of 1 that count" in waiting.out
    assert people("check", request, "--exit-status").status == 4
    people.approve(request)
    assert people("check", request, "--exit-status", "--json").json["gives_access"] is True
    people.approvals(APPROVALS.replace("bob, ", ""))
    gone = people("check", request, "--exit-status", "--json")
    assert gone.status == 3
    assert (gone.json["status"], gone.json["gives_access"]) == ("approved", False)
    assert "of an approver whom rule 'production' lists" in gone.json["why_not"]
    people.approvals("nonsense: [")
    unsure = people("check", request, "--exit-status")
    assert unsure.status == 6
    assert "cannot be said" in unsure.err


def test_whoever_is_too_late_is_pointed_to_what_they_named(people: Team) -> None:
    request = people.ask()
    people("cancel", request)
    late = people.approve(request, "carol")
    assert late.err.endswith(f"sentinel: next: look at it: sentinel check {request}\n")


def test_who_comes_second_is_told_what_the_first_did(people: Team) -> None:
    request = people.ask()
    assert people("deny", request, "--aws-profile", "bob", "--comment", "not today").status == 0
    late = people.approve(request, "carol")
    assert late.status == 1
    assert "was denied at" in late.err
    assert "not today" in late.err


def test_the_requester_cancels_with_any_operator_profile_on_their_own_machine(people: Team) -> None:
    request = people.ask()
    people.sentinel.set(AWS_PROFILE="zed")
    ran = people("cancel", request)
    assert (ran.status, ran.out) == (0, f"cancelled: dev's request {request} for prod\n")


def test_an_approved_access_is_given_back_only_when_that_is_said(people: Team) -> None:
    request = people.ask()
    people.approve(request)
    plain = people("cancel", request)
    assert plain.status == 1
    assert f"sentinel cancel --give-back {request}" in plain.err
    assert people("cancel", "--give-back", request).status == 0
    assert people("credentials", "--profile", "prod").status == 4


def test_an_extension_is_asked_for_like_a_request(people: Team) -> None:
    first = people.ask("--ticket", "OPS-9")
    refused = people("extend", first)
    assert (refused.status, "nothing to extend" in refused.err) == (1, True)
    people.approve(first)
    more = people("extend", first, "--duration", "15m", "--json").json
    assert (more["extends"], more["duration"], more["justification"]) == (first, "15m", WHY)
    assert (more["ticket"], more["status"]) == ("OPS-9", "pending")


def test_weakness_25_filters_combine_and_pages_follow(people: Team) -> None:
    first = people.ask()
    people.approve(first)
    second = people.ask()
    listed = people("list", "--json").json["requests"]
    assert [each["id"] for each in listed] == [second, first]
    for words, found in (
        (("--status", "pending", "--profile", "prod", "--user", "dev"), [second]),
        (("--status", "approved", "--user", people.person("dev")), [first]),
        (("--status", "approved", "--profile", "dev"), []),
        (("--mine", "--since", "1h"), [second, first]),
        (("--mine", "--profile", "prod", "--status", "pending"), [second]),
        (("--to-approve", "--aws-profile", "bob"), [second]),
        (("--to-approve", "--aws-profile", "zed"), []),
        (("--to-approve", "--aws-profile", "base"), []),
    ):
        ran = people("list", "--json", *words)
        assert [each["id"] for each in ran.json["requests"]] == found, words
    page = people("list", "--limit", "1", "--since", "1h", "--json").json
    after = people("list", "--limit", "1", "--since", "1h", "--json", "--next", page["next"]).json
    assert [each["requests"][0]["id"] for each in (page, after)] == [second, first]


def test_who_looks_for_what_to_approve_learns_as_whom(people: Team) -> None:
    ran = people("list", "--to-approve", "--aws-profile", "zed")
    assert f"those that wait for {people.person('zed')}, whose credentials profile 'zed' has; " in ran.err
    nobody = people("list", "--to-approve", "--aws-profile", "nowhere")
    assert "--to-approve asks AWS who you are, and profile 'nowhere' cannot tell" in nobody.err


def test_a_list_is_a_table_or_csv_too(people: Team) -> None:
    assert "no such requests" in people("list").err
    request = people.ask()
    table = people("list").out
    assert table.splitlines()[0].split() == [
        *("REQUEST", "USER", "PROFILE", "STATUS", "FOR", "ASKED", "UNTIL", "APPROVALS", "JUSTIFICATION")
    ]
    assert request in table
    head, line = people("list", "--output", "csv").out.splitlines()
    assert head.startswith("id,profile,status,requester,")
    assert line.startswith(f"{request},prod,pending,dev,")


@pytest.mark.parametrize(
    "words",
    [
        ("list", "--mine", "--user", "x"),
        ("list", "--user", "iam:dev"),
        ("list", "--to-approve", "--status", "denied"),
        ("list", "--next", "nonsense.x"),
        ("request", "--profile", "prod"),
        ("request", "--profile", "prod", "--justification", "short"),
        ("request", "--profile", "prod", "--justification", WHY, "--duration", "9h"),
        ("request", "--profile", "nobody", "--justification", WHY),
        ("check", "nonsense"),
        ("approve", "0123456789ABCDEF"),
    ],
)
def test_what_is_used_wrongly_exits_with_2(people: Team, words: tuple[str, ...]) -> None:
    assert people(*words).status == 2


def test_a_profile_that_no_rule_is_about_cannot_be_asked_for(people: Team) -> None:
    ran = people("request", "--profile", "base", "--justification", WHY)
    assert ran.status == 3
    assert "no approval rule is about user 'dev' and profile 'base', so nobody may approve" in ran.err


def test_the_second_open_request_points_to_the_first(people: Team) -> None:
    first = people.ask()
    ran = people("request", "--profile", "prod", "--justification", WHY)
    assert (ran.status, f"sentinel cancel {first}" in ran.err) == (1, True)


def test_a_ticket_of_the_form_that_is_set_is_wanted(people: Team) -> None:
    people.sentinel.set(SENTINEL_APPROVALS_TICKET_PATTERN="OPS-[0-9]+")
    assert people("request", "--profile", "prod", "--justification", WHY).status == 2
    people.ask("--ticket", "OPS-1")


def test_what_a_rule_approves_by_itself_can_be_used_at_once(people: Team) -> None:
    people.approvals(APPROVALS + "    auto_approve: {users: [dev], max_duration: 1h}\n")
    ran = people("request", "--profile", "prod", "--justification", WHY, "--wait")
    assert ran.status == 0
    assert "rule 'production', by itself" in ran.out
    assert "next: sentinel exec --server --profile prod" in ran.err
    assert people("credentials", "--profile", "prod").status == 0


def _soon(people: Team, *words: str) -> threading.Thread:
    """Somebody who decides as soon as there is a request to decide about."""
    environment = dict(process_environ())

    def decide() -> None:
        for _ in range(100):
            command = [sys.executable, "-m", "cli.main", "list", "--status", "pending", "--output", "csv"]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            lines = done.stdout.splitlines()[1:]
            if lines:
                request = lines[0].split(",")[0]
                command = [sys.executable, "-m", "cli.main", words[0], request, *words[1:]]
                subprocess.run(command, env=environment, check=True, capture_output=True)
                return

    thread = threading.Thread(target=decide)
    thread.start()
    return thread


@pytest.mark.parametrize(("verdict", "status"), [("approve", 0), ("deny", 3)])
def test_waiting_ends_with_the_decision(people: Team, verdict: str, status: int) -> None:
    decider = _soon(people, verdict, "--aws-profile", "bob", "--comment", "because")
    ran = people("request", "--profile", "prod", "--justification", WHY, "--wait", "--json")
    decider.join()
    assert ran.status == status, ran.err
    assert ran.json["status"] == {"approve": "approved", "deny": "denied"}[verdict]
    assert people.person("bob") in ran.err


def test_a_sweep_says_what_it_did(people: Team) -> None:
    people.ask()
    ran = people("sweep", "--json")
    assert ran.status == 0
    assert ran.json["requests_expired"] == 0
    assert people("sweep").out == "expired: 0 requests, 0 emergencies\n"


def test_weakness_29_what_happened_waits_in_the_outbox_until_somebody_delivers_it(people: Team) -> None:
    people.approve(people.ask())

    async def due() -> list[str]:
        search = Search(ledger=Ledger.REQUESTS, by="outbox", value="due", newest_first=False)
        async with open_records(people.sentinel.settings) as records:
            return [str(row.values["type"]) for row in (await records.find(search, 10)).rows]

    assert sorted(asyncio.run(due())) == ["request.approved", "request.created", "request.granted"]


def test_weakness_29_who_has_destinations_tells_at_once_and_leaves_nothing_to_flush(people: Team) -> None:
    with receiving_elsewhere() as receiver:
        people.sentinel.set(
            HOOK_KEY="k" * 40, SENTINEL_NOTIFICATIONS_TO=f"hook webhook {receiver.url} key=env:HOOK_KEY"
        )
        people.approve(people.ask())
        types = sorted(json.loads(posted.body)["type"] for posted in receiver.got)
        assert types == ["request.approved", "request.created", "request.granted"]
        assert people("notify", "flush").out == "Delivered: 0. Still waiting: 0.\n"
        assert len(receiver.got) == 3
