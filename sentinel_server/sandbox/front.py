"""The HTTP side of the embedded AWS: bytes in, bytes out, and how a connection ends."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC
from email.utils import format_datetime

from aiohttp import ClientSession, ClientTimeout, web

from sentinel_server.clock import Clock
from sentinel_server.sandbox.calls import CallLog
from sentinel_server.sandbox.control import add_control_routes
from sentinel_server.sandbox.faults import Faults
from sentinel_server.sandbox.federation import PATH as FEDERATION
from sentinel_server.sandbox.federation import Federation
from sentinel_server.sandbox.gate import Forward, Gate
from sentinel_server.sandbox.identity_center import IdentityCenter
from sentinel_server.sandbox.sso_page import add_sign_in_routes
from sentinel_server.sandbox.wire import Call, Ending, Refusal, Reply

BODY_LIMIT = 64 * 1024 * 1024
"""Bytes a request may have; enough for every SDK's single PUT."""

_FORWARD_SECONDS = 30
_OWN_HEADERS = frozenset({"connection", "content-length", "date", "server", "transfer-encoding"})


class Front:
    """Serves AWS on every path but the control's."""

    def __init__(
        self,
        gate: Gate,
        clock: Clock,
        calls: CallLog,
        faults: Faults,
        center: IdentityCenter,
        federation: Federation,
    ) -> None:
        self._gate = gate
        self._clock = clock
        self._calls = calls
        self._faults = faults
        self._center = center
        self._federation = federation

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=BODY_LIMIT)
        add_control_routes(app, self._faults, self._calls)
        add_sign_in_routes(app, self._center)
        app.router.add_route("*", FEDERATION, self._federation.handle)
        app.router.add_route("*", "/{path:.*}", self.handle)
        return app

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one AWS request."""
        try:
            body = await request.read()
        except ConnectionError:  # whoever asked has gone
            return web.Response()
        headers = {name.lower(): value for name, value in request.headers.items()}
        reply = await self._gate.answer(request.method, request.raw_path, headers, body)
        if reply.ending is Ending.NOTHING:
            _reset(request)
            return web.Response()
        response = self._response(request, reply)
        if reply.ending is Ending.HALF:
            await _half(request, reply, response)
        return response

    def _response(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        date = {"Date": format_datetime(self._clock.now().astimezone(UTC), usegmt=True)}
        own = _OWN_HEADERS - ({"content-length"} if request.method == "HEAD" else set())
        kept = {name: value for name, value in reply.headers.items() if name.lower() not in own}
        if reply.ending is Ending.HALF:
            return web.StreamResponse(status=reply.status, headers=kept | date)
        return web.Response(status=reply.status, headers=kept | date, body=reply.body)


class Elsewhere:
    """Another endpoint that answers DynamoDB calls, such as DynamoDB Local; an async context manager."""

    def __init__(self, url: str, account_id: str) -> None:
        self._url = url.rstrip("/")
        self._key = f"sandbox{account_id}"
        self._session: ClientSession | None = None

    async def __aenter__(self) -> Forward:
        self._session = ClientSession(timeout=ClientTimeout(total=_FORWARD_SECONDS), auto_decompress=False)
        return self._send

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def _send(self, call: Call) -> Reply:
        assert self._session is not None  # noqa: S101 # entered before anything is sent
        try:
            async with self._session.post(self._url, data=call.body, headers=self._headers(call)) as answer:
                return Reply(status=answer.status, headers=dict(answer.headers), body=await answer.read())
        except (OSError, TimeoutError) as error:
            raise Refusal(
                "InternalServerError", f"the DynamoDB endpoint does not answer: {error}", 500
            ) from error

    def _headers(self, call: Call) -> Mapping[str, str]:
        """One key for every caller, because DynamoDB Local keeps one database per key."""
        scope = f"{self._key}/20260101/{call.region}/dynamodb/aws4_request"
        return {
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}",
            "Accept-Encoding": call.headers.get("accept-encoding", "identity"),
            "Content-Type": call.headers.get("content-type", "application/x-amz-json-1.0"),
            "X-Amz-Target": call.headers.get("x-amz-target", ""),
            "X-Amz-Date": call.headers.get("x-amz-date", ""),
        }


async def _half(request: web.Request, reply: Reply, response: web.StreamResponse) -> None:
    response.content_length = len(reply.body)
    with suppress(ConnectionError):  # whoever asked may have gone
        await response.prepare(request)
        await response.write(reply.body[: len(reply.body) // 2])
    _reset(request)


def _reset(request: web.Request) -> None:
    """End the connection with a TCP reset, as a crashing load balancer does."""
    transport = request.transport
    if transport is None:
        return
    raw = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
