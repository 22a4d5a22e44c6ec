"""Where a person, or a test in another process, approves a device: a page, and the same over JSON.

`GET /_sentinel/sso` shows the devices that wait, `POST` with `user_code`, `person` and `answer` (`approve` or
`deny`) settles one. No other site's page can post to it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from html import escape

from aiohttp import web

from sentinel_server.errors import NotFound
from sentinel_server.sandbox.identity_center import PAGE, IdentityCenter

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_HTML = """<!doctype html><meta charset="utf-8"><title>sandbox sign-in</title>
<h1>Sign in to the sandbox</h1>{said}
<form method="post"><p><label>Code <input name="user_code" value="{code}"></label>
<p><label>Person <input name="person" value="{person}"></label>
<p><button name="answer" value="approve">Approve</button> <button name="answer" value="deny">Deny</button>
</form>"""


def add_sign_in_routes(app: web.Application, center: IdentityCenter) -> None:
    """Let `app` show and take approvals."""

    async def show(request: web.Request) -> web.StreamResponse:
        if "application/json" in request.headers.get("Accept", ""):
            return web.json_response({"pending": center.tokens.pending(), "people": center.people()})
        return _page(request.query.get("user_code", ""), center, "")

    async def settle(request: web.Request) -> web.StreamResponse:
        form = await request.post()
        code, person = str(form.get("user_code", "")), str(form.get("person", ""))
        try:
            if form.get("answer") == "deny":
                center.tokens.deny(code)
            else:
                center.tokens.approve(code, person or next(iter(center.people()), ""))
        except NotFound as error:
            return _page(code, center, error.message, status=404)
        return _page("", center, "done; go back to your terminal")

    app.router.add_get(PAGE, _same_site(show))
    app.router.add_post(PAGE, _same_site(settle))


def _same_site(handler: Handler) -> Handler:
    async def checked(request: web.Request) -> web.StreamResponse:
        host = request.headers.get("Host", "")
        origin = request.headers.get("Origin", f"http://{host}")
        if host.rpartition(":")[0] not in ("127.0.0.1", "localhost") or origin != f"http://{host}":
            return web.json_response({"message": "only for this machine"}, status=403)
        return await handler(request)

    return checked


def _page(code: str, center: IdentityCenter, said: str, status: int = 200) -> web.Response:
    person = next(iter(center.people()), "")
    text = _HTML.format(said=f"<p>{escape(said)}", code=escape(code, quote=True), person=escape(person))
    return web.Response(text=text, status=status, content_type="text/html")
