"""Codes of MFA devices from several sources, and what one process remembers of the sessions they opened."""

from __future__ import annotations

from datetime import timedelta

from sentinel_server.credentials.codes import FirstOf, GivenCode, MemorySessions
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.credentials.ports import CodeAsk
from sentinel_server.secret import Secret
from tests.fakes.clock import FakeClock

ASK = CodeAsk(profile="prod", serial="arn:aws:iam::111122223333:mfa/dev")


async def test_a_given_code_is_given_once() -> None:
    given = GivenCode("123456")
    assert [await given.code(ASK), await given.code(ASK)] == ["123456", None]


async def test_the_first_source_with_a_code_gives_it() -> None:
    codes = FirstOf([GivenCode("111111"), GivenCode("222222")])
    assert [await codes.code(ASK) for _ in range(3)] == ["111111", "222222", None]
    assert await FirstOf([]).code(ASK) is None


async def test_a_session_is_remembered_by_what_it_is_about_until_it_is_nearly_over() -> None:
    clock = FakeClock()
    sessions, made = MemorySessions(clock), iter(range(10))

    async def make() -> AwsCredentials:
        end = clock.now() + timedelta(hours=1)
        key = f"ASIA{next(made)}"
        return AwsCredentials(access_key_id=key, secret_access_key=Secret("s"), expires_at=end)

    async def asked(about: str, profile: str = "prod") -> str:
        return (await sessions.session(profile, [about], make)).access_key_id

    assert [await asked("a"), await asked("a", "other"), await asked("b")] == ["ASIA0", "ASIA0", "ASIA1"]
    clock.pass_(timedelta(minutes=54))
    assert await asked("a") == "ASIA0"
    clock.pass_(timedelta(minutes=1))
    assert await asked("a") == "ASIA2"


async def test_one_that_is_spent_is_made_anew() -> None:
    clock = FakeClock()
    sessions, made = MemorySessions(clock), iter(range(10))

    async def make() -> AwsCredentials:
        end, key = clock.now() + timedelta(hours=1), f"ASIA{next(made)}"
        return AwsCredentials(access_key_id=key, secret_access_key=Secret("s"), expires_at=end)

    first = await sessions.session("prod", ["a"], make)
    second = await sessions.session("prod", ["a"], make, lambda kept: kept == first)
    assert (first.access_key_id, second.access_key_id) == ("ASIA0", "ASIA1")


async def test_one_without_an_end_is_not_kept() -> None:
    sessions, made = MemorySessions(FakeClock()), iter(range(10))

    async def make() -> AwsCredentials:
        return AwsCredentials(access_key_id=f"AKIA{next(made)}", secret_access_key=Secret("s"))

    found = [(await sessions.session("prod", ["a"], make)).access_key_id for _ in range(2)]
    assert found == ["AKIA0", "AKIA1"]
