"""AWS's sign-in service, which trades a session for a token that a browser can sign in with."""

from __future__ import annotations

from aiohttp import ClientError, ClientSession, ClientTimeout

from sentinel_server.errors import UpstreamFailed
from sentinel_server.secret import Secret

SECONDS = 15
"""How long the service may take."""


async def sign_in_token(sign_in: str, session: Secret) -> Secret:
    """A sign-in token for the session document. Raises UpstreamFailed, which never quotes what was sent."""
    asked = {"Action": "getSigninToken", "Session": session.reveal()}
    try:
        async with (
            ClientSession(timeout=ClientTimeout(total=SECONDS), trust_env=True) as client,
            # The body and not the address carries the session: addresses end up in the logs of proxies.
            client.post(f"{sign_in}/federation", data=asked, allow_redirects=False) as answer,
        ):
            found = await answer.json(content_type=None) if answer.status == 200 else None
            status = answer.status
    except (ClientError, OSError, TimeoutError, ValueError) as error:
        raise UpstreamFailed(f"asking {sign_in} for a sign-in token: {type(error).__name__}") from None
    token = found.get("SigninToken") if isinstance(found, dict) else None
    if not isinstance(token, str) or not token:
        raise UpstreamFailed(f"{sign_in} gave no sign-in token (HTTP {status})")
    return Secret(token)
