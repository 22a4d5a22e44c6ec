"""A session with MFA over long-lived keys, by GetSessionToken. Other credentials are passed on unchanged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from botocore.exceptions import ClientError

from sentinel_server.adapters.aws.answers import error_code
from sentinel_server.adapters.aws.clients import AwsSession
from sentinel_server.adapters.aws.lapses import START_AGAIN
from sentinel_server.adapters.aws.renewing import Renewing, Supply
from sentinel_server.adapters.aws.sts import StsClient, credentials_from, sts_errors
from sentinel_server.clock import Clock
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.credentials.ports import CodeAsk, CodeSource, SessionCache
from sentinel_server.errors import LoginRequired, SentinelError

MFA_SECONDS = 43200
"""How long an MFA session lasts: 12 hours, as long as the longest server session."""

_CODES = 5
"""Codes that are tried at most, whatever the sources say."""

_LEFT_ALONE = 60.0
"""Seconds after a failure in which nothing is asked for a code unattended: it may want a finger on a key."""

Open = Callable[[Supply], AwsSession]
"""Opens AWS with the credentials of a supply."""


class MfaSession:
    """A Supply. A person is asked in `prepare` alone; later renewals take codes that need nobody."""

    def __init__(
        self,
        ask: CodeAsk,
        keys: Supply,
        open_session: Open,
        *,
        codes: CodeSource | None,
        sessions: SessionCache | None,
        clock: Clock,
        owner: str,
    ) -> None:
        """`ask` names the profile and the device; `keys`, of `owner`, are what the session is opened with."""
        self._owner = owner
        self._ask = replace(ask, attended=False)
        self._keys = keys
        self._open = open_session
        self._codes = codes
        self._sessions = sessions
        self._clock = clock
        self._opened = False
        self._failure: SentinelError | None = None
        self._failed_at = 0.0
        self._known = Renewing(self._renewed, clock, person=True)

    @property
    def renewing(self) -> Renewing:
        """The session's own part, which has an end."""
        return self._known

    async def prepare(self) -> None:
        """Open the session, asking a person if need be. Raises LoginRequired, UpstreamFailed."""
        keys = await self._keys.resolve()
        if keys.session_token is None:
            self._known.put(await self._session(keys, replace(self._ask, attended=True)))
            self._opened = True

    async def resolve(self) -> AwsCredentials:
        """The session, or the keys themselves when they are temporary. Raises LoginRequired."""
        keys = await self._keys.resolve()
        return keys if keys.session_token is not None else await self._known.resolve()

    def at_hand(self) -> AwsCredentials | None:
        """What `resolve` would give at once; None when it would have to wait."""
        keys = self._keys.at_hand()
        return keys if keys is None or keys.session_token is not None else self._known.at_hand()

    async def _renewed(self) -> AwsCredentials:
        return await self._session(await self._keys.resolve(), self._ask)

    async def _session(self, keys: AwsCredentials, ask: CodeAsk) -> AwsCredentials:
        async def make() -> AwsCredentials:
            return await (self._made(ask) if ask.attended else self._made_alone(ask))

        if self._sessions is None:
            return await make()
        about = ["get-session-token", keys.access_key_id, ask.serial]
        # At a renewal, the session that is about to end helps nobody.
        return await self._sessions.session(self._owner, about, make, spent=self._known.has)

    async def _made_alone(self, ask: CodeAsk) -> AwsCredentials:
        """A session that needs nobody; what failed just now fails again, without asking for another code."""
        now = self._clock.monotonic()
        if self._failure is not None and now - self._failed_at < _LEFT_ALONE:
            raise self._failure.with_traceback(None)
        try:
            made = await self._made(ask)
        except SentinelError as error:
            self._failure, self._failed_at = error, self._clock.monotonic()
            raise
        self._failure = None
        return made

    async def _made(self, ask: CodeAsk) -> AwsCredentials:
        sts = StsClient(self._open(self._keys))
        try:
            client = await sts.get()
            for refused in range(_CODES):
                code = None
                if self._codes is not None:
                    code = await self._codes.code(replace(ask, refused=refused))
                if code is None:
                    raise self._lapsed(replace(ask, refused=refused))
                with sts_errors(f"asking for a session with {ask.serial}"):
                    try:
                        answer = await client.get_session_token(
                            SerialNumber=ask.serial, TokenCode=code.strip(), DurationSeconds=MFA_SECONDS
                        )
                        return credentials_from(answer["Credentials"])
                    except ClientError as error:
                        if error_code(error) != "AccessDenied":
                            raise
            raise self._lapsed(replace(ask, refused=_CODES))
        finally:
            await sts.close()

    def _lapsed(self, ask: CodeAsk) -> LoginRequired:
        about = f"profile {ask.profile!r}"
        if ask.refused:
            return LoginRequired(
                f"AWS did not accept the code of {ask.serial}", hint="try again with the next code"
            )
        if ask.attended:
            return LoginRequired(
                f"{about} needs a code of {ask.serial}, and there is no terminal to ask for it",
                hint="run it from a terminal, give --mfa-token, or set mfa_process in the profile",
            )
        if self._opened:
            return LoginRequired(f"the MFA session of {about} has ended", hint=START_AGAIN)
        return LoginRequired(f"{about} needs an MFA code, and none was given", hint=START_AGAIN)
