"""What somebody has enrolled: kept in one document, which is theirs alone and never printed."""

from __future__ import annotations

import base64
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.errors import MfaUnavailable
from sentinel_server.mfa.enrolment import Enrolment, masked, place_of, read_document, to_document
from sentinel_server.mfa.totp import Hash, Totp
from sentinel_server.secret import Secret
from tests.fakes.factors import ALICE, BOB, SECRETS

PHONE = "+491701234567"

totps = st.builds(
    Totp,
    secret=st.binary(min_size=16, max_size=64).map(lambda raw: Secret(base64.b32encode(raw).decode())),
    digits=st.integers(6, 8),
    period=st.integers(15, 120),
    skew=st.integers(0, 2),
    algorithm=st.sampled_from(Hash),
)
enrolments = st.builds(
    Enrolment,
    person=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80),
    totp=st.none() | totps,
    phone=st.just("") | st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True),
)


@given(enrolments)
def test_what_is_enrolled_survives_being_kept(enrolment: Enrolment) -> None:
    assert read_document(to_document(enrolment), enrolment.person) == enrolment


@given(enrolments, st.text(max_size=20))
def test_a_document_is_of_no_use_in_another_persons_place(enrolment: Enrolment, other: str) -> None:
    if other != enrolment.person:
        with pytest.raises(MfaUnavailable, match="somebody else's"):
            read_document(to_document(enrolment), other)


@given(st.text(max_size=200) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_no_text_is_taken_for_a_document_by_mistake(text: str) -> None:
    with pytest.raises(MfaUnavailable, match="cannot be used"):
        read_document(Secret(text), ALICE)


@pytest.mark.parametrize(
    "phone",
    ["911", "01701234567", "+0170123456", "+49 170 1234567", "+4917012345678901", "+49\u06611701234", "+"],
)
def test_only_a_full_telephone_number_is_one(phone: str) -> None:
    with pytest.raises(ValueError, match="telephone"):
        Enrolment(person=ALICE, phone=phone)


def test_a_number_is_shown_by_its_end() -> None:
    assert (masked(PHONE), masked("")) == ("…567", "")


def test_a_document_does_not_print_what_it_holds() -> None:
    document = to_document(Enrolment(person=ALICE, totp=Totp(secret=SECRETS[ALICE])))
    assert SECRETS[ALICE].reveal() not in f"{document} {document!r}"


@given(st.text(min_size=1, max_size=300), st.text(min_size=1, max_size=300))
def test_every_person_has_a_place_of_their_own_that_ssm_takes(one: str, other: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_.-]{17,77}", place_of(one))
    assert (place_of(one) == place_of(other)) == (one == other)


@pytest.mark.parametrize("other", [BOB, "iam-111122223333-alice", ALICE.upper(), ALICE + " "])
def test_people_whose_names_look_alike_have_places_of_their_own(other: str) -> None:
    assert place_of(ALICE) != place_of(other)
