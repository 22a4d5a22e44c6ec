"""Requests as rows: what was written is read back, and what is no request is never taken for one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from sentinel_server.errors import StoreUnavailable
from sentinel_server.records.model import INDEXED, RESERVED, Ledger, Row
from sentinel_server.requests.model import AccessRequest, Ruling
from sentinel_server.requests.rows import read_request, request_ref, request_values
from tests.fakes.requests import BOB, CAROL, NOON, a_request, approved

LATER = NOON + timedelta(minutes=5)


def row_of(request: AccessRequest) -> Row:
    return Row(ref=request_ref(request.id), version=3, values=request_values(request, LATER))


FULL = replace(
    approved(a_request(ticket="OPS-1", extends="fedcba9876543210"), BOB, CAROL),
    started_at=LATER,
    revoked=Ruling(at=LATER, by=CAROL.arn, comment="enough"),
    version=3,
)


@pytest.mark.parametrize(
    "request_",
    [
        a_request(version=3),
        a_request(version=3, auto_rule="production"),
        FULL,
        a_request(version=3, denied=Ruling(at=LATER, by=BOB.arn)),
        a_request(version=3, cancelled=Ruling(at=LATER, by=BOB.arn, comment="not needed")),
    ],
    ids=["pending", "automatic", "revoked", "denied", "cancelled"],
)
def test_what_was_written_is_read_back(request_: AccessRequest) -> None:
    assert read_request(row_of(request_)) == request_


def test_a_row_says_what_searches_go_by() -> None:
    values = request_values(FULL, LATER)
    assert set(INDEXED[Ledger.REQUESTS]) - {"outbox"} <= set(values)
    assert values["person_profile"] == f"{FULL.person}#prod"
    assert values["status"] == "revoked"
    assert not RESERVED & set(values)
    assert "" not in values.values()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", "pending"),
        ("kind", None),
        ("person", None),
        ("profile", 7),
        ("duration_seconds", "3600"),
        ("duration_seconds", 0),
        ("duration_seconds", True),
        ("duration_seconds", 10**18),
        ("created_at", "2026-03-02T12:00:00Z"),
        ("created_at", "2099-03-02T12:00:00.000000Z"),
        ("expires_at", None),
        ("approved_at", "soon"),
        ("votes", "{}"),
        ("votes", "[7]"),
        ("votes", '[{"person": "x"}]'),
        ("votes", "[" * 100_000),
        ("votes", "no json"),
        ("revoked_by", "somebody"),
        ("denied_comment", "only this"),
    ],
)
def test_what_is_not_whole_is_no_request(name: str, value: str | int | None) -> None:
    values = {**request_values(approved(a_request(), BOB), LATER), name: value}
    row = Row(
        ref=request_ref("0123456789abcdef"),
        version=1,
        values={name: value for name, value in values.items() if value is not None},
    )
    with pytest.raises(StoreUnavailable, match="requests/0123456789abcdef cannot be read as a request"):
        read_request(row)


def test_a_row_under_a_key_that_is_no_id_is_no_request() -> None:
    with pytest.raises(StoreUnavailable):
        read_request(replace(row_of(a_request()), ref=request_ref("pending#alice")))
