"""What is secret stays where it belongs, whatever handles it and however that fails.

For every command that handles secrets: none is in a file, but sealed or in the one that is there for it; none
is in a command line, in what is said, or in what a mistake says; and nobody else may look into what is made.
The canaries are all secrets that AWS has told anybody, and those of the person.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sentinel_server.sandbox.aws import EmbeddedAws
from tests.fakes.aws_vault import write_command, write_item
from tests.fakes.deployment import Deployment, deployment
from tests.fakes.forks import Forks
from tests.fakes.identity_center import Corp, corp
from tests.fakes.receiver import KEY_VARIABLE, receiving_elsewhere
from tests.fakes.watched import Watched, own_aws, watched, without_keys

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks, and permissions of POSIX")

KEY_ID = "AKIACANARYCANARY"
SECRET = "canary/wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
PASSPHRASE, ANOTHER = "canary-passphrase-tr0ub4dor-staple", "canary-another-passphrase-horse-battery"
SEED = "CANARYCANARYGEZDGNBVGY3TQOJQGEZDGNBV"
MINE = {SECRET, PASSPHRASE, ANOTHER, SEED}

OPENED = {"SENTINEL_KEYRING_BACKEND": "file", "SENTINEL_KEYRING_PASSPHRASE": PASSPHRASE}
PAIR = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET}
DOORS = [
    ("whoami", "--profile", "dev"),
    ("exec", "--profile", "dev", "--", "true"),
    ("exec", "--server", "--profile", "dev", "--", "true"),
]
GIVING = [
    ("credentials", "--profile", "dev"),
    ("console", "--profile", "dev", "--stdout"),
    ("export", "--profile", "dev"),
]
"""Every way to get credentials: some say them, because that is what they are for."""


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployment(tmp_path_factory.mktemp("seeded"), shared=False) as made:
        yield made


@pytest.fixture
def home(forks: Forks, seeded: Deployment, tmp_path: Path) -> Watched:
    """A home of its own for each test."""
    made = watched(forks, seeded, tmp_path)
    made.open_files |= own_aws(made)
    return made


@contextmanager
def no_leak(home: Watched, aws: EmbeddedAws, *more: str) -> Iterator[None]:
    """Whatever happens in the context gives no secret away."""
    known = set(aws.secrets)
    yield
    assert home.leaks(known | aws.secrets | MINE | set(more)) == []
    assert home.too_open() == {}
    assert home.strays() == set()


def kept(home: Watched, seeded: Deployment, profile: str = "base") -> None:
    """The developer's keys, in the keyring instead of in AWS's file."""
    keys = seeded.base_keys()
    pair = {"AWS_ACCESS_KEY_ID": keys.access_key_id, "AWS_SECRET_ACCESS_KEY": keys.secret_access_key}
    done = home.run("keyring", "add", profile, "--env", **OPENED, **pair)
    assert done.code == 0, done.err
    without_keys(home, profile)


def test_the_watch_sees_files_words_and_command_lines(home: Watched) -> None:
    """What finds nothing else proves nothing."""
    (home.home / "state-of-something").write_text(f"x{PASSPHRASE.encode().hex()}x")
    done = home.run(
        "keyring",
        "add",
        "ring",
        "--env",
        **PAIR,
        SENTINEL_KEYRING_BACKEND="file",
        SENTINEL_KEYRING_PASSPHRASE_COMMAND=f"printf {ANOTHER}",
        XDG_STATE_HOME=str(home.record.parent),
    )
    assert (done.code, home.run(SECRET).code) == (0, 2), done.err
    assert [where.partition(":")[0].partition(" ")[0] for where in home.leaks(MINE)] == [
        str(home.home / "state-of-something"),
        "output",
        "started",
    ]
    assert home.too_open() == {"state-of-something": "0o644"}
    assert str(home.record.parent / "sentinel" / "keyring" / "keys.json") in home.strays()


def test_keys_by_every_command_of_the_keyring(home: Watched, seeded: Deployment) -> None:
    as_json = json.dumps({"AccessKey": {"AccessKeyId": KEY_ID, "SecretAccessKey": SECRET}})
    with no_leak(home, seeded.aws):
        done = [
            home.run("keyring", "add", "ring", "--env", **OPENED, **PAIR),
            home.run("keyring", "add", "ring", "--stdin", "--replace", say=as_json, **OPENED),
            home.run("keyring", "list", "--json", **OPENED),
            home.run("keyring", "add", "ring", "--stdin", say=as_json.replace("AKIA", "akia"), **OPENED),
            home.run("keyring", "clear", SENTINEL_KEYRING_PASSPHRASE=ANOTHER),
            home.run("keyring", "relock", SENTINEL_KEYRING_PASSPHRASE=ANOTHER),
            home.run("keyring", "relock", **OPENED, SENTINEL_KEYRING_NEW_PASSPHRASE=ANOTHER),
            home.run("whoami", "--profile", "ring", SENTINEL_KEYRING_PASSPHRASE=ANOTHER),
            home.run("keyring", "remove", "ring", "--yes", SENTINEL_KEYRING_PASSPHRASE=ANOTHER),
            home.run("keyring", "add", "ring", "--env", "--file", "/proc/nowhere/keys", **OPENED, **PAIR),
        ]
    assert [each.code for each in done] == [0, 0, 0, 2, 0, 6, 0, 6, 0, 6]


def test_keys_that_are_typed(home: Watched, seeded: Deployment) -> None:
    with no_leak(home, seeded.aws), home.typing("keyring", "add", "ring", "--backend", "file") as terminal:
        for question, answer in (
            ("Access key id", KEY_ID),
            ("Its secret", SECRET),
            ("New passphrase", PASSPHRASE),
            ("Repeat", PASSPHRASE),
        ):
            terminal.expect(question)
            terminal.line(answer)
        terminal.expect("is kept for ring")
        assert terminal.process.wait() == 0


def test_keys_of_the_keyring_through_every_door(home: Watched, seeded: Deployment) -> None:
    with no_leak(home, seeded.aws):
        kept(home, seeded)
        done = [home.run(*words, **OPENED) for words in DOORS]
        done += [home.give(*words, **OPENED) for words in GIVING]
    assert {each.code for each in done} == {0}, [each.err for each in done]


def test_keys_that_are_rotated(home: Watched, seeded: Deployment) -> None:
    old = seeded.aws.add_user("rotating")
    config = home.home / "aws" / "config"
    config.write_text(f"{config.read_text()}[profile rotating]\nregion = {seeded.aws.region}\n")
    pair = {"AWS_ACCESS_KEY_ID": old.access_key_id, "AWS_SECRET_ACCESS_KEY": old.secret_access_key}
    with no_leak(home, seeded.aws, old.secret_access_key):
        done = [
            home.run("keyring", "add", "rotating", "--env", **OPENED, **pair),
            home.run("keyring", "rotate", "rotating", broken="rotate", **OPENED),
            home.run("keyring", "rotate", "rotating", "--json", **OPENED),
            home.run("keyring", "list", **OPENED),
        ]
    assert [each.code for each in done] == [0, 1, 0, 0], [each.err for each in done]
    assert "RuntimeError" in done[1].err
    assert old.secret_access_key not in seeded.aws.secrets


def test_keys_that_come_from_aws_vault(home: Watched, seeded: Deployment, tmp_path: Path) -> None:
    write_item(tmp_path / "vault", "moved", KEY_ID, SECRET, ANOTHER)
    write_command(tmp_path / "bin", {"other": {"AccessKeyId": KEY_ID, "SecretAccessKey": SECRET}})
    path = {"PATH": f"{tmp_path / 'bin'}:{home.env['PATH']}"}
    files = ("import", "aws-vault", "--from", "file", "--dir", str(tmp_path / "vault"))
    with no_leak(home, seeded.aws):
        done = [
            home.run(*files, "--json", AWS_VAULT_FILE_PASSPHRASE=ANOTHER, **OPENED),
            home.run(*files, AWS_VAULT_FILE_PASSPHRASE=PASSPHRASE, **OPENED),
            home.run("import", "aws-vault", "--from", "command", **path, **OPENED),
            home.run("keyring", "list", **OPENED),
        ]
    assert [each.code for each in done] == [0, 6, 0, 0], [each.err for each in done]
    assert any("aws-vault export" in line for line in home.started())


def test_seeds_codes_and_sessions_with_mfa(home: Watched, seeded: Deployment, tmp_path: Path) -> None:
    config, printed = home.home / "aws" / "config", tmp_path / "printed"
    serial = f"arn:aws:iam::{seeded.aws.account_id}:mfa/dev"
    text = config.read_text().replace("[profile dev]\n", f"[profile dev]\nmfa_serial = {serial}\n")
    config.write_text(text)
    codes, seeds = set(), set()

    def new_device() -> str:
        """A device that has shown nothing yet, and its first code."""
        seeds.add(seeded.aws.add_mfa("dev").seed)
        codes.add(code := seeded.aws.devices.code(serial))
        return code

    with no_leak(home, seeded.aws):
        kept(home, seeded)
        done = [home.run(*DOORS[1], SENTINEL_MFA_TOKEN=new_device(), **OPENED)]
        done += [home.run("keyring", "clear", **OPENED)]
        printed.write_text(new_device())
        config.write_text(text.replace("mfa_serial", f"mfa_process = cat {printed}\nmfa_serial"))
        done += [home.run(*DOORS[1], **OPENED), home.run("keyring", "clear", **OPENED)]
        config.write_text(text)
        new_device()
        seed = seeded.aws.devices.seed(serial)
        done += [
            home.run("keyring", "add", "dev", "--mfa-seed", "--stdin", say=seed, **OPENED),
            home.run("keyring", "add", "dev", "--mfa-seed", "--stdin", say=SEED, **OPENED),
            home.run(*DOORS[1], **OPENED),
            home.run("keyring", "remove", "dev", "--mfa-seed", "--yes", **OPENED),
        ]
    assert [each.code for each in done] == [0, 0, 0, 0, 0, 1, 0, 0], [each.err for each in done]
    assert home.leaks(seeds) == []
    assert not [text for text in [*home.told, *home.started()] for code in codes if code in text]


@pytest.fixture
def corporate(forks: Forks, tmp_path: Path) -> Iterator[tuple[Corp, Watched]]:
    with corp(tmp_path / "home") as made:
        home = Watched(forks=forks, home=made.home, env=made.env(), record=tmp_path / "record")
        home.open_files.add(made.token_file)
        yield made, home


def test_logins_to_identity_center(corporate: tuple[Corp, Watched]) -> None:
    made, home = corporate
    doors = [tuple(word.replace("dev", "prod") for word in words) for words in (*DOORS, *GIVING[:2])]
    with no_leak(home, made.aws):
        done = [home.run("sso", "login", "--profile", "prod")]
        done += [home.give(*words) for words in doors]
        made.lapse(**{**made.kept(), "expiresAt": "2020-01-01T00:00:00UTC"})
        done += [home.run(*doors[0])]
        made.aws.fail(service="sso", kind="error500")
        done += [home.run(*doors[0])]
        made.aws.heal()
        done += [home.run("sso", "login", "--force", "--profile", "prod", **made.env("deny"))]
        assert made.token_file.stat().st_mode & 0o777 == 0o600
        done += [home.run("sso", "logout")]
    assert [each.code for each in done] == [0, 0, 0, 0, 0, 0, 0, 6, 3, 0], [each.err for each in done]
    assert not made.token_file.exists()


def test_secrets_of_webhooks(home: Watched, seeded: Deployment) -> None:
    file = home.home / "hook-key"
    file.write_text(ANOTHER)
    file.chmod(0o600)
    home.open_files.add(file)

    def told_to(key: str, url: str) -> list[int]:
        hook = {"HOOK_URL": url, "SENTINEL_NOTIFICATIONS_TO": f"hook webhook env:HOOK_URL key={key}"}
        commands = (("notify", "test"), ("notify", "flush", "--json"), ("config", "show"))
        return [home.run(*words, **hook, **{KEY_VARIABLE: SECRET}).code for words in commands]

    with receiving_elsewhere() as receiver, no_leak(home, seeded.aws, receiver.url):
        assert told_to(f"env:{KEY_VARIABLE}", receiver.url) == [0, 0, 0]
        assert told_to(f"file://{file}", receiver.url) == [0, 0, 0]
        assert len(receiver.got) == 2
        assert told_to(f"file://{file}", f"http://127.0.0.1:1/hook/{PASSPHRASE}") == [1, 0, 0]


def test_setting_up_and_looking_for_what_is_wrong(home: Watched, seeded: Deployment) -> None:
    """Doctor opens the keyring, and in a served shell it sends the token; the wizard asks AWS who it is."""
    base = {"AWS_PROFILE": "base"}
    inside = "sentinel doctor; sentinel doctor --json; AWS_ACCESS_KEY_ID=$KEY AWS_SECRET_ACCESS_KEY=$SECRET"
    script = home.home / "sentinel"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cli.main "$@"\n')
    script.chmod(0o700)
    home.public.add(script)
    env = {**OPENED, "PATH": f"{home.home}:{home.env['PATH']}", "KEY": KEY_ID, "SECRET": SECRET}
    with no_leak(home, seeded.aws):
        kept(home, seeded)
        done = [
            home.run("doctor", "dev", **OPENED),
            home.run("doctor", "dev", "--json", SENTINEL_KEYRING_PASSPHRASE=ANOTHER),
            home.run("doctor", "dev", "--output", "csv", **PAIR, **OPENED),
            home.run(
                "exec", "--server", "--profile", "dev", "--", "sh", "-c", f"{inside} sentinel doctor", **env
            ),
            home.run("init", "wizard", "--profile", "dev", "--yes", "--force", **OPENED),
            home.run("init", "wizard", "--profile", "dev", "--yes", "--breakglass", "--no-tables", **base),
            home.run("config", "set", "lease", "strict"),
            home.run("config", "get", "lease", "--origin"),
            home.run("config", "unset", "lease"),
        ]
    assert [each.code for each in done][:1] == [0], done[0].out + done[0].err
    assert "gives credentials for this token" in done[3].out, done[3].out + done[3].err
    assert "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY" in done[3].out


def test_keys_that_sign(home: Watched, seeded: Deployment) -> None:
    private, public = home.home / "signing-key.pem", home.home / "signing-key.pem.pub"
    home.open_files.add(private)
    home.public.add(public)
    with no_leak(home, seeded.aws):
        done = home.run("policy", "keys", "generate", str(private))
        assert done.code == 0, done.err
        body = "".join(private.read_text().splitlines()[1:-1])
        assert home.leaks({body}) == []
        assert home.run("policy", "keys", "generate", str(private)).code != 0


def test_what_a_first_use_makes_is_for_its_user_alone(home: Watched, seeded: Deployment) -> None:
    """Everything is made anew, beginning with directories that other programs share."""
    fresh = {f"XDG_{name}_HOME": str(home.home / "fresh" / name.lower()) for name in ("CONFIG", "STATE")}
    fresh |= {"AWS_PROFILE": "base"}
    policy = home.home / "fresh" / "config" / "sentinel" / "policies" / "dev.yaml"
    with no_leak(home, seeded.aws):
        done = [
            home.run("init", "local", "--profile", "dev", **fresh),
            home.run("init", "local", "--profile", "dev", "--force", **fresh),
            home.run("config", "set", "lease", "strict", **fresh),
            home.run("policy", "push", "dev", str(policy), "--yes", **fresh),
            *(home.run(*words, **fresh) for words in DOORS),
            home.run("server-sessions", "--json", **fresh),
            home.run("audit", "verify-logs", **fresh),
        ]
    assert {each.code for each in done} == {0}, [each.err for each in done]
    assert policy.exists()


BROKEN = [
    ("seal", ("keyring", "add", "ring", "--env")),
    ("print-key", ("keyring", "add", "ring", "--env")),
    ("passphrase", ("keyring", "add", "ring", "--env")),
    ("seed", ("keyring", "add", "coded", "--mfa-seed", "--stdin")),
    ("import", ("import", "aws-vault", "--from", "file", "--dir", "VAULT")),
    ("exporting", GIVING[2]),
    ("signing-in", GIVING[1]),
    ("environment", DOORS[1]),
    ("mint", DOORS[1]),
    ("sts", DOORS[2]),
]
"""What can fail with secrets in its hands, and a command that comes by."""


@pytest.mark.parametrize(("part", "words"), BROKEN, ids=[part for part, _ in BROKEN])
def test_a_mistake_of_ours_quotes_nothing(
    home: Watched, seeded: Deployment, part: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    write_item(tmp_path / "vault", "moved", KEY_ID, SECRET, ANOTHER)
    given = [word.replace("VAULT", str(tmp_path / "vault")) for word in words]
    config = home.home / "aws" / "config"
    config.write_text(f"{config.read_text()}[profile coded]\nmfa_serial = device\n")
    pair = PAIR if words not in (*DOORS, *GIVING) else {}
    with no_leak(home, seeded.aws):
        variables = {**OPENED, **pair, "AWS_VAULT_FILE_PASSPHRASE": ANOTHER}
        done = home.run(*given, say=SEED, broken=part, **variables)
    assert done.code in (1, 6, 125), done.err
    assert "RuntimeError" in done.err


def test_a_login_that_fails_by_a_mistake_of_ours_quotes_nothing(corporate: tuple[Corp, Watched]) -> None:
    made, home = corporate
    with no_leak(home, made.aws):
        done = [
            home.run("sso", "login", "--profile", "prod", broken="keep-token"),
            home.run("credentials", "--profile", "prod", "--auto-login", broken="portal"),
        ]
    assert [(each.code, "RuntimeError" in each.err) for each in done] == [(1, True), (1, True)], done
