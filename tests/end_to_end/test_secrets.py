"""Nothing secret is ever written down, whatever is allowed, refused, faulty or broken.

A secret may be in the token's file while the server lives, in the child's environment, and in what is served.
The canaries are the secrets themselves, read from where they may be.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sentinel_server.sandbox.aws import FaultName
from tests.fakes.deployment import Deployment, Door, Ran, deployment
from tests.fakes.processes import started

LOUD = {"PYTHONASYNCIODEBUG": "1", "PYTHONDEVMODE": "1", "PYTHONWARNINGS": "always"}
"""Python tells all that it knows: slow callbacks with their arguments, forgotten resources, warnings."""
IN_ONE_STORE = pytest.mark.parametrize("home", ["sqlite"], indirect=True)
"""For what has nothing to do with where sessions are."""
SABOTAGED = (sys.executable, "-m", "tests.fakes.sabotaged")


@pytest.fixture(scope="module", params=["sqlite", "dynamodb"])
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A home with its sessions in either store."""
    shared = request.param == "dynamodb"
    with deployment(tmp_path_factory.mktemp("home"), shared=shared) as made:
        yield made


def secrets_of(door: Door) -> set[str]:
    """The token, and what a fetch serves now."""
    body = door.fetch().body
    return {door.token, *(body[name] for name in ("SecretAccessKey", "Token") if name in body)}


def written(home: Deployment) -> dict[Path, str]:
    """Everything we ever wrote: state, configuration, runtime directory, and output; not AWS's own files."""
    files = [path for path in home.seeded.directory.rglob("*") if path.is_file() and not path.is_symlink()]
    files += [path for path in home.output.rglob("*") if path.is_file()]
    theirs = home.seeded.directory / "aws"
    return {path: path.read_bytes().decode("latin-1") for path in files if theirs not in path.parents}


def nowhere(home: Deployment, secrets: set[str], *told: str) -> None:
    """None of the secrets, whole or in part, is in a file or in what was printed."""
    parts = {part for secret in secrets for part in (secret[:24], secret[-24:])}
    assert all(len(part) == 24 for part in parts)
    files = written(home)
    assert any("audit" in path.parts and '"intent"' in text for path, text in files.items())
    for where, text in [*((str(path), text) for path, text in files.items()), *enumerate(told)]:
        assert [part for part in parts if part in text] == [], where


def base(home: Deployment) -> str:
    return home.base_keys().secret_access_key


@pytest.fixture
def kept(home: Deployment) -> Iterator[None]:
    """Outputs with the child's own words in them are checked by the test and then emptied."""
    yield
    for path in home.output.rglob("stdout"):
        path.write_text("")


def blank(door: Door) -> None:
    """Take the child's own words out of its output: they are the child's, and the test asked for them."""
    text = door.running.stdout.read_text()
    door.running.stdout.write_text(text.replace(door.token, "TOKEN"))


@pytest.mark.usefixtures("kept")
def test_what_is_served_and_then_revoked_is_written_nowhere(home: Deployment) -> None:
    with home.door(**LOUD) as door:
        blank(door)
        secrets = {base(home), *secrets_of(door)}
        assert len(secrets) == 4
        (token,) = [path for path, text in written(home).items() if door.token in text]
        assert (token.name, token.stat().st_mode & 0o777) == ("token", 0o600)
        done = [
            home.run("status", **inside(door, token)),
            home.run("status", "--json", **inside(door, token)),
        ]
        assert [each.code for each in done] == [0, 0]
        home.revoke(door.session)
        assert door.fetch().status == 403
        done.append(home.run("status", "--json", **inside(door, token)))
        door.running.hush()
        door.running.wait()
    asked = (("server-session", door.session), ("profiles",), ("shell", "init", "bash", "--functions"))
    done += [home.run(*words, *(() if "shell" in words else ("--json",)), **LOUD) for words in asked]
    nowhere(home, secrets, *texts(done))


def inside(door: Door, token: Path) -> dict[str, str]:
    """What its child has beside what a person there has."""
    return LOUD | {
        "AWS_SENTINEL": "prod",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": door.url,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": door.token,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token),
    }


@pytest.mark.usefixtures("kept")
def test_what_was_allowed_before_a_fault_is_written_nowhere(home: Deployment) -> None:
    faults: tuple[FaultName, ...] = ("deny", "wrong-json", "reset", "error500")
    service = "dynamodb" if home.shared else "sts"
    with home.door(**LOUD) as door:
        blank(door)
        secrets = {base(home), *secrets_of(door)}
        for kind in faults:
            home.aws.fail(service=service, kind=kind)
            door.fetch()
            home.aws.heal()
        door.running.hush()
        door.running.wait()
    nowhere(home, secrets)


@IN_ONE_STORE
@pytest.mark.parametrize("kind", ["deny", "wrong-json"])
def test_a_start_that_aws_refuses_says_no_secret(home: Deployment, kind: FaultName) -> None:
    home.aws.fail(service="sts", operation="AssumeRole", kind=kind)
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda words: home.run(*words, **LOUD), ways("true")))
    home.aws.heal()
    assert {each.code for each in done} <= {3, 6}
    nowhere(home, {base(home)}, *texts(done))


@IN_ONE_STORE
def test_one_shot_doors_give_their_secrets_to_nobody_else(home: Deployment) -> None:
    given = home.run("credentials", "--profile", "dev", **LOUD)
    assert given.code == 0, given.err
    secrets = {base(home), given.json["SecretAccessKey"], given.json["SessionToken"]}
    nowhere(home, secrets, given.err)
    inside = home.run("exec", "--profile", "dev", "--", "env", **LOUD)
    found = re.search(r"^AWS_SECRET_ACCESS_KEY=(.*)$", inside.out, re.MULTILINE)
    assert found is not None
    nowhere(home, {base(home), found[1]}, inside.err)


def sabotaged(home: Deployment, part: str, words: tuple[str, ...], into: Path) -> Ran:
    with started([*SABOTAGED, part, *words], env=home.env(**LOUD), into=into) as running:
        return Ran(code=running.wait(), out=running.out(), err=running.err())


def quotes_nothing(home: Deployment, done: Ran) -> None:
    """What fails quotes every secret it can reach, next to an access key's id."""
    nowhere(home, {base(home)}, done.out, done.err)
    marked = [str(path) for path, text in written(home).items() if ACCESS_KEY.search(text)]
    assert (marked, ACCESS_KEY.search(done.out + done.err)) == ([], None)


ACCESS_KEY = re.compile(r"ASIA[0-9A-Z]{12,}")
FAILING = [
    ("environment", 1),
    ("environment", 2),
    ("mint", 0),
    ("mint", 1),
    ("mint", 2),
    ("sts", 0),
    ("sts", 2),
]


@IN_ONE_STORE
@pytest.mark.parametrize(("part", "way"), FAILING)
def test_a_mistake_of_ours_quotes_nothing(home: Deployment, part: str, way: int, tmp_path: Path) -> None:
    done = sabotaged(home, part, ways("true")[way], tmp_path)
    assert done.code in (1, 6, 125)
    assert "RuntimeError" in done.err
    quotes_nothing(home, done)


@IN_ONE_STORE
def test_a_mistake_inside_a_fetch_quotes_nothing(home: Deployment, tmp_path: Path) -> None:
    words = ("exec", "--server", "--profile", "prod", "--", sys.executable, "-c", FETCHING)
    done = sabotaged(home, "render", words, tmp_path)
    assert done.code == 0
    assert '"code":"Failed"' in done.out
    assert "unexpected RuntimeError" in done.err
    quotes_nothing(home, done)


FETCHING = """
import os, urllib.error, urllib.request
token = os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
url = os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
try:
    urllib.request.urlopen(urllib.request.Request(url, headers={"Authorization": token}))
except urllib.error.HTTPError as error:
    print(error.read().decode())
"""


def ways(command: str) -> list[tuple[str, ...]]:
    """Every door, as words of a command."""
    return [
        ("credentials", "--profile", "dev"),
        ("exec", "--profile", "dev", "--", command),
        ("exec", "--server", "--profile", "dev", "--", command),
    ]


def texts(done: list[Ran]) -> list[str]:
    return [text for each in done for text in (each.out, each.err)]
