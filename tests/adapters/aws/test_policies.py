"""Policies in SSM: what is known of one, and what each failure says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from sentinel_server.adapters.aws.parameters import read_parameter
from sentinel_server.adapters.aws.policies import SsmPolicies
from sentinel_server.adapters.aws.timing import URGENT
from sentinel_server.errors import InvalidIdentifier, LoginRequired, PolicyUnavailable, SentinelError
from sentinel_server.policy.schema import Origin
from tests.fakes.policies import SsmShelf, ssm_shelf

if TYPE_CHECKING:
    from types_aiobotocore_ssm import SSMClient

ALLOW = "version: 1\nrules:\n  - {name: all, effect: allow, match: any}\n"
WHERE = "the SSM parameter /sentinel/policies/prod in us-east-1"


@pytest.fixture
async def shelf() -> AsyncIterator[SsmShelf]:
    async with ssm_shelf() as opened:
        yield opened


async def refusal(source: SsmPolicies, profile: str = "prod") -> SentinelError:
    with pytest.raises(SentinelError) as caught:
        await source.load(profile)
    return caught.value


async def test_version_and_account_come_from_the_parameter(shelf: SsmShelf) -> None:
    shelf.put("prod", ALLOW)
    shelf.put("prod", ALLOW)
    loaded = await shelf.source.load("prod")
    account = shelf.aws.aws.account_id
    assert (loaded.name, loaded.origin) == ("/sentinel/policies/prod", Origin.SSM)
    assert (loaded.version, loaded.account) == ("2", account)


async def test_one_parameter_can_serve_every_profile() -> None:
    async with ssm_shelf(parameter="/sentinel/policies/shared") as shelf:
        shelf.put("shared", ALLOW)
        assert (await shelf.source.load("anything: at all")).name == "/sentinel/policies/shared"


async def test_a_missing_parameter_names_the_region(shelf: SsmShelf) -> None:
    with pytest.raises(PolicyUnavailable, match=f"no policy for prod: {WHERE} does not exist") as caught:
        await shelf.source.load("prod")
    assert "is us-east-1 the right region?" in caught.value.hint


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("deny", f"not allowed to read {WHERE}"),
        ("throttle", f"SSM throttled the reading of {WHERE}"),
        ("error500", WHERE),
        ("drop", WHERE),
        ("reset", WHERE),
        ("wrong-json", "prod"),
    ],
)
async def test_whatever_goes_wrong_the_policy_is_unavailable(shelf: SsmShelf, fault: Any, said: str) -> None:
    shelf.put("prod", ALLOW)
    shelf.aws.aws.fail(service="ssm", kind=fault)
    with pytest.raises(PolicyUnavailable) as caught:
        await shelf.source.load("prod")
    assert said in caught.value.message


async def test_an_answer_that_comes_too_late_is_none() -> None:
    async with ssm_shelf(timing=URGENT) as shelf:
        shelf.put("prod", ALLOW)
        shelf.aws.aws.fail(service="ssm", kind="latency", seconds=3)
        with pytest.raises(PolicyUnavailable, match=WHERE):
            await shelf.source.load("prod")


@pytest.mark.parametrize("profile", ["prod:1", "a//b", "/prod", "a b", "é"])
async def test_a_profile_that_would_name_something_else_is_refused(shelf: SsmShelf, profile: str) -> None:
    with pytest.raises(InvalidIdentifier) as caught:
        await shelf.source.load(profile)
    assert "--policy-parameter" in caught.value.hint


class OddSsm:
    """An SSM client that gives one answer or raises one error."""

    class meta:
        region_name = "eu-central-1"

    def __init__(self, answer: dict[str, Any] | Exception) -> None:
        self._answer = answer

    async def get_parameter(self, **_: object) -> dict[str, Any]:
        """The answer."""
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def odd(answer: dict[str, Any] | Exception) -> SsmPolicies:
    """A source over such a client."""
    return SsmPolicies(cast("SSMClient", OddSsm(answer)))


@pytest.mark.parametrize("answer", [{}, {"Parameter": {}}, {"Parameter": {"Value": ""}}])
async def test_an_answer_without_a_value_is_no_policy(answer: dict[str, Any]) -> None:
    assert (await refusal(odd(answer))).message == "the SSM parameter /sentinel/policies/prod is empty"


@pytest.mark.parametrize("more", [{}, {"ARN": ""}, {"ARN": "odd"}, {"ARN": "arn:aws:ssm:eu-central-1::x"}])
async def test_a_value_that_names_no_account_is_not_used(more: dict[str, str]) -> None:
    """Without one a bare name would mean whoever has it, in whatever account."""
    said = await refusal(odd({"Parameter": {"Value": ALLOW, **more}}))
    assert "does not say in which account" in said.message


async def test_lapsed_base_credentials_ask_for_a_login() -> None:
    from botocore.exceptions import ClientError

    error = ClientError({"Error": {"Code": "ExpiredTokenException", "Message": "expired"}}, "GetParameter")
    assert isinstance(await refusal(odd(error)), LoginRequired)


class Garbling:
    """A client that answers every reading with what a test put here."""

    meta = SimpleNamespace(region_name="us-east-1")

    def __init__(self, answer: object) -> None:
        self.answer = answer

    async def get_parameter(self, **_: object) -> object:
        """The answer."""
        return self.answer


GOOD = {"Name": "/sentinel/policies/prod", "Value": ALLOW, "ARN": "arn:aws:ssm:us-east-1:111122223333:p/x"}


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {"Parameter": None},
        {"Parameter": []},
        {"Parameter": "x"},
        {"Parameter": {**GOOD, "Value": 3}},
        {"Parameter": {**GOOD, "Value": ["x"]}},
        {"Parameter": {**GOOD, "ARN": 1}},
        {"Parameter": {**GOOD, "Name": None}},
        {"Parameter": {**GOOD, "Name": "/sentinel/policies/dev"}},
    ],
    ids=str,
)
async def test_an_answer_that_is_not_of_this_policy_is_none(answer: object) -> None:
    client: Any = Garbling(answer)
    with pytest.raises(PolicyUnavailable, match="not one of AWS"):
        await SsmPolicies(client).load("prod")
    with pytest.raises(PolicyUnavailable, match="not one of AWS"):
        await read_parameter(client, "/sentinel/policies/prod")


@pytest.mark.parametrize("asked", ["/sentinel/policies/prod", "/sentinel/policies/prod:3", GOOD["ARN"]])
async def test_a_parameter_is_known_by_its_name_however_it_was_asked_for(asked: str) -> None:
    client: Any = Garbling({"Parameter": GOOD})
    assert (await SsmPolicies(client, parameter=asked).load("prod")).account == "111122223333"
