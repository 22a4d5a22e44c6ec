from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.errors import InvalidIdentifier
from sentinel_server.identity.principal import Kind, Principal
from sentinel_server.identity.source_identity import (
    STS_PATTERN,
    Marker,
    SourceIdentity,
    parse_stamp,
    role_session_name,
    stamp_for,
    stamp_user,
)

ID = "0123456789abcdef"
STS_MODEL = re.compile(r"[\w+=,.@-]*", re.ASCII)
NAMES = st.text(max_size=80) | st.from_regex(r"[A-Za-z0-9_.@-]{1,40}", fullmatch=True)


def somebody(name: str, kind: Kind = Kind.IAM_USER, role: str | None = None) -> Principal:
    return Principal(
        partition="aws",
        account="111122223333",
        kind=kind,
        name=name,
        role=role,
        unique_id="AIDAEXAMPLE",
        arn="arn:aws:iam::111122223333:user/x",
    )


@pytest.mark.parametrize(
    ("who", "user"),
    [
        (somebody("alice"), "u.alice"),
        (
            somebody("bob@example.com", Kind.SSO_ROLE, "AWSReservedSSO_Dev_0123456789abcdef"),
            "s.bob@example.com",
        ),
        (somebody("chosen-by-caller", Kind.ASSUMED_ROLE, "Deploy"), "r.Deploy"),
        (somebody("carol", Kind.FEDERATED_USER), "f.carol"),
        (somebody("root", Kind.ROOT), "root"),
        (somebody("root"), "u.root"),
        (somebody("a+b"), "u.a-b..300273daf0"),
        (somebody("a..b"), "u.a..b..f62b42414c"),
        (somebody("x" * 34), "u." + "x" * 34),
        (somebody("x" * 35), "u." + "x" * 22 + "..efa79bd8bf"),
    ],
)
def test_the_user_of_a_stamp_is_kind_and_name(who: Principal, user: str) -> None:
    assert stamp_user(who) == user


def test_a_stamp_reads_as_it_was_designed() -> None:
    assert stamp_for(somebody("alice"), Marker.DIRECT, ID) == f"sentinel=u.alice=d={ID}"
    assert stamp_for(somebody("alice"), Marker.EMERGENCY, ID) == f"sentinel=u.alice=b={ID}"
    assert role_session_name(somebody("alice"), ID) == f"sentinel-u.alice-{ID}"


@given(NAMES, st.sampled_from(Kind), st.sampled_from(Marker))
def test_w1_every_stamp_and_session_name_is_legal_to_sts(name: str, kind: Kind, marker: Marker) -> None:
    who = somebody(name, kind, role=name)
    for text in (stamp_for(who, marker, ID), role_session_name(who, ID)):
        assert STS_PATTERN.fullmatch(text)
        assert STS_MODEL.fullmatch(text)
        assert text.isascii()
        assert 2 <= len(text) <= 64


@given(NAMES, st.sampled_from(Kind), st.sampled_from(Marker))
def test_a_stamp_is_read_back_as_it_was_written(name: str, kind: Kind, marker: Marker) -> None:
    who = somebody(name, kind, role=name)
    stamp = parse_stamp(stamp_for(who, marker, ID))
    assert stamp == SourceIdentity(user=stamp_user(who), marker=marker, id=ID)


@given(NAMES, NAMES)
def test_w7_distinct_names_give_distinct_users(one: str, other: str) -> None:
    assert (stamp_user(somebody(one)) == stamp_user(somebody(other))) == (one == other)


@given(NAMES)
def test_w7_an_altered_name_never_equals_an_unaltered_one(name: str) -> None:
    altered = stamp_user(somebody(name + "+"))
    assert stamp_user(somebody(altered.removeprefix("u."))) != altered


@given(NAMES)
def test_w7_kinds_never_share_a_user(name: str) -> None:
    users = {stamp_user(somebody(name, kind, role=name)) for kind in Kind}
    assert len(users) == len(Kind)


def test_w7_people_the_old_form_merged_stay_apart() -> None:
    merged = ["a.b@x", "ab@x", "abx", "alice.bob+test@sub.company.io", "alice.bob+test@sub.company.com"]
    assert len({stamp_user(somebody(name)) for name in merged}) == len(merged)


def test_w7_the_session_name_of_an_ordinary_role_leaves_no_trace_in_the_stamp() -> None:
    role = somebody("one", Kind.ASSUMED_ROLE, "Deploy")
    other = replace(role, name="another")
    assert stamp_for(role, Marker.DIRECT, ID) == stamp_for(other, Marker.DIRECT, ID)


@pytest.mark.parametrize("id", ["", "0" * 15, "0" * 17, "0123456789ABCDEF", "0123456789abcdeg", ID + "\n"])
def test_an_id_of_another_form_is_refused(id: str) -> None:
    with pytest.raises(InvalidIdentifier):
        stamp_for(somebody("alice"), Marker.DIRECT, id)
    with pytest.raises(InvalidIdentifier):
        role_session_name(somebody("alice"), id)


@pytest.mark.parametrize(
    ("text", "marker"),
    [
        ("sentinel:alice:direct:0a1b2c3d", Marker.DIRECT),
        ("sentinel:alice:99887766:0a1b2c3d", Marker.APPROVED),
        ("sentinel:alice:0a1b2c3d", Marker.DIRECT),
    ],
)
def test_the_old_form_is_read_and_could_never_pass_sts(text: str, marker: Marker) -> None:
    assert parse_stamp(text) == SourceIdentity(user="alice", marker=marker, id="0a1b2c3d", old=True)
    assert not STS_PATTERN.fullmatch(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alice",
        "sentinel",
        f"sentinel=u.alice=x={ID}",
        f"sentinel=u.alice==d={ID}",
        f"sentinel=alice=d={ID}",
        f"sentinel=u.=d={ID}",
        f"sentinel=u.{'x' * 35}=d={ID}",
        f"sentinel=u.alice=d={ID}\n",
        f"Sentinel=u.alice=d={ID}",
        "sentinel=u.alice=d=0a1b2c3d",
        "sentinel:alice:approved:0a1b2c3d",
        "sentinel:al.ice:direct:0a1b2c3d",
    ],
)
def test_what_is_no_stamp_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdentifier):
        parse_stamp(text)


@given(st.text())
def test_any_text_is_either_a_stamp_or_an_invalid_one(text: str) -> None:
    try:
        stamp = parse_stamp(text)
    except InvalidIdentifier:
        return
    assert stamp.id in text
