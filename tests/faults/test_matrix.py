"""Every dependency fails in every way at every moment of a session's life: nothing is served that may not be,
whoever is refused learns why in time, and all goes on when the fault ends. docs/faults.md has the legend.
"""

from __future__ import annotations

import re

import pytest

from tests.faults.cells import Moment
from tests.faults.expected import FETCHED, allowed, opening
from tests.faults.faults import FAILURES, SERVICES, WHY_NOT, Fault
from tests.faults.matrix import FAULTS, Matrix, run, table

TRIES = 3
"""Runs in which something may be late: the tests beside this one take the processor too. Whatever else is
wrong counts at once.
"""

SLOW = re.compile(r"\S+ after \d+ ms")


def only_slow(matrix: Matrix) -> bool:
    """Whether nothing is wrong but that answers came late."""
    wrong = [each for cell in matrix.cells for each in cell.wrong]
    return bool(wrong) and all(SLOW.fullmatch(each) for each in wrong)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "lanes", [("sts", "ssm"), ("dynamodb", "machine"), ("keyring", "disk")], ids="-".join
)
def test_no_fault_at_any_moment_serves_what_may_not_be_served_lies_or_lasts(lanes: tuple[str, ...]) -> None:
    matrix = next((each for each in (run(lanes) for _ in range(TRIES)) if not only_slow(each)), None)
    assert matrix is not None, f"too slow in each of {TRIES} runs"
    assert [f"{cell.name}: {'; '.join(cell.wrong)}" for cell in matrix.cells if cell.wrong] == [], "\n".join(
        table(matrix)
    )
    assert matrix.leaked == ()
    assert all(cell.said for cell in matrix.cells)


def test_every_dependency_is_crossed_with_every_failure_or_it_is_said_why_not() -> None:
    met = {(fault.dependency, fault.failure) for fault in FAULTS}
    assert {(service, failure) for service in SERVICES for failure in FAILURES} <= met
    assert {fault.dependency for fault in FAULTS} == SERVICES.keys() | WHY_NOT.keys()
    assert len(met) == len(FAULTS)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_no_cell_expects_what_was_revoked_or_cannot_be_verified_to_be_served(fault: Fault) -> None:
    assert "Success" not in allowed(fault, Moment.REVOCATION)
    if fault.dependency == "DynamoDB":
        assert "started" not in opening(fault)
        assert not any("Success" in allowed(fault, moment) for moment in FETCHED)
