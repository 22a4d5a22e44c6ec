"""What failing base credentials mean for the person who has to mend them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from shlex import quote

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigParseError,
    CredentialRetrievalError,
    HTTPClientError,
    InvalidConfigError,
    PartialCredentialsError,
    ProfileNotFound,
    RefreshWithMFAUnsupportedError,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as NoConnection

from sentinel_server.adapters.aws.answers import translate
from sentinel_server.credentials.profiles import BaseSource, ProfileKind
from sentinel_server.errors import (
    IdentityUnavailable,
    InvalidSetting,
    LoginRequired,
    SentinelError,
    UpstreamFailed,
)

_RUN = r"[A-Za-z0-9/+=_-]"
_KEYS = re.compile(rf"(?={_RUN}*[0-9])(?={_RUN}*[A-Z])(?={_RUN}*[a-z]){_RUN}{{20,}}|A[KS]IA[A-Z0-9]{{12,}}")
"""What looks like a key, a secret or a token: these errors go into the log and to the child."""

START_AGAIN = "start again from a terminal, and give a new MFA code when asked"


@contextmanager
def source_errors(source: BaseSource) -> Iterator[None]:
    """Raises whatever botocore's providers raise as an error of ours, with the command that mends it."""
    try:
        yield
    except SentinelError:
        raise
    except Exception as error:
        raise _meaning(error, source) from error


def _meaning(error: Exception, source: BaseSource) -> SentinelError:
    doing = f"getting credentials from {_where(source)}"
    match error:
        case RefreshWithMFAUnsupportedError():
            return LoginRequired(f"{doing}: its MFA session has ended", hint=START_AGAIN)
        case SSOError() | TokenRetrievalError():
            return LoginRequired(f"{doing}: {_short(error)}", hint=_login(source))
        case InvalidConfigError() | PartialCredentialsError() | ConfigParseError() | ProfileNotFound():
            return InvalidSetting(f"{doing}: {_short(error)}", hint="edit the AWS configuration")
        case HTTPClientError() | NoConnection():
            return UpstreamFailed(f"{doing}: {_short(error)}")
        case CredentialRetrievalError():
            # A credential process says what it likes on its stderr.
            said = _short(_KEYS.sub("***", str(error)))
            return IdentityUnavailable(f"{doing}: {said}", hint=_try(source))
        case TimeoutError():
            return IdentityUnavailable(f"{doing}: no answer in time", hint=_try(source))
        case ClientError() | BotoCoreError():
            return translate(error, doing, IdentityUnavailable)
        case _:
            return IdentityUnavailable(f"{doing}: {type(error).__name__}", hint=_try(source))


def _where(source: BaseSource) -> str:
    if source.profile is not None:
        return f"profile {source.profile.name!r}"
    return f"the {source.outside.value} credential source" if source.outside else "nowhere"


def _login(source: BaseSource) -> str:
    profile = source.profile
    if profile is None or profile.kind is not ProfileKind.SSO:
        return "log in to the source profile again"
    name = quote(profile.name)
    return f"log in: sentinel sso login --profile {name}, or: aws sso login --profile {name}"


def _try(source: BaseSource) -> str | None:
    return (
        f"try it: aws sts get-caller-identity --profile {quote(source.profile.name)}"
        if source.profile
        else None
    )


def _short(error: object) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else text[:199] + "…"
