"""What is found in an index that anybody may fill: the real one, or why nobody can say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from sentinel_server.access.facts import Allow
from sentinel_server.access.finding import LOOKED_AT, candidates
from sentinel_server.breakglass.model import sealed
from sentinel_server.breakglass.rows import event_ref, opened
from sentinel_server.clock import sortable
from sentinel_server.errors import ApprovalRequired, PolicyDenied
from sentinel_server.identity.principal import Principal
from sentinel_server.records.memory import MemoryRecords
from sentinel_server.records.model import SORT, Change, Ledger, Ref, Row, Value
from sentinel_server.records.store import MOST_CHANGES, Records
from sentinel_server.requests.model import AccessRequest
from sentinel_server.requests.rows import read_request, request_ref, request_values, requests_of
from tests.fakes import requests
from tests.fakes.clock import NOON
from tests.fakes.credentials import ALICE
from tests.fakes.gate import DENY
from tests.fakes.overrides import WANTS_APPROVAL, an_event, approved_request, scene

MALLORY = requests.user("mallory")
SOON = NOON + timedelta(seconds=5)


async def filed(records: Records, ledger: Ledger, many: int, **values: Value) -> None:
    """Put so many rows under alice's name for prod, all newer than anything of hers."""
    under = {"person_profile": f"{ALICE.person}#prod", SORT: sortable(SOON), **values}
    rows = [Change(ref=Ref(ledger=ledger, key=f"e{n:015x}"), seen=None, set=under) for n in range(many)]
    for first in range(0, many, MOST_CHANGES):
        assert await records.commit(rows[first : first + MOST_CHANGES])


def forged(asker: Principal = MALLORY, **changes: object) -> dict[str, Value]:
    """A request in full, of whoever wrote it or whom they name."""
    made = requests.a_request(asker, created_at=SOON, **changes)
    return {**request_values(made, SOON), "person_profile": f"{ALICE.person}#prod"}


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"kind": "request", "person": ALICE.person, "profile": "prod", "votes": "?"},
        forged(),
        forged(profile="staging"),
        forged(ALICE),
        forged(ALICE, auto_rule="prod"),
    ],
    ids=["junk", "half a request", "another's", "for another profile", "one like hers", "one by itself"],
)
async def test_what_others_file_under_a_name_hides_no_approval(values: dict[str, Value]) -> None:
    at = scene(WANTS_APPROVAL)
    request = await at.has(approved_request())
    await filed(at.ledger, Ledger.REQUESTS, 250, **values)
    decision = await at.gate().decision(at.world.a_seat())
    assert isinstance(decision, Allow), decision.error
    assert decision.override_id == request.id


async def test_what_others_file_under_a_name_hides_no_emergency() -> None:
    at = scene(DENY)
    event = await at.breaks(an_event())
    other = opened(sealed(replace(an_event(), person=MALLORY.person)))
    values = {name: value for name, value in other.items() if value is not None and name != SORT}
    await filed(at.ledger, Ledger.BREAKGLASS, 250, **{**values, "person_profile": f"{ALICE.person}#prod"})
    decision = await at.gate().decision(at.world.a_seat())
    assert isinstance(decision, Allow), decision.error
    assert decision.override_id == event.id


async def test_more_than_is_looked_at_is_a_refusal_that_says_so() -> None:
    at = scene(WANTS_APPROVAL)
    await at.has(approved_request())
    await filed(at.ledger, Ledger.REQUESTS, LOOKED_AT + 1)
    decision = await at.gate().decision(at.world.a_seat())
    assert not isinstance(decision, Allow)
    assert isinstance(decision.error, ApprovalRequired)
    assert f"more than {LOOKED_AT} rows are filed under your name" in decision.error.message


async def test_an_approval_among_the_first_is_enough_whatever_else_is_filed() -> None:
    at = scene(WANTS_APPROVAL)
    await filed(at.ledger, Ledger.REQUESTS, LOOKED_AT)
    later = requests.a_request(created_at=SOON + timedelta(seconds=1))
    approved = replace(requests.approved(later, requests.BOB), id="f" * 16)
    vote = requests.vote_of(requests.BOB, approved, SOON + timedelta(seconds=2))
    request = await at.has(replace(approved, votes=(vote,), approved_at=vote.at))
    at.later(minutes=1)
    decision = await at.gate().decision(at.world.a_seat())
    assert isinstance(decision, Allow), decision.error
    assert decision.override_id == request.id


async def test_a_refusal_with_nothing_but_what_others_filed_names_none_of_it() -> None:
    at = scene(DENY)
    await filed(at.ledger, Ledger.BREAKGLASS, 3, kind="emergency")
    decision = await at.gate().decision(at.world.a_seat())
    assert not isinstance(decision, Allow)
    assert isinstance(decision.error, PolicyDenied)
    assert "emergency" not in decision.error.message


async def test_weakness_24_all_of_a_persons_requests_are_found_newest_first() -> None:
    records = MemoryRecords()
    mine = [
        requests.a_request(id=f"{n:016x}", created_at=requests.NOON + timedelta(minutes=n))
        for n in range(150)
    ]
    others = [
        requests.a_request(id=f"{900:016x}", profile="dev"),
        requests.a_request(requests.BOB, id=f"{901:016x}"),
    ]
    for each in [*mine, *others]:
        values = request_values(each, requests.NOON)
        assert await records.commit([Change(ref=request_ref(each.id), seen=None, set=values)])
    spoiled = {**request_values(mine[0], requests.NOON), "votes": "?"}
    assert await records.commit([Change(ref=request_ref("f" * 16), seen=None, set=spoiled)])

    def read(row: Row) -> AccessRequest | None:
        return read_request(row)

    search = requests_of(requests.ALICE.person, "prod")
    found = await candidates(records, [search], read, requests.NOON)
    assert (found.complete, list(found.found)) == (
        True,
        list(reversed([replace(r, version=1) for r in mine])),
    )
    recent = await candidates(records, [search], read, requests.NOON + timedelta(minutes=100))
    assert 50 <= len(recent.found) < 150, "and no page more than that takes"


async def test_rows_of_an_emergency_that_cannot_be_read_hide_none() -> None:
    at = scene(DENY)
    event = await at.breaks(an_event())
    broken = {**opened(an_event()), "duration_seconds": None, SORT: sortable(SOON)}
    assert await at.ledger.commit([Change(ref=event_ref("e" * 32), seen=None, set=broken)])
    decision = await at.gate().decision(at.world.a_seat())
    assert isinstance(decision, Allow), decision.error
    assert decision.override_id == event.id
