"""RFC 6238 to the letter, and secrets that cannot be used never matching anything."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.mfa.totp import Hash, Totp, fresh_secret, secret_bytes
from sentinel_server.secret import Secret
from tests.fakes.clock import NOON

VECTORS = """
59          94287082 46119246 90693936
1111111109  07081804 68084774 25091201
1111111111  14050471 67062674 99943326
1234567890  89005924 91819424 93441116
2000000000  69279037 90698825 38618901
20000000000 65353130 77737706 47863826
"""
"""RFC 6238, appendix B: seconds, then the code by SHA-1, SHA-256 and SHA-512."""

SEEDS = {Hash.SHA1: 20, Hash.SHA256: 32, Hash.SHA512: 64}
"""Bytes of the RFC's secrets, by its erratum 2866: the same digits over and over."""


def rfc_totp(algorithm: Hash, **changes: int) -> Totp:
    """The RFC's authenticator for one hash."""
    seed = (b"1234567890" * 7)[: SEEDS[algorithm]]
    given_: dict[str, int] = {"digits": 8, "period": 30, "skew": 0, **changes}
    secret = Secret(base64.b32encode(seed).decode())
    return Totp(secret=secret, algorithm=algorithm, **given_)


@pytest.mark.parametrize("line", VECTORS.strip().splitlines())
@pytest.mark.parametrize(("column", "algorithm"), list(enumerate(Hash, start=1)))
def test_the_vectors_of_the_rfc_hold(line: str, column: int, algorithm: Hash) -> None:
    fields = line.split()
    now = datetime.fromtimestamp(int(fields[0]), UTC)
    totp = rfc_totp(algorithm)
    assert totp.code(totp.step(now)) == fields[column]
    assert totp.matching(fields[column], now) == int(fields[0]) // 30


@pytest.mark.parametrize(("line", "code"), [(59, "287082"), (1111111109, "081804")])
def test_six_digits_are_the_last_of_the_number(line: int, code: str) -> None:
    totp = rfc_totp(Hash.SHA1, digits=6)
    assert totp.code(totp.step(datetime.fromtimestamp(line, UTC))) == code


@pytest.mark.parametrize(
    ("skew", "late", "taken"), [(0, 0, True), (0, 1, False), (1, 1, True), (1, 2, False)]
)
def test_the_window_reaches_as_far_as_it_is_told_to(skew: int, late: int, taken: bool) -> None:
    totp = rfc_totp(Hash.SHA1, skew=skew)
    code = totp.code(totp.step(NOON))
    for way in (1, -1):
        now = NOON + way * late * timedelta(seconds=30)
        assert (totp.matching(code, now) is not None) is taken


def test_the_window_is_no_wider_at_the_edge_of_a_step() -> None:
    totp = rfc_totp(Hash.SHA1, skew=0)
    code = totp.code(totp.step(NOON))
    assert totp.matching(code, NOON + timedelta(seconds=29.999)) == totp.step(NOON)
    assert totp.matching(code, NOON + timedelta(seconds=30)) is None
    assert totp.matching(code, NOON - timedelta(microseconds=1)) is None


@pytest.mark.parametrize(
    "typed", ["", " ", "0", "1234567", "123456789", "²²²²²²²²", "\uff11" * 8, "-1234567", "abcdefgh"]
)
def test_6_what_is_no_code_never_matches(typed: str) -> None:
    assert rfc_totp(Hash.SHA1, skew=2).matching(typed, NOON) is None


def test_a_code_may_be_typed_in_groups() -> None:
    totp = rfc_totp(Hash.SHA1)
    code = totp.code(totp.step(NOON))
    assert totp.matching(f" {code[:4]} {code[4:]}\n", NOON) == totp.step(NOON)


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("", "0 bytes"),
        ("   ", "0 bytes"),
        ("====", "0 bytes"),
        ("JBSWY3DPEHPK3PXP", "10 bytes"),
        ("1" * 32, "not Base32"),
        ("Ä" * 32, "not Base32"),
        ("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PX!", "not Base32"),
        ("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPA", "not Base32"),
    ],
)
def test_6_a_secret_that_cannot_be_used_is_refused_without_being_quoted(secret: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        Totp(secret=Secret(secret))
    assert not secret.strip() or secret not in str(caught.value)


@pytest.mark.parametrize(
    "secret",
    [
        "jbswy3dp ehpk3pxp jbswy3dp ehpk3pxp",
        "JBSWY3DP-EHPK3PXP-JBSWY3DP-EHPK3PXP",
        "GEZDGNBVGY3TQOJQGEZDGNBVGY======",
    ],
)
def test_a_secret_copied_by_hand_is_read(secret: str) -> None:
    assert len(secret_bytes(Secret(secret))) in (16, 20)


@pytest.mark.parametrize(
    "wrong", [{"digits": 5}, {"digits": 9}, {"period": 0}, {"period": 600}, {"skew": -1}, {"skew": 3}]
)
def test_settings_that_weaken_a_code_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="has"):
        rfc_totp(Hash.SHA1, **wrong)


def test_the_uri_is_what_apps_read() -> None:
    uri = Totp(secret=Secret("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")).uri("sso:alice@example.com").reveal()
    assert uri == (
        "otpauth://totp/Sentinel:sso%3Aalice%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
        "&issuer=Sentinel&algorithm=SHA1&digits=6&period=30"
    )


def test_a_fresh_secret_is_as_long_as_the_rfc_recommends() -> None:
    assert len(secret_bytes(fresh_secret(bytes(20)))) == 20
    with pytest.raises(ValueError, match="entropy"):
        fresh_secret(bytes(19))


def test_an_authenticator_does_not_print_its_secret() -> None:
    assert "JBSWY3" not in repr(Totp(secret=Secret("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")))


@given(st.binary(min_size=20, max_size=64), st.sampled_from(Hash), st.integers(0, 2**40), st.integers(6, 8))
def test_every_code_matches_its_own_step_and_has_its_digits(
    secret: bytes, algorithm: Hash, seconds: int, digits: int
) -> None:
    now = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds % 10**11)
    totp = Totp(secret=Secret(base64.b32encode(secret).decode()), algorithm=algorithm, digits=digits, skew=0)
    code = totp.code(totp.step(now))
    assert len(code) == digits
    assert totp.matching(code, now) == totp.step(now)
