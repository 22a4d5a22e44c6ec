"""Messages by HTTPS POST: signed, to a checked address, tried again only where that can help."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import aiohttp

from sentinel_server.adapters.http.addresses import CheckedResolver, LookUp, check_url, literal
from sentinel_server.clock import Clock
from sentinel_server.errors import NotificationFailed
from sentinel_server.notifications.message import Message
from sentinel_server.notifications.signature import signature
from sentinel_server.secret import Secret

ATTEMPT = timedelta(seconds=5)
"""How long one attempt may take; connecting gets three seconds of it."""

_CONNECT = 3.0
_TRIES = 4
_FIRST_WAIT = 0.5
_AGAIN = frozenset({408, 425, 429, *range(500, 600)})
_BODY_READ = 2048
_HEADERS_READ = 16 * 1024
_WORDS = 80

Render = Callable[[Message], bytes]


class Webhook:
    """A Notifier that posts to one URL, a secret but for its host. Raises InvalidSetting for a bad one.

    `keys` sign; without any there is no signature. `chance` gives a number from 0 to 1. `tls` and `look_up`
    are the system's own unless given. No redirect is followed, no proxy used, no cookie kept.
    """

    def __init__(
        self,
        url: Secret,
        *,
        clock: Clock,
        chance: Callable[[], float],
        keys: Sequence[Secret] = (),
        render: Render = lambda message: message.payload,
        allow_private: bool = False,
        tls: ssl.SSLContext | None = None,
        look_up: LookUp | None = None,
    ) -> None:
        self._url = Secret(url.reveal().strip())
        self._host, near = check_url(url)
        self._resolver = CheckedResolver(near=near, allow_private=allow_private, look_up=look_up)
        self._tls = tls
        self._clock = clock
        self._chance = chance
        self._keys = tuple(keys)
        self._render = render
        self._session: aiohttp.ClientSession | None = None

    async def send(self, message: Message, within: timedelta) -> None:
        """Post the message; again after a pause when the other side or the way to it failed."""
        body = self._render(message)
        ends = self._clock.monotonic() + within.total_seconds()
        for number in range(_TRIES):
            try:
                await self._post(message, body, ends)
            except _Passing as error:
                wait = self._wait(number, error.retry_after)
                if number + 1 == _TRIES or self._clock.monotonic() + wait >= ends:
                    raise error.final() from error
                await asyncio.sleep(wait)
            else:
                return

    async def close(self) -> None:
        """Close connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _wait(self, number: int, retry_after: timedelta | None) -> float:
        spread: float = _FIRST_WAIT * (1 << number) * (0.5 + self._chance())
        return max(spread, retry_after.total_seconds() if retry_after else 0.0)

    async def _post(self, message: Message, body: bytes, ends: float) -> None:
        left = min(ATTEMPT.total_seconds(), ends - self._clock.monotonic())
        if left <= 0:
            raise _Passing(f"no answer from {self._host} in time")
        try:
            async with self._client().post(
                self._url.reveal(),
                data=body,
                headers=self._headers(message, body),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=left, connect=min(_CONNECT, left)),
            ) as answer:
                await self._judge(answer)
        except TimeoutError as error:
            raise _Passing(f"no answer from {self._host} within {left:.1f} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self._broken(error) from error

    def _headers(self, message: Message, body: bytes) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "sentinel",
            "X-Sentinel-Event": message.type.value,
            "X-Sentinel-Delivery": message.delivery_id,
        }
        if self._keys:
            headers["X-Sentinel-Signature"] = signature(self._keys, body, self._clock.now())
        return headers

    async def _judge(self, answer: aiohttp.ClientResponse) -> None:
        status = answer.status
        if 200 <= status < 300:
            return
        if 300 <= status < 400:
            raise NotificationFailed(f"{self._host} answered {status}: a redirect, which is never followed")
        said = f"{self._host} answered {status}{_words(await answer.content.read(_BODY_READ))}"
        if status in _AGAIN:
            raise _Passing(said, read_retry_after(answer.headers, self._clock.now()))
        raise NotificationFailed(said)

    def _broken(self, error: Exception) -> NotificationFailed | _Passing:
        """What went wrong on the way. The words of aiohttp are not used: they quote the URL."""
        cause = getattr(error, "certificate_error", None)
        if cause is not None:
            return NotificationFailed(f"the certificate of {self._host} is not valid: {type(cause).__name__}")
        inner = getattr(error, "os_error", None)
        what = getattr(inner, "strerror", None) or type(error).__name__
        return _Passing(f"no connection with {self._host}: {what}")

    def _client(self) -> aiohttp.ClientSession:
        address = literal(self._host)
        if address is not None:  # aiohttp looks no address up, so nothing else would check it
            self._resolver.check(self._host, [str(address)])
        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=self._resolver,
                use_dns_cache=False,
                family=socket.AF_UNSPEC,
                limit=4,
                ssl=True if self._tls is None else self._tls,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
                max_field_size=_HEADERS_READ,
            )
        return self._session


class _Passing(Exception):
    """A failure that another attempt may mend."""

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after

    def final(self) -> NotificationFailed:
        """The same, when there is no other attempt."""
        return NotificationFailed(self.message, retry_after=self.retry_after)


def read_retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """What `Retry-After` asks for, in seconds or as a date (RFC 9110 §10.2.3); None when it says nothing."""
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII):
        return timedelta(seconds=int(text))
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(date - now, timedelta(0))


def _words(body: bytes) -> str:
    """The first words of an answer, when they are text that can be shown."""
    text = " ".join(body.decode("ascii", "replace").split())
    return f": {text[:_WORDS]}" if text and text.isprintable() and "\ufffd" not in text[:_WORDS] else ""
