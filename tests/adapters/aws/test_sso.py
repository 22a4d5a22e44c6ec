"""Identity Center's sign-in and portal, asked through aiobotocore at the strict embedded AWS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from sentinel_server.adapters.aws.sso import (
    IdentityCenter,
    NoCredentials,
    OidcSignIn,
    Portal,
    SsoCredentials,
    Unsigned,
)
from sentinel_server.credentials.logins import Logins
from sentinel_server.credentials.profiles import Profile, ProfileKind
from sentinel_server.credentials.sso import Device, Login, Progress, Token
from sentinel_server.errors import LoginRequired, RoleRefused, UpstreamFailed
from sentinel_server.sandbox.sso_tokens import Limits
from sentinel_server.secret import Secret
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.clock import FakeClock
from tests.fakes.logins import FakeFiles, FakeScreen, passing

ANN = "ann@example.com"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(time=datetime.now(UTC).replace(microsecond=0))  # noqa: TID251  # signatures are real


@pytest.fixture
def sandbox(clock: FakeClock) -> Iterator[Sandbox]:
    with embedded_aws(clock=clock) as running:
        running.aws.sso.assign(ANN, "Dev")
        yield running


@pytest.fixture
def login(sandbox: Sandbox) -> Login:
    return Login(
        start_url=sandbox.aws.sso.start_url,
        region="us-east-1",
        session="corp",
        scopes=("sso:account:access",),
    )


@pytest.fixture
def clients(sandbox: Sandbox, tmp_path: Path) -> Unsigned:
    (tmp_path / "config").write_text("[profile work]\nregion = us-east-1\n")
    return Unsigned(lambda _: sandbox.aws.url, config_files=(tmp_path / "config", tmp_path / "credentials"))


@pytest.fixture
def sign_in(clients: Unsigned, clock: FakeClock) -> OidcSignIn:
    return OidcSignIn(clients, clock)


async def asked(sign_in: OidcSignIn, login: Login, device: Device, clock: FakeClock) -> Token | Progress:
    clock.pass_(timedelta(seconds=1))
    return await sign_in.ask(login, device)


async def test_a_login_is_begun_confirmed_and_renewed(
    sandbox: Sandbox, sign_in: OidcSignIn, login: Login, clock: FakeClock
) -> None:
    device = await sign_in.begin(login)
    assert device.expires_at == clock.now() + timedelta(minutes=10)
    assert device.url.endswith(f"?user_code={device.user_code}")
    assert await asked(sign_in, login, device, clock) is Progress.WAITING
    assert await sign_in.ask(login, device) is Progress.TOO_FAST
    sandbox.aws.sso.tokens.approve(device.user_code, ANN)
    token = await asked(sign_in, login, device, clock)
    assert isinstance(token, Token)
    assert token.expires_at == clock.now() + timedelta(hours=8)
    assert token.client == device.client
    assert await asked(sign_in, login, device, clock) is Progress.GONE
    fresh = await sign_in.refresh(login, token)
    assert fresh is not None
    assert fresh.access != token.access
    assert await sign_in.refresh(login, token) is None  # it was replaced
    assert await sign_in.refresh(login, replace(token, refresh=None)) is None


async def test_a_declined_and_a_lapsed_code_are_told_apart(
    sandbox: Sandbox, sign_in: OidcSignIn, login: Login, clock: FakeClock
) -> None:
    device = await sign_in.begin(login)
    sandbox.aws.sso.tokens.deny(device.user_code)
    with pytest.raises(LoginRequired, match="was declined"):
        await asked(sign_in, login, device, clock)
    clock.pass_(timedelta(minutes=10))
    with pytest.raises(LoginRequired, match=f"nobody confirmed the code {device.user_code}"):
        await sign_in.ask(login, device)


async def test_a_service_in_trouble_is_no_lapsed_login(
    sandbox: Sandbox, sign_in: OidcSignIn, login: Login
) -> None:
    sandbox.aws.fail(service="sso-oidc", kind="error500")
    with pytest.raises(UpstreamFailed, match="starting a login"):
        await sign_in.begin(login)
    sandbox.aws.heal()
    sandbox.aws.fail(service="sso-oidc", kind="wrong-json")
    with pytest.raises(UpstreamFailed, match="cannot be used"):
        await sign_in.begin(login)
    with pytest.raises(UpstreamFailed):
        await sign_in.begin(replace(login, start_url="https://other.example.com/start"))


PROFILE = Profile(
    name="work",
    kind=ProfileKind.SSO,
    file="config",
    sso_session="corp",
    sso_region="us-east-1",
    sso_role_name="Dev",
    sso_account_id="111122223333",
)


class Person:
    """Somebody who confirms whatever is shown."""

    def __init__(self, sandbox: Sandbox, clients: Unsigned, clock: FakeClock) -> None:
        self.files, self.screen, self.sandbox = FakeFiles(), FakeScreen(), sandbox
        profile = replace(
            PROFILE, sso_account_id=sandbox.aws.account_id, sso_start_url=sandbox.aws.sso.start_url
        )
        self.logins = Logins(
            self.files,
            OidcSignIn(clients, clock),
            clock,
            screen=self.screen,
            pause=passing(clock, self.confirm),
        )
        self.center = IdentityCenter(self.logins, Portal(clients))
        self.profile = profile
        self.credentials = SsoCredentials(profile, self.center)

    def confirm(self) -> None:
        for code in self.sandbox.aws.sso.tokens.pending():
            self.sandbox.aws.sso.tokens.approve(code, ANN)


@pytest.fixture
def person(sandbox: Sandbox, clients: Unsigned, clock: FakeClock) -> Person:
    return Person(sandbox, clients, clock)


async def test_a_profile_gets_its_roles_credentials(person: Person, clock: FakeClock) -> None:
    with pytest.raises(LoginRequired):
        await person.credentials.take()
    found = await person.credentials.take(attended=True)
    assert found.session_token is not None
    assert found.expires_at == clock.now() + timedelta(hours=1)
    assert (await person.credentials.take()).access_key_id != found.access_key_id
    assert len(person.screen.shown) == 1


async def test_a_login_that_was_ended_elsewhere_is_begun_again(person: Person, sandbox: Sandbox) -> None:
    await person.credentials.take(attended=True)
    assert person.files.token is not None
    sandbox.aws.sso.tokens.sign_out(person.files.token.access.reveal())
    with pytest.raises(LoginRequired):
        await person.credentials.take()
    assert (await person.credentials.take(attended=True)).session_token is not None
    assert len(person.screen.shown) == 2


async def test_an_access_token_that_ended_early_is_refreshed_by_itself(
    person: Person, sandbox: Sandbox
) -> None:
    await person.credentials.take(attended=True)
    sandbox.aws.sso.tokens.expire_access()
    assert (await person.credentials.take()).session_token is not None
    assert len(person.screen.shown) == 1


async def test_a_role_that_is_not_assigned_is_a_refusal_that_names_it(person: Person) -> None:
    await person.credentials.take(attended=True)
    other = SsoCredentials(replace(person.profile, sso_role_name="Admin"), person.center)
    with pytest.raises(RoleRefused, match="does not give you Admin in account") as refused:
        await other.take()
    assert "sso_role_name of profile 'work'" in refused.value.hint


async def test_a_token_that_is_never_accepted_is_a_lapsed_login_and_no_loop(
    person: Person, sandbox: Sandbox
) -> None:
    sandbox.aws.sso.tokens.limits = Limits(access_token=0)
    with pytest.raises(LoginRequired):
        await person.credentials.take(attended=True)


async def test_logging_out_twice_is_no_mistake(person: Person, login: Login, sandbox: Sandbox) -> None:
    await person.credentials.take(attended=True)
    token = person.files.token
    assert token is not None
    for _ in range(2):
        await person.center.portal.log_out(login, token)
    sandbox.aws.fail(service="sso", kind="error500")
    with pytest.raises(UpstreamFailed, match="logging out"):
        await person.center.portal.log_out(login, token)


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "amazonaws.com"),
        ("cn-north-1", "amazonaws.com.cn"),
        ("us-gov-west-1", "amazonaws.com"),
        ("us-iso-east-1", "c2s.ic.gov"),
        ("us-isob-east-1", "sc2s.sgov.gov"),
    ],
)
async def test_every_partition_has_its_own_hosts(
    tmp_path: Path, login: Login, region: str, host: str
) -> None:
    clients = Unsigned(lambda _: None, config_files=(tmp_path / "config", tmp_path / "credentials"))
    elsewhere = replace(login, region=region)
    async with clients.client("sso-oidc", elsewhere) as oidc, clients.client("sso", elsewhere) as portal:
        assert oidc.meta.endpoint_url == f"https://oidc.{region}.{host}"
        assert portal.meta.endpoint_url == f"https://portal.sso.{region}.{host}"


async def test_nothing_is_signed_and_no_credentials_are_looked_for(
    sandbox: Sandbox, sign_in: OidcSignIn, login: Login
) -> None:
    assert await NoCredentials().get_credentials() is None  # type: ignore[func-returns-value]
    await sign_in.begin(login)
    assert [call.principal for call in sandbox.aws.calls] == [None, None]


async def test_a_secret_of_ours_is_in_no_error(sandbox: Sandbox, sign_in: OidcSignIn, login: Login) -> None:
    device = await sign_in.begin(login)
    wrong = replace(device, client=replace(device.client, secret=Secret("hidden-secret")))
    with pytest.raises(UpstreamFailed) as failed:
        await sign_in.ask(login, wrong)
    assert "hidden-secret" not in repr(failed.value)
    assert isinstance(failed.value.__cause__, ClientError)
