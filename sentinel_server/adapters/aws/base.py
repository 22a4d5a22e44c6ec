"""Base credentials: the person's own, from the source of the target profile, and whose they are.

Whatever needs a person (an MFA code) is settled by `prepare`, before anything starts. Afterwards nothing here
prompts: what lapses is a LoginRequired that names the way out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Protocol

from botocore.exceptions import ClientError

from sentinel_server.adapters.aws.clients import AwsSession, error_code
from sentinel_server.adapters.aws.lapses import START_AGAIN
from sentinel_server.adapters.aws.source import SourceCredentials, note_outcome
from sentinel_server.adapters.aws.sts import StsClient, credentials_from, sts_errors
from sentinel_server.clock import MAX_SKEW, Clock
from sentinel_server.credentials.endpoints import endpoints_for, sts_region
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.credentials.ports import KeptKeys, SessionCache
from sentinel_server.credentials.profiles import BaseSource, Profile, Profiles
from sentinel_server.credentials.recursion import refuse_recursion
from sentinel_server.errors import IdentityUnavailable, InvalidArn, LoginRequired
from sentinel_server.identity.arn import parse_principal
from sentinel_server.identity.principal import Principal

MFA_SECONDS = 43200
"""How long an MFA session lasts: 12 hours, as long as the longest server session."""

_ROTATIONS = 3


class TokenPrompt(Protocol):
    """Asks the person for the code of an MFA device, on the terminal."""

    async def __call__(self, serial: str) -> str:
        """The code that was typed. Raises LoginRequired when nobody can be asked."""
        ...


class BotoBase:
    """BaseCredentials of a profile, by botocore.

    `environment` is the process's whole environment, `region` overrules the profile's, `observe` is told the
    time in every answer of STS. Raises InvalidSetting, UnknownProfile and Nested when it is made.
    """

    def __init__(
        self,
        profiles: Profiles,
        name: str,
        *,
        config_file: Path,
        credentials_file: Path,
        environment: Mapping[str, str],
        clock: Clock,
        region: str | None = None,
        observe: Callable[[datetime], None] | None = None,
        prompt: TokenPrompt | None = None,
        itself: bool = False,
        kept: KeptKeys | None = None,
        sessions: SessionCache | None = None,
    ) -> None:
        """With `itself`, the credentials are the profile's own, its role's included: a control profile's."""
        refuse_recursion(environment)
        self._target, *sources = profiles.chain(name)
        self._serial = None if itself else self._target.mfa_serial
        if itself:
            sources = [self._target, *sources]
        self._clock = clock
        self._sessions = sessions
        self._prompt = prompt
        self._codes: dict[str, str] = {}
        self._chained_mfa = [profile.mfa_serial for profile in sources if _asks_for_code(profile)]
        self._mfa: AwsCredentials | None = None
        region = region or sts_region(self._target, environment)
        self._source = SourceCredentials(
            BaseSource(profile=self._target) if itself else profiles.base_of(name),
            config_file=config_file,
            credentials_file=credentials_file,
            environment=environment,
            region=region,
            ask_code=self._hand_over_code,
            clock=clock,
            kept=kept,
        )
        self._open = partial(
            AwsSession,
            region=region,
            profile=name,
            config_files=(config_file, credentials_file),
            endpoints=endpoints_for(self._target, environment),
            observe=observe,
        )
        self.aws = self._open(credentials=self.resolve)
        """Opens clients that are signed with these credentials."""
        self.sts = StsClient(self.aws)
        """STS, signed with these credentials; one client for all, because opening one takes 50 ms."""
        self._asking: asyncio.Task[Principal] | None = None
        self._known: tuple[str, Principal] | None = None

    async def prepare(self) -> None:
        """Settle what needs a person, once, before anything starts: MFA codes, asked through `prompt`.

        Raises LoginRequired when nobody can be asked or the code is wrong, and whatever `resolve` raises.
        """
        for serial in self._chained_mfa:
            if serial is not None:
                self._codes[serial] = await self._ask(serial)
        serial = self._serial
        base = await self._source.resolve()
        if serial is not None and base.session_token is None:
            self._mfa = await self._mfa_session(serial, base.access_key_id)

    async def resolve(self) -> AwsCredentials:
        """The credentials now; with an `mfa_serial`, those of the session that `prepare` opened."""
        base = await self._source.resolve()
        if self._serial is None or base.session_token is not None:
            return base
        if self._mfa is None:
            raise LoginRequired(f"{self._about()} needs an MFA code, and none was given", hint=START_AGAIN)
        if self._mfa.expires_at is not None and self._mfa.expires_at <= self._clock.now():
            raise LoginRequired(f"the MFA session of {self._about()} has ended", hint=START_AGAIN)
        return self._mfa

    async def principal(self) -> Principal:
        """Whose they are; STS is asked again when the access key has changed.

        And while the clock is too far off, because only an answer of AWS can tell that it has been mended.
        """
        known, skewed = self._known, abs(self._clock.skew()) > MAX_SKEW
        if known is not None and not skewed and (await self.resolve()).access_key_id == known[0]:
            return known[1]
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_whose())
            self._asking.add_done_callback(note_outcome)
        return await asyncio.shield(self._asking)

    async def _ask_whose(self) -> Principal:
        for _ in range(_ROTATIONS):
            key = (await self.resolve()).access_key_id
            found = await self._caller()
            if (await self.resolve()).access_key_id == key:  # else it is not known which key signed
                self._known = (key, found)
                return found
        raise IdentityUnavailable(f"the base credentials of {self._about()} change at every use")

    async def close(self) -> None:
        """Let go of connections and of what is under way."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
        await self._source.close()
        await self.sts.close()

    async def _caller(self) -> Principal:
        client = await self.sts.get()
        with sts_errors("asking STS who the base credentials belong to"):
            answer = await client.get_caller_identity()
            arn, unique_id = answer["Arn"], answer["UserId"]
        try:
            return parse_principal(arn, unique_id=unique_id)
        except InvalidArn as error:
            raise IdentityUnavailable(f"STS named a caller that cannot be used: {error.message}") from error

    async def _mfa_session(self, serial: str, key_id: str) -> AwsCredentials:
        """A session with MFA: one that this machine has already, else a new one for a code."""

        async def make() -> AwsCredentials:
            return await self._session_with_code(serial, await self._ask(serial))

        if self._sessions is None:
            return await make()
        about = ["get-session-token", key_id, serial]
        return await self._sessions.session(self._target.name, about, make)

    async def _session_with_code(self, serial: str, code: str) -> AwsCredentials:
        sts = StsClient(self._open(credentials=self._source.resolve))
        try:
            client = await sts.get()
            with sts_errors(f"asking for a session with {serial}"):
                try:
                    answer = await client.get_session_token(
                        SerialNumber=serial, TokenCode=code, DurationSeconds=MFA_SECONDS
                    )
                except ClientError as error:
                    raise _code_refused(error, serial) from error
                return credentials_from(answer["Credentials"])
        finally:
            await sts.close()

    async def _ask(self, serial: str) -> str:
        if self._prompt is None:
            raise LoginRequired(
                f"{self._about()} needs a code of {serial}, and there is no terminal to ask for it",
                hint="run it from a terminal, or use a source_profile whose session has MFA already",
            )
        return (await self._prompt(serial)).strip()

    def _hand_over_code(self, prompt: str) -> str:
        for serial in list(self._codes):
            if serial in prompt:
                return self._codes.pop(serial)
        raise LoginRequired(f"a source of {self._about()} needs an MFA code", hint=START_AGAIN)

    def _about(self) -> str:
        return f"profile {self._target.name!r}"


def _code_refused(error: ClientError, serial: str) -> Exception:
    if error_code(error) != "AccessDenied":
        return error
    return LoginRequired(f"AWS did not accept the code of {serial}", hint="try again with the next code")


def _asks_for_code(profile: Profile) -> bool:
    return profile.mfa_serial is not None and profile.assumes is not None and not profile.has_static_keys
