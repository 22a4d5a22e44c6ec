"""Emergencies as people and programs see them."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta

import pytest

from cli import emergencies
from sentinel_server.breakglass.deeds import Done
from sentinel_server.breakglass.model import Closing, Emergency, Review
from sentinel_server.errors import StoreUnavailable
from sentinel_server.sessions.cutting import Cut
from sentinel_server.sessions.revoke import Failure
from tests.fakes.clock import NOON
from tests.fakes.emergencies import HOUR, an_event, evidence
from tests.fakes.sessions import a_session

CLOSED = Closing(at=NOON + HOUR / 2, by="iam:111122223333:bob", reason="failed over")
FINE = Review(at=NOON + HOUR * 2, by="iam:111122223333:carol", justified=True, comment="it was needed")
NOT_FINE = replace(FINE, justified=False)
WHOLE = an_event(ticket="OPS-7", escalated=True, mfa=evidence(), closing=CLOSED, review=FINE)


def done(event: Emergency) -> Done:
    return Done(event=event, deeds=(), deliveries=())


def test_a_row_says_how_long_is_left_while_it_is_open_and_what_is_due_afterwards() -> None:
    event = an_event()
    open_, over = event.created_at + timedelta(minutes=20), event.ends_at + HOUR
    assert emergencies.event_row(event, open_) == (
        *(event.id, "prod", "active", "incident", "20m", "40m", "-", "alice"),
    )
    assert emergencies.event_row(event, over)[2:] == ("expired", "incident", "2h", "-", "due", "alice")
    assert emergencies.event_row(an_event(drill=True), over)[2] == "expired (drill)"


def test_what_somebody_changed_is_said_to_be_altered() -> None:
    event = replace(an_event(), duration=HOUR * 2)
    assert emergencies.event_row(event, NOON)[2] == "active (altered)"
    assert emergencies.event_fields(event, NOON)["altered"] is True
    assert "says something else" in dict(emergencies.event_lines(event, NOON))["Altered"]
    assert emergencies.review_word(event, NOON) == "due"


@pytest.mark.parametrize(
    ("event", "word"),
    [
        (an_event(), "-"),
        (an_event(closing=CLOSED), "due"),
        (an_event(closing=CLOSED, review=FINE), "justified"),
        (an_event(closing=CLOSED, review=NOT_FINE), "not justified"),
    ],
    ids=["open", "closed", "justified", "not justified"],
)
def test_a_review_is_a_word(event: Emergency, word: str) -> None:
    assert emergencies.review_word(event, NOON) == word
    assert emergencies.event_fields(event, NOON)["review"] == word


def test_programs_see_everything_that_a_row_holds() -> None:
    shown = emergencies.event_fields(WHOLE, NOON + HOUR * 3)
    assert shown == {
        "id": WHOLE.id,
        "altered": False,
        "profile": "prod",
        "status": "closed",
        "invoker": "alice",
        "person": "iam:111122223333:alice",
        "principal_arn": "arn:aws:iam::111122223333:user/alice",
        "reason_code": "incident",
        "justification": "the payment service is down for everyone",
        "ticket": "OPS-7",
        "duration": "1h",
        "duration_seconds": 3600,
        "created_at": "2026-01-31T12:00:00Z",
        "expires_at": "2026-01-31T13:00:00Z",
        "rule": "on call",
        "drill": False,
        "escalated": True,
        "mfa_verified": True,
        "mfa_method": "totp",
        "mfa_verified_at": "2026-01-31T11:59:55Z",
        "mfa_challenge_id": "iam:111122223333:alice",
        "closed_at": "2026-01-31T12:30:00Z",
        "closed_by": "iam:111122223333:bob",
        "closed_reason": "failed over",
        "review": "justified",
        "reviewed_at": "2026-01-31T14:00:00Z",
        "reviewed_by": "iam:111122223333:carol",
        "justified": True,
        "review_comment": "it was needed",
    }
    assert len(fields(Emergency)) == 18, "a new field is shown, too"


def test_what_is_not_there_is_null_for_programs_and_left_out_for_people() -> None:
    shown = emergencies.event_fields(an_event(), NOON)
    empty = {name for name, value in shown.items() if value is None}
    assert {"ticket", "mfa_method", "closed_at", "reviewed_by", "justified"} <= empty
    assert shown["mfa_verified"] is False
    labels = {label for label, _ in emergencies.event_lines(an_event(), NOON)}
    assert not labels & {"Ticket", "Escalated", "Closed", "Reviewed"}


def test_people_see_who_did_what_and_when() -> None:
    lines = dict(emergencies.event_lines(WHOLE, NOON))
    assert lines["Invoker"] == "alice (iam:111122223333:alice)"
    assert lines["Reason"] == "incident: the payment service is down for everyone"
    assert lines["MFA"] == "totp at 2026-01-31T11:59:55Z"
    assert lines["Closed"] == "2026-01-31T12:30:00Z by iam:111122223333:bob: failed over"
    assert lines["Reviewed"] == "2026-01-31T14:00:00Z by iam:111122223333:carol: it was needed"
    assert dict(emergencies.event_lines(an_event(drill=True), NOON))["Emergency"].endswith("gives nothing)")


def test_the_columns_of_csv_are_fields() -> None:
    assert set(emergencies.FIELDS) <= emergencies.event_fields(an_event(), NOON).keys()


def test_the_next_commands_can_be_pasted_whatever_the_profile_is_called() -> None:
    steps = emergencies.next_commands(an_event(profile="Müller & Söhne; rm -rf ~"))
    assert steps["use"] == "sentinel exec --profile 'Müller & Söhne; rm -rf ~' -- COMMAND"
    assert "use" not in emergencies.next_commands(an_event(drill=True))


def test_an_escalated_one_says_so_to_its_invoker() -> None:
    told = emergencies.opened_words(done(an_event(escalated=True)))
    assert any(line.startswith("Escalated: ") for line in told)
    assert not any("Escalated" in line for line in emergencies.opened_words(done(an_event())))


def test_closing_says_which_sessions_ended_with_it() -> None:
    cut = Cut(sessions=(a_session(1), a_session(2)))
    words = emergencies.closed_words(done(an_event(closing=CLOSED)), cut)
    assert "Sessions ended with it: 0000000000000001, 0000000000000002." in words
    assert "Sessions ended with it: none." in emergencies.closed_words(done(an_event()), Cut())
    drill = emergencies.closed_words(done(an_event(drill=True)), Cut())
    assert not any("fetch" in line for line in drill)


def test_programs_learn_which_sessions_could_not_be_ended() -> None:
    failed = Failure(session_id="0000000000000003", error=StoreUnavailable("not allowed"))
    shown = emergencies.closed_fields(done(an_event(closing=CLOSED)), Cut(failures=(failed,)), NOON)
    assert shown["sessions"] == []
    assert shown["failures"] == [{"id": "0000000000000003", "message": "not allowed"}]


def test_a_review_is_told_with_its_verdict() -> None:
    event = an_event(closing=CLOSED, review=NOT_FINE)
    assert emergencies.reviewed_words(done(event)).endswith("of alice for prod was not justified.")
    assert emergencies.reviewed_words(done(WHOLE)).endswith("of alice for prod was justified.")
