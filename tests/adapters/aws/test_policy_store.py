"""Policies in SSM: tiers, SecureStrings, two names in one call, and somebody who is faster."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from sentinel_server.errors import (
    BadInput,
    InvalidIdentifier,
    PolicyChanged,
    PolicyUnavailable,
    SentinelError,
)
from sentinel_server.policy.stored import PLAIN, Shape, Stored
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.policy_stores import FlakyClient, ssm_client, ssm_store
from tests.fakes.signers import ALLOW, DENY

NAME = "/sentinel/policies/prod"


class Opened:
    """An embedded AWS, our client of its SSM, and somebody else's."""

    def __init__(self, sandbox: Sandbox, client: Any) -> None:
        self.sandbox = sandbox
        self.client = client
        self.ssm = sandbox.client("ssm")

    def store(self, shape: Shape = PLAIN, client: Any = None) -> Any:
        """A store over the usual parameters."""
        return ssm_store(client or self.client, self.sandbox, "/sentinel/policies", shape)

    def versions(self, name: str = NAME) -> list[dict[str, Any]]:
        """What Parameter Store has, oldest first."""
        found: list[dict[str, Any]] = self.ssm.get_parameter_history(Name=name, WithDecryption=True)[
            "Parameters"
        ]
        return found

    def theirs(self, text: str = "theirs", name: str = NAME) -> Callable[[], None]:
        """What somebody else does."""
        return lambda: self.ssm.put_parameter(Name=name, Value=text, Overwrite=True, Type="String")


@pytest.fixture
async def aws() -> AsyncIterator[Opened]:
    with embedded_aws() as sandbox:
        async with ssm_client(sandbox) as client:
            yield Opened(sandbox, client)


async def put(aws: Opened, data: bytes, shape: Shape = PLAIN) -> int:
    """Read and write, as one who pushes does."""
    store = aws.store(shape)
    version: int = await store.write_policy(await store.read("prod"), data)
    return version


async def test_both_parameters_are_asked_for_in_one_call(aws: Opened) -> None:
    await put(aws, ALLOW)
    aws.sandbox.aws.forget_calls()
    seen = await aws.store().read("prod")
    asked = aws.sandbox.aws.calls_to("ssm")
    assert [(call.operation, call.params["Names"]) for call in asked] == [
        ("GetParameters", [NAME, NAME + ".sig"])
    ]
    assert (seen.place.account, seen.place.region) == (aws.sandbox.aws.account_id, "us-east-1")


def sized(size: int) -> bytes:
    """A text of so many bytes."""
    return b"#" * size


@pytest.mark.parametrize(
    ("tier", "size", "used"),
    [
        ("auto", 4096, "Standard"),
        ("auto", 4097, "Advanced"),
        ("auto", 8192, "Advanced"),
        ("standard", 4096, "Standard"),
        ("advanced", 10, "Advanced"),
    ],
)
async def test_a20_the_tier_is_chosen_by_size_or_by_the_author(
    aws: Opened, tier: Any, size: int, used: str
) -> None:
    await put(aws, sized(size), Shape(tier=tier))
    assert aws.versions()[-1]["Tier"] == used


@pytest.mark.parametrize(("tier", "size"), [("auto", 8193), ("advanced", 20 * 1024), ("standard", 4097)])
async def test_a20_what_does_not_fit_is_refused_before_anything_is_written(
    aws: Opened, tier: Any, size: int
) -> None:
    with pytest.raises(BadInput, match=f"{size} bytes"):
        await put(aws, sized(size), Shape(tier=tier))
    assert (await aws.store().read("prod")).version == 0


async def test_a20_an_advanced_parameter_stays_one(aws: Opened) -> None:
    await put(aws, sized(5000))
    await put(aws, ALLOW)
    assert aws.versions()[-1]["Tier"] == "Advanced"
    with pytest.raises(BadInput, match="advanced tier, which is kept"):
        await put(aws, DENY, Shape(tier="standard"))


async def test_a20_a_secure_string_keeps_its_key_when_it_is_written_again(aws: Opened) -> None:
    key = aws.sandbox.client("kms").create_key()["KeyMetadata"]["Arn"]
    await put(aws, ALLOW, Shape(secure=True, kms_key_id=key))
    await put(aws, DENY)
    assert [(each["Type"], each["KeyId"]) for each in aws.versions()] == [("SecureString", key)] * 2
    assert (await aws.store().read("prod")).data == DENY


async def test_a20_a_string_does_not_become_a_secure_string(aws: Opened) -> None:
    await put(aws, ALLOW)
    with pytest.raises(BadInput, match="is a String"):
        await put(aws, DENY, Shape(secure=True))


async def test_a20_of_two_who_create_one_wins(aws: Opened) -> None:
    flaky = FlakyClient(aws.client, meanwhile={2: aws.theirs()})
    store = aws.store(client=flaky)
    with pytest.raises(PolicyChanged, match="created by somebody else"):
        await store.write_policy(await store.read("prod"), ALLOW)
    assert [each["Value"] for each in aws.versions()] == ["theirs"]


async def test_a20_somebody_who_writes_before_us_is_not_overwritten(aws: Opened) -> None:
    await put(aws, ALLOW)
    flaky = FlakyClient(aws.client, meanwhile={2: aws.theirs()})
    store = aws.store(client=flaky)
    with pytest.raises(PolicyChanged, match="nothing was written"):
        await store.write_policy(await store.read("prod"), DENY)
    assert aws.versions()[-1]["Value"] == "theirs"


async def test_a20_somebody_who_writes_in_the_last_moment_is_named_and_can_be_put_back(aws: Opened) -> None:
    await put(aws, ALLOW)
    flaky = FlakyClient(aws.client, meanwhile={3: aws.theirs()})
    store = aws.store(client=flaky)
    with pytest.raises(PolicyChanged, match=r"version 2 of .* was written by somebody else") as caught:
        await store.write_policy(await store.read("prod"), DENY)
    assert caught.value.hint == "to put theirs back: sentinel policy rollback prod --to 2"
    assert [each["Value"] for each in aws.versions()] == [ALLOW.decode(), "theirs", DENY.decode()]


async def test_an_envelope_overwritten_in_the_last_moment_is_put_back(aws: Opened) -> None:
    store = aws.store()
    await store.write_envelope(await store.read("prod"), b"first")
    flaky = FlakyClient(aws.client, meanwhile={3: aws.theirs(name=NAME + ".sig")})
    store = aws.store(client=flaky)
    with pytest.raises(PolicyChanged, match="pushing /sentinel/policies/prod just now"):
        await store.write_envelope(await store.read("prod"), b"mine")
    assert [each["Value"] for each in aws.versions(NAME + ".sig")] == ["first", "theirs", "mine", "theirs"]


async def test_a_parameter_deleted_and_made_again_is_not_the_one_that_was_seen(aws: Opened) -> None:
    await put(aws, ALLOW)
    seen = await aws.store().read("prod")
    aws.ssm.delete_parameter(Name=NAME)
    with pytest.raises(PolicyChanged):
        await aws.store().write_policy(seen, DENY)
    aws.theirs()()
    with pytest.raises(PolicyChanged):
        await aws.store().write_policy(seen, DENY)


@pytest.mark.parametrize("there", [False, True], ids=["create", "overwrite"])
async def test_a_request_sent_twice_because_its_answer_was_lost_is_not_a_rival(
    aws: Opened, there: bool
) -> None:
    if there:
        await put(aws, ALLOW)
    again = aws.theirs(DENY.decode())
    flaky = FlakyClient(aws.client, meanwhile={3 if there else 2: again})
    store = aws.store(client=flaky)
    await store.write_policy(await store.read("prod"), DENY)
    assert (await store.read("prod")).data == DENY


async def test_history_names_the_author_and_finds_the_envelope_of_each_version(aws: Opened) -> None:
    for text in (ALLOW, DENY):
        await put(aws, text)
    first, second = reversed(await aws.store().history("prod"))
    assert (first.version, second.version) == (1, 2)
    assert first.at <= second.at
    assert first.envelope is None


@pytest.mark.parametrize("profile", ["prod.sig", "team/prod.sig", "../prod", ""])
async def test_a18_no_profile_is_named_like_a_signature(aws: Opened, profile: str) -> None:
    with pytest.raises(InvalidIdentifier):
        await aws.store().read(profile)


async def test_a18_envelopes_of_different_roots_lie_apart(aws: Opened) -> None:
    one = ssm_store(aws.client, aws.sandbox, "/custom")
    two = ssm_store(aws.client, aws.sandbox, "/sentinel/policies/custom")
    await one.write_envelope(await one.read("x"), b"one")
    await two.write_envelope(await two.read("x"), b"two")
    assert ((await one.read("x")).envelope, (await two.read("x")).envelope) == (b"one", b"two")


async def test_what_aws_refuses_is_said_in_our_words(aws: Opened) -> None:
    await put(aws, ALLOW)
    aws.sandbox.aws.fail(service="ssm", kind="deny", operation="GetParameters", count=1)
    with pytest.raises(PolicyUnavailable, match="not allowed to read"):
        await aws.store().read("prod")
    aws.sandbox.aws.fail(service="ssm", kind="deny", operation="PutParameter", count=1)
    with pytest.raises(SentinelError, match="writing the SSM parameter"):
        await put(aws, DENY)
    aws.sandbox.aws.fail(service="ssm", kind="throttle", operation="GetParameterHistory", count=1)
    with pytest.raises(PolicyUnavailable, match="reading the versions"):
        await aws.store().history("prod")


async def test_what_is_no_answer_of_awss_is_neither_read_nor_said_to_be_written(aws: Opened) -> None:
    store = aws.store()
    before = await store.read("prod")
    aws.sandbox.aws.fail(service="ssm", kind="wrong-json")
    for attempt in (store.read("prod"), store.write_policy(before, ALLOW), store.history("prod")):
        with pytest.raises(SentinelError, match="the answer is not one of AWS"):
            await attempt
    aws.sandbox.aws.heal()
    await put(aws, ALLOW)
    there = await store.read("prod")
    aws.sandbox.aws.fail(service="ssm", kind="wrong-json", operation="PutParameter")
    with pytest.raises(SentinelError, match=f"writing the SSM parameter {NAME}: the answer is not one"):
        await store.write_policy(there, DENY)
    assert [each["Value"] for each in aws.versions()] == [ALLOW.decode()]


async def test_the_account_is_asked_for_only_where_nothing_is_stored(aws: Opened) -> None:
    seen: Stored = await aws.store().read("prod")
    assert seen.place.account == aws.sandbox.aws.account_id
