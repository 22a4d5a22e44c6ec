"""What the wizard writes means what was answered: it parses, lints clean, and lets in nobody else."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from cli.setup.answers import Answers
from cli.setup.documents import Places, access_policy, policies, settings
from sentinel_server.errors import BadInput
from sentinel_server.identity.arn import parse_principal
from sentinel_server.policy.documents import parse_document
from sentinel_server.policy.evaluate import PolicyAsk, evaluate
from sentinel_server.policy.lint import Severity, lint
from sentinel_server.policy.parse import parse_policy
from sentinel_server.policy.schema import Effect, Mode
from tests.fakes.clock import NOON

PLACES = Places(
    policies=Path("/h/policies"),
    sides={name: Path(f"/h/{name}.yaml") for name in ("approvals", "breakglass", "ratelimits")},
)
BASIC = Answers(
    profiles=("prod",),
    user="dev",
    server=True,
    approvals=False,
    approvers=("eve",),
    breakglass=False,
    signing=False,
    tables=False,
    ssm=False,
)


def effect(answers: Answers, mode: Mode, user: str = "dev") -> Effect | None:
    """What the policy of prod decides."""
    principal = parse_principal(f"arn:aws:iam::111122223333:user/{user}", unique_id="AIDA")
    ask = PolicyAsk(principal=principal, profile="prod", mode=mode, now=NOON, home_account=principal.account)
    rule = evaluate(parse_policy(access_policy(answers, "prod"), file="prod.yaml"), ask).rule
    return None if rule is None else rule.effect


def test_a_live_shell_is_wanted_or_any_door_will_do() -> None:
    assert effect(BASIC, Mode.SERVER) is Effect.REQUIRE_SERVER
    assert effect(BASIC, Mode.CLI) is Effect.REQUIRE_SERVER
    assert effect(replace(BASIC, server=False), Mode.CLI) is Effect.ALLOW


def test_an_approval_opens_live_shells_only_when_these_are_wanted() -> None:
    asking = replace(BASIC, approvals=True)
    assert (effect(asking, Mode.SERVER), effect(asking, Mode.CLI)) == (Effect.REQUIRE_APPROVAL, None)
    assert effect(replace(asking, server=False), Mode.CLI) is Effect.REQUIRE_APPROVAL


@pytest.mark.parametrize("mode", [Mode.SERVER, Mode.CLI, Mode.CREDENTIAL_PROCESS])
def test_nobody_else_gets_in(mode: Mode) -> None:
    assert effect(replace(BASIC, server=False), mode, "eve") is None


@pytest.mark.parametrize(
    ("server", "approvals", "breakglass", "unstamped"), list(product((False, True), repeat=4))
)
def test_every_document_is_valid_and_lints_without_an_error(
    server: bool, approvals: bool, breakglass: bool, unstamped: bool
) -> None:
    answers = replace(
        BASIC,
        server=server,
        approvals=approvals,
        breakglass=breakglass,
        roleless=("prod",),
        unstamped=unstamped,
    )
    written = policies(answers, PLACES)
    assert len(written) == 1 + approvals + 2 * breakglass
    for path, text in written.items():
        parse_document(text.encode(), file=str(path))
        findings = lint(text, file=str(path), now=NOON, kind=None)
        assert [each for each in findings if each.severity is Severity.ERROR] == []
    assert ("allow_unstamped: true" in written[Path("/h/policies/prod.yaml")]) is unstamped


def test_each_document_is_of_the_kind_that_its_place_wants() -> None:
    written = policies(replace(BASIC, approvals=True, breakglass=True), PLACES)
    kinds = {path.stem: parse_document(text.encode(), file="x") for path, text in written.items()}
    assert {name: type(document).__name__ for name, document in kinds.items()} == {
        "prod": "Policy",
        "approvals": "ApprovalPolicy",
        "breakglass": "BreakGlassPolicy",
        "ratelimits": "RateLimitPolicy",
    }


def test_names_with_quotes_and_signs_stay_names() -> None:
    answers = replace(BASIC, profiles=("it's a # name",))
    (text,) = policies(answers, PLACES).values()
    (rule,) = parse_policy(text, file="x").rules
    assert rule.conditions.profiles == ("it's a # name",)


@pytest.mark.parametrize("name", ["../prod", "a/b", ".hidden", "a:b", "a\\b"])
def test_a_profile_that_can_be_no_files_name_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="no policy file can be named"):
        policies(replace(BASIC, profiles=(name,)), PLACES)


def test_settings_are_changed_for_what_is_shared_and_not_configured_yet() -> None:
    assert settings(BASIC) == {}
    shared = replace(BASIC, tables=True, ssm=True, region="eu-central-1")
    assert settings(shared) == {
        "store": "dynamodb://eu-central-1/sentinel-",
        "policies": "ssm://eu-central-1/sentinel/policies",
    }
    assert settings(replace(shared, settled=("tables", "ssm"))) == {}
