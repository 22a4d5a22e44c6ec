from __future__ import annotations

from dataclasses import replace

import pytest

from sentinel_server.errors import InvalidSetting
from sentinel_server.identity.people import Persons
from sentinel_server.identity.principal import Kind
from tests.fakes.credentials import ALICE, BOB


def test_an_sso_user_is_one_person_under_every_permission_set_and_account() -> None:
    admin = replace(BOB, role="AWSReservedSSO_Admin_fedcba9876543210", account="444455556666")
    assert admin.person == BOB.person


def test_w7_iam_users_of_two_accounts_are_two_people() -> None:
    assert replace(ALICE, account="444455556666").person != ALICE.person


def test_w7_a_role_is_one_person_whatever_its_session_calls_itself() -> None:
    role = replace(ALICE, kind=Kind.ASSUMED_ROLE, role="Deploy", name="alice")
    assert replace(role, name="mallory").person == role.person
    assert role.person != ALICE.person


def test_w7_no_two_kinds_share_a_person() -> None:
    everybody = {replace(ALICE, kind=kind, name="root", role="root").person for kind in Kind}
    assert len(everybody) == len(Kind)


def test_renewed_credentials_of_a_role_have_the_same_id_and_of_an_sso_user_must_keep_the_name() -> None:
    role = replace(ALICE, kind=Kind.ASSUMED_ROLE, role="Deploy", unique_id="AROADEPLOY:one")
    assert replace(role, unique_id="AROADEPLOY:two").same_id == role.same_id
    assert replace(BOB, unique_id="AROADEV:carol@example.com").same_id != BOB.same_id


def test_the_people_map_joins_several_keys_into_one_person() -> None:
    persons = Persons({"alice": [ALICE.person, "sso:alice@example.com"]})
    assert persons.key(ALICE) == "person:alice"
    assert persons.joined("sso:alice@example.com") == "person:alice"
    assert persons.key(BOB) == BOB.person


def test_one_key_cannot_be_two_people() -> None:
    with pytest.raises(InvalidSetting, match="both alice and bob"):
        Persons({"alice": [ALICE.person], "bob": [ALICE.person]})
