"""The gate: every request is identified, checked and written down before anything answers it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sentinel_server.clock import Clock
from sentinel_server.sandbox import backend, identify, kms, signature, troubles, web_identity
from sentinel_server.sandbox.account import Account
from sentinel_server.sandbox.actions import asks_of
from sentinel_server.sandbox.authorise import caller_context, why_not
from sentinel_server.sandbox.calls import CallLog, Seen, shown
from sentinel_server.sandbox.conditions import CannotEvaluate
from sentinel_server.sandbox.dynamodb import Tables
from sentinel_server.sandbox.faults import Fault, FaultKind, Faults
from sentinel_server.sandbox.iam import Ask
from sentinel_server.sandbox.identity_center import IdentityCenter, operation_of
from sentinel_server.sandbox.mfa import Devices
from sentinel_server.sandbox.principals import Credential, Principal, Sessions
from sentinel_server.sandbox.sts import Sts, check_parameters
from sentinel_server.sandbox.wire import (
    Call,
    Ending,
    Refusal,
    Reply,
    form_of,
    json_of,
    protocol_of,
    refuse,
)

CANNOT_TELL = "SandboxCannotTell"
"""Error code where a policy speaks of something the sandbox does not understand; nothing is answered then."""

Forward = Callable[[Call], Awaitable[Reply]]
"""Sends a permitted call to what answers it."""


class Gate:
    """Answers AWS requests that have arrived complete."""

    def __init__(
        self,
        *,
        account: Account,
        sessions: Sessions,
        clock: Clock,
        calls: CallLog,
        faults: Faults,
        tables: Tables,
        elsewhere: Mapping[str, Forward],
        refuse_skew: bool,
        center: IdentityCenter,
        devices: Devices,
        identities: web_identity.WebIdentities,
    ) -> None:
        self._account = account
        self._sessions = sessions
        self._clock = clock
        self._calls = calls
        self._faults = faults
        self._tables = tables
        self._elsewhere = elsewhere
        self._refuse_skew = refuse_skew
        self._center = center
        self._identities = identities
        self._sts = Sts(account, sessions, clock, devices)

    async def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """The reply to one request; header names are in lower case. Never raises a Refusal."""
        signed = signature.read(headers.get("authorization", ""))
        service = signed.service if signed else ""
        protocol = protocol_of(service, headers)
        seen = Seen(service=service, operation="")
        try:
            if signed is None:
                call = _unsigned_call(method, target, headers, body)
                seen = Seen(service=call.service, operation=call.operation, params=shown(call.params))
                reply = await self._troubled(call, None)
            else:
                call = identify.read_call(method, target, headers, body, signed)
                seen = replace(seen, operation=call.operation, params=shown(call.params))
                credential = self._authenticate(call, signed)
                seen = replace(seen, principal=credential.principal.arn)
                reply = await self._troubled(call, credential)
        except Exception as error:  # a client must get an answer in its protocol, whatever happened here
            refusal = _refusal(error)
            reply, seen = refuse(protocol, seen.service, refusal), replace(seen, error=refusal.code)
        self._calls.add(replace(seen, status=reply.status))
        return reply

    def _authenticate(self, call: Call, signed: signature.Signed) -> Credential:
        if self._refuse_skew:
            identify.check_time(call, self._clock.now())
        key = signed.access_key_id
        credential = self._sessions.find(key) or self._account.credential(key)
        return identify.check_credential(call, signed, credential, self._clock.now())

    async def _troubled(self, call: Call, credential: Credential | None) -> Reply:
        """The answer under the fault in force, if there is one."""
        fault = self._faults.take(call.service, call.operation)
        if fault is None:
            return await self._answer(call, credential)
        if fault.kind is FaultKind.LATENCY:
            await asyncio.sleep(fault.seconds)
            return await self._answer(call, credential)
        if fault.kind is FaultKind.RESET:
            return replace(await self._answer(call, credential), ending=Ending.HALF)
        return _failed(fault, call, credential.principal.arn if credential else "nobody")

    async def _answer(self, call: Call, credential: Credential | None) -> Reply:
        if credential is None:
            return self._answer_unsigned(call)
        if call.service == "sts":
            checked = replace(call, params=check_parameters(call.operation, call.params))
            return self._sts.answer(checked, credential)
        self._authorise(call, credential.principal)
        if call.service == "dynamodb" and call.operation == "CreateTable":
            self._tables.learn(call.params)
        if call.service == "kms" and call.operation in kms.OPERATIONS:
            return kms.answer(call, self._account)
        forward = self._elsewhere.get(call.service, self._to_moto)
        return await forward(call)

    def _answer_unsigned(self, call: Call) -> Reply:
        if call.service != "sts":
            return self._center.answer(call)
        checked = replace(call, params=check_parameters(call.operation, call.params))
        return web_identity.assume_role(
            checked, self._identities, self._account, self._sessions, self._clock.now()
        )

    def _authorise(self, call: Call, principal: Principal) -> None:
        policies = self._account.policies(principal)
        context = caller_context(principal, self._clock.now(), call.region)
        for ask in asks_of(call, principal, context, self._account, self._tables):
            reason = why_not(policies, principal, ask)
            if reason is not None:
                raise _denied(call, principal.arn, ask, reason)

    async def _to_moto(self, call: Call) -> Reply:
        return await asyncio.to_thread(
            backend.ask_moto,
            self._account.id,
            call.service,
            call.region,
            call.method,
            call.target,
            call.headers,
            call.body,
        )


def _unsigned_call(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Call:
    """The call of a request that may come without a signature. Raises Refusal for any other."""
    protocol = protocol_of("", headers)
    params: dict[str, Any] = {}
    found = operation_of(method, target)
    if found is None:
        params = dict(form_of(target, body)) if protocol == "query" else {}
        found = ("sts", params.get("Action", ""))
        if found[1] != web_identity.OPERATION:
            raise identify.unsigned(protocol)
    else:
        params = dict(parse_qsl(urlsplit(target).query)) | (json_of(body) if body else {})
    service, operation = found
    return Call(
        method=method,
        target=target,
        headers=headers,
        body=body,
        service=service,
        region="us-east-1",
        operation=operation,
        params=params,
    )


def _failed(fault: Fault, call: Call, who: str) -> Reply:
    if fault.kind is FaultKind.DROP:
        return Reply(status=0, headers={}, body=b"", ending=Ending.NOTHING)
    if fault.kind is FaultKind.WRONG_JSON:
        return troubles.garbled(call)
    if fault.kind is FaultKind.UNPROCESSED and call.operation == "BatchGetItem":
        return troubles.unprocessed(call)
    if fault.kind is FaultKind.DENY:
        ask = Ask(action=f"{call.service}:{call.operation}", resource="*", context={})
        raise _denied(call, who, ask, "with an explicit deny in a service control policy")
    raise troubles.throttled(call) if fault.kind is FaultKind.THROTTLE else troubles.broken(call)


def _denied(call: Call, who: str, ask: Ask, reason: str) -> Refusal:
    code = "AccessDenied" if call.protocol in ("query", "rest-xml") else "AccessDeniedException"
    resource = f'"{ask.resource}"' if call.protocol == "rest-xml" else ask.resource or "*"
    message = f"User: {who} is not authorized to perform: {ask.action} on resource: {resource} {reason}"
    return Refusal(code, message, 403)


def _refusal(error: Exception) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, CannotEvaluate):
        return Refusal(CANNOT_TELL, f"the sandbox cannot evaluate {error}", 501)
    return Refusal("InternalFailure", f"the sandbox failed: {error!r}", 500)
