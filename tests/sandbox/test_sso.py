"""Identity Center as real clients see it: sign-in by device code, tokens, accounts, roles, credentials."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import boto3  # type: ignore[import-untyped]
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from sentinel_server.errors import NotFound
from sentinel_server.sandbox.principals import SessionKeys
from sentinel_server.sandbox.sso_tokens import DEVICE_GRANT, REFRESH_GRANT, Limits
from tests.fakes.aws import Sandbox, client, embedded_aws
from tests.fakes.clock import FakeClock

SCOPE = "sso:account:access"
ANN = "ann@example.com"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sandbox(clock: FakeClock) -> Iterator[Sandbox]:
    with embedded_aws(clock=clock) as running:
        running.aws.sso.assign(ANN, "Admin")
        yield running


class SignIn:
    """Somebody's device: a registered client and a code that waits for approval."""

    def __init__(self, sandbox: Sandbox, clock: FakeClock, scopes: tuple[str, ...] = (SCOPE,)) -> None:
        self.sandbox = sandbox
        self.clock = clock
        self.oidc = unsigned(sandbox, "sso-oidc")
        self.client = self.oidc.register_client(clientName="test", clientType="public", scopes=list(scopes))
        self.started = self.oidc.start_device_authorization(
            **self.keys, startUrl=self.sandbox.aws.sso.start_url
        )

    @property
    def keys(self) -> dict[str, str]:
        return {"clientId": self.client["clientId"], "clientSecret": self.client["clientSecret"]}

    def poll(self, after: float = 1, **other: str) -> dict[str, Any]:
        self.clock.pass_(timedelta(seconds=after))
        code = self.started["deviceCode"]
        answer: dict[str, Any] = self.oidc.create_token(
            **{**self.keys, "grantType": DEVICE_GRANT, "deviceCode": code, **other}
        )
        return answer

    def refresh(self, token: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.oidc.create_token(
            **self.keys, grantType=REFRESH_GRANT, refreshToken=token
        )
        return answer

    def approved(self) -> dict[str, Any]:
        self.sandbox.aws.sso.tokens.approve(self.started["userCode"], ANN)
        return self.poll()


def unsigned(sandbox: Sandbox, service: str) -> Any:
    config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
    return boto3.client(service, endpoint_url=sandbox.aws.url, region_name="us-east-1", config=config)


@pytest.fixture
def device(sandbox: Sandbox, clock: FakeClock) -> SignIn:
    return SignIn(sandbox, clock)


def refused(error: str, code: str, do: Any, *args: Any, **options: Any) -> None:
    with pytest.raises(ClientError) as caught:
        do(*args, **options)
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response.get("error", "") == error


def test_a_code_waits_until_somebody_approves_it_and_is_good_once(device: SignIn) -> None:
    refused("authorization_pending", "AuthorizationPendingException", device.poll)
    given = device.approved()
    assert (given["tokenType"], given["expiresIn"]) == ("Bearer", 28800)
    refused("invalid_grant", "InvalidGrantException", device.poll)


def test_the_page_that_is_named_for_a_code_is_there_and_knows_it(device: SignIn) -> None:
    with urlopen(device.started["verificationUriComplete"], timeout=10) as page:
        assert device.started["userCode"] in page.read().decode()
    form = urlencode({"user_code": device.started["userCode"], "answer": "approve"}).encode()
    with urlopen(Request(device.started["verificationUri"], data=form), timeout=10) as done:
        assert b"go back to your terminal" in done.read()
    assert device.poll()["accessToken"]


def test_no_other_sites_page_can_approve(device: SignIn) -> None:
    form = urlencode({"user_code": device.started["userCode"]}).encode()
    request = Request(device.started["verificationUri"], data=form, headers={"Origin": "http://evil.example"})
    with pytest.raises(HTTPError, match="403"):
        urlopen(request, timeout=10)
    refused("authorization_pending", "AuthorizationPendingException", device.poll)


def test_programs_see_which_codes_wait(device: SignIn) -> None:
    request = Request(device.started["verificationUri"], headers={"Accept": "application/json"})
    with urlopen(request, timeout=10) as page:
        assert json.load(page) == {"pending": [device.started["userCode"]], "people": [ANN]}


def test_who_polls_too_fast_is_told_to_slow_down(device: SignIn, sandbox: Sandbox) -> None:
    sandbox.aws.sso.tokens.limits = Limits(interval=5)
    refused("authorization_pending", "AuthorizationPendingException", device.poll)
    refused("slow_down", "SlowDownException", device.poll, after=2)
    refused("authorization_pending", "AuthorizationPendingException", device.poll, after=5)


def test_a_denied_a_lapsed_and_an_unknown_code_are_told_apart(device: SignIn, sandbox: Sandbox) -> None:
    sandbox.aws.sso.tokens.deny(device.started["userCode"])
    refused("access_denied", "AccessDeniedException", device.poll)
    refused("invalid_grant", "InvalidGrantException", device.poll, deviceCode="no such code")
    refused("expired_token", "ExpiredTokenException", device.poll, after=600)
    with pytest.raises(NotFound):
        sandbox.aws.sso.tokens.approve(device.started["userCode"], ANN)


def test_a_code_belongs_to_its_client_and_a_client_to_its_secret(device: SignIn, sandbox: Sandbox) -> None:
    other = SignIn(sandbox, device.clock)
    refused("invalid_client", "InvalidClientException", device.poll, clientSecret="guessed")
    refused("invalid_grant", "InvalidGrantException", other.poll, deviceCode=device.started["deviceCode"])
    refused(
        "unsupported_grant_type", "UnsupportedGrantTypeException", device.poll, grantType="authorization_code"
    )


def test_only_this_start_url_and_public_clients_are_served(device: SignIn) -> None:
    start, register = device.oidc.start_device_authorization, device.oidc.register_client
    other = "https://other.example.com/start"
    refused("invalid_request", "InvalidRequestException", start, **device.keys, startUrl=other)
    refused(
        "invalid_client_metadata",
        "InvalidClientMetadataException",
        register,
        clientName="x",
        clientType="confidential",
    )


def test_a_refresh_token_is_replaced_at_every_use(device: SignIn, sandbox: Sandbox) -> None:
    first = device.approved()
    second = device.refresh(first["refreshToken"])
    assert second["accessToken"] != first["accessToken"]
    refused("invalid_grant", "InvalidGrantException", device.refresh, first["refreshToken"])
    sandbox.aws.sso.tokens.forget_refresh()
    refused("invalid_grant", "InvalidGrantException", device.refresh, second["refreshToken"])


def test_a_client_without_the_scope_gets_no_refresh_token(sandbox: Sandbox, clock: FakeClock) -> None:
    assert "refreshToken" not in SignIn(sandbox, clock, scopes=()).approved()


def test_a_token_opens_the_portal_and_its_roles(device: SignIn, sandbox: Sandbox) -> None:
    token = device.approved()["accessToken"]
    portal = unsigned(sandbox, "sso")
    (account,) = portal.list_accounts(accessToken=token)["accountList"]
    assert account["accountId"] == sandbox.aws.account_id
    roles = portal.list_account_roles(accessToken=token, accountId=account["accountId"])["roleList"]
    assert [role["roleName"] for role in roles] == ["Admin"]
    found = portal.get_role_credentials(accessToken=token, accountId=account["accountId"], roleName="Admin")[
        "roleCredentials"
    ]
    keys = SessionKeys(
        found["accessKeyId"], found["secretAccessKey"], found["sessionToken"], device.clock.now()
    )
    who = client(sandbox.aws, "sts", keys).get_caller_identity()["Arn"]
    assert who.split("/")[1].startswith("AWSReservedSSO_Admin_")
    assert who.endswith(f"/{ANN}")
    assert found["expiration"] == (device.clock.now() + timedelta(hours=1)).timestamp() * 1000


def test_roles_that_are_not_assigned_and_bad_tokens_are_refused(device: SignIn, sandbox: Sandbox) -> None:
    token, portal = device.approved()["accessToken"], unsigned(sandbox, "sso")
    asked = {"accountId": sandbox.aws.account_id, "roleName": "Admin", "accessToken": token}
    get = portal.get_role_credentials
    refused("", "ForbiddenException", get, **{**asked, "roleName": "Auditor"})
    refused("", "ForbiddenException", get, **{**asked, "accountId": "999999999999"})
    refused("", "UnauthorizedException", get, **{**asked, "accessToken": "no such token"})
    sandbox.aws.sso.tokens.expire_access()
    refused("", "UnauthorizedException", get, **asked)


def test_signing_out_ends_every_token(device: SignIn, sandbox: Sandbox) -> None:
    given, portal = device.approved(), unsigned(sandbox, "sso")
    portal.logout(accessToken=given["accessToken"])
    refused("", "UnauthorizedException", portal.list_accounts, accessToken=given["accessToken"])
    refused("invalid_grant", "InvalidGrantException", device.refresh, given["refreshToken"])


def test_what_the_model_requires_is_required(sandbox: Sandbox) -> None:
    for path, body, status in (("/token", b"{}", 400), ("/token", b"[]", 400), ("/logout", b"", 400)):
        request = Request(sandbox.aws.url + path, data=body, method="POST")
        with pytest.raises(HTTPError, match=str(status)):
            urlopen(request, timeout=10)
    body = json.dumps({"clientName": "x", "clientType": 7}).encode()
    with pytest.raises(HTTPError, match="400"):
        urlopen(Request(f"{sandbox.aws.url}/client/register", data=body), timeout=10)


def test_nothing_secret_is_kept_of_a_call(device: SignIn, sandbox: Sandbox) -> None:
    given = device.approved()
    device.refresh(given["refreshToken"])
    seen = sandbox.aws.calls_to("sso-oidc")
    assert [call.operation for call in seen][:2] == ["RegisterClient", "StartDeviceAuthorization"]
    assert seen[-1].params == {"grantType": REFRESH_GRANT}
    assert given["refreshToken"] not in repr(seen)


def test_faults_reach_identity_center_too(device: SignIn, sandbox: Sandbox) -> None:
    sandbox.aws.fail(service="sso-oidc", kind="error500", count=1)
    refused("server_error", "InternalServerException", device.poll)
    sandbox.aws.fail(service="sso", kind="throttle", count=1)
    portal = unsigned(sandbox, "sso")
    refused("", "TooManyRequestsException", portal.list_accounts, accessToken="any")
    refused("", "UnauthorizedException", portal.list_accounts, accessToken="any")
