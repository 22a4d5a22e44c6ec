"""One fetch of credentials from the shell's own server, as its SDKs make them; the keys are not looked at."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from cli.seats import Refusal
from cli.standings import Holds, Standing, exit_status_of, instant
from sentinel_server.frozen import frozen

PATIENCE = 2.0
"""Seconds; the server answers within 0.8."""


@frozen
class Fetched:
    """An end of what was served, a refusal with its exit status, or why there was neither.

    `gone` means that nobody listens there any more.
    """

    expiration: datetime | None = None
    refusal: Refusal | None = None
    status: int = 0
    gone: bool = False
    why: str = ""


def fetch(url: str, token: str, now: str) -> Fetched:
    """What the server answers; `now` goes into a refusal."""
    try:
        place = urlsplit(url)
        connection = HTTPConnection(place.hostname or "", place.port, timeout=PATIENCE)
        try:
            connection.request("GET", place.path, headers={"Authorization": token})
            answer = connection.getresponse()
            return _read(answer.status, answer.read(65536), now)
        finally:
            connection.close()
    except ConnectionRefusedError:
        return Fetched(gone=True, why=f"nobody listens at {url}")
    except (OSError, ValueError, HTTPException) as error:
        return Fetched(why=f"the server at {url} did not answer: {str(error) or type(error).__name__}")


def _read(status: int, body: bytes, now: str) -> Fetched:
    try:
        found = json.loads(body)
        if status == 200:
            return Fetched(expiration=instant(found["Expiration"]), why="what was served has no end")
        message, _, hint = str(found["message"]).partition("; ")
        refusal = Refusal(code=str(found["code"]), message=message, next=hint, at=now)
    except (ValueError, KeyError, TypeError):
        return Fetched(why=f"what listens there is not our server: it answered with HTTP {status}")
    return Fetched(refusal=refusal, status=exit_status_of(refusal.code))


def with_answer(found: Standing, answer: Fetched) -> Standing:
    """What the shell holds, knowing what its server answered."""
    if answer.expiration is not None:
        return replace(found, holds=Holds.SERVED, status=0, lease_until=answer.expiration)
    if answer.refusal is not None:
        return replace(found, holds=Holds.REFUSED, status=answer.status, refusal=answer.refusal)
    holds, status = (Holds.GONE, 1) if answer.gone else (Holds.SILENT, 6)
    return replace(found, holds=holds, status=status, unasked=(*found.unasked, answer.why))
