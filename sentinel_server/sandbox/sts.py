"""The Security Token Service, answered by the front: who may assume what, stamped how, for how long."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sentinel_server.clock import Clock, whole_seconds
from sentinel_server.sandbox.account import Account, Role
from sentinel_server.sandbox.authorise import ask_for, caller_context, why_not
from sentinel_server.sandbox.conditions import CannotEvaluate
from sentinel_server.sandbox.iam import Policy, Verdict, evaluate, parse_policy
from sentinel_server.sandbox.mfa import Devices
from sentinel_server.sandbox.principals import Credential, Kind, Principal, SessionKeys, Sessions
from sentinel_server.sandbox.shapes import operation_input, parameters, violations
from sentinel_server.sandbox.wire import Call, Refusal, Reply, query_reply

NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
_ROLE_ARN = re.compile(r"arn:[a-z-]+:iam::\d{12}:role/.+", re.ASCII)
_CHAINED_MAX = 3600
_SESSION_POLICY_LIMIT = 2048


def check_parameters(operation: str, form: Mapping[str, str]) -> dict[str, Any]:
    """The parameters of an STS request; raises Refusal as STS does for what its model does not admit."""
    try:
        shape = operation_input("sts", operation)
    except KeyError:
        raise Refusal(
            "InvalidAction", f"Could not find operation {operation} for version 2011-06-15"
        ) from None
    if shape is None:
        return {}
    found = violations(shape, form)
    if found:
        errors = "error" if len(found) == 1 else "errors"
        raise Refusal("ValidationError", f"{len(found)} validation {errors} detected: {'; '.join(found)}")
    return parameters(shape, form)


class Sts:
    """Answers STS requests of authenticated callers."""

    def __init__(self, account: Account, sessions: Sessions, clock: Clock, devices: Devices) -> None:
        self._account = account
        self._devices = devices
        self._sessions = sessions
        self._clock = clock
        self._operations: dict[str, Callable[[Call, Credential], dict[str, Any]]] = {
            "AssumeRole": self._assume_role,
            "GetCallerIdentity": self._get_caller_identity,
            "GetSessionToken": self._get_session_token,
            "GetFederationToken": self._get_federation_token,
            "GetAccessKeyInfo": self._get_access_key_info,
        }

    def answer(self, call: Call, credential: Credential) -> Reply:
        """The reply to an STS request. Raises Refusal."""
        operation = self._operations.get(call.operation)
        if operation is None:
            raise Refusal("NotImplemented", f"the sandbox has no sts:{call.operation}", 501)
        return query_reply(NAMESPACE, call.operation, operation(call, credential))

    def _get_caller_identity(self, _: Call, credential: Credential) -> dict[str, Any]:
        who = credential.principal
        return {"Arn": who.arn, "UserId": who.user_id, "Account": who.account}

    def _get_access_key_info(self, call: Call, _: Credential) -> dict[str, Any]:
        key = call.params["AccessKeyId"]
        if self._sessions.find(key) is None and self._account.credential(key) is None:
            raise Refusal("ValidationError", f"Access key {key} is not known")
        return {"Account": self._account.id}

    def _get_session_token(self, call: Call, credential: Credential) -> dict[str, Any]:
        who = _long_lived(credential, "GetSessionToken")
        session = replace(who, temporary=True, mfa=self._shows_mfa(call, who))
        return {"Credentials": credentials_of(self._open(session, call.params.get("DurationSeconds", 43200)))}

    def _get_federation_token(self, call: Call, credential: Credential) -> dict[str, Any]:
        who = _long_lived(credential, "GetFederationToken")
        name = call.params["Name"]
        arn = f"arn:aws:sts::{who.account}:federated-user/{name}"
        session = Principal(
            kind=Kind.FEDERATED,
            account=who.account,
            name=who.name,
            arn=arn,
            user_id=f"{who.account}:{name}",
            session_policies=_session_policies(call) or (Policy(statements=()),),
            temporary=True,
        )
        keys = self._open(session, call.params.get("DurationSeconds", 43200))
        return {
            "Credentials": credentials_of(keys),
            "FederatedUser": {"FederatedUserId": session.user_id, "Arn": arn},
            "PackedPolicySize": _packed(call),
        }

    def _assume_role(self, call: Call, credential: Credential) -> dict[str, Any]:
        who = credential.principal
        arn = call.params["RoleArn"]
        if not _ROLE_ARN.fullmatch(arn):
            raise Refusal("ValidationError", f"{arn} is invalid")
        session_policies = _session_policies(call)
        role = self._permitted_role(call, who)
        seconds = _duration(call, who, role)
        session = role_session(
            role,
            account=self._account.id,
            session_name=call.params["RoleSessionName"],
            source_identity=call.params.get("SourceIdentity", who.source_identity),
            session_policies=session_policies,
            tags=tuple((tag["Key"], tag["Value"]) for tag in call.params.get("Tags", ())),
        )
        return {
            "Credentials": credentials_of(self._open(session, seconds)),
            "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
            "PackedPolicySize": _packed(call),
            "SourceIdentity": session.source_identity,
        }

    def _permitted_role(self, call: Call, who: Principal) -> Role:
        arn = call.params["RoleArn"]
        role = self._account.role(arn)
        context = caller_context(who, self._clock.now(), call.region) | _request_context(call)
        if self._shows_mfa(call, who):
            context["aws:multifactorauthpresent"] = "true"
        for action in _actions(call, who):
            ask = ask_for(action, arn, who, context)
            allowed = (
                role is not None
                and who.kind is not Kind.ROOT
                and evaluate([role.trust], ask) is Verdict.ALLOWED
                and why_not(self._account.policies(who), who, ask) is None
            )
            if not allowed or (action == "sts:SetSourceIdentity" and _changes_stamp(call, who)):
                raise _denied(who, action, arn)
        if role is None:
            raise _denied(who, "sts:AssumeRole", arn)
        return role

    def _shows_mfa(self, call: Call, who: Principal) -> bool:
        user = who.name if who.kind is Kind.USER else ""
        return self._devices.check(user, call.params.get("SerialNumber"), call.params.get("TokenCode"))

    def _open(self, principal: Principal, seconds: int) -> SessionKeys:
        return self._sessions.open(principal, self._clock.now() + timedelta(seconds=seconds))


def role_session(
    role: Role,
    *,
    account: str,
    session_name: str,
    source_identity: str | None = None,
    session_policies: tuple[Policy, ...] = (),
    tags: tuple[tuple[str, str], ...] = (),
) -> Principal:
    """The principal of somebody who has assumed `role`."""
    return Principal(
        kind=Kind.ROLE,
        account=account,
        name=role.name,
        arn=f"arn:aws:sts::{account}:assumed-role/{role.name}/{session_name}",
        user_id=f"{role.id}:{session_name}",
        role_arn=role.arn,
        session_name=session_name,
        session_policies=session_policies,
        source_identity=source_identity,
        tags=tags,
        temporary=True,
    )


def _actions(call: Call, who: Principal) -> list[str]:
    """What AssumeRole needs: the stamp's action also when a stamp is only carried along."""
    actions = ["sts:AssumeRole"]
    if "SourceIdentity" in call.params or who.source_identity:
        actions.append("sts:SetSourceIdentity")
    if call.params.get("Tags"):
        actions.append("sts:TagSession")
    return actions


def _changes_stamp(call: Call, who: Principal) -> bool:
    return (
        who.source_identity is not None
        and call.params.get("SourceIdentity", who.source_identity) != who.source_identity
    )


def _request_context(call: Call) -> dict[str, str | tuple[str, ...]]:
    params = call.params
    tags = params.get("Tags", ())
    found = {
        "sts:externalid": params.get("ExternalId"),
        "sts:rolesessionname": params.get("RoleSessionName"),
        "sts:sourceidentity": params.get("SourceIdentity"),  # carried along it is aws:SourceIdentity only
        "aws:tagkeys": tuple(tag["Key"] for tag in tags) or None,
        "sts:transitivetagkeys": tuple(params.get("TransitiveTagKeys", ())) or None,
    }
    context = {key: value for key, value in found.items() if value is not None}
    return context | {f"aws:requesttag/{tag['Key'].lower()}": tag["Value"] for tag in tags}


def _duration(call: Call, who: Principal, role: Role) -> int:
    seconds = int(call.params.get("DurationSeconds", 3600))
    if who.temporary and seconds > _CHAINED_MAX:
        raise Refusal(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for "
            "roles assumed by role chaining.",
        )
    if seconds > role.max_session:
        raise Refusal(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )
    return seconds


def _session_policies(call: Call) -> tuple[Policy, ...]:
    if call.params.get("PolicyArns"):
        raise Refusal(
            "NotImplemented", "the sandbox takes session policies only as Policy, not as PolicyArns", 501
        )
    text = call.params.get("Policy")
    if text is None:
        return ()
    try:
        return (parse_policy(text),)
    except CannotEvaluate as error:
        raise Refusal(
            "MalformedPolicyDocument", f"the sandbox cannot evaluate the session policy: {error}"
        ) from error


def _packed(call: Call) -> int | None:
    text = call.params.get("Policy")
    return None if text is None else len(text) * 100 // _SESSION_POLICY_LIMIT


def _long_lived(credential: Credential, operation: str) -> Principal:
    if credential.token is not None:
        raise Refusal("AccessDenied", f"Cannot call {operation} with session credentials", 403)
    return credential.principal


def credentials_of(keys: SessionKeys) -> dict[str, str]:
    """The `Credentials` element of an answer."""
    return {
        "AccessKeyId": keys.access_key_id,
        "SecretAccessKey": keys.secret_access_key,
        "SessionToken": keys.session_token,
        "Expiration": whole_seconds(keys.expiration),
    }


def _denied(who: Principal, action: str, resource: str) -> Refusal:
    return Refusal(
        "AccessDenied", f"User: {who.arn} is not authorized to perform: {action} on resource: {resource}", 403
    )
