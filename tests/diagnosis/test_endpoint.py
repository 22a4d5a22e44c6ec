"""The endpoint as SDKs see it: its place, its token, what is around it, and its answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sentinel_server.credentials.environment import CLEARED
from sentinel_server.credentials.profiles import ProfileKind
from sentinel_server.diagnosis.endpoint import (
    Address,
    Answer,
    Tokens,
    answer_finding,
    endpoint_findings,
    no_endpoint,
)
from sentinel_server.diagnosis.model import Finding, Verdict
from sentinel_server.diagnosis.sdks import FULL_URI, TOKEN, TOKEN_FILE, ActiveProfile

HERE = Address(scheme="http", host="127.0.0.1", netloc="127.0.0.1:4711", path="/credentials")
BOTH = Tokens(variable=True, file=True)
PLAIN = ActiveProfile(name="default", kind=ProfileKind.ENVIRONMENT)
SERVED = {
    FULL_URI: "http://127.0.0.1:4711/credentials",
    TOKEN: "canary",
    TOKEN_FILE: "/run/canary",
    "AWS_EC2_METADATA_DISABLED": "true",
    "NO_PROXY": "127.0.0.1,localhost",
}
GIVEN = Answer(status=200, code="", message="", content_type="application/json", seconds=0.02)


def told(
    address: Address = HERE, tokens: Tokens = BOTH, active: ActiveProfile = PLAIN, **variables: str
) -> list[Finding]:
    """What is wrong in a served shell that was changed so."""
    found = endpoint_findings({**SERVED, **variables}, address, tokens, active)
    assert "canary" not in repr(found)
    return [finding for finding in found if finding.verdict is not Verdict.OK]


def test_in_a_shell_as_we_make_it_nothing_is_wrong() -> None:
    assert told() == []


@pytest.mark.parametrize(
    "address",
    [
        Address(scheme="http", host="10.0.0.7", netloc="10.0.0.7", path="/x"),
        Address(scheme="https", host="127.0.0.1", netloc="127.0.0.1", path="/x"),
        Address(scheme="http", host="127.0.0.1", netloc="u:p@127.0.0.1", path="/x"),
        Address(scheme="", host="", netloc="", path=""),
    ],
)
def test_the_token_is_shown_to_this_machine_alone(address: Address) -> None:
    assert not address.is_here
    (found,) = told(address)
    assert (found.verdict, "is not of this machine" in found.what) == (Verdict.PROBLEM, True)


def test_containers_have_another_address_that_older_sdks_refuse() -> None:
    address = replace(HERE, host="169.254.170.2", netloc="169.254.170.2")
    assert address.is_here
    assert [finding.verdict for finding in told(address)] == [Verdict.WARNING]


def test_an_endpoint_without_a_path_is_ignored_by_one_sdk() -> None:
    (found,) = told(replace(HERE, path=""))
    assert (found.verdict, "Ruby" in found.why) == (Verdict.WARNING, True)


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (Tokens(variable=False, file=False), f"neither {TOKEN} nor {TOKEN_FILE} is set"),
        (replace(BOTH, unreadable="permission denied"), "cannot be read"),
        (replace(BOTH, same=False), "differ"),
        (replace(BOTH, ends_in_newline=True), "ends in a newline"),
    ],
)
def test_a_token_that_sdks_cannot_use_is_a_problem(tokens: Tokens, said: str) -> None:
    (found,) = told(tokens=tokens)
    assert (found.verdict, said in found.what) == (Verdict.PROBLEM, True)


def test_the_machines_own_role_must_not_be_found_instead() -> None:
    (found,) = told(AWS_EC2_METADATA_DISABLED="false")
    assert found.mend == "export AWS_EC2_METADATA_DISABLED=true"


def test_a_proxy_must_not_see_the_token() -> None:
    (found,) = told(HTTP_PROXY="http://proxy", NO_PROXY="example.com")
    assert (found.verdict, "through the proxy" in found.why) == (Verdict.WARNING, True)
    assert told(HTTP_PROXY="http://proxy", NO_PROXY="*") == []
    assert told(HTTP_PROXY="http://proxy", NO_PROXY="a, 127.0.0.1") == []


def test_a_region_that_only_some_read_is_told() -> None:
    (found,) = told(AWS_REGION="eu-west-1")
    assert found.mend == 'export AWS_DEFAULT_REGION="$AWS_REGION"'
    assert told(AWS_REGION="eu-west-1", AWS_DEFAULT_REGION="eu-west-1") == []


def test_a_profile_that_is_not_there_stops_some() -> None:
    (found,) = told(active=ActiveProfile(name="gone", kind=None, named="AWS_PROFILE"))
    assert found.what == "AWS_PROFILE names profile gone, which is not there"
    assert found.mend == "unset AWS_PROFILE"


def test_who_would_not_use_it_is_named_with_what_they_prefer() -> None:
    (found,) = told(AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="/v2")
    assert found.what.startswith("AWS CLI, boto3, JavaScript v3")
    assert found.mend == "unset AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"


# ---- its answer


def test_credentials_in_time_are_well() -> None:
    found = answer_finding(HERE, GIVEN)
    assert (found.verdict, found.what) == (
        Verdict.OK,
        "127.0.0.1:4711 gives credentials for this token, in 20 ms",
    )


def test_a_refusal_is_told_as_the_server_words_it() -> None:
    refused = replace(GIVEN, status=403, code="SessionRevoked", message="session 1 was revoked by eve")
    found = answer_finding(HERE, refused)
    assert (found.verdict, found.what) == (Verdict.PROBLEM, "127.0.0.1:4711 refuses: 403 SessionRevoked")
    assert found.why == "session 1 was revoked by eve"


@pytest.mark.parametrize(
    "answer",
    [replace(GIVEN, seconds=1.2), replace(GIVEN, content_type="application/json; charset=utf-8")],
)
def test_what_some_sdks_do_not_take_is_a_warning(answer: Answer) -> None:
    assert answer_finding(HERE, answer).verdict is Verdict.WARNING


# ---- where nothing serves


def test_outside_the_variables_that_a_child_would_not_see_are_named_without_values() -> None:
    found = no_endpoint({"AWS_PROFILE": "canary", "AWS_ACCESS_KEY_ID": "", "HOME": "/h"}, CLEARED)
    assert (found.verdict, found.what.endswith("from its child: AWS_PROFILE")) == (Verdict.OK, True)
    assert "canary" not in found.what
    assert "nothing here would beat" in no_endpoint({"HOME": "/h"}, CLEARED).what
