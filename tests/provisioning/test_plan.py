"""What is missing is found, in any state; what cannot be mended is said."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.errors import Findings, UpstreamFailed
from sentinel_server.provisioning.apply import Outcome, apply, missing
from sentinel_server.provisioning.desired import (
    BLOCK_PREFIX,
    BY_KIND,
    BY_USER,
    OWNER_ATTRIBUTES,
    REVOCATION_ATTRIBUTES,
    SESSION_INDEXES,
    Family,
    Index,
    ledger_table,
    sessions_table,
    table_of,
)
from sentinel_server.provisioning.plan import (
    AddIndex,
    CreateTable,
    ForgetBy,
    Found,
    Guard,
    Step,
    TurnOn,
    plan,
)
from sentinel_server.records.model import INDEXED, RETENTION, Ledger

TABLE = sessions_table()
WHOLE = Found(name=TABLE.name, keys=("id",), indexes=TABLE.indexes, guards=frozenset(Guard))


class TablesInMemory:
    """A Provisioner that carries steps out on a value. It refuses the steps named in `broken`."""

    def __init__(self, found: Found | None = None) -> None:
        self.found = found
        self.broken: set[str] = set()
        self.unsupported: set[Guard] = set()

    async def find(self, name: str) -> Found | None:
        return self.found

    async def perform(self, step: Step) -> Outcome:
        if str(step) in self.broken:
            raise UpstreamFailed(f"{step}: refused")
        match step:
            case CreateTable(table=table):
                guards = frozenset(Guard) - {Guard.POINT_IN_TIME_RECOVERY}
                self.found = Found(name=table.name, keys=("id",), indexes=table.indexes, guards=guards)
            case AddIndex(index=index):
                assert self.found is not None
                self.found = replace(self.found, indexes=(*self.found.indexes, index))
            case ForgetBy(attribute=attribute):
                assert self.found is not None
                self.found = replace(self.found, ttl=attribute)
            case TurnOn(guard=guard):
                if guard in self.unsupported:
                    return Outcome.UNSUPPORTED
                assert self.found is not None
                self.found = replace(self.found, guards=self.found.guards | {guard})
        return Outcome.DONE


def test_the_default_table_is_the_one_the_older_product_used() -> None:
    assert TABLE.name == "sentinel-sessions"


def test_a_table_that_is_whole_needs_nothing() -> None:
    assert plan(TABLE, WHOLE) == ()


def test_a_missing_table_is_made_and_then_made_recoverable() -> None:
    create, recover = plan(TABLE, None)
    assert create == CreateTable(table=TABLE)
    assert recover == TurnOn(table=TABLE, guard=Guard.POINT_IN_TIME_RECOVERY)


def test_a_table_of_the_older_product_is_completed_and_not_declared_done() -> None:
    """It said EXISTS for any table of that name, whatever it lacked."""
    older = Found(name=TABLE.name, keys=("id",), indexes=(BY_USER,), guards=frozenset({Guard.KMS_ENCRYPTION}))
    steps = plan(TABLE, older)
    added = {step.index for step in steps if isinstance(step, AddIndex)}
    turned_on = {step.guard for step in steps if isinstance(step, TurnOn)}
    assert added == set(SESSION_INDEXES) - {BY_USER}
    assert turned_on == {Guard.DELETION_PROTECTION, Guard.POINT_IN_TIME_RECOVERY}


@pytest.mark.parametrize(
    "wrong",
    [
        replace(WHOLE, keys=("id", "created_at")),
        replace(WHOLE, keys=("PK",)),
        replace(WHOLE, indexes=(replace(BY_KIND, sort="status"),)),
        replace(WHOLE, indexes=(replace(BY_KIND, projection="KEYS_ONLY"),)),
    ],
    ids=["sort key", "other key", "other index key", "projects too little"],
)
def test_what_no_step_can_mend_is_a_finding(wrong: Found) -> None:
    with pytest.raises(Findings) as caught:
        plan(TABLE, wrong)
    assert caught.value.hint


LEDGER = ledger_table(Ledger.REQUESTS)
WHOLE_LEDGER = replace(WHOLE, name=LEDGER.name, indexes=LEDGER.indexes, ttl=RETENTION)


def test_a_ledger_has_an_index_for_everything_one_can_search_by() -> None:
    for ledger in Ledger:
        table = table_of(Family(ledger.value))
        assert table == ledger_table(ledger)
        assert [index.partition for index in table.indexes] == list(INDEXED[ledger])
        assert {index.sort for index in table.indexes} == {"created_at"}
        assert len({index.name for index in table.indexes}) == len(table.indexes)


def test_rows_of_a_ledger_are_forgotten_by_the_one_attribute_and_sessions_never() -> None:
    forget = ForgetBy(table=LEDGER, attribute=RETENTION)
    assert plan(LEDGER, None)[-1] == forget
    assert plan(LEDGER, replace(WHOLE_LEDGER, ttl=None)) == (forget,)
    assert plan(LEDGER, WHOLE_LEDGER) == ()
    assert not any(isinstance(step, ForgetBy) for step in plan(TABLE, None))


@pytest.mark.parametrize("found", [WHOLE, WHOLE_LEDGER])
def test_a_table_that_forgets_by_what_others_write_is_a_finding(found: Found) -> None:
    desired = TABLE if found is WHOLE else LEDGER
    with pytest.raises(Findings, match="forgets rows by their expires_at"):
        plan(desired, replace(found, ttl="expires_at"))


@st.composite
def tables(draw: st.DrawFn) -> Found | None:
    """Any table that can be completed."""
    if draw(st.booleans()):
        return None
    foreign = st.just(Index(name="gsi-of-somebody", partition="x"))
    indexes = draw(st.lists(st.sampled_from(SESSION_INDEXES) | foreign, unique=True).map(tuple))
    return replace(WHOLE, indexes=indexes, guards=draw(st.frozensets(st.sampled_from(Guard))))


@given(tables())
async def test_after_the_plan_nothing_is_missing_and_nothing_foreign_is_lost(found: Found | None) -> None:
    provisioner = TablesInMemory(found)
    await apply(provisioner, TABLE)
    assert await missing(provisioner, TABLE) == ()
    assert provisioner.found is not None
    assert set(found.indexes if found else ()) <= set(provisioner.found.indexes)


async def test_each_step_is_told_before_it_begins_and_reported_after() -> None:
    provisioner = TablesInMemory()
    provisioner.unsupported = {Guard.POINT_IN_TIME_RECOVERY}
    told: list[Step] = []
    report = await apply(provisioner, TABLE, told.append)
    assert [performed.step for performed in report] == told
    assert [performed.outcome for performed in report] == [Outcome.DONE, Outcome.UNSUPPORTED]
    assert [str(step) for step in told] == [
        "create table sentinel-sessions with 5 indexes",
        "turn on point-in-time recovery for table sentinel-sessions",
    ]


async def test_a_run_that_broke_off_is_taken_up_by_the_next() -> None:
    provisioner = TablesInMemory(replace(WHOLE, indexes=()))
    last = f"add index {SESSION_INDEXES[-1].name} to table {TABLE.name}"
    provisioner.broken = {last}
    with pytest.raises(UpstreamFailed):
        await apply(provisioner, TABLE)
    provisioner.broken = set()
    assert [str(performed.step) for performed in await apply(provisioner, TABLE)] == [last]


def test_the_holders_attributes_and_the_revocations_have_nothing_in_common() -> None:
    assert not set(OWNER_ATTRIBUTES) & set(REVOCATION_ATTRIBUTES)
    assert {index.partition for index in SESSION_INDEXES} <= set(OWNER_ATTRIBUTES)
    assert not any(character in BLOCK_PREFIX for character in "*?")
