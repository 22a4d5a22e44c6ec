"""One fetch from a credential endpoint as an SDK makes it, of which only the outcome is kept."""

from __future__ import annotations

import time

import aiohttp

from sentinel_server.diagnosis.endpoint import Answer
from sentinel_server.errors import UpstreamFailed
from sentinel_server.secret import Secret

_PATIENCE = aiohttp.ClientTimeout(total=10, connect=2)
_LIMIT = 64 * 1024


async def ask_endpoint(url: str, token: Secret | None) -> Answer:
    """What the endpoint answers; credentials are thrown away unread. Raises UpstreamFailed for no answer.

    Nothing goes through a proxy and no redirect is followed, as with the SDKs.
    """
    headers = {"Accept": "application/json"} | ({} if token is None else {"Authorization": token.reveal()})
    began = time.monotonic()
    try:
        async with (
            aiohttp.ClientSession(timeout=_PATIENCE, trust_env=False) as session,
            session.get(url, headers=headers, allow_redirects=False) as answer,
        ):
            body = await answer.content.read(_LIMIT)
            seconds = time.monotonic() - began
            code, message = ("", "") if answer.status == 200 else _refusal(body)
            return Answer(
                status=answer.status,
                code=code,
                message=message,
                content_type=answer.headers.get("Content-Type", ""),
                seconds=seconds,
            )
    except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
        raise UpstreamFailed(
            f"the endpoint of this shell does not answer ({type(error).__name__})",
            hint="leave this shell (exit) and start anew: sentinel exec --server --profile NAME",
        ) from error


def _refusal(body: bytes) -> tuple[str, str]:
    import json

    try:
        said = json.loads(body)
    except ValueError:
        return "", ""
    if not isinstance(said, dict):
        return "", ""
    return str(said.get("code") or said.get("Code") or "")[:60], str(said.get("message") or "")[:300]
