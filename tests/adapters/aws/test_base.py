"""Base credentials: of the source, never of the target, and without a prompt once things have started."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from sentinel_server.adapters.aws.base import BotoBase, Helpers
from sentinel_server.adapters.aws.sso import IdentityCenter, OidcSignIn, Portal, Unsigned
from sentinel_server.adapters.local.sso_files import SsoFiles, cache_directory
from sentinel_server.clock import whole_seconds
from sentinel_server.credentials.config_file import FileText
from sentinel_server.credentials.logins import Logins
from sentinel_server.credentials.ports import CodeAsk, CodeSource
from sentinel_server.credentials.profiles import Profiles
from sentinel_server.credentials.recursion import RESOLVING
from sentinel_server.errors import (
    IdentityUnavailable,
    InvalidSetting,
    LoginRequired,
    Nested,
    UpstreamFailed,
)
from sentinel_server.identity.principal import Kind
from sentinel_server.sandbox.principals import SessionKeys, UserKeys
from tests.fakes.aws import Sandbox, embedded_aws, trust
from tests.fakes.clock import FakeClock


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with embedded_aws() as running:
        running.aws.add_mfa("dev")
        yield running


@pytest.fixture(autouse=True)
def _healthy(sandbox: Sandbox) -> Iterator[None]:
    sandbox.aws.forget_calls()
    yield
    sandbox.aws.heal()


@dataclass(slots=True)
class Typed:
    """A person who types the code of a device, and whom a test can see being asked."""

    sandbox: Sandbox
    asked: list[str] = field(default_factory=list)

    async def code(self, ask: CodeAsk) -> str | None:
        if not ask.attended:
            return None
        self.asked.append(ask.serial)
        return f" {self.sandbox.aws.devices.code(ask.serial)}\n"


@dataclass(slots=True)
class Home:
    """A home directory with an AWS configuration, and a base for one of its profiles."""

    path: Path
    sandbox: Sandbox
    clock: FakeClock = field(default_factory=FakeClock)

    def write(self, config: str, credentials: str = "") -> None:
        (self.path / "config").write_text(config)
        (self.path / "credentials").write_text(credentials)

    def keys(self, name: str, keys: UserKeys | SessionKeys) -> str:
        token = f"aws_session_token = {keys.session_token}\n" if isinstance(keys, SessionKeys) else ""
        return (
            f"[{name}]\naws_access_key_id = {keys.access_key_id}\n"
            f"aws_secret_access_key = {keys.secret_access_key}\n{token}"
        )

    @asynccontextmanager
    async def base(
        self, name: str, codes: CodeSource | None = None, /, environment: Mapping[str, str] | None = None
    ) -> AsyncIterator[BotoBase]:
        config, credentials = (
            FileText(path=n, text=(self.path / n).read_text()) for n in ("config", "credentials")
        )
        given = BotoBase(
            Profiles(config, credentials),
            name,
            config_file=self.path / "config",
            credentials_file=self.path / "credentials",
            environment={
                "HOME": str(self.path),
                "PATH": os.defpath,
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_ENDPOINT_URL_STS": self.sandbox.aws.url,
                **(environment or {}),
            },
            clock=self.clock,
            helpers=Helpers(codes=codes, center=self.center()),
        )
        try:
            yield given
        finally:
            await given.close()

    def center(self) -> IdentityCenter:
        """The ways to Identity Center, at the endpoints that the configuration names."""
        config, credentials = self.path / "config", self.path / "credentials"
        clients = Unsigned(lambda _: None, config_files=(config, credentials))
        files = SsoFiles(cache_directory({"HOME": str(self.path)}))
        return IdentityCenter(Logins(files, OidcSignIn(clients, self.clock), self.clock), Portal(clients))

    @property
    def serial(self) -> str:
        """The MFA device of `dev`."""
        return f"arn:aws:iam::{self.sandbox.aws.account_id}:mfa/dev"

    @property
    def role(self) -> str:
        """The lines of a profile that assumes `prod`, without its source."""
        return (
            f"role_arn = {self.sandbox.prod_arn}\nendpoint_url = {self.sandbox.aws.url}\nregion = us-east-1\n"
        )


@pytest.fixture
def home(tmp_path: Path, sandbox: Sandbox) -> Home:
    return Home(path=tmp_path, sandbox=sandbox)


async def test_w8_the_identity_is_the_sources_and_the_target_role_is_never_assumed(home: Home) -> None:
    home.write(f"[profile prod]\n{home.role}source_profile = dev\n", home.keys("dev", home.sandbox.dev))
    async with home.base("prod") as base:
        who = await base.principal()
        assert (await base.resolve()).access_key_id == home.sandbox.dev.access_key_id
    assert (who.kind, who.name, who.arn) == (Kind.IAM_USER, "dev", home.sandbox.dev_arn)
    assert [call.operation for call in home.sandbox.aws.calls] == ["GetCallerIdentity"]


async def test_w29b_a_profile_that_is_its_own_source_gives_its_keys_and_not_its_role(home: Home) -> None:
    home.write(f"[profile dev]\n{home.role}source_profile = dev\n", home.keys("dev", home.sandbox.dev))
    async with home.base("dev") as base:
        assert (await base.principal()).name == "dev"
    assert not home.sandbox.aws.calls_to("sts", "AssumeRole")


async def test_w29b_a_source_that_is_a_role_itself_is_assumed_and_its_target_is_not(home: Home) -> None:
    jump = home.sandbox.aws.add_role("jump", trust(home.sandbox.dev_arn))
    home.write(
        f"[profile prod]\n{home.role}source_profile = jump\n"
        f"[profile jump]\nrole_arn = {jump}\nsource_profile = dev\nrole_session_name = from-jump\n"
        f"region = us-east-1\nendpoint_url = {home.sandbox.aws.url}\n",
        home.keys("dev", home.sandbox.dev),
    )
    async with home.base("prod") as base:
        who = await base.principal()
        found = await base.resolve()
    assert (who.kind, who.role, who.name) == (Kind.ASSUMED_ROLE, "jump", "from-jump")
    assert found.session_token is not None
    assert found.expires_at is not None
    assert [call.params["RoleArn"] for call in home.sandbox.aws.calls_to("sts", "AssumeRole")] == [jump]


async def test_w29b_temporary_keys_are_never_sent_to_get_session_token(home: Home) -> None:
    role = home.sandbox.aws.add_role("AWSReservedSSO_Dev_0123456789abcdef", trust(home.sandbox.dev_arn))
    keys = home.sandbox.aws.sso_session(role, "alice@example.com")
    home.write(
        f"[profile prod]\n{home.role}source_profile = sso\nmfa_serial = {home.serial}\n",
        home.keys("sso", keys),
    )
    prompt = Typed(home.sandbox)
    async with home.base("prod", prompt) as base:
        await base.prepare()
        who = await base.principal()
    assert (who.kind, who.person) == (Kind.SSO_ROLE, "sso:alice@example.com")
    assert prompt.asked == []
    assert not home.sandbox.aws.calls_to("sts", "GetSessionToken")


async def test_keys_come_from_the_environment_when_the_profile_says_so(home: Home) -> None:
    home.write(f"[profile prod]\n{home.role}credential_source = Environment\n")
    dev = home.sandbox.dev
    keys = {"AWS_ACCESS_KEY_ID": dev.access_key_id, "AWS_SECRET_ACCESS_KEY": dev.secret_access_key}
    async with home.base("prod", environment=keys) as base:
        assert (await base.principal()).name == "dev"
    async with home.base("prod") as bare:
        with pytest.raises(IdentityUnavailable, match="Environment"):
            await bare.resolve()


async def test_a_profile_without_credentials_takes_what_the_environment_has(home: Home) -> None:
    home.write("[profile plain]\nregion = us-east-1\n")
    dev = home.sandbox.dev
    keys = {"AWS_ACCESS_KEY_ID": dev.access_key_id, "AWS_SECRET_ACCESS_KEY": dev.secret_access_key}
    async with home.base("plain", environment=keys) as base:
        assert (await base.resolve()).access_key_id == dev.access_key_id
    async with home.base("plain") as bare:
        with pytest.raises(IdentityUnavailable, match="'plain' has no credentials"):
            await bare.resolve()


async def test_whose_they_are_is_asked_once_and_again_when_the_keys_change(home: Home) -> None:
    home.write(f"[profile prod]\n{home.role}source_profile = dev\n", home.keys("dev", home.sandbox.dev))
    async with home.base("prod") as base:
        assert base.at_hand() is None
        for _ in range(3):
            assert await base.principal() == base.at_hand()
        assert (await base.principal()).name == "dev"
        assert len(home.sandbox.aws.calls_to("sts", "GetCallerIdentity")) == 1
        other = home.sandbox.aws.add_user("other")
        (home.path / "credentials").write_text(home.keys("dev", other))
        os.utime(home.path / "credentials", ns=(1, 1))
        assert base.at_hand() is None
        assert (await base.principal()).name == "other"
        assert base.at_hand() == await base.principal()


def a_process(home: Home, *lines: str) -> str:
    script = home.path / "process.py"
    script.write_text("\n".join(["import json, os, sys", *lines]))
    return f"[profile work]\ncredential_process = {sys.executable} {script}\n"


async def test_a_credential_process_is_run_without_a_terminal_and_told_who_waits_for_it(home: Home) -> None:
    dev = home.sandbox.dev
    process = a_process(
        home,
        f"assert os.environ['{RESOLVING}'] == 'work' and sys.stdin.read() == ''",
        f"keys = {dev.access_key_id!r}, {dev.secret_access_key!r}",
        "print(json.dumps({'Version': 1, 'AccessKeyId': keys[0], 'SecretAccessKey': keys[1]}))",
    )
    home.write(f"[profile prod]\n{home.role}source_profile = work\n{process}")
    async with home.base("prod") as base:
        assert (await base.principal()).name == "dev"


async def test_a_credential_process_that_fails_says_what_it_said(home: Home) -> None:
    home.write(a_process(home, "sys.exit('the vault is locked')"))
    async with home.base("work") as base:
        with pytest.raises(IdentityUnavailable, match="the vault is locked") as refused:
            await base.resolve()
    assert "--profile work" in refused.value.hint


async def test_a_credential_process_that_prints_nonsense_or_does_not_exist_is_no_identity(home: Home) -> None:
    for process in (
        a_process(home, "print('secret nonsense')"),
        "[profile work]\ncredential_process = /no/such\n",
    ):
        home.write(process)
        async with home.base("work") as base:
            with pytest.raises(IdentityUnavailable) as refused:
                await base.resolve()
        assert "secret nonsense" not in refused.value.line()


async def test_w8_a_base_inside_our_own_credential_process_is_refused(home: Home) -> None:
    home.write("[profile work]\n")
    with pytest.raises(Nested):
        async with home.base("work", environment={RESOLVING: "work"}):
            pass


async def test_a_lapse_is_one_error_and_no_traceback_on_stderr(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(SSO.format(role="role_arn = arn:aws:iam::111122223333:role/prod\n"))
    program = (
        "import asyncio, sys\n"
        "from sentinel_server import wiring\n"
        "from sentinel_server.settings.environ import read_settings\n"
        "env = {'HOME': sys.argv[1], 'AWS_CONFIG_FILE': sys.argv[1] + '/config'}\n"
        "try: asyncio.run(wiring.whoami(read_settings({}, env), 'prod'))\n"
        "except Exception as error: print(error.code)\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = await process.communicate()
    assert (out.decode(), err.decode()) == ("LoginRequired\n", "")


SSO = """
[profile prod]
{role}source_profile = work
[profile work]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = Dev
region = us-east-1
[sso-session corp]
sso_start_url = https://corp.example.com/start
sso_region = us-east-1
"""


def log_in(home: Home, until: datetime) -> None:
    """What `aws sso login` leaves behind."""
    cache = home.path / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    token = {"accessToken": "very-secret", "expiresAt": whole_seconds(until)}
    (cache / f"{hashlib.sha1(b'corp').hexdigest()}.json").write_text(json.dumps(token))


@pytest.mark.parametrize("expires_in", [None, timedelta(hours=-1)])
async def test_w8_a_lapsed_or_missing_login_names_the_command_that_mends_it(
    home: Home, expires_in: timedelta | None
) -> None:
    home.write(SSO.format(role=home.role))
    home.clock.time = datetime.now(UTC)  # noqa: TID251
    if expires_in is not None:
        log_in(home, datetime.now(UTC) + expires_in)  # noqa: TID251
    async with home.base("prod") as base:
        with pytest.raises(LoginRequired) as refused:
            await base.resolve()
        assert "aws sso login --profile work" in refused.value.hint
        assert "very-secret" not in refused.value.line()


async def test_w30_a_code_is_asked_for_once_before_anything_starts(home: Home) -> None:
    home.clock.time = datetime.now(UTC)  # noqa: TID251
    home.write(
        f"[profile prod]\n{home.role}source_profile = dev\nmfa_serial = {home.serial}\n",
        home.keys("dev", home.sandbox.dev),
    )
    prompt = Typed(home.sandbox)
    async with home.base("prod", prompt) as base:
        await base.prepare()
        first = await base.resolve()
        assert (await base.principal()).name == "dev"
        assert await base.resolve() == first
    assert prompt.asked == [home.serial]
    assert first.session_token is not None
    assert len(home.sandbox.aws.calls_to("sts", "GetSessionToken")) == 1


async def test_w30_when_the_mfa_session_has_ended_the_person_starts_again(home: Home) -> None:
    home.write(
        f"[profile prod]\n{home.role}source_profile = dev\nmfa_serial = {home.serial}\n",
        home.keys("dev", home.sandbox.dev),
    )
    prompt = Typed(home.sandbox)
    home.clock.time = datetime.now(UTC)  # noqa: TID251
    async with home.base("prod", prompt) as base:
        await base.prepare()
        home.clock.pass_(timedelta(hours=12, minutes=1))
        with pytest.raises(LoginRequired, match="has ended") as refused:
            await base.resolve()
    assert "start again" in refused.value.hint
    assert prompt.asked == [home.serial]


async def test_w30_without_a_terminal_a_profile_with_mfa_says_so(home: Home) -> None:
    home.write(
        f"[profile prod]\n{home.role}source_profile = dev\nmfa_serial = {home.serial}\n",
        home.keys("dev", home.sandbox.dev),
    )
    async with home.base("prod") as base:
        with pytest.raises(LoginRequired, match="no terminal"):
            await base.prepare()
        with pytest.raises(LoginRequired, match="none was given"):
            await base.resolve()


async def test_w30_a_code_for_a_role_in_the_chain_is_asked_before_botocore_wants_it(home: Home) -> None:
    jump = home.sandbox.aws.add_role("jump-mfa", trust(home.sandbox.dev_arn))
    home.write(
        f"[profile prod]\n{home.role}source_profile = jump\n"
        f"[profile jump]\nrole_arn = {jump}\nsource_profile = dev\nmfa_serial = {home.serial}\n"
        f"region = us-east-1\nendpoint_url = {home.sandbox.aws.url}\n",
        home.keys("dev", home.sandbox.dev),
    )
    prompt = Typed(home.sandbox)
    async with home.base("prod", prompt) as base:
        await base.prepare()
        assert (await base.principal()).role == "jump-mfa"
    assert prompt.asked == [home.serial]
    async with home.base("prod") as unprepared:
        with pytest.raises(LoginRequired, match="needs an MFA code"):
            await unprepared.resolve()


async def test_no_setting_of_another_profile_reaches_our_clients(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home.path / "other").write_text(
        "[profile other]\nendpoint_url = http://127.0.0.1:1\nregion = eu-west-1\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(home.path / "other"))
    monkeypatch.setenv("AWS_PROFILE", "other")
    home.write("[profile prod]\nregion = us-west-2\n")
    async with (
        home.base("prod", environment={"AWS_ENDPOINT_URL_STS": ""}) as base,
        base.aws.client("sts") as sts,
    ):
        assert sts.meta.endpoint_url == "https://sts.us-west-2.amazonaws.com"


async def test_an_sts_that_fails_is_not_taken_for_a_missing_identity(home: Home) -> None:
    home.write(f"[profile prod]\n{home.role}source_profile = dev\n", home.keys("dev", home.sandbox.dev))
    home.sandbox.aws.fail(service="sts", kind="error500")
    async with home.base("prod") as base:
        with pytest.raises(UpstreamFailed):
            await base.principal()
        home.sandbox.aws.heal()
        assert (await base.principal()).name == "dev"


async def test_a_configuration_that_cannot_be_used_is_a_setting_to_mend(home: Home) -> None:
    home.write("[profile work]\nsso_account_id = 111122223333\n")
    with pytest.raises(InvalidSetting, match="sso_start_url, sso_region, sso_role_name"):
        async with home.base("work"):
            pass
    home.write("[profile half]\naws_access_key_id = AKIA\n")
    async with home.base("half") as base:
        with pytest.raises(InvalidSetting, match="half"):
            await base.resolve()


async def test_w30_a_wrong_code_is_said_to_be_wrong(home: Home) -> None:
    home.write(
        f"[profile prod]\n{home.role}source_profile = dev\nmfa_serial = {home.serial}\n",
        home.keys("dev", home.sandbox.dev),
    )
    home.sandbox.aws.fail(service="sts", kind="deny", operation="GetSessionToken")
    async with home.base("prod", Typed(home.sandbox)) as base:
        with pytest.raises(LoginRequired, match="did not accept the code"):
            await base.prepare()


async def test_short_sessions_of_a_source_role_are_not_taken_anew_at_every_use(home: Home) -> None:
    home.clock.time = datetime.now(UTC)  # noqa: TID251
    jump = home.sandbox.aws.add_role("jump-short", trust(home.sandbox.dev_arn))
    home.write(
        f"[profile prod]\n{home.role}source_profile = jump\n"
        f"[profile jump]\nrole_arn = {jump}\nsource_profile = dev\nduration_seconds = 900\n"
        f"region = us-east-1\nendpoint_url = {home.sandbox.aws.url}\n",
        home.keys("dev", home.sandbox.dev),
    )
    async with home.base("prod") as base:
        for _ in range(3):
            assert (await base.principal()).role == "jump-short"
        assert len(home.sandbox.aws.calls_to("sts", "AssumeRole")) == 1
        first = await base.resolve()
        home.clock.pass_(timedelta(minutes=14, seconds=5))
        assert (await base.resolve()).access_key_id != first.access_key_id


async def test_base_credentials_are_renewed_in_the_background_while_the_old_ones_last(home: Home) -> None:
    home.clock.time = datetime.now(UTC)  # noqa: TID251
    runs = home.path / "runs"
    process = a_process(
        home,
        "import datetime",
        f"runs = open({str(runs)!r}, 'a+'); n = runs.tell(); runs.write('x')",
        "if n in (1, 2): sys.exit('locked')",
        "end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=14)",
        "print(json.dumps({'Version': 1, 'AccessKeyId': f'ASIA{n}', 'SecretAccessKey': 's',",
        "    'SessionToken': 't', 'Expiration': end.strftime('%Y-%m-%dT%H:%M:%SZ')}))",
    )
    home.write(process)
    keys = []
    async with home.base("work") as base:
        for passing in (timedelta(minutes=7, seconds=30), timedelta(seconds=31), timedelta(0), timedelta(0)):
            keys.append((await base.resolve()).access_key_id)
            await settled()
            home.clock.pass_(passing)
    assert keys == ["ASIA0", "ASIA0", "ASIA0", "ASIA3"]


async def settled() -> None:
    """Wait until nothing is under way in the background."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others)


async def test_without_a_configuration_the_default_profile_takes_what_the_environment_has(home: Home) -> None:
    home.write("")
    dev = home.sandbox.dev
    keys = {"AWS_ACCESS_KEY_ID": dev.access_key_id, "AWS_SECRET_ACCESS_KEY": dev.secret_access_key}
    async with home.base("default", environment=keys) as base:
        assert (await base.principal()).name == "dev"


async def test_a_credential_process_is_gone_when_its_base_is_closed(home: Home) -> None:
    started = home.path / "started"
    os.mkfifo(started)
    hang = f"f = open({str(started)!r}, 'w'); print('up', file=f, flush=True); signal.pause()"
    home.write(a_process(home, "import signal", hang))
    async with home.base("work") as base:
        waiting = asyncio.create_task(base.resolve())
        pipe = await asyncio.to_thread(started.open)
        assert await asyncio.to_thread(pipe.readline) == "up\n"
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert await asyncio.to_thread(pipe.read) == ""  # its end of the pipe closed with it
    pipe.close()


async def test_a_web_identity_that_sts_does_not_take_is_no_identity(home: Home) -> None:
    (home.path / "token").write_text("json-web-token")
    home.write(
        f"[profile prod]\n{home.role}source_profile = ci\n"
        f"[profile ci]\n{home.role}web_identity_token_file = {home.path / 'token'}\n"
    )
    async with home.base("prod") as base:
        with pytest.raises(IdentityUnavailable, match="profile 'ci'"):
            await base.resolve()


async def test_after_a_login_the_credentials_of_identity_center_are_there_without_a_restart(
    home: Home,
) -> None:
    role = home.sandbox.aws.add_role("AWSReservedSSO_Dev_fedcba9876543210", trust(home.sandbox.dev_arn))
    keys = home.sandbox.aws.sso_session(role, "alice@example.com")
    home.clock.time = datetime.now(UTC)  # noqa: TID251
    end = home.clock.time + timedelta(hours=1)
    async with a_portal(keys, end) as portal:
        home.write(SSO.format(role=home.role).replace("sso_session", "services = p\nsso_session", 1))
        config = (home.path / "config").read_text()
        home.write(f"{config}[services p]\nsso =\n    endpoint_url = {portal}\n")
        async with home.base("prod") as base:
            with pytest.raises(LoginRequired):
                await base.resolve()
            log_in(home, end)
            found = await base.resolve()
            assert (found.access_key_id, found.expires_at) == (keys.access_key_id, end.replace(microsecond=0))
            assert (await base.principal()).person == "sso:alice@example.com"


@asynccontextmanager
async def a_portal(keys: SessionKeys, end: datetime) -> AsyncIterator[str]:
    """Identity Center's portal, which gives role credentials to whoever has logged in."""

    async def credentials(request: web.Request) -> web.Response:
        assert request.headers["x-amz-sso_bearer_token"] == "very-secret"
        given = {
            "accessKeyId": keys.access_key_id,
            "secretAccessKey": keys.secret_access_key,
            "sessionToken": keys.session_token,
            "expiration": int(end.timestamp()) * 1000,
        }
        return web.json_response({"roleCredentials": given})

    app = web.Application()
    app.router.add_get("/federation/credentials", credentials)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def test_the_botocore_that_is_pinned_knows_no_login_sessions() -> None:
    """Once it does, `docs/profiles.md` is wrong, and profiles with one are to go through every door."""
    import botocore.credentials
    import botocore.loaders

    assert [name for name in dir(botocore.credentials) if "Login" in name] == []
    assert "signin" not in botocore.loaders.create_loader().list_available_services("service-2")
