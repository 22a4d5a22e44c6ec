"""What AWS's answers and silences mean: botocore's errors as ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from sentinel_server.errors import (
    ClockSkewed,
    IdentityUnavailable,
    InvalidSetting,
    LoginRequired,
    SentinelError,
    UnknownProfile,
)


@contextmanager
def aws_errors(
    doing: str, otherwise: type[SentinelError], denied: type[SentinelError] | None = None
) -> Iterator[None]:
    """Raises what goes wrong inside as an error of ours; `doing` says what was tried, as in `reading X`.

    Lapsed or missing credentials, an unknown profile and a wrong clock have errors of their own; what
    permissions do not allow is `denied`, when given, and all else is `otherwise`.
    """
    try:
        yield
    except (ClientError, BotoCoreError, OSError, TimeoutError) as error:
        raise translate(error, doing, otherwise, denied) from error


@contextmanager
def answer_errors(doing: str, otherwise: type[SentinelError]) -> Iterator[None]:
    """As `aws_errors`; what an answer lacks is `otherwise`, too. botocore takes any page with status 200 in
    the place of JSON, such as that of a network that wants a login, for an answer in which nothing is.
    """
    with aws_errors(doing, otherwise):
        try:
            yield
        except (KeyError, TypeError, AttributeError) as error:
            raise otherwise(f"{doing}: the answer is not one of AWS") from error


def from_aws(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """botocore's `answer`, when AWS gave it: for those that may be empty, which surely have a request id.

    Raises KeyError otherwise.
    """
    if not answer["ResponseMetadata"]["RequestId"]:
        raise KeyError("RequestId")
    return answer


def translate(
    error: BaseException,
    doing: str,
    otherwise: type[SentinelError],
    denied: type[SentinelError] | None = None,
) -> SentinelError:
    """The error of ours that says what `error` means for whoever waits."""
    if isinstance(error, ClientError):
        return _from_answer(error, doing, otherwise, denied or otherwise)
    what = _first_line(error) or type(error).__name__
    for kind, ours in _LOCAL.items():
        if isinstance(error, kind):
            return ours(f"{doing}: {what}")
    return otherwise(f"{doing}: {what}")


def error_code(error: ClientError) -> str:
    """AWS's name for what happened, such as `ThrottlingException`."""
    return str(error.response.get("Error", {}).get("Code", "Unknown"))


def _from_answer(
    error: ClientError, doing: str, otherwise: type[SentinelError], denied: type[SentinelError]
) -> SentinelError:
    code = error_code(error)
    said = " ".join(str(error.response.get("Error", {}).get("Message", "")).split())[:400]
    text = f"{doing}: {code}: {said}" if said else f"{doing}: {code}"
    if code in _SKEW or (code in _SIGNATURE and ("expired" in said or "not yet current" in said)):
        return ClockSkewed(text)
    if code in _LAPSED:
        return LoginRequired(text)
    if code in _UNKNOWN or code in _SIGNATURE:
        return IdentityUnavailable(text)
    if code in DENIED:
        return denied(text, hint="let the base credentials do this; sentinel's docs list the permissions")
    return otherwise(text)


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0][:400]


_LOCAL: Mapping[type[BaseException], type[SentinelError]] = {
    NoCredentialsError: IdentityUnavailable,
    ProfileNotFound: UnknownProfile,
    NoRegionError: InvalidSetting,
    TokenRetrievalError: LoginRequired,
    SSOError: LoginRequired,
}
_SKEW = frozenset({"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"})
_SIGNATURE = frozenset({"InvalidSignatureException", "SignatureDoesNotMatch"})
_LAPSED = frozenset({"ExpiredToken", "ExpiredTokenException"})
_UNKNOWN = frozenset(
    {
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "InvalidAccessKeyId",
        "MissingAuthenticationToken",
    }
)
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
