"""Identity Center: its sign-in and its access portal, whose requests carry a bearer token and no signature.

Requests are checked against botocore's models of `sso-oidc` and `sso`; a request that is signed is somebody
else's, and one that is not signed and not Identity Center's is refused by the front.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sentinel_server.clock import Clock
from sentinel_server.frozen import frozen
from sentinel_server.sandbox.account import Account
from sentinel_server.sandbox.principals import Sessions
from sentinel_server.sandbox.shapes import operation_input
from sentinel_server.sandbox.sso_tokens import Tokens, refusal
from sentinel_server.sandbox.sts import role_session
from sentinel_server.sandbox.wire import REQUEST_ID, Call, Refusal, Reply, json_of

SSO_PATH = "/aws-reserved/sso.amazonaws.com/"
"""The path under which Identity Center keeps its roles (`AWSReservedSSO_<set>_<16 hex>`)."""

START_PATH = "/start"
"""Where the start URL of this Identity Center points."""

PAGE = "/_sentinel/sso"
"""Where a person approves a device in a browser."""

BEARER = "x-amz-sso_bearer_token"

_ROUTES = {
    ("POST", "/client/register"): ("sso-oidc", "RegisterClient"),
    ("POST", "/device_authorization"): ("sso-oidc", "StartDeviceAuthorization"),
    ("POST", "/token"): ("sso-oidc", "CreateToken"),
    ("GET", "/federation/credentials"): ("sso", "GetRoleCredentials"),
    ("GET", "/assignment/accounts"): ("sso", "ListAccounts"),
    ("GET", "/assignment/roles"): ("sso", "ListAccountRoles"),
    ("POST", "/logout"): ("sso", "Logout"),
}
_KINDS: Mapping[str, type] = {"string": str, "list": list, "integer": int, "long": int}


@frozen
class _Assignment:
    person: str
    permission_set: str
    role_arn: str


class IdentityCenter:
    """People, the permission sets they are assigned, and their tokens. For tests: the public names."""

    def __init__(self, account: Account, sessions: Sessions, clock: Clock, origin: Callable[[], str]) -> None:
        """`origin` tells the URL of the embedded AWS."""
        self.tokens = Tokens(clock)
        self.role_seconds = 3600
        """How long the credentials of a role last."""
        self._origin = origin
        self._account = account
        self._sessions = sessions
        self._clock = clock
        self._assigned: list[_Assignment] = []
        self._operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "RegisterClient": self.tokens.register,
            "StartDeviceAuthorization": self._start,
            "CreateToken": self.tokens.create,
            "GetRoleCredentials": self._credentials,
            "ListAccounts": self._accounts,
            "ListAccountRoles": self._roles,
            "Logout": self._logout,
        }

    @property
    def start_url(self) -> str:
        """What `sso_start_url` must say."""
        return f"{self._origin()}{START_PATH}"

    def assign(self, person: str, permission_set: str, *, policy: Mapping[str, Any] | None = None) -> str:
        """Let a person have a permission set, which is made if it is new; the ARN of its role.

        Without a policy it may do everything.
        """
        for known in self._assigned:
            if known.permission_set == permission_set:
                role_arn = known.role_arn
                break
        else:
            name = f"AWSReservedSSO_{permission_set}_{secrets.token_hex(8)}"
            role_arn = self._account.add_role(name, _trust(self._account.id), policy, SSO_PATH, 43200)
        self._assigned.append(_Assignment(person=person, permission_set=permission_set, role_arn=role_arn))
        return role_arn

    def people(self) -> list[str]:
        """Everybody who is assigned something."""
        return sorted({each.person for each in self._assigned})

    def answer(self, call: Call) -> Reply:
        """The reply to one call. Raises Refusal, also for parameters that the service's model refuses."""
        value = self._operations[call.operation](_params(call))
        headers = {"Content-Type": "application/json", "x-amzn-RequestId": REQUEST_ID}
        return Reply(status=200, headers=headers, body=json.dumps(value).encode())

    def _start(self, params: dict[str, Any]) -> dict[str, Any]:
        if params["startUrl"].rstrip("/#") != self.start_url:
            raise refusal("InvalidRequestException", "invalid_request")
        return self.tokens.start(params, f"{self._origin()}{PAGE}")

    def _accounts(self, params: dict[str, Any]) -> dict[str, Any]:
        person = self._person(params)
        mine = {"accountId": self._account.id, "accountName": "sandbox", "emailAddress": "aws@example.com"}
        return {"accountList": [mine] if any(each.person == person for each in self._assigned) else []}

    def _roles(self, params: dict[str, Any]) -> dict[str, Any]:
        person = self._person(params)
        names = [each.permission_set for each in self._assigned if each.person == person]
        if params["accountId"] != self._account.id:
            names = []
        return {"roleList": [{"roleName": name, "accountId": self._account.id} for name in sorted(names)]}

    def _credentials(self, params: dict[str, Any]) -> dict[str, Any]:
        person = self._person(params)
        asked = (person, params["roleName"])
        assigned = next((a for a in self._assigned if (a.person, a.permission_set) == asked), None)
        role = self._account.role(assigned.role_arn) if assigned else None
        if role is None or params["accountId"] != self._account.id:
            raise Refusal("ForbiddenException", "No access", 403)
        principal = role_session(role, account=self._account.id, session_name=person)
        keys = self._sessions.open(principal, self._clock.now() + timedelta(seconds=self.role_seconds))
        return {
            "roleCredentials": {
                "accessKeyId": keys.access_key_id,
                "secretAccessKey": keys.secret_access_key,
                "sessionToken": keys.session_token,
                "expiration": int(keys.expiration.timestamp() * 1000),
            }
        }

    def _logout(self, params: dict[str, Any]) -> dict[str, Any]:
        self._person(params)
        self.tokens.sign_out(params["accessToken"])
        return {}

    def _person(self, params: dict[str, Any]) -> str:
        person = self.tokens.person(params["accessToken"])
        if person is None:
            raise Refusal("UnauthorizedException", "Session token not found or invalid", 401)
        return person


def operation_of(method: str, target: str) -> tuple[str, str] | None:
    """The service and the operation of an unsigned request; None when it is none of Identity Center's."""
    return _ROUTES.get((method, urlsplit(target).path))


def _params(call: Call) -> dict[str, Any]:
    shape = operation_input(call.service, call.operation)
    assert shape is not None  # noqa: S101  # every operation of these services takes something
    query = dict(parse_qsl(urlsplit(call.target).query, keep_blank_values=True))
    sent = json_of(call.body)
    params = {}
    for name, member in shape.members.items():
        place, key = member.serialization.get("location"), member.serialization.get("name", name)
        value = {"querystring": query, "header": call.headers}.get(place, sent).get(key)
        if value is None and name in shape.required_members:
            raise _invalid(call.service, f"{name} is missing")
        if value is not None:
            if place is None and not isinstance(value, _KINDS[member.type_name]):
                raise _invalid(call.service, f"{name} is no {member.type_name}")
            params[name] = value
    return params


def _invalid(service: str, why: str) -> Refusal:
    if service == "sso":
        return Refusal("InvalidRequestException", why)
    return refusal("InvalidRequestException", "invalid_request")


def _trust(account: str) -> dict[str, Any]:
    provider = f"arn:aws:iam::{account}:saml-provider/AWSSSO_0123456789abcdef_DO_NOT_DELETE"
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession"],
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
