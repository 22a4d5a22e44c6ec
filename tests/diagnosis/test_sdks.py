"""Which SDKs would use the endpoint of a shell, and what the others would use instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.credentials.profiles import ProfileKind
from sentinel_server.diagnosis.sdks import (
    FULL_URI,
    OLD_NAMES,
    OWN_KEYS,
    RELATIVE_URI,
    SDKS,
    TOKEN,
    TOKEN_FILE,
    WEB_NAMES,
    ActiveProfile,
    beaten,
    unaffected,
)

PLAIN = ActiveProfile(name="default", kind=ProfileKind.ENVIRONMENT)
SERVED = {FULL_URI: "http://127.0.0.1:1/credentials", TOKEN: "t", TOKEN_FILE: "/t"}
ALL = [sdk.name for sdk in SDKS]


def test_in_a_served_shell_everybody_uses_the_endpoint() -> None:
    assert beaten(SERVED, PLAIN) == []
    assert unaffected(SERVED, PLAIN) == ALL


def test_keys_in_the_environment_beat_it_for_everybody() -> None:
    (found,) = beaten({**SERVED, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}, PLAIN)
    assert list(found.sdks) == ALL
    assert found.mend == "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY"


def test_half_a_key_beats_nothing() -> None:
    assert beaten({**SERVED, "AWS_ACCESS_KEY_ID": "a"}, PLAIN) == []


@pytest.mark.parametrize(
    ("variables", "fine"),
    [
        (WEB_NAMES, {"JavaScript v2", "C++, CRT"}),
        ((RELATIVE_URI,), {"Go, Terraform, rclone", "object_store"}),
        (OLD_NAMES[2:], {name for name in ALL if name != "MinIO, restic"}),
    ],
)
def test_other_variables_beat_it_for_some(variables: tuple[str, ...], fine: set[str]) -> None:
    environ = SERVED | dict.fromkeys(variables, "x")
    assert set(unaffected(environ, PLAIN)) == fine
    (found,) = beaten(environ, PLAIN)
    assert found.mend == f"unset {' '.join(variables)}"


@pytest.mark.parametrize("kind", [kind for kind in ProfileKind if kind is not ProfileKind.ENVIRONMENT])
def test_a_profile_with_credentials_beats_it_for_whoever_reads_files(kind: ProfileKind) -> None:
    active = ActiveProfile(name="prod", kind=kind, named="AWS_PROFILE")
    (found,) = beaten(SERVED, active)
    assert set(ALL) - set(found.sdks) == {"JavaScript v2", "object_store", "MinIO, restic"}
    assert found.mend == "unset AWS_PROFILE"


def test_a_default_profile_with_credentials_comes_from_files_that_should_not_be_read() -> None:
    (found,) = beaten(SERVED, ActiveProfile(name="default", kind=ProfileKind.STATIC))
    assert found.mend == "unset AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE"


def test_one_client_does_not_see_the_endpoint_without_a_token_file() -> None:
    (found,) = beaten({FULL_URI: "x", TOKEN: "t"}, PLAIN)
    assert found.sdks == ("object_store",)


def test_the_first_that_wins_is_the_one_that_is_told() -> None:
    environ = SERVED | dict.fromkeys((*OWN_KEYS, *WEB_NAMES, RELATIVE_URI), "x")
    (found,) = beaten(environ, PLAIN)
    assert found.by == "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"


names = st.sampled_from([*OWN_KEYS, *WEB_NAMES, *OLD_NAMES, RELATIVE_URI, TOKEN_FILE])


@given(st.sets(names), st.sampled_from([None, *ProfileKind]))
def test_every_sdk_is_told_of_once_and_no_value_is_repeated(
    there: set[str], kind: ProfileKind | None
) -> None:
    active = ActiveProfile(name="p", kind=kind, named="AWS_PROFILE")
    environ = {FULL_URI: "x"} | dict.fromkeys(there, "canary")
    found = beaten(environ, active)
    told = [name for each in found for name in each.sdks] + unaffected(environ, active)
    assert sorted(told) == sorted(ALL)
    assert "canary" not in repr(found)


@given(st.sets(names))
def test_doing_as_told_leaves_the_endpoint_to_everybody(there: set[str]) -> None:
    """Each command takes away one winner; after as many as there are, nothing beats the endpoint."""
    environ = SERVED | dict.fromkeys(there, "x")
    for _ in range(5):
        for each in beaten(environ, PLAIN):
            verb, *variables = each.mend.split()
            assert verb == "unset"
            environ = {name: value for name, value in environ.items() if name not in variables}
    assert beaten(environ, PLAIN) == []
