"""What lists show at 80 and at 120 columns, with names as long as real ones are."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli import asked, emergencies, tables
from cli.audits.reading import row
from cli.commands.notify import HEADINGS, SPARE, WHOLE, cells
from cli.layout import clean, columns, table, tail, wrapped
from sentinel_server.auditlog.query import Entry as Line
from sentinel_server.canonical import canonical
from sentinel_server.identity.arn import parse_principal
from sentinel_server.notifications.event import Event, to_fields
from sentinel_server.notifications.outbox import Entry
from sentinel_server.records.model import Ledger, Ref
from tests.fakes.emergencies import an_event
from tests.fakes.notices import asked as request_asked
from tests.fakes.notices import opened
from tests.fakes.requests import NOON, a_request, sso
from tests.fakes.sessions import a_session

ALICE = "alice.liddell@example.com"
ROLE_ARN = "arn:aws:sts::111122223333:assumed-role/DeployPipelineRole/botocore-session-1772"
LATER = NOON + timedelta(minutes=5)
WHY = "rotate the keys of the payment service, as the ticket says, before the freeze begins on Friday"
TEXT = st.text(max_size=60).map(clean)


def requests(width: int) -> list[str]:
    """The list of two requests in a terminal of that width."""
    human = a_request(sso(ALICE), profile="prod-admin", justification=WHY)
    robot = a_request(parse_principal(ROLE_ARN, unique_id="AROA"), profile="prod", justification="deploy")
    rows = [asked.row(each, LATER) for each in (human, robot)]
    return table(asked.HEADINGS, rows, width, {0}, spare=asked.SPARE, below=True)


def test_a_narrow_list_of_requests_keeps_who_what_and_why() -> None:
    lines = requests(80)
    assert all(columns(line) <= 80 for line in lines)
    assert lines[0].split() == ["REQUEST", "USER", "PROFILE", "STATUS", "FOR", "ASKED", "UNTIL"]
    assert lines[1].split()[:1] == ["0123456789abcdef"]
    assert lines[1].split()[2:4] == ["prod-admin", "pending"]
    assert " ".join(" ".join(lines[2:4]).split()) == WHY
    assert "DeployPipelineR" in lines[4], "the session name of a role is its caller's choice, the role is not"


def test_a_wide_list_of_requests_has_everything() -> None:
    lines = requests(120)
    assert all(columns(line) <= 120 for line in lines)
    assert lines[0].split()[-1] == "APPROVALS"
    assert ALICE in lines[1]
    assert WHY in lines[2]
    assert "DeployPipelineRole/botocore-session-1772" in lines[3]


def test_a_narrow_list_of_emergencies_keeps_who_and_whether_it_was_reviewed() -> None:
    event = an_event(user=ALICE, profile="prod-admin", drill=True)
    late = event.ends_at + timedelta(hours=1)
    rows = [emergencies.event_row(event, late)]
    heading, line, below = table(emergencies.HEADINGS, rows, 80, {0}, spare=emergencies.SPARE, below=True)
    assert columns(line) <= 80
    assert heading.split() == ["EVENT", "PROFILE", "STATE", "UNTIL", "REVIEW"]
    assert line.split() == [event.id, "prod-admin", "expired", "(drill)", "-", "due"]
    assert below.strip() == ALICE
    wide = table(emergencies.HEADINGS, rows, 140, {0}, spare=emergencies.SPARE, below=True)
    assert (len(wide), wide[0].split()) == (2, list(emergencies.HEADINGS))


def test_a_narrow_list_of_sessions_keeps_who_and_how_long() -> None:
    session = replace(a_session(), user=ALICE, profile="prod-administration")
    rows = [tables.session_row(session, session.started_at)]
    heading, line = table(tables.SESSION_HEADINGS, rows, 80, {0}, spare=tables.SESSION_SPARE)
    assert columns(line) <= 80
    assert {"SESSION", "USER", "PROFILE", "STATE", "UNTIL"} <= set(heading.split())
    assert "REQUESTS" not in heading


@pytest.mark.parametrize(
    ("told", "left_out"),
    [(request_asked(), {"TRIES", "SINCE"}), (opened(), {"TRIES", "SINCE", "DELIVERY"})],
    ids=["request", "emergency"],
)
def test_a_narrow_outbox_keeps_whom_it_is_about_when_it_is_tried_again_and_why_it_failed(
    told: Event, left_out: set[str]
) -> None:
    why = "chat: hooks.slack.com answered 503: the service is not available at this moment, try again later"
    entry = Entry(
        ref=Ref(ledger=Ledger.BREAKGLASS, key="outbox#0123456789abcdef"),
        version=4,
        type=told.type.value,
        body=canonical(to_fields(told)).decode(),
        created_at=NOON,
        next_at=LATER + timedelta(minutes=4),
        attempts=3,
        last_error=why,
        done=("page", "security-mailbox"),
    )
    heading, line, *below = table(HEADINGS, [cells(entry, LATER)], 80, WHOLE, spare=SPARE, below=True)
    assert all(columns(each) <= 80 for each in (heading, line, *below))
    assert {name for name in HEADINGS if name not in heading} == {*left_out, "ERROR"}
    assert told.about is not None
    assert line.split()[:2] == [told.about.id, told.type.value]
    assert (" 4m " in line, "page securi" in line) == (True, True)
    assert ("0123456789abcdef" in line) is ("DELIVERY" not in left_out)
    assert " ".join(" ".join(below).split()) == why


ENTRY: Line = {
    "at": "2026-03-01T09:00:00.000000Z",
    "action": "breakglass_escalated",
    "person": f"sso:{ALICE}",
    "profile": "prod-admin",
    "event_id": "0123456789abcdef" * 2,
}


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({}, "liddell@example.com"),
        ({"person": "sso:bob@example.com"}, "bob@example.com"),
        ({"person": "iam:111122223333:dev"}, "iam:111122223333:dev"),
        ({"person": "iam:111122223333:developer"}, "developer"),
        ({"person": None, "principal": ROLE_ARN}, "botocore-session-177"),
        ({"person": None, "principal": "arn:aws:sts::111122223333:assumed-role/Deploy/ci-7"}, "Deploy/ci-7"),
        ({"person": None, "by": "iam:111122223333:security"}, "security"),
    ],
)
def test_a_narrow_log_shows_the_end_of_a_name_and_the_whole_action(
    fields: dict[str, str], shown: str
) -> None:
    first, *below = row({**ENTRY, **fields}, 80).splitlines()
    assert columns(first) <= 80
    assert "  breakglass_escalated  " in first
    assert shown[-15:] in first
    assert first.rstrip().endswith("prod-admin")
    assert below[0].startswith(f"    event {ENTRY['event_id']}")


def test_a_wide_log_has_an_entry_on_one_line() -> None:
    (line,) = row(ENTRY, 132).splitlines()
    assert columns(line) <= 132
    assert ALICE in line
    assert line.endswith(f"event {ENTRY['event_id']}")


def test_where_there_is_no_terminal_nothing_is_cut() -> None:
    line = row({**ENTRY, "person": None, "principal": ROLE_ARN, "profile": "p" * 60}, None)
    assert ROLE_ARN in line
    assert "p" * 60 in line


@given(TEXT, st.integers(1, 60))
def test_a_shortened_name_fits_and_ends_as_the_whole(text: str, width: int) -> None:
    short = tail(text, width)
    assert columns(short) <= width
    assert text.endswith(short.removeprefix("…"))


@given(TEXT, st.integers(6, 60))
def test_wrapped_text_fits_and_loses_nothing(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert all(columns(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@given(st.lists(st.tuples(TEXT, TEXT, TEXT, TEXT), min_size=1, max_size=4), st.integers(40, 120))
def test_no_line_is_wider_than_the_terminal_and_what_is_below_is_whole(
    rows: list[tuple[str, str, str, str]], width: int
) -> None:
    lines = table(("id", "user", "more", "why"), rows, width, spare=(2,), below=True)
    assert all(columns(line) <= width for line in lines)
    everything = "".join("".join(lines).split())
    assert all("".join(why.split()) in everything for *_, why in rows)
