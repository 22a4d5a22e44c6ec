"""Faults and calls over HTTP, for tests and demos whose parts are several processes.

`GET`, `POST` and `DELETE /_sentinel/faults` list, add and heal (`?service=` for one service's);
`GET /_sentinel/calls` lists what reached the sandbox. The path can be no bucket's. A browser's request is
refused: it has an `Origin`, or a `Host` that is not loopback's.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict

from aiohttp import web

from sentinel_server.errors import BadInput
from sentinel_server.sandbox.calls import CallLog
from sentinel_server.sandbox.faults import Faults, fault_from, fault_to

FAULTS = "/_sentinel/faults"
CALLS = "/_sentinel/calls"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def add_control_routes(app: web.Application, faults: Faults, calls: CallLog) -> None:
    """Let `app` control `faults` and show `calls`."""

    async def show_faults(_: web.Request) -> web.StreamResponse:
        return web.json_response([fault_to(fault) for fault in faults.active()])

    async def add_fault(request: web.Request) -> web.StreamResponse:
        try:
            faults.add(fault_from(json.loads(await request.read())))
        except (BadInput, ValueError) as error:
            return web.json_response({"message": str(error)}, status=400)
        return await show_faults(request)

    async def heal(request: web.Request) -> web.StreamResponse:
        faults.heal(request.query.get("service"))
        return await show_faults(request)

    async def show_calls(_: web.Request) -> web.StreamResponse:
        return web.json_response([asdict(seen) for seen in calls.all()], dumps=_dumps)

    app.router.add_get(FAULTS, _loopback_only(show_faults))
    app.router.add_post(FAULTS, _loopback_only(add_fault))
    app.router.add_delete(FAULTS, _loopback_only(heal))
    app.router.add_get(CALLS, _loopback_only(show_calls))


def _loopback_only(handler: Handler) -> Handler:
    async def checked(request: web.Request) -> web.StreamResponse:
        host = request.headers.get("Host", "").rpartition(":")[0] or request.headers.get("Host", "")
        if "Origin" in request.headers or host not in ("127.0.0.1", "localhost"):
            return web.json_response({"message": "only for programs on this machine"}, status=403)
        return await handler(request)

    return checked


def _dumps(value: object) -> str:
    return json.dumps(value, default=str)
