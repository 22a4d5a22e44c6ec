"""Every way in which botocore's providers fail is an error of ours that says what to do."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    ClientError,
    ConfigParseError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    InfiniteLoopConfigError,
    InvalidConfigError,
    MetadataRetrievalError,
    PartialCredentialsError,
    RefreshWithMFAUnsupportedError,
    SSOTokenLoadError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from sentinel_server.adapters.aws.lapses import source_errors
from sentinel_server.credentials.config_file import FileText
from sentinel_server.credentials.profiles import BaseSource, CredentialSource, Profiles
from sentinel_server.errors import (
    IdentityUnavailable,
    InvalidSetting,
    LoginRequired,
    PolicyDenied,
    SentinelError,
    UpstreamFailed,
)

CONFIG = "[profile sso]\nsso_account_id = 1\n[profile process]\ncredential_process = x\n"


def source(name: str) -> BaseSource:
    return BaseSource(profile=Profiles(FileText(path="config", text=CONFIG), None).get(name))


def answered(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "AssumeRole")


@pytest.mark.parametrize(
    ("foreign", "ours"),
    [
        (RefreshWithMFAUnsupportedError(), LoginRequired),
        (UnauthorizedSSOTokenError(), LoginRequired),
        (SSOTokenLoadError(error_msg="x"), LoginRequired),
        (TokenRetrievalError(provider="sso", error_msg="x"), LoginRequired),
        (answered("ExpiredToken"), LoginRequired),
        (answered("AccessDenied"), IdentityUnavailable),
        (InvalidConfigError(error_msg="x"), InvalidSetting),
        (InfiniteLoopConfigError(source_profile="x", visited_profiles=[]), InvalidSetting),
        (PartialCredentialsError(provider="x", cred_var="y"), InvalidSetting),
        (ConfigParseError(path="x", error="y"), InvalidSetting),
        (ConnectTimeoutError(endpoint_url="http://x"), UpstreamFailed),
        (CredentialRetrievalError(provider="x", error_msg="y"), IdentityUnavailable),
        (MetadataRetrievalError(error_msg="x"), IdentityUnavailable),
        (TimeoutError(), IdentityUnavailable),
        (FileNotFoundError("x"), IdentityUnavailable),
        (ValueError("very-secret"), IdentityUnavailable),
        (RuntimeError("still expired"), IdentityUnavailable),
    ],
)
def test_every_failure_of_a_source_is_an_error_of_ours(foreign: Exception, ours: type[SentinelError]) -> None:
    with pytest.raises(SentinelError) as refused, source_errors(source("process")):
        raise foreign
    assert type(refused.value) is ours
    assert "profile 'process'" in refused.value.message
    assert refused.value.hint
    assert "very-secret" not in refused.value.line()


def test_only_a_profile_of_identity_center_is_told_to_use_its_login() -> None:
    hints = []
    for name in ("sso", "process"):
        with pytest.raises(LoginRequired) as refused, source_errors(source(name)):
            raise UnauthorizedSSOTokenError
        hints.append(refused.value.hint)
    assert hints[0] == "log in: sentinel sso login --profile sso, or: aws sso login --profile sso"
    assert "sso login" not in hints[1]


def test_a_source_outside_the_files_is_named() -> None:
    outside = BaseSource(outside=CredentialSource.CONTAINER)
    with pytest.raises(IdentityUnavailable, match="EcsContainer"), source_errors(outside):
        raise TimeoutError


def test_what_is_an_error_of_ours_already_stays_what_it_is() -> None:
    with pytest.raises(PolicyDenied), source_errors(source("sso")):
        raise PolicyDenied("no")


def test_a_long_text_of_a_process_is_cut() -> None:
    with pytest.raises(IdentityUnavailable) as refused, source_errors(source("process")):
        raise CredentialRetrievalError(provider="x", error_msg="long " * 500)
    assert len(refused.value.message) < 300
