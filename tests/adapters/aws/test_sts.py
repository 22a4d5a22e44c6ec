"""The second hop against an AWS as strict as the real one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from sentinel_server.adapters.aws.clients import AwsSession
from sentinel_server.adapters.aws.sts import STS_TIMING, StsAssumer, StsClient, credentials_from
from sentinel_server.clock import SystemClock
from sentinel_server.credentials.deadline import deadline_policy
from sentinel_server.credentials.endpoints import Direct
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.credentials.ports import RoleAsk
from sentinel_server.errors import (
    CannotStamp,
    IdentityUnavailable,
    LoginRequired,
    RoleRefused,
    SentinelError,
    UpstreamFailed,
)
from sentinel_server.identity.source_identity import Marker, role_session_name, stamp_for
from sentinel_server.sandbox.aws import FaultName
from sentinel_server.sandbox.principals import SessionKeys, UserKeys
from sentinel_server.secret import Secret
from tests.fakes.aws import Sandbox, client, embedded_aws, trust
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.credentials import ALICE, FakeBase, a_session

ID = "0123456789abcdef"
STAMP = stamp_for(ALICE, Marker.DIRECT, ID)
HOUR = timedelta(hours=1)
BOTH = ["sts:AssumeRole", "sts:SetSourceIdentity"]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with embedded_aws() as running:
        yield running


@pytest.fixture(autouse=True)
def _healthy(sandbox: Sandbox) -> Iterator[None]:
    sandbox.aws.forget_calls()
    yield
    sandbox.aws.heal()


def as_credentials(keys: UserKeys | SessionKeys) -> AwsCredentials:
    token = keys.session_token if isinstance(keys, SessionKeys) else None
    return AwsCredentials(
        access_key_id=keys.access_key_id,
        secret_access_key=Secret(keys.secret_access_key),
        session_token=Secret(token) if token else None,
    )


@asynccontextmanager
async def assumer(sandbox: Sandbox, keys: UserKeys | SessionKeys | None = None) -> AsyncIterator[StsAssumer]:
    base = FakeBase(credentials=as_credentials(keys or sandbox.dev))
    clock = SystemClock()
    session = AwsSession(
        region="us-east-1",
        credentials=base.resolve,
        endpoints={"sts": sandbox.aws.url},
        observe=clock.observe,
        direct=Direct(),
    )
    roles = StsAssumer(StsClient(session), base, clock)
    try:
        yield roles
    finally:
        await roles.close()


def an_ask(role_arn: str, **changes: Any) -> RoleAsk:
    ask = RoleAsk(
        role_arn=role_arn,
        role_session_name=role_session_name(ALICE, ID),
        source_identity=STAMP,
        duration=timedelta(minutes=15),
    )
    return replace(ask, **changes)


async def test_w1_a_real_sts_accepts_our_stamp_and_gives_a_session_as_long_as_asked(sandbox: Sandbox) -> None:
    async with assumer(sandbox) as roles:
        given = await roles.assume(an_ask(sandbox.prod_arn))
    assert given.session_token is not None
    assert given.expires_at is not None
    assert abs(given.expires_at - datetime.now(UTC) - timedelta(minutes=15)) < timedelta(minutes=1)  # noqa: TID251
    (call,) = sandbox.aws.calls_to("sts", "AssumeRole")
    assert call.params["SourceIdentity"] == STAMP
    assert call.params["RoleSessionName"] == f"sentinel-u.alice-{ID}"
    assert int(call.params["DurationSeconds"]) == 900


async def test_w1_the_old_form_with_colons_is_refused_by_sts(sandbox: Sandbox) -> None:
    async with assumer(sandbox) as roles:
        with pytest.raises(UpstreamFailed, match="ValidationError"):
            await roles.assume(an_ask(sandbox.prod_arn, source_identity="sentinel:alice:direct:0a1b2c3d"))


async def test_w9_a_trust_policy_that_does_not_allow_stamping_is_cannot_stamp(sandbox: Sandbox) -> None:
    arn = sandbox.aws.add_role("no-stamp", trust(sandbox.dev_arn, actions=["sts:AssumeRole"]))
    await stamp_refused(sandbox, sandbox.dev, arn)


async def test_w9_a_caller_that_may_not_stamp_is_cannot_stamp(sandbox: Sandbox) -> None:
    allow = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    keys = sandbox.aws.add_user("plain", policy={"Version": "2012-10-17", "Statement": [allow]})
    arn = sandbox.aws.add_role("for-plain", trust(f"arn:aws:iam::{sandbox.aws.account_id}:user/plain"))
    await stamp_refused(sandbox, keys, arn)


async def test_w9_a_base_session_that_carries_another_stamp_is_cannot_stamp(sandbox: Sandbox) -> None:
    arn = sandbox.aws.add_role("chained", trust(sandbox.prod_arn))
    async with assumer(sandbox) as roles:
        first = await roles.assume(an_ask(sandbox.prod_arn))
    assert first.session_token is not None
    assert first.expires_at is not None
    keys = SessionKeys(
        first.access_key_id, first.secret_access_key.reveal(), first.session_token.reveal(), first.expires_at
    )
    await stamp_refused(sandbox, keys, arn, source_identity=stamp_for(ALICE, Marker.DIRECT, "f" * 16))


async def stamp_refused(sandbox: Sandbox, keys: UserKeys | SessionKeys, arn: str, **changes: Any) -> None:
    sandbox.aws.forget_calls()
    async with assumer(sandbox, keys) as roles:
        with pytest.raises(CannotStamp) as refused:
            await roles.assume(an_ask(arn, **changes))
    for cure in ("trust policy", "your permissions", "base session"):
        assert cure in refused.value.line()
    asked = sandbox.aws.calls_to("sts", "AssumeRole")
    assert [call.params["SourceIdentity"] for call in asked] == [an_ask(arn, **changes).source_identity]


async def test_a_role_that_does_not_trust_the_caller_is_role_refused_with_both_names(
    sandbox: Sandbox,
) -> None:
    arn = sandbox.aws.add_role("private", trust(f"arn:aws:iam::{sandbox.aws.account_id}:user/nobody"))
    async with assumer(sandbox) as roles:
        with pytest.raises(RoleRefused) as refused:
            await roles.assume(an_ask(arn))
    assert arn in refused.value.message
    assert sandbox.dev_arn in refused.value.message


async def test_an_external_id_is_sent(sandbox: Sandbox) -> None:
    condition = {"StringEquals": {"sts:ExternalId": "x-1"}}
    arn = sandbox.aws.add_role("external", trust(sandbox.dev_arn, condition=condition))
    async with assumer(sandbox) as roles:
        assert (await roles.assume(an_ask(arn, external_id="x-1"))).session_token
        with pytest.raises(RoleRefused):
            await roles.assume(an_ask(arn))


async def test_tags_that_the_role_does_not_allow_are_refused_with_their_cure(sandbox: Sandbox) -> None:
    tags = (("SentinelIssue", ID),)
    allowed = sandbox.aws.add_role("tagged", trust(sandbox.dev_arn, actions=[*BOTH, "sts:TagSession"]))
    async with assumer(sandbox) as roles:
        assert (await roles.assume(an_ask(allowed, tags=tags))).session_token
        with pytest.raises(RoleRefused) as refused:
            await roles.assume(an_ask(sandbox.prod_arn, tags=tags))
    assert "session_tags: false" in refused.value.hint


@pytest.mark.parametrize(
    ("deadline", "works"), [(timedelta(minutes=5), True), (timedelta(seconds=-5), False)]
)
async def test_a_deadline_is_kept_by_aws_itself(sandbox: Sandbox, deadline: timedelta, works: bool) -> None:
    not_after = SystemClock().now() + deadline
    async with assumer(sandbox) as roles:
        given = await roles.assume(an_ask(sandbox.prod_arn, not_after=not_after))
    assert given.session_token is not None
    assert given.expires_at is not None
    keys = SessionKeys(
        given.access_key_id, given.secret_access_key.reveal(), given.session_token.reveal(), given.expires_at
    )
    ssm = client(sandbox.aws, "ssm", keys)
    if works:
        ssm.describe_parameters()
    else:
        with pytest.raises(ssm.exceptions.ClientError, match="explicit deny"):
            ssm.describe_parameters()
    (call,) = sandbox.aws.calls_to("sts", "AssumeRole")
    assert call.params["Policy"] == deadline_policy(not_after)


async def test_a_session_longer_than_the_role_allows_is_asked_for_once_more_for_an_hour(
    sandbox: Sandbox,
) -> None:
    arn = sandbox.aws.add_role("hourly", trust(sandbox.dev_arn), max_session=3600)
    async with assumer(sandbox) as roles:
        given = await roles.assume(an_ask(arn, duration=timedelta(hours=4)))
    assert given.expires_at is not None
    assert given.expires_at < SystemClock().now() + HOUR + timedelta(minutes=1)
    asked = sandbox.aws.calls_to("sts", "AssumeRole")
    assert [int(call.params["DurationSeconds"]) for call in asked] == [14400, 3600]
    assert {call.params["SourceIdentity"] for call in asked} == {STAMP}


async def test_a_long_session_of_a_role_session_falls_back_to_an_hour_and_keeps_its_refusals(
    sandbox: Sandbox,
) -> None:
    sso = "AWSReservedSSO_Dev_0123456789abcdef"
    dev = sandbox.aws.add_role(sso, trust(sandbox.dev_arn))
    keys = sandbox.aws.sso_session(dev, "alice@example.com")
    arn = sandbox.aws.add_role("from-sso", trust(dev), max_session=43200)
    async with assumer(sandbox, keys) as roles:
        assert (await roles.assume(an_ask(arn, duration=timedelta(hours=2)))).session_token
        with pytest.raises(RoleRefused):
            await roles.assume(an_ask(sandbox.prod_arn, duration=timedelta(hours=2)))


@pytest.mark.parametrize(
    ("kind", "becomes"),
    [
        ("throttle", UpstreamFailed),
        ("error500", UpstreamFailed),
        ("drop", UpstreamFailed),
        ("reset", UpstreamFailed),
        ("wrong-json", UpstreamFailed),
        ("deny", RoleRefused),
    ],
)
async def test_w9_every_bad_day_of_sts_is_an_error_of_ours_and_never_an_unstamped_try(
    sandbox: Sandbox, kind: FaultName, becomes: type[SentinelError]
) -> None:
    sandbox.aws.fail(service="sts", kind=kind)
    async with assumer(sandbox) as roles:
        with pytest.raises(becomes):
            await roles.assume(an_ask(sandbox.prod_arn))
    asked = sandbox.aws.calls_to("sts", "AssumeRole")
    assert 1 <= len(asked) <= STS_TIMING.attempts
    assert all(call.params["SourceIdentity"] == STAMP for call in asked)


async def test_an_sts_that_nobody_answers_for_is_upstream_failed(sandbox: Sandbox) -> None:
    base = FakeBase(credentials=as_credentials(sandbox.dev))
    session = AwsSession(
        region="us-east-1",
        credentials=base.resolve,
        endpoints={"sts": "http://127.0.0.1:1"},
        direct=Direct(),
    )
    roles = StsAssumer(StsClient(session), base, SystemClock())
    with pytest.raises(UpstreamFailed):
        await roles.assume(an_ask(sandbox.prod_arn))
    await roles.close()


async def test_lapsed_base_credentials_ask_for_a_login(sandbox: Sandbox) -> None:
    dev = sandbox.aws.add_role("lapsing", trust(sandbox.dev_arn))
    keys = sandbox.aws.sso_session(dev, "alice", seconds=-60)
    async with assumer(sandbox, keys) as roles:
        with pytest.raises(LoginRequired):
            await roles.assume(an_ask(sandbox.prod_arn))


async def test_base_credentials_that_aws_does_not_know_are_no_identity(sandbox: Sandbox) -> None:
    async with assumer(sandbox, UserKeys("AKIANOBODY0000000000", "x" * 40)) as roles:
        with pytest.raises(IdentityUnavailable):
            await roles.assume(an_ask(sandbox.prod_arn))


async def test_long_lived_keys_become_a_session_token_of_at_least_fifteen_minutes(sandbox: Sandbox) -> None:
    async with assumer(sandbox) as roles:
        given = await roles.session_token(timedelta(minutes=5))
    assert given.session_token is not None
    (call,) = sandbox.aws.calls_to("sts", "GetSessionToken")
    assert int(call.params["DurationSeconds"]) == 900


async def test_temporary_base_credentials_are_handed_over_as_they_are(sandbox: Sandbox) -> None:
    clock = FakeClock()
    base = FakeBase(credentials=a_session(clock, lasting=timedelta(hours=8)))
    roles = StsAssumer(StsClient(cast("AwsSession", CannedSts({}))), base, clock)
    assert await roles.session_token(HOUR) == base.credentials
    base.credentials = replace(base.credentials, expires_at=None)
    assert (await roles.session_token(HOUR)).expires_at == NOON + timedelta(minutes=15)


class CannedSts:
    """An AwsSession whose STS says what a test wants, even what the real one never should."""

    def __init__(self, *answers: Mapping[str, Any] | Exception) -> None:
        self._answers = list(answers)

    @asynccontextmanager
    async def calls(self, *_: object) -> AsyncIterator[CannedSts]:
        yield self

    async def assume_role(self, **_: object) -> Mapping[str, Any]:
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def refused_with(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "AssumeRole")


TOO_LONG = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."


@pytest.mark.parametrize(
    ("second", "becomes"),
    [
        (refused_with("AccessDenied", "not authorized to perform: sts:SetSourceIdentity"), CannotStamp),
        (refused_with("AccessDenied", "not authorized to perform: sts:AssumeRole"), RoleRefused),
        (refused_with("ValidationError", TOO_LONG), UpstreamFailed),
    ],
)
async def test_the_second_try_for_an_hour_is_the_last(
    second: Exception, becomes: type[SentinelError]
) -> None:
    canned = CannedSts(refused_with("ValidationError", TOO_LONG), second)
    roles = StsAssumer(StsClient(cast("AwsSession", canned)), FakeBase(), FakeClock())
    with pytest.raises(becomes):
        await roles.assume(an_ask("arn:aws:iam::111122223333:role/prod", duration=timedelta(hours=2)))


def an_answer(**changes: Any) -> dict[str, Any]:
    keys = {"AccessKeyId": "ASIAX", "SecretAccessKey": "s", "SessionToken": "t"}
    credentials = {**keys, "Expiration": NOON + timedelta(minutes=15), **changes.pop("Credentials", {})}
    return {"Credentials": credentials, "SourceIdentity": STAMP, **changes}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (an_answer(SourceIdentity=None), "without our stamp"),
        (an_answer(SourceIdentity="sentinel=u.mallory=d=" + ID), "without our stamp"),
        (an_answer(Credentials={"Expiration": NOON + timedelta(minutes=17)}), "longer than was asked"),
        ({"SourceIdentity": STAMP, "Credentials": {"AccessKeyId": "ASIAX"}}, "cannot be used"),
        ({"SourceIdentity": STAMP}, "cannot be used"),
        ({}, "without our stamp"),
    ],
)
async def test_w9_an_answer_that_is_not_what_was_asked_for_is_not_handed_on(
    answer: dict[str, Any], why: str
) -> None:
    roles = StsAssumer(StsClient(cast("AwsSession", CannedSts(answer))), FakeBase(), FakeClock())
    with pytest.raises(UpstreamFailed, match=why):
        await roles.assume(an_ask("arn:aws:iam::111122223333:role/prod"))


async def test_a_session_may_end_a_minute_later_than_asked_for_clocks_that_differ() -> None:
    answer = an_answer(Credentials={"Expiration": NOON + timedelta(minutes=16)})
    roles = StsAssumer(StsClient(cast("AwsSession", CannedSts(answer))), FakeBase(), FakeClock())
    assert (await roles.assume(an_ask("arn:aws:iam::111122223333:role/prod"))).access_key_id == "ASIAX"


@pytest.mark.parametrize("name", ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"])
@pytest.mark.parametrize("value", [None, "", {"a": ""}, 7])
def test_credentials_that_are_none_are_not_made_up(name: str, value: object) -> None:
    good = {"AccessKeyId": "ASIA", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": NOON}
    assert credentials_from(cast(Any, good)).expires_at == NOON
    with pytest.raises(TypeError, match=name):
        credentials_from(cast(Any, {**good, name: value}))
    with pytest.raises(KeyError):
        credentials_from(cast(Any, {key: each for key, each in good.items() if key != name}))
