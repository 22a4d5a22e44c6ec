"""The sign-in service of the console: trades a session for a token, and a token for the console.

As AWS's, it answers 400 to whatever it does not like.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_enable-console-custom-url.html
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from sentinel_server.clock import Clock
from sentinel_server.sandbox.principals import Sessions

PATH = "/federation"


class Federation:
    """Sign-in tokens by session; each is good once, and for as long as its session."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock
        self._tokens: dict[str, str] = {}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request for a token or for the console."""
        given: dict[str, Any] = {**request.query, **(await request.post())}
        match given.get("Action"):
            case "getSigninToken":
                return self._token(given)
            case "login":
                return self._login(given)
            case _:
                return web.Response(status=400, text="unknown action")

    def _token(self, given: Mapping[str, Any]) -> web.StreamResponse:
        try:
            session = json.loads(given["Session"])
            key, secret, token = (str(session[name]) for name in ("sessionId", "sessionKey", "sessionToken"))
        except (ValueError, KeyError, TypeError):
            return web.Response(status=400, text="no session")
        known = self._sessions.find(key)
        genuine = known is not None and (
            hmac.compare_digest(known.secret.encode(), secret.encode())
            and hmac.compare_digest((known.token or "").encode(), token.encode())
        )
        if not genuine or not self._lives(key):
            return web.Response(status=400, text="not a session")
        fresh = secrets.token_urlsafe(40)
        self._tokens[fresh] = key
        return web.json_response({"SigninToken": fresh})

    def _login(self, given: Mapping[str, Any]) -> web.StreamResponse:
        key = self._tokens.pop(str(given.get("SigninToken", "")), None)
        known = None if key is None else self._sessions.find(key)
        if key is None or known is None or not self._lives(key):
            return web.Response(status=400, text="not a sign-in token")
        return web.Response(text=f"signed in as {known.principal.arn}, to {given.get('Destination', '')}")

    def _lives(self, key: str) -> bool:
        known = self._sessions.find(key)
        return known is not None and (known.expires_at is None or self._clock.now() < known.expires_at)
