"""The AWS configuration: which profiles mean something, and which would wait for themselves."""

from __future__ import annotations

import pytest

from sentinel_server.credentials.config_file import FileText
from sentinel_server.credentials.profiles import Profiles
from sentinel_server.diagnosis.model import Finding, Verdict
from sentinel_server.diagnosis.profiles import profile_findings

BASE = "[profile base]\nregion = eu-central-1\n"
PROD = "[profile prod]\nrole_arn = arn:aws:iam::111122223333:role/prod\nsource_profile = base\n"


def found(config: str, asked: str | None = None) -> list[Finding]:
    """What is said of this configuration."""
    return profile_findings(Profiles(FileText(path="/h/.aws/config", text=config), None), asked)


def test_a_role_with_a_source_is_well_and_its_way_is_told() -> None:
    (only,) = found(BASE + PROD + "mfa_serial = arn:aws:iam::111122223333:mfa/dev\n", "prod")
    assert only.verdict is Verdict.OK
    assert only.what == (
        "profile prod from base assumes arn:aws:iam::111122223333:role/prod,"
        " MFA by arn:aws:iam::111122223333:mfa/dev"
    )


def test_a_profile_without_a_role_is_warned_of() -> None:
    _, about = found("[profile keys]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n", "keys")
    assert (about.verdict, about.what) == (Verdict.WARNING, "profile keys has no role to assume")
    assert about.mend == "aws configure set role_arn ARN --profile keys"


@pytest.mark.parametrize(
    ("config", "asked", "said"),
    [
        (BASE, "prd", "there is no profile 'prd'"),
        (PROD, "prod", "there is no source_profile 'base'"),
        (PROD + "[profile base]\nrole_arn = nonsense\n", "prod", "role_arn"),
        (
            "[profile x]\ncredential_process = sentinel credentials --profile x\n",
            "x",
            "which would ask itself",
        ),
    ],
)
def test_a_profile_that_was_asked_for_and_cannot_be_used_is_a_problem(
    config: str, asked: str, said: str
) -> None:
    (only,) = found(config, asked)
    assert (only.verdict, said in only.what) == (Verdict.PROBLEM, True)


def test_other_profiles_that_cannot_be_used_are_warned_of_and_only_some_are_listed() -> None:
    wrong = "".join(f"[profile w{each}]\nsource_profile = none\nrole_arn = x\n" for each in range(8))
    listed = found(BASE + PROD + wrong, "prod")
    assert [finding.verdict for finding in listed] == [Verdict.OK, *[Verdict.WARNING] * 6]
    assert listed[-1].what == "3 more profiles cannot be used"


def test_without_a_profile_they_are_counted() -> None:
    assert [finding.what for finding in found(BASE + PROD)] == ["the AWS configuration has 2 profiles"]
    assert [finding.what for finding in found(BASE)] == ["the AWS configuration has 1 profile"]


def through_us(command: str, name: str = "sdk") -> list[Finding]:
    """What is said of a profile whose credentials come from this command."""
    return found(BASE + PROD + f"[profile {name}]\ncredential_process = {command}\n", "prod")[1:]


def test_a_profile_that_asks_sentinel_for_another_is_as_documented() -> None:
    assert through_us("sentinel credentials --profile prod") == []
    assert through_us("sh -c 'sentinel credentials --profile=\"prod\"'") == []
    assert through_us("sentinel credentials") == []


def test_a_profile_that_asks_sentinel_for_itself_would_never_end() -> None:
    (only,) = through_us("/usr/bin/sentinel credentials --profile sdk")
    assert (only.verdict, "which would never end" in only.what) == (Verdict.PROBLEM, True)


def test_a_profile_that_asks_sentinel_for_nobody_is_warned_of() -> None:
    (only,) = through_us("sentinel credentials --profile 'gone'")
    assert (only.verdict, "profile gone, which is not there" in only.what) == (Verdict.WARNING, True)


def test_a_source_that_asks_sentinel_is_a_circle() -> None:
    config = PROD + "[profile base]\ncredential_process = sentinel credentials --profile prod\n"
    assert [finding.verdict for finding in found(config, "prod")] == [Verdict.PROBLEM]
