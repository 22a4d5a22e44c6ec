"""Base credentials while a server runs: renewed without a word, or a person is told ten minutes ahead.

Over the strict embedded AWS, with a clock that a test moves.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sentinel_server.adapters.aws.base import BotoBase, Helpers
from sentinel_server.adapters.aws.renewing import RETRY_SECONDS
from sentinel_server.adapters.aws.sso import IdentityCenter, OidcSignIn, Portal, Unsigned
from sentinel_server.credentials.config_file import FileText
from sentinel_server.credentials.logins import Logins
from sentinel_server.credentials.ports import CodeAsk
from sentinel_server.credentials.profiles import Profiles
from sentinel_server.credentials.sso import ACCOUNT_SCOPE, Login, Token
from sentinel_server.errors import LoginRequired
from tests.fakes.aws import Sandbox, embedded_aws, trust
from tests.fakes.clock import FakeClock
from tests.fakes.logins import FakeFiles, FakeScreen, passing

ANN = "ann@example.com"
HOUR, TEN_MINUTES = timedelta(hours=1), timedelta(minutes=10)
DUE = timedelta(minutes=49)
"""Into an hour's credentials, when they are to be renewed."""

CONFIG = """\
[sso-session corp]
sso_start_url = {url}
sso_region = us-east-1
[profile work]
sso_session = corp
sso_account_id = {account}
sso_role_name = Dev
[profile legacy]
sso_start_url = {url}
sso_region = us-east-1
sso_account_id = {account}
sso_role_name = Dev
[profile jump]
role_arn = {jump}
source_profile = keys
mfa_serial = arn:aws:iam::{account}:mfa/dev
[profile keys]
[profile prod]
role_arn = {prod}
source_profile = jump
"""


@dataclass(slots=True)
class Scene:
    """A configuration with a login and a device, and the person that both belong to."""

    sandbox: Sandbox
    clock: FakeClock
    path: Path
    jump: str
    files: FakeFiles = field(default_factory=FakeFiles)
    screen: FakeScreen = field(default_factory=FakeScreen)

    def center(self) -> IdentityCenter:
        """The ways to Identity Center, as another process of the same person would make them."""
        files = (self.path / "config", self.path / "credentials")
        clients = Unsigned(lambda _: self.sandbox.aws.url, config_files=files)
        confirming = passing(self.clock, self._confirm)
        sign_in = OidcSignIn(clients, self.clock)
        logins = Logins(self.files, sign_in, self.clock, screen=self.screen, pause=confirming)
        return IdentityCenter(logins, Portal(clients))

    async def log_in_elsewhere(self) -> None:
        """What `sentinel sso login` does on the same machine."""
        login = Login(
            start_url=self.sandbox.aws.sso.start_url,
            region="us-east-1",
            session="corp",
            scopes=(ACCOUNT_SCOPE,),
        )
        await self.center().logins.token(login, attended=True)

    async def code(self, ask: CodeAsk) -> str | None:
        """Typed by the person, when they are there."""
        return self.sandbox.aws.devices.code(ask.serial) if ask.attended else None

    @property
    def token(self) -> Token:
        """The token of the login."""
        assert self.files.token is not None
        return self.files.token

    def over(self) -> None:
        """Let the token, and what would renew it, be good no more."""
        self.sandbox.aws.sso.tokens.expire_access()
        self.sandbox.aws.sso.tokens.forget_refresh()
        self.files.token = replace(self.token, expires_at=self.clock.now())

    @asynccontextmanager
    async def prepared(self, profile: str) -> AsyncIterator[BotoBase]:
        """The base of a profile, when a server starts."""
        dev, names = self.sandbox.dev, ("config", "credentials")
        said = {"url": self.sandbox.aws.sso.start_url, "account": self.sandbox.aws.account_id}
        said |= {"jump": self.jump, "prod": self.sandbox.prod_arn}
        (self.path / "config").write_text(CONFIG.format_map(said))
        (self.path / "credentials").write_text(
            f"[keys]\naws_access_key_id = {dev.access_key_id}\n"
            f"aws_secret_access_key = {dev.secret_access_key}\n"
        )
        config, credentials = (FileText(path=n, text=(self.path / n).read_text()) for n in names)
        base = BotoBase(
            Profiles(config, credentials),
            profile,
            config_file=self.path / "config",
            credentials_file=self.path / "credentials",
            environment={"AWS_ENDPOINT_URL": self.sandbox.aws.url, "AWS_EC2_METADATA_DISABLED": "true"},
            clock=self.clock,
            helpers=Helpers(codes=self, center=self.center()),
        )
        try:
            await base.prepare()
            yield base
        finally:
            await base.close()

    async def told(self, base: BotoBase) -> tuple[timedelta, LoginRequired]:
        """How far ahead a person is told, and what."""
        lapse = await base.tend()
        assert lapse is not None
        return lapse[0] - self.clock.now(), lapse[1]

    def _confirm(self) -> None:
        for code in self.sandbox.aws.sso.tokens.pending():
            self.sandbox.aws.sso.tokens.approve(code, ANN)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    clock = FakeClock(time=datetime.now(UTC).replace(microsecond=0))  # noqa: TID251  # signatures are real
    with embedded_aws(clock=clock) as sandbox:
        sandbox.aws.sso.assign(ANN, "Dev")
        sandbox.aws.add_mfa("dev")
        jump = sandbox.aws.add_role("jump", trust(sandbox.dev_arn))
        yield Scene(sandbox, clock, tmp_path, jump)


async def test_while_the_refresh_token_is_good_nobody_is_told(scene: Scene) -> None:
    async with scene.prepared("work") as base:
        first = await base.resolve()
        for _ in range(9):  # longer than an access token lasts
            scene.clock.pass_(DUE)
            assert await base.tend() is None
        assert (await base.resolve()).access_key_id != first.access_key_id
    assert len(scene.screen.shown) == 1


async def test_a_refresh_token_that_is_not_taken_any_more_is_told_ahead_and_a_login_is_enough(
    scene: Scene,
) -> None:
    async with scene.prepared("work") as base:
        first = await base.resolve()
        scene.over()
        assert await base.tend() is None  # there is nothing to do about it yet
        scene.clock.pass_(DUE)
        ahead, why = await scene.told(base)
        assert TEN_MINUTES < ahead < timedelta(minutes=12)
        assert "sentinel sso login --profile work" in (why.hint or "")
        assert await base.resolve() == first
        await scene.log_in_elsewhere()
        scene.clock.pass_(timedelta(seconds=RETRY_SECONDS))
        assert await base.tend() is None
        assert (await base.resolve()).access_key_id != first.access_key_id


async def test_a_registration_that_has_ended_is_told_ahead_though_nobody_can_be_asked(scene: Scene) -> None:
    async with scene.prepared("work") as base:
        client = scene.token.client
        assert client is not None
        ended = replace(client, expires_at=scene.clock.now())
        scene.files.token = replace(scene.token, client=ended, expires_at=scene.clock.now() + DUE)
        scene.sandbox.aws.forget_calls()
        scene.clock.pass_(DUE)
        ahead, why = await scene.told(base)
        assert ahead > TEN_MINUTES
        assert why.message == "the login to sso-session 'corp' has ended"
    assert scene.sandbox.aws.calls_to("sso-oidc") == []


async def test_a_login_without_a_refresh_token_is_told_ahead(scene: Scene) -> None:
    async with scene.prepared("legacy") as base:
        assert scene.token.refresh is None
        scene.over()
        scene.clock.pass_(DUE)
        assert (await scene.told(base))[0] > TEN_MINUTES


async def test_the_end_of_a_session_with_mfa_is_told_ahead_however_long_the_roles_behind_it_last(
    scene: Scene,
) -> None:
    async with scene.prepared("prod") as base:
        for _ in range(12):
            scene.clock.pass_(timedelta(minutes=55))
            assert await base.tend() is None  # only the role's session was due
        scene.clock.pass_(timedelta(minutes=49))
        ahead, why = await scene.told(base)
        assert TEN_MINUTES < ahead < timedelta(minutes=12)
        assert why.message == "the MFA session of profile 'prod' has ended"
        assert "give a new MFA code" in (why.hint or "")
