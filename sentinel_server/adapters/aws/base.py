"""Base credentials: the person's own, from the source of the target profile, and whose they are.

Whatever needs a person (a login, an MFA code) is settled by `prepare`, before anything starts. Afterwards
nothing here prompts: what lapses is a LoginRequired that names the way out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sentinel_server.adapters.aws.clients import AwsSession
from sentinel_server.adapters.aws.hop import RoleHop
from sentinel_server.adapters.aws.mfa import MfaSession
from sentinel_server.adapters.aws.renewing import Renewing, Supply, note_outcome
from sentinel_server.adapters.aws.source import OwnCredentials
from sentinel_server.adapters.aws.sts import StsClient, sts_errors
from sentinel_server.clock import MAX_SKEW, Clock
from sentinel_server.credentials.endpoints import direct_for, endpoints_for, sts_region
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.credentials.ports import CodeAsk, CodeSource, KeptKeys, SessionCache
from sentinel_server.credentials.profiles import Profile, ProfileKind, Profiles, Route
from sentinel_server.credentials.recursion import refuse_recursion
from sentinel_server.errors import IdentityUnavailable, InvalidArn, LoginRequired, SentinelError
from sentinel_server.frozen import frozen
from sentinel_server.identity.arn import parse_principal
from sentinel_server.identity.principal import Principal

if TYPE_CHECKING:
    from sentinel_server.adapters.aws.sso import IdentityCenter, SsoCredentials

_ROTATIONS = 3


@frozen
class Helpers:
    """What base credentials may be made with besides the AWS files; all of it is optional.

    `codes` of MFA devices, `kept` keys, `sessions` that other processes opened, and the `center` that SSO
    profiles need.
    """

    codes: CodeSource | None = None
    kept: KeptKeys | None = None
    sessions: SessionCache | None = None
    center: IdentityCenter | None = None


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
        itself: bool = False,
        helpers: Helpers | None = None,
    ) -> None:
        """With `itself`, the credentials are the profile's own, its role's included: a control profile's."""
        refuse_recursion(environment)
        self._target = profiles.get(name)
        self._clock = clock
        self._environment = environment
        self._region = region or sts_region(self._target, environment)
        self._files = (config_file, credentials_file)
        self._open = partial(
            AwsSession,
            region=self._region,
            profile=name,
            config_files=self._files,
            observe=observe,
            direct=direct_for(self._target, environment),
        )
        self._sso: SsoCredentials | None = None
        self._mfa: MfaSession | None = None
        self._renewals: list[Renewing] = []
        self.hops: list[RoleHop] = []
        """The roles on the way, first hop first."""
        self._supply = self._way(profiles.route(name, itself=itself), helpers or Helpers())
        self.aws = self._session_of(self._supply, self._target)
        """Opens clients that are signed with these credentials."""
        self.sts = StsClient(self.aws)
        """STS, signed with these credentials; one client for all, because opening one takes 50 ms."""
        self._asking: asyncio.Task[Principal] | None = None
        self._known: tuple[str, Principal] | None = None

    async def prepare(self) -> None:
        """Settle what needs a person, once, before anything starts: a login, an MFA code.

        Raises LoginRequired when nobody can be asked or nothing comes of it, and whatever `resolve` raises.
        """
        if self._sso is not None:
            self._renewals[0].put(await self._sso.take(attended=True))
        if self._mfa is not None:
            await self._mfa.prepare()
        await self.resolve()

    async def resolve(self) -> AwsCredentials:
        """The credentials now; with an `mfa_serial`, those of the session that `prepare` opened."""
        return await self._supply.resolve()

    async def tend(self) -> tuple[datetime, LoginRequired] | None:
        """Renew what is due on the whole way; when a person will be needed, and why, as far as is known."""
        lapses = []
        for renewal in self._renewals:
            try:
                await renewal.resolve()
                await renewal.settle()
            except SentinelError:  # whoever needs them will be told
                continue
            if (lapse := renewal.lapse) is not None:
                lapses.append(lapse)
        return min(lapses, key=lambda lapse: lapse[0], default=None)

    async def principal(self) -> Principal:
        """Whose they are; STS is asked again when the access key has changed.

        And while the clock is too far off, because only an answer of AWS can tell that it has been mended.
        """
        known = self._believed()
        if known is not None and (await self.resolve()).access_key_id == known[0]:
            return known[1]
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_whose())
            self._asking.add_done_callback(note_outcome)
        return await asyncio.shield(self._asking)

    def at_hand(self) -> Principal | None:
        """What `principal` would give at once; None when it would have to wait."""
        known, keys = self._believed(), self._supply.at_hand()
        if known is None or keys is None or keys.access_key_id != known[0]:
            return None
        return known[1]

    def _believed(self) -> tuple[str, Principal] | None:
        """The access key whose owner STS named last, and the owner, unless the clock is too far off."""
        return None if abs(self._clock.skew()) > MAX_SKEW else self._known

    async def close(self) -> None:
        """Let go of connections and of what is under way."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
        for renewal in reversed(self._renewals):
            await renewal.close()
        for hop in self.hops:
            await hop.close()
        await self.sts.close()

    def _way(self, route: Route, helpers: Helpers) -> Supply:
        supply: Supply = self._beginning(route, helpers)
        if route.serial is not None:
            self._mfa = MfaSession(
                CodeAsk(profile=self._target.name, serial=route.serial),
                supply,
                lambda keys: self._session_of(keys, self._target),
                codes=helpers.codes,
                sessions=helpers.sessions,
                clock=self._clock,
                owner=self._target.name if route.leaf.profile is None else route.leaf.profile.name,
            )
            self._renewals.append(self._mfa.renewing)
            supply = self._mfa
        for role in route.roles:
            supply = self._through(role, supply)
        return supply

    def _beginning(self, route: Route, helpers: Helpers) -> Renewing:
        profile = route.leaf.profile
        if profile is not None and profile.kind is ProfileKind.SSO:
            from sentinel_server.adapters.aws.sso import SsoCredentials

            assert helpers.center is not None  # noqa: S101  # only tests leave it out
            self._sso = SsoCredentials(profile, helpers.center)
            renewing = Renewing(self._sso.take, self._clock, person=True)
        else:
            own = OwnCredentials(
                route.leaf,
                config_file=self._files[0],
                credentials_file=self._files[1],
                environment=self._environment,
                region=self._region,
                kept=helpers.kept,
            )
            renewing = Renewing(own.take, self._clock, instant=lambda: own.instant, at_hand=own.at_hand)
        self._renewals.append(renewing)
        return renewing

    def _through(self, role: Profile, source: Supply) -> Renewing:
        hop = RoleHop(role, source, StsClient(self._session_of(source, role)), self._clock)
        renewing = Renewing(hop.take, self._clock)
        self.hops.append(hop)
        self._renewals.append(renewing)
        return renewing

    def _session_of(self, supply: Supply, profile: Profile) -> AwsSession:
        endpoints = endpoints_for(profile, self._environment)
        return self._open(credentials=supply.resolve, endpoints=endpoints)

    async def _ask_whose(self) -> Principal:
        for _ in range(_ROTATIONS):
            key = (await self.resolve()).access_key_id
            found = await self._caller()
            if (await self.resolve()).access_key_id == key:  # else it is not known which key signed
                self._known = (key, found)
                return found
        raise IdentityUnavailable(f"the base credentials of {self._about()} change at every use")

    async def _caller(self) -> Principal:
        client = await self.sts.get()
        with sts_errors("asking STS who the base credentials belong to"):
            answer = await client.get_caller_identity()
            arn, unique_id = answer["Arn"], answer["UserId"]
        try:
            return parse_principal(arn, unique_id=unique_id)
        except InvalidArn as error:
            raise IdentityUnavailable(f"STS named a caller that cannot be used: {error.message}") from error

    def _about(self) -> str:
        return f"profile {self._target.name!r}"
