"""Every kind of profile through every door, against the strict AWS, by the console script."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sentinel_server.clock import SystemClock
from sentinel_server.sandbox.principals import SessionKeys
from tests.fakes.aws import client
from tests.fakes.deployment import DOOR, Served, session_of
from tests.fakes.kinds import PERSON, Kind, World, world
from tests.fakes.processes import REPOSITORY, sentinel, started

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the children are POSIX command lines")

DEV = ":user/dev"
JUMP, MACHINE, CI = (f":assumed-role/{name}/" for name in ("jump", "machine", "ci"))
SSO = rf":assumed-role/AWSReservedSSO_Admin_[0-9a-f]+/{re.escape(PERSON)}"


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("kinds")) as made:
        yield made


def keys_in_the_file(w: World) -> Kind:
    return Kind(config=w.target("source_profile = base") + w.keys("base"), caller=DEV)


def temporary_keys_in_the_file(w: World) -> Kind:
    keys = w.aws.sso_session(w.jump, "from-the-file")
    config = w.target("source_profile = base") + w.keys("base", keys)
    return Kind(config=config, caller=f"{JUMP}from-the-file")


def a_chain_of_roles(w: World) -> Kind:
    middle = (
        f"[profile jump]\nregion = us-east-1\nrole_arn = {w.jump}\nsource_profile = base\n"
        "external_id = a-customer\nrole_session_name = on-the-way\nduration_seconds = 900\n"
    )
    config = w.target("source_profile = jump", "duration_seconds = 1800\n") + middle + w.keys("base")
    return Kind(config=config, caller=f"{JUMP}on-the-way")


def a_role_with_mfa(w: World) -> Kind:
    device = w.aws.add_mfa("dev")
    return Kind(
        config=w.target("source_profile = base", f"mfa_serial = {device.serial}\n") + w.keys("base"),
        caller=DEV,
        flags=lambda: ("--mfa-token", w.aws.devices.code(device.serial)),
        opens_session=True,
    )


def a_chain_with_mfa_in_the_middle(w: World) -> Kind:
    device = w.aws.add_mfa("dev")
    middle = (
        f"[profile jump]\nregion = us-east-1\nrole_arn = {w.jump}\nsource_profile = base\n"
        f"external_id = a-customer\nmfa_serial = {device.serial}\n"
    )
    return Kind(
        config=w.target("source_profile = jump") + middle + w.keys("base"),
        caller=f"{JUMP}sentinel-",
        flags=lambda: ("--mfa-token", w.aws.devices.code(device.serial)),
        opens_session=True,
    )


def a_credential_process(w: World) -> Kind:
    answer = {
        "Version": 1,
        "AccessKeyId": w.dev.access_key_id,
        "SecretAccessKey": w.dev.secret_access_key,
    }
    process = w.script("process.py", f"print({json.dumps(json.dumps(answer))})")
    base = f"[profile base]\nregion = us-east-1\ncredential_process = {process}\n"
    return Kind(config=w.target("source_profile = base") + base, caller=DEV)


def web_identity_lines(w: World) -> str:
    token = w.path / "web-identity-token"
    token.write_text(w.aws.web_identities.token("repo:ours"))
    return f"role_arn = {w.prod.replace('prod', 'ci')}\nweb_identity_token_file = {token}\n"


def a_web_identity(w: World) -> Kind:
    base = f"[profile base]\nregion = us-east-1\n{web_identity_lines(w)}role_session_name = build-7\n"
    return Kind(config=w.target("source_profile = base") + base, caller=f"{CI}build-7")


def a_web_identity_of_the_environment(w: World) -> Kind:
    token = w.path / "pod-token"
    token.write_text(w.aws.web_identities.token("pod"))
    return Kind(
        config=w.target("source_profile = base") + "[profile base]\nregion = us-east-1\n",
        caller=f"{CI}pod-1",
        env={
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
            "AWS_ROLE_ARN": w.prod.replace("prod", "ci"),
            "AWS_ROLE_SESSION_NAME": "pod-1",
        },
    )


def keys_of_the_environment(w: World) -> Kind:
    return Kind(config=w.target("credential_source = Environment"), caller=DEV, env=environment(w))


def a_source_that_names_nothing(w: World) -> Kind:
    bare = "[profile base]\nregion = us-east-1\n"
    return Kind(config=w.target("source_profile = base") + bare, caller=DEV, env=environment(w))


def environment(w: World) -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": w.dev.access_key_id, "AWS_SECRET_ACCESS_KEY": w.dev.secret_access_key}


def a_container(w: World) -> Kind:
    return Kind(config=w.target("credential_source = EcsContainer"), caller=MACHINE, env=w.metadata.container)


def a_machine(w: World) -> Kind:
    return Kind(
        config=w.target("credential_source = Ec2InstanceMetadata"), caller=MACHINE, env=w.metadata.instance
    )


def a_machine_that_nothing_names(w: World) -> Kind:
    bare = "[profile base]\nregion = us-east-1\n"
    return Kind(config=w.target("source_profile = base") + bare, caller=MACHINE, env=w.metadata.instance)


def sso_lines(w: World, name: str) -> str:
    account = w.aws.account_id
    return f"[profile {name}]\nregion = us-east-1\nsso_account_id = {account}\nsso_role_name = Admin\n"


def an_sso_session(w: World) -> Kind:
    session = f"[sso-session corp]\nsso_start_url = {w.aws.sso.start_url}\nsso_region = us-east-1\n"
    return Kind(
        config=w.target("source_profile = base") + sso_lines(w, "base") + "sso_session = corp\n" + session,
        caller=SSO,
        env=confirming(w),
        flags=lambda: ("--auto-login",),
    )


def sso_without_a_session(w: World) -> Kind:
    said = f"sso_start_url = {w.aws.sso.start_url}\nsso_region = us-east-1\n"
    return Kind(
        config=w.target("source_profile = base") + sso_lines(w, "base") + said,
        caller=SSO,
        env=confirming(w),
        flags=lambda: ("--auto-login",),
    )


def confirming(w: World) -> dict[str, str]:
    """A browser that confirms what it is shown."""
    return {"BROWSER": f"{sys.executable} -m tests.fakes.browser {w.path / 'visits'} approve %s"}


KINDS: list[Callable[[World], Kind]] = [
    keys_in_the_file,
    temporary_keys_in_the_file,
    a_chain_of_roles,
    a_role_with_mfa,
    a_chain_with_mfa_in_the_middle,
    a_credential_process,
    a_web_identity,
    a_web_identity_of_the_environment,
    keys_of_the_environment,
    a_source_that_names_nothing,
    a_container,
    a_machine,
    a_machine_that_nothing_names,
    an_sso_session,
    sso_without_a_session,
]


def run(env: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        sentinel(*words),
        env=env,
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def by_credentials(env: Mapping[str, str], kind: Kind, profile: str, _: Path) -> dict[str, str]:
    done = run(env, "credentials", "--profile", profile, *kind.flags())
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


def by_exec(env: Mapping[str, str], kind: Kind, profile: str, _: Path) -> dict[str, str]:
    done = run(env, "exec", "--profile", profile, *kind.flags(), "--", "env")
    assert done.returncode == 0, done.stderr
    inside = dict(line.partition("=")[::2] for line in done.stdout.splitlines())
    return {
        "AccessKeyId": inside["AWS_ACCESS_KEY_ID"],
        "SecretAccessKey": inside["AWS_SECRET_ACCESS_KEY"],
        "SessionToken": inside["AWS_SESSION_TOKEN"],
    }


def by_server(env: Mapping[str, str], kind: Kind, profile: str, into: Path) -> dict[str, str]:
    argv = sentinel("exec", "--server", "--profile", profile, *kind.flags(), "--", "sh", "-c", DOOR)
    with started(argv, env=env, into=into, talk=True) as running:
        told = running.wait_for(r"^door (\S+) (\S+)$", within=60)
        fetched = Served(session=session_of(running), url=told[1], token=told[2]).fetch()
        running.hush()
        assert (fetched.status, running.wait()) == (200, 0)
    return {**fetched.body, "SessionToken": fetched.body["Token"]}


Take = Callable[[Mapping[str, str], Kind, str, Path], dict[str, str]]
DOORS: list[Take] = [by_credentials, by_exec, by_server]
every_door = pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)


def caller_of(w: World, given: Mapping[str, str]) -> str:
    """Whom AWS takes the holder of these keys for."""
    keys = SessionKeys(
        given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], SystemClock().now()
    )
    return str(client(w.aws, "sts", keys).get_caller_identity()["Arn"])


@every_door
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_opens_every_door(
    everything: World, kind: Callable[[World], Kind], door: Take, tmp_path: Path
) -> None:
    made = kind(everything)
    env = everything.home(f"{kind.__name__}-{door.__name__}", made)
    everything.aws.forget_calls()
    given = door(env, made, "prod", tmp_path)
    assumed = [call for call in calls(everything, "AssumeRole") if call.params["RoleArn"] == everything.prod]
    assert len(assumed) == 1, "the target is assumed once, and by nobody but the gate"
    assert assumed[0].params["SourceIdentity"].startswith("sentinel=")
    assert re.search(made.caller, assumed[0].principal or "")
    assert len(calls(everything, "GetSessionToken")) == made.opens_session
    assert ":assumed-role/prod/sentinel-" in caller_of(everything, given)


def calls(w: World, operation: str) -> list[Any]:
    return w.aws.calls_to("sts", operation)


def plain_keys(w: World) -> Kind:
    return Kind(config=w.keys("plain"), caller=DEV, opens_session=True)


def plain_sso(w: World) -> Kind:
    made = sso_without_a_session(w)
    said = f"sso_start_url = {w.aws.sso.start_url}\nsso_region = us-east-1\n"
    return Kind(config=sso_lines(w, "plain") + said, caller=SSO, env=made.env, flags=made.flags)


def plain_web_identity(w: World) -> Kind:
    return Kind(
        config=f"[profile plain]\nregion = us-east-1\n{web_identity_lines(w)}role_session_name = build-8\n",
        caller=f"{CI}build-8",
    )


@every_door
@pytest.mark.parametrize("kind", [plain_keys, plain_sso, plain_web_identity], ids=lambda kind: kind.__name__)
def test_a_profile_without_a_role_hands_out_a_session_of_its_own(
    everything: World, kind: Callable[[World], Kind], door: Take, tmp_path: Path
) -> None:
    made = kind(everything)
    env = everything.home(f"{kind.__name__}-{door.__name__}", made)
    everything.aws.forget_calls()
    given = door(env, made, "plain", tmp_path)
    assert given["AccessKeyId"].startswith("ASIA")
    assert re.search(made.caller, caller_of(everything, given))
    assert calls(everything, "AssumeRole") == []
    assert len(calls(everything, "GetSessionToken")) == made.opens_session


def refused(env: Mapping[str, str], *words: str) -> tuple[int, str]:
    done = run(env, "credentials", "--profile", "prod", *words)
    return done.returncode, done.stderr


def test_a_login_session_that_botocore_does_not_know_is_refused_with_the_way_round(everything: World) -> None:
    login = "[profile base]\nlogin_session = arn:aws:iam::111122223333:user/dev\n"
    env = everything.home("login", Kind(config=everything.target("source_profile = base") + login, caller=""))
    code, said = refused(env)
    assert code == 2
    assert "uses login_session, which this botocore does not know" in said
    assert "aws configure export-credentials --profile base" in said


@pytest.mark.parametrize("how", ["directly", "by a script"])
def test_a_profile_that_asks_sentinel_is_refused_with_the_way_to_configure_it(
    everything: World, how: str
) -> None:
    command = "sentinel credentials --profile prod"
    if how == "by a script":
        argv = sentinel("credentials", "--profile", "prod")
        command = everything.script("ask.py", f"import os; os.execv({argv[0]!r}, {argv!r})")
    base = f"[profile base]\nregion = us-east-1\ncredential_process = {command}\n"
    kind = Kind(config=everything.target("source_profile = base") + base, caller="")
    code, said = refused(everything.home(f"recursion-{how[:2]}", kind))
    if how == "directly":
        assert (code, "its credential_process runs sentinel, which would ask itself" in said) == (2, True)
        assert "put role_arn and source_profile into a profile of another name" in said
    else:
        assert code == 6
        assert "runs sentinel, which is waiting for that process" in said


def test_nothing_that_lapsed_or_is_missing_is_replaced_by_something_else(everything: World) -> None:
    """Keys in the environment are not what a profile with a source of its own means."""
    session = f"[sso-session corp]\nsso_start_url = {everything.aws.sso.start_url}\nsso_region = us-east-1\n"
    sso = sso_lines(everything, "base") + "sso_session = corp\n" + session
    config = everything.target("source_profile = base") + sso
    env = everything.home("lapsed", Kind(config=config, caller="", env=environment(everything)))
    everything.aws.forget_calls()
    assert refused(env)[0] == 3
    assert everything.aws.calls == []
