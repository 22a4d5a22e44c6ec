"""What AWS showed, and what it means: the clock, what is refused, and how tables are."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from sentinel_server.diagnosis.aws import (
    SET_CLOCK,
    Outcome,
    Reached,
    TableSeen,
    Tried,
    call_findings,
    clock_finding,
    reached_finding,
    table_findings,
    unreached_finding,
)
from sentinel_server.diagnosis.model import Verdict
from sentinel_server.provisioning.desired import BY_KIND, Family, sessions_table, table_of
from sentinel_server.provisioning.plan import Found, Guard

REGION = "eu-central-1"


@pytest.mark.parametrize(
    ("seconds", "verdict", "said"),
    [
        (0, Verdict.OK, "agrees"),
        (59, Verdict.OK, "agrees"),
        (61, Verdict.WARNING, "61 s behind AWS's"),
        (-300, Verdict.WARNING, "300 s ahead of AWS's"),
        (301, Verdict.PROBLEM, "301 s behind AWS's"),
        (-301, Verdict.PROBLEM, "301 s ahead of AWS's"),
    ],
)
def test_a_clock_is_judged_by_how_far_it_is_off(seconds: int, verdict: Verdict, said: str) -> None:
    found = clock_finding(timedelta(seconds=seconds))
    assert (found.verdict, said in found.what) == (verdict, True)
    assert (found.mend == SET_CLOCK) is (verdict is not Verdict.OK)


def test_a_clock_that_could_not_be_compared_is_unknown() -> None:
    assert clock_finding(None).verdict is Verdict.UNKNOWN


def test_who_answers_is_told_and_how_fast() -> None:
    found = reached_finding(Reached(service="sts", host="sts.x", ahead=timedelta(0), seconds=0.1234))
    assert (found.verdict, found.what) == (Verdict.OK, "sts answers at sts.x (123 ms)")


def test_who_does_not_answer_is_a_problem_and_proxies_are_named() -> None:
    found = unreached_finding("ssm", "ssm.x", "could not connect", ["HTTPS_PROXY"])
    assert found.verdict is Verdict.PROBLEM
    assert found.why == "could not connect; requests go where HTTPS_PROXY says"
    assert found.mend == "curl -sSv -o /dev/null https://ssm.x/"
    assert unreached_finding("ssm", "ssm.x", "could not connect", []).why == "could not connect"


# ---- what is refused


def tried(action: str, outcome: Outcome, said: str = "") -> Tried:
    """A call on the sessions table."""
    return Tried(action=action, on="sentinel-sessions", outcome=outcome, said=said)


def test_what_is_needed_and_refused_is_a_problem_with_the_policy_that_allows_it() -> None:
    calls = [tried("a:Get", Outcome.ALLOWED), tried("a:Batch", Outcome.REFUSED, "not authorized")]
    allowed, refused = call_findings(calls, {"a:Get", "a:Batch"}, "sentinel init sessions --generate-iam")
    assert (allowed.verdict, allowed.what) == (Verdict.OK, "a:Get on sentinel-sessions: allowed")
    assert (refused.verdict, refused.why) == (Verdict.PROBLEM, "not authorized")
    assert refused.mend == "sentinel init sessions --generate-iam"


def test_what_is_optional_is_a_warning_and_what_is_not_needed_or_absent_is_nothing() -> None:
    calls = [
        tried("a:Batch", Outcome.REFUSED),
        tried("a:Other", Outcome.REFUSED),
        tried("a:Get", Outcome.ABSENT),
    ]
    (found,) = call_findings(calls, {"a:Batch", "a:Get"}, "ask", optional=True)
    assert (found.verdict, found.what) == (Verdict.WARNING, "a:Batch on sentinel-sessions is refused")


# ---- tables


WHOLE = Found(
    name="sentinel-sessions", keys=("id",), indexes=sessions_table().indexes, guards=frozenset(Guard)
)


def verdicts(found: Found | None, **more: object) -> list[tuple[Verdict, str]]:
    """What is said of a sessions table."""
    seen = replace(TableSeen(name="sentinel-sessions", found=found), **more)  # type: ignore[arg-type]
    return [(each.verdict, each.what) for each in table_findings(Family.SESSIONS, seen, REGION)]


def test_a_table_with_everything_is_well() -> None:
    assert verdicts(WHOLE) == [(Verdict.OK, "table sentinel-sessions is as it must be")]


def test_a_table_that_is_not_there_is_one_problem_with_the_command_that_makes_it() -> None:
    seen = TableSeen(name="team-requests", found=None)
    (found,) = table_findings(Family.REQUESTS, seen, REGION)
    assert (found.verdict, found.what) == (Verdict.PROBLEM, "table team-requests is not there")
    assert found.mend == "sentinel init approvals --region eu-central-1 --request-table team-requests"


def test_an_absent_index_is_a_problem_and_an_absent_protection_a_warning() -> None:
    indexes = tuple(index for index in WHOLE.indexes if index != BY_KIND)
    bare = replace(WHOLE, indexes=indexes, guards=frozenset({Guard.KMS_ENCRYPTION}))
    assert verdicts(bare) == [
        (Verdict.PROBLEM, "table sentinel-sessions has no index gsi-kind"),
        (Verdict.WARNING, "table sentinel-sessions has no deletion protection"),
        (Verdict.WARNING, "table sentinel-sessions has no point-in-time recovery"),
    ]


def test_what_we_may_not_look_at_is_not_held_against_the_table() -> None:
    hidden = replace(WHOLE, guards=WHOLE.guards - {Guard.POINT_IN_TIME_RECOVERY})
    ((verdict, said),) = verdicts(hidden, hidden=frozenset({Guard.POINT_IN_TIME_RECOVERY}))
    assert (verdict, "not shown to you: point-in-time recovery" in said) == (Verdict.OK, True)
    ((verdict, said),) = verdicts(None, may_look=False)
    assert (verdict, said) == (Verdict.OK, "table sentinel-sessions is not shown to you")


def test_rows_that_are_never_forgotten_are_a_warning_unless_that_is_hidden() -> None:
    ledger = table_of(Family.BREAKGLASS, "b")
    found = replace(WHOLE, name="b", indexes=ledger.indexes)
    seen = TableSeen(name="b", found=found)
    (said,) = table_findings(Family.BREAKGLASS, seen, REGION)
    assert (said.verdict, "does not forget by" in said.what) == (Verdict.WARNING, True)
    (said,) = table_findings(Family.BREAKGLASS, replace(seen, ttl_hidden=True), REGION)
    assert said.verdict is Verdict.OK


def test_a_table_that_nothing_can_mend_is_a_problem_with_its_own_way_out() -> None:
    seen = TableSeen(name="x", found=replace(WHOLE, name="x", keys=("pk", "sk")))
    (found,) = table_findings(Family.SESSIONS, seen, REGION)
    assert found.verdict is Verdict.PROBLEM
    assert "has the key pk/sk instead of id" in found.what
    assert found.mend
