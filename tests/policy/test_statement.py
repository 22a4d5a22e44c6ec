"""The one byte form of what is signed, and envelopes that are read strictly."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.errors import PolicyUnverified
from sentinel_server.policy.statement import (
    MAX_ENVELOPE,
    MAX_SERIAL,
    Algorithm,
    Envelope,
    Place,
    Signed,
    Statement,
    parse_envelope,
    print_envelope,
    signatures_in,
)
from tests.fakes.signers import PROD, signed, stored

INSTANTS = st.integers(0, 30_000_000_000).map(lambda second: datetime.fromtimestamp(second, UTC))
NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
STATEMENTS = st.builds(
    Statement,
    place=st.builds(Place, parameter=NAMES, account=NAMES, region=NAMES),
    sha256=st.text("0123456789abcdef", min_size=64, max_size=64),
    serial=st.integers(1, MAX_SERIAL),
    signed_at=INSTANTS,
    key_id=NAMES,
    not_after=st.none() | INSTANTS,
)
SIGNED = st.builds(
    Signed, statement=STATEMENTS, algorithm=st.sampled_from(Algorithm), signature=st.binary(max_size=80)
)
ENVELOPES = st.builds(Envelope, signatures=st.lists(SIGNED, min_size=1, max_size=3).map(tuple))


@given(ENVELOPES)
def test_what_was_printed_is_read_as_it_was(envelope: Envelope) -> None:
    assert parse_envelope(print_envelope(envelope), "x.sig") == envelope


@given(STATEMENTS, STATEMENTS)
def test_two_statements_have_the_same_bytes_only_if_they_are_the_same(one: Statement, two: Statement) -> None:
    assert (one.to_sign() == two.to_sign()) == (one == two)


def test_the_bytes_that_are_signed_never_change() -> None:
    statement = Statement(
        place=PROD,
        sha256="ab" * 32,
        serial=7,
        signed_at=datetime(2026, 1, 31, 12, tzinfo=UTC),
        key_id="team",
    )
    assert statement.to_sign() == (
        b'{"account":"111122223333","format":"sentinel-policy-statement/1","key_id":"team","not_after":null,'
        b'"parameter":"/sentinel/policies/prod","region":"eu-west-1","serial":7,"sha256":"'
        + b"ab"
        * 32
        + b'",'
        b'"signed_at":"2026-01-31T12:00:00Z"}'
    )


def test_an_envelope_of_two_large_rsa_signatures_fits_a_standard_parameter() -> None:
    place = Place(parameter="/sentinel/policies/" + "p" * 64, account="111122223333", region="ap-southeast-2")
    arn = "arn:aws:kms:ap-southeast-2:111122223333:key/00000000-0000-4000-8000-000000000000"
    statement = Statement(
        place=place,
        sha256="0" * 64,
        serial=MAX_SERIAL,
        signed_at=datetime(2026, 1, 1, tzinfo=UTC),
        key_id=arn,
    )
    one = Signed(statement=statement, algorithm=Algorithm.RSA_PSS, signature=b"\xff" * 512)
    assert len(print_envelope(Envelope(signatures=(one, one)))) < 4096


def envelope(**changes: Any) -> dict[str, Any]:
    """The JSON of a good envelope with changes in its first statement."""
    found: dict[str, Any] = json.loads(stored(b"x", signed(b"x")).envelope or b"")
    found["signatures"][0]["statement"].update(changes)
    return found


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"serial": 0}, "a serial is a whole number from 1"),
        ({"serial": True}, "a serial is a whole number from 1"),
        ({"serial": 1.0}, "is not a whole number"),
        ({"serial": MAX_SERIAL + 1}, "a serial is a whole number from 1"),
        ({"sha256": "A" * 64}, "a hash is not"),
        ({"signed_at": "2026-01-31T12:00:00+00:00"}, "a time is written as"),
        ({"signed_at": "2026-01-31T12:00:00.5Z"}, "a time is written as"),
        ({"not_after": "2026-01-31"}, "a time is written as"),
        ({"key_id": "a\nb"}, "a name is not text"),
        ({"format": "sentinel-policy-statement/2"}, "a statement's format is not"),
        ({"critical": True}, "unknown key 'critical'"),
    ],
)
def test_a_statement_with_anything_else_in_it_is_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(PolicyUnverified, match=why):
        parse_envelope(json.dumps(envelope(**changes)).encode(), "x.sig")


def test_a_statement_that_lacks_a_key_is_refused() -> None:
    found = envelope()
    del found["signatures"][0]["statement"]["account"]
    with pytest.raises(PolicyUnverified, match="not of its form"):
        parse_envelope(json.dumps(found).encode(), "x.sig")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 8000,
        b" " * (MAX_ENVELOPE + 1),
        b'{"format":"sentinel-policy-envelope/1","format":"sentinel-policy-envelope/1","signatures":[]}',
        b'{"format":"sentinel-policy-envelope/1","signatures":[]}',
        b'{"format":"sentinel-policy-envelope/1","signatures":[1]}',
        b'{"format":"sentinel-policy-envelope/2","signatures":[{}]}',
        json.dumps(envelope() | {"signatures": envelope()["signatures"] * 4}).encode(),
        json.dumps(envelope() | {"unsigned": "x"}).encode(),
        json.dumps(envelope() | {"more": 1}).encode(),
        json.dumps({**envelope(), "signatures": [envelope()["signatures"][0] | {"signature": "%"}]}).encode(),
        json.dumps(
            {**envelope(), "signatures": [envelope()["signatures"][0] | {"algorithm": "none"}]}
        ).encode(),
    ],
    ids=lambda data: data[:40],
)
def test_what_is_no_envelope_is_refused_and_holds_no_signatures(data: bytes) -> None:
    with pytest.raises(PolicyUnverified, match=r"x\.sig is not an envelope"):
        parse_envelope(data, "x.sig")
    assert signatures_in(data) == ()


@given(st.binary(max_size=300))
def test_nothing_but_the_documented_error_comes_out(data: bytes) -> None:
    with pytest.raises(PolicyUnverified):
        parse_envelope(data, "x.sig")
