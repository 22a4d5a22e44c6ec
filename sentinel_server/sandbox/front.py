"""The strict front: every request is identified, checked and written down before anything answers it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web

from sentinel_server.clock import Clock
from sentinel_server.sandbox import backend, identify, signature
from sentinel_server.sandbox.account import Account
from sentinel_server.sandbox.conditions import CannotEvaluate
from sentinel_server.sandbox.principals import Sessions
from sentinel_server.sandbox.sts import Sts, check_parameters
from sentinel_server.sandbox.wire import Call, Refusal, Reply, protocol_of, refuse

BODY_LIMIT = 64 * 1024 * 1024
"""Bytes a request may have; enough for every SDK's single PUT."""

CANNOT_TELL = "SandboxCannotTell"
"""Error code of a request that a policy says something about which the sandbox does not understand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request that reached the sandbox. `params` holds no secret, body or token."""

    service: str
    operation: str
    principal: str | None
    params: Mapping[str, Any] = field(default_factory=dict)
    status: int = 0
    error: str | None = None


class Front:
    """Answers AWS requests over HTTP."""

    def __init__(self, account: Account, sessions: Sessions, clock: Clock, calls: list[Seen]) -> None:
        self._account = account
        self._sessions = sessions
        self._clock = clock
        self._calls = calls
        self._sts = Sts(account, sessions, clock)

    def application(self) -> web.Application:
        """The aiohttp application that serves every path."""
        app = web.Application(client_max_size=BODY_LIMIT)
        app.router.add_route("*", "/{path:.*}", self.handle)
        return app

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        reply = await self._reply(request.method, request.raw_path, headers, body)
        sent = dict(reply.headers) | {"Date": self._clock.now().strftime("%a, %d %b %Y %H:%M:%S GMT")}
        if request.method != "HEAD":  # only there does it say more than the body's own length
            sent = {name: value for name, value in sent.items() if name.lower() != "content-length"}
        return web.Response(status=reply.status, headers=sent, body=reply.body)

    async def _reply(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        signed = signature.read(headers.get("authorization", ""))
        service = signed.service if signed else ""
        protocol = protocol_of(service, headers)
        seen = Seen(service=service, operation="", principal=None)
        try:
            if signed is None:
                raise identify.unsigned(protocol)
            call = identify.read_call(method, target, headers, body, signed)
            seen = replace(seen, operation=call.operation)
            known = self._sessions.find(signed.access_key_id) or self._account.credential(
                signed.access_key_id
            )
            credential = identify.check_credential(call, signed, known, self._clock.now())
            seen = replace(seen, principal=credential.principal.arn)
            if service == "sts":
                call = replace(call, params=check_parameters(call.operation, call.params))
                reply = self._sts.answer(call, credential)
            else:
                reply = await self._forward(call)
        except Refusal as refusal:
            reply = refuse(protocol, service, refusal)
            seen = replace(seen, error=refusal.code)
        except CannotEvaluate as error:
            reply = refuse(
                protocol, service, Refusal(CANNOT_TELL, f"the sandbox cannot evaluate {error}", 501)
            )
            seen = replace(seen, error=CANNOT_TELL)
        self._calls.append(replace(seen, status=reply.status))
        return reply

    async def _forward(self, call: Call) -> Reply:
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
