"""Second factors: once, in time, by the right person, and never by trying long enough."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from sentinel_server.errors import MfaLocked, MfaRefused, MfaUnavailable, SentinelError
from sentinel_server.mfa.attempts import LOCK, MOST, WINDOW, attempts_ref
from sentinel_server.mfa.challenge import LIFETIME, TRIES, challenge_ref
from sentinel_server.mfa.enrolment import Enrolment, read_document
from sentinel_server.mfa.proof import Asked
from sentinel_server.mfa.totp import Totp
from sentinel_server.policy.breakglass import MfaMethod
from sentinel_server.records.memory import MemoryRecords
from sentinel_server.records.model import RETENTION, Change, kept
from sentinel_server.secret import Secret
from tests.fakes.factors import ALICE, BOB, FOR_PROD, SECRETS, Factors

FOR_BOB = Asked(person=BOB, profile="prod")


async def refused(factors: Factors, code: str, asked: Asked = FOR_PROD, challenge: str = "") -> MfaRefused:
    """The refusal of a code that has to be refused."""
    with pytest.raises(MfaRefused) as caught:
        await factors.factor().verify(asked, code, challenge)
    return caught.value


async def test_a_right_code_is_a_proof_that_says_who_how_and_when() -> None:
    factors = Factors()
    proof = await factors.factor().verify(FOR_PROD, factors.code())
    assert (proof.person, proof.method, proof.challenge_id) == (ALICE, MfaMethod.TOTP, "")
    assert proof.verified_at == factors.clock.now()
    assert factors.told == []


async def test_6_a_code_is_not_taken_again_in_its_own_step() -> None:
    factors = Factors()
    await factors.factor().verify(FOR_PROD, factors.code())
    assert "used before" in (await refused(factors, factors.code())).message


async def test_6_an_older_code_is_not_taken_after_a_newer_one() -> None:
    factors = Factors()
    older = factors.code(later=-1)
    await factors.factor().verify(FOR_PROD, factors.code())
    assert "used before" in (await refused(factors, older)).message


async def test_6_of_two_who_give_one_code_at_once_one_is_taken() -> None:
    factors = Factors()
    both = await asyncio.gather(
        *(factors.factor().verify(FOR_PROD, factors.code()) for _ in range(2)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in both) == ["MfaRefused", "Proof"]


async def test_6_the_code_of_another_person_is_refused() -> None:
    factors = Factors()
    assert (await refused(factors, factors.code(BOB))).message == "the code is wrong"
    await factors.factor().verify(FOR_BOB, factors.code(BOB))


@pytest.mark.parametrize("code", ["", " ", "\n", "000", "code"])
async def test_6_an_empty_or_malformed_code_is_refused(code: str) -> None:
    assert (await refused(Factors(), code)).exit_status == 3


@pytest.mark.parametrize(
    "document",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"v":1,"person":"PERSON","totp":{"secret":""}}',
        '{"v":1,"person":"PERSON","totp":{"secret":"JBSWY3DP"}}',
        '{"v":1,"person":"PERSON","totp":{"secret":"!!!!"}}',
        '{"v":1,"person":"PERSON","totp":{"secret":null}}',
        '{"v":1,"person":"PERSON","totp":{}}',
        '{"v":1,"person":"PERSON","totp":[]}',
        '{"v":1,"person":"PERSON","totp":{"secret":"SECRET","digits":1}}',
        '{"v":1,"person":"PERSON","totp":{"secret":"SECRET","digits":"6"}}',
        '{"v":1,"person":"PERSON","totp":{"secret":"SECRET","skew":9}}',
        '{"v":1,"person":"PERSON","totp":{"secret":"SECRET","algorithm":"MD5"}}',
        '{"v":2,"person":"PERSON","totp":{"secret":"SECRET"}}',
        '{"v":1,"person":"iam:111122223333:bob","totp":{"secret":"SECRET"}}',
        '{"v":1,"person":"PERSON","phone":"911"}',
    ],
)
async def test_6_a_malformed_secret_is_refused_and_not_quoted(document: str) -> None:
    factors, secret = Factors(), SECRETS[ALICE].reveal()
    text = document.replace("PERSON", ALICE).replace("SECRET", secret)
    factors.drawer.documents[ALICE] = Secret(text)
    for code in ("", "000000", factors.code()):
        with pytest.raises(MfaUnavailable) as caught:
            await factors.factor().verify(FOR_PROD, code)
        assert secret not in caught.value.message
        assert caught.value.exit_status == 6


async def test_who_has_enrolled_nothing_proves_nothing() -> None:
    factors = Factors()
    with pytest.raises(MfaUnavailable, match="enrolled no second factor"):
        await factors.factor().verify(replace(FOR_PROD, person="sso:carol"), "000000")


async def test_who_has_only_a_telephone_cannot_give_a_code_of_an_authenticator() -> None:
    factors = Factors()
    factors.by_telephone()
    with pytest.raises(MfaUnavailable, match="has enrolled no authenticator"):
        await factors.factor().verify(FOR_PROD, factors.code())


async def test_a_store_of_secrets_that_fails_is_no_yes() -> None:
    factors = Factors()
    factors.drawer.broken = True
    with pytest.raises(MfaUnavailable, match="stuck"):
        await factors.factor().verify(FOR_PROD, factors.code())


async def test_6_after_five_wrong_codes_not_even_the_right_one_is_taken() -> None:
    factors = Factors()
    for _ in range(MOST - 1):
        assert not isinstance(await refused(factors, factors.wrong()), MfaLocked)
    assert isinstance(await refused(factors, factors.wrong()), MfaLocked)
    assert isinstance(await refused(factors, factors.code()), MfaLocked)
    assert [failure.locked for failure in factors.told] == [False] * (MOST - 1) + [True, True]


async def test_the_lock_ends_and_says_when() -> None:
    factors = Factors()
    for _ in range(MOST):
        await refused(factors, factors.wrong())
    error = await refused(factors, factors.code())
    assert "2026-01-31T12:15:00Z" in error.message
    factors.clock.pass_(LOCK)
    await factors.factor().verify(FOR_PROD, factors.code())


async def test_a_lock_is_one_persons_and_no_others() -> None:
    factors = Factors()
    for _ in range(MOST):
        await refused(factors, factors.wrong())
    await factors.factor().verify(FOR_BOB, factors.code(BOB))


async def test_a_right_code_begins_the_count_anew_and_so_does_time() -> None:
    factors = Factors()
    for _ in range(2):
        for _ in range(MOST - 1):
            await refused(factors, factors.wrong())
        await factors.factor().verify(FOR_PROD, factors.code())
        factors.pass_steps()
    for _ in range(2):
        for _ in range(MOST - 1):
            await refused(factors, factors.wrong())
        factors.clock.pass_(WINDOW)


async def test_6_no_number_of_guesses_at_once_is_more_than_five() -> None:
    factors = Factors()
    tries = await asyncio.gather(
        *(factors.factor().verify(FOR_PROD, factors.wrong()) for _ in range(40)), return_exceptions=True
    )
    judged = [each for each in tries if type(each) is MfaRefused]
    assert len(judged) == MOST - 1
    assert all(isinstance(each, SentinelError) for each in tries)


async def test_a_row_that_was_spoiled_is_no_yes() -> None:
    factors = Factors()
    await factors.factor().verify(FOR_PROD, factors.code())
    await factors.records.commit([Change(ref=attempts_ref(ALICE), seen=1, set={"last_step": "none"})])
    factors.pass_steps()
    with pytest.raises(MfaUnavailable, match="cannot be read"):
        await factors.factor().verify(FOR_PROD, factors.code())


async def test_6_only_the_methods_that_a_rule_names_count() -> None:
    factors = Factors()
    with pytest.raises(MfaRefused, match="a code by totp does not count here, but one by sms"):
        await factors.factor().verify(FOR_PROD, factors.code(), methods=[MfaMethod.SMS])
    with pytest.raises(MfaUnavailable, match="no second factor that counts here"):
        await factors.factor().begin(FOR_PROD, [MfaMethod.SMS])
    assert await factors.factor().begin(FOR_PROD, [MfaMethod.TOTP, MfaMethod.SMS]) is None


async def test_what_is_told_of_a_failure_names_who_what_and_why() -> None:
    factors = Factors()
    await refused(factors, factors.wrong())
    (told,) = factors.told
    assert (told.asked, told.method, told.reason) == (FOR_PROD, MfaMethod.TOTP, "the code is wrong")


async def test_6_a_sent_code_is_verified_by_another_run_of_ours() -> None:
    factors = Factors()
    factors.by_telephone()
    challenge = await factors.factor().begin(FOR_PROD)
    assert challenge is not None
    assert (challenge.target, challenge.expires_at) == ("…567", factors.clock.now() + LIFETIME)
    proof = await factors.factor().verify(FOR_PROD, factors.telephone.code, challenge.id)
    assert (proof.method, proof.challenge_id) == (MfaMethod.SMS, challenge.id)
    assert factors.telephone.texts == ["Sentinel breakglass code for prod: 01234567"]


async def test_the_store_does_not_have_the_code_that_was_sent() -> None:
    factors = Factors()
    factors.by_telephone()
    challenge = await factors.factor().begin(FOR_PROD)
    assert challenge is not None
    rows = await factors.records.get([challenge_ref(challenge.id), attempts_ref(ALICE)])
    assert len(rows) == 2
    assert all("1234567" not in str(row.values.values()) for row in rows.values())


async def test_what_is_remembered_of_factors_is_forgotten_when_it_can_matter_no_more() -> None:
    factors = Factors()
    factors.by_telephone()
    challenge = await factors.factor().begin(FOR_PROD)
    assert challenge is not None
    refs = challenge_ref(challenge.id), attempts_ref(ALICE)
    code, counts = [(await factors.records.get(refs))[ref].values[RETENTION] for ref in refs]
    assert code == kept(challenge.expires_at, timedelta(days=7))
    assert counts == kept(factors.clock.now(), timedelta(days=400)), (
        "no code of then is taken by a clock set back"
    )
    await factors.factor().verify(FOR_PROD, factors.telephone.code, challenge.id)
    assert (await factors.records.get(refs))[refs[0]].values[RETENTION] == code


@pytest.mark.parametrize(
    "asked",
    [
        replace(FOR_PROD, person=BOB),
        replace(FOR_PROD, profile="staging"),
        replace(FOR_PROD, purpose="approve"),
    ],
)
async def test_6_a_challenge_is_for_one_person_one_profile_and_one_purpose(asked: Asked) -> None:
    factors = Factors()
    factors.by_telephone()
    challenge = await factors.factor().begin(FOR_PROD)
    assert challenge is not None
    error = await refused(factors, factors.telephone.code, asked, challenge.id)
    assert error.message == "the challenge is for somebody or something else"
    await factors.factor().verify(FOR_PROD, factors.telephone.code, challenge.id)


async def test_6_a_sent_code_is_taken_once_even_in_a_race() -> None:
    factors = Factors()
    factors.by_telephone()
    challenge = await factors.factor().begin(FOR_PROD)
    assert challenge is not None
    tries = (factors.factor().verify(FOR_PROD, factors.telephone.code, challenge.id) for _ in range(2))
    both = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(each).__name__ for each in both) == ["MfaRefused", "Proof"]


async def test_a_challenge_ends_after_its_time() -> None:
    factors = Factors()
    factors.by_telephone()
    challenge = await factors.factor().begin(FOR_PROD)
    assert challenge is not None
    factors.clock.pass_(LIFETIME)
    assert "too old" in (await refused(factors, factors.telephone.code, FOR_PROD, challenge.id)).message


async def test_a_challenge_ends_after_its_wrong_codes() -> None:
    factors = Factors()
    factors.by_telephone()
    challenge = await factors.factor().begin(FOR_PROD)
    assert challenge is not None
    for code in ("", "00000000", "1234567")[:TRIES]:
        assert (await refused(factors, code, FOR_PROD, challenge.id)).message == "the code is wrong"
    error = await refused(factors, factors.telephone.code, FOR_PROD, challenge.id)
    assert error.message == "the challenge has had its wrong codes"


async def test_a_challenge_that_was_never_made_is_refused() -> None:
    factors = Factors()
    assert "no such challenge" in (await refused(factors, "12345678", FOR_PROD, "f" * 16)).message
    assert "no such challenge" in (await refused(factors, factors.code(), FOR_PROD, ALICE)).message


async def test_nobody_can_have_a_telephone_flooded() -> None:
    factors = Factors()
    factors.by_telephone()
    for _ in range(MOST):
        await factors.factor().begin(FOR_PROD)
    with pytest.raises(MfaLocked, match="5 codes were sent to …567"):
        await factors.factor().begin(FOR_PROD)
    assert len(factors.telephone.texts) == MOST
    factors.clock.pass_(WINDOW)
    await factors.factor().begin(FOR_PROD)


async def test_nothing_is_sent_while_locked() -> None:
    factors = Factors()
    for _ in range(MOST):
        await refused(factors, factors.wrong())
    factors.by_telephone()
    with pytest.raises(MfaLocked):
        await factors.factor().begin(FOR_PROD)
    assert factors.telephone.texts == []


async def test_a_code_that_could_not_be_sent_is_said() -> None:
    factors = Factors()
    factors.by_telephone()
    factors.telephone.dead = True
    with pytest.raises(MfaUnavailable, match="no signal"):
        await factors.factor().begin(FOR_PROD)


async def test_who_is_crowded_out_gets_no_yes() -> None:
    class Crowded(MemoryRecords):
        """A store in which somebody else is always quicker."""

        async def commit(self, changes: object) -> bool:
            return False

    factors = Factors(Crowded())
    with pytest.raises(MfaUnavailable, match="at once"):
        await factors.factor().verify(FOR_PROD, factors.code())
    factors.by_telephone()
    with pytest.raises(MfaUnavailable, match="at once"):
        await factors.factor().begin(FOR_PROD)


def test_what_is_enrolled_survives_being_kept() -> None:
    from sentinel_server.mfa.enrolment import to_document

    both = Enrolment(person=ALICE, totp=Totp(secret=SECRETS[ALICE], digits=8, skew=0), phone="+491701234567")
    assert read_document(to_document(both), ALICE) == both


def test_a_clock_that_went_back_does_not_open_a_lock() -> None:
    factors = Factors()

    async def story() -> None:
        for _ in range(MOST):
            await refused(factors, factors.wrong())
        factors.clock.pass_(-timedelta(minutes=10))
        assert isinstance(await refused(factors, factors.code()), MfaLocked)

    asyncio.run(story())
