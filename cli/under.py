"""The sessions that ran under an approval, for whoever has just taken it back."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from sentinel_server.requests.model import AccessRequest
    from sentinel_server.settings.resolve import Settings

_PAGE = 200
_NAMED = 3
"""Sessions that are named one by one; of more, the list is."""


async def what_ran(settings: Settings, request: AccessRequest, now: datetime) -> list[str]:
    """What to say of the live sessions under it: how to end each, or where to look. Never raises.

    They are refused by themselves, and could go on under something else.
    """
    from sentinel_server.errors import SentinelError

    see = f"sentinel server-sessions --profile {quote(request.profile)} --user {quote(request.user)}"
    try:
        ids = await _running(settings, request, now)
    except SentinelError:
        return [f"sessions may have run under it; see them: {see}"]
    said = [
        f"session {each} ran under it; end it: sentinel server-revoke {each} --reason WHY" for each in ids
    ]
    return said if len(said) <= _NAMED else [f"{len(said)} sessions ran under it; see them: {see}"]


async def _running(settings: Settings, request: AccessRequest, now: datetime) -> list[str]:
    from sentinel_server.sessions.model import State
    from sentinel_server.sessions.store import SessionQuery
    from sentinel_server.wiring import open_store

    query, token, ids = SessionQuery(profile=request.profile, state=State.ACTIVE), None, []
    async with open_store(settings) as store:
        while True:
            page = await store.sessions(query, now, _PAGE, token)
            ids += [session.id for session in page.sessions if session.override_id == request.id]
            token = page.next_token
            if token is None:
                return ids
