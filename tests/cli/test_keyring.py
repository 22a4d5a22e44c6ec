"""`sentinel keyring` as a person types it."""

from __future__ import annotations

import asyncio
import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from cli.main import root
from sentinel_server.errors import BadInput
from sentinel_server.keyring.names import session_name
from sentinel_server.keyring.vault import Item
from sentinel_server.secret import Secret
from sentinel_server.wiring import open_keyring
from tests.fakes.command_line import CommandLine, Ran
from tests.fakes.os_keyring import MemoryKeyring
from tests.fakes.processes import REPOSITORY
from tests.fakes.vaults import BACKEND

ID, OTHER, SECRET = "AKIAIOSFODNN7EXAMPLE", "AKIAI44QH8DHBEXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
CLI_JSON = {
    "AccessKey": {"UserName": "dev", "AccessKeyId": ID, "SecretAccessKey": SECRET, "Status": "Active"}
}


class Ring:
    """A command line with a keyring that the fake system keyring opens."""

    def __init__(self, sentinel: CommandLine) -> None:
        self.sentinel = sentinel
        self.file = sentinel.home / ".local" / "state" / "sentinel" / "keyring" / "keys.json"
        sentinel.set(SENTINEL_KEYRING_BACKEND=BACKEND)

    def __call__(self, *words: str) -> Ran:
        """Run `sentinel keyring` with these words."""
        return self.sentinel("keyring", *words)

    def add(self, profile: str = "base", key_id: str = ID, *words: str) -> Ran:
        """Add a key from the environment."""
        self.sentinel.set(AWS_ACCESS_KEY_ID=key_id, AWS_SECRET_ACCESS_KEY=SECRET)
        return self("add", profile, "--env", *words)

    def keep_session(self, profile: str) -> None:
        """Keep a session of an hour."""
        item = Item(value=Secret("{}"), until=datetime.now(UTC) + timedelta(hours=1))  # noqa: TID251
        vault = open_keyring(self.sentinel.settings).vault
        asyncio.run(vault.change({session_name(profile, []): item}))

    def configure(self, text: str) -> None:
        """Write the AWS configuration."""
        directory = self.sentinel.home / ".aws"
        directory.mkdir(exist_ok=True)
        (directory / "config").write_text(text)

    def profiles(self) -> list[dict[str, object]]:
        """What `list` lists."""
        found: list[dict[str, object]] = self("list", "--json").json["profiles"]
        return found


@pytest.fixture
def ring(sentinel: CommandLine) -> Iterator[Ring]:
    MemoryKeyring.reset()
    yield Ring(sentinel)
    MemoryKeyring.reset()


def test_adding_says_what_opens_the_keyring_and_not_the_secret(ring: Ring) -> None:
    ran = ring.add()
    assert (ran.status, ran.out) == (0, f"{ID} is kept for base.\n")
    assert f"{ring.file} is opened by {BACKEND}" in ran.err
    assert SECRET not in ran.out + ran.err + ring.file.read_text()


def test_every_file_and_folder_is_for_its_owner_alone(ring: Ring) -> None:
    ring.add()
    state = ring.file.parents[1]
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [state, *state.rglob("*")]}
    assert {name: mode for name, mode in modes.items() if mode != 0o600} == {
        "sentinel": 0o700,
        "keyring": 0o700,
    }


@pytest.mark.parametrize("document", [CLI_JSON, CLI_JSON["AccessKey"]])
def test_a_key_may_come_from_a_program(ring: Ring, document: object) -> None:
    ran = CliRunner().invoke(root, ["keyring", "add", "base", "--stdin"], input=json.dumps(document))
    assert (ran.exit_code, ran.stdout) == (0, f"{ID} is kept for base.\n")


@pytest.mark.parametrize("text", ["", "[]", "nonsense", '{"AccessKeyId": "x"}'])
def test_what_is_no_key_on_stdin_is_refused(ring: Ring, text: str) -> None:
    ran = CliRunner().invoke(root, ["keyring", "add", "base", "--stdin"], input=text)
    assert isinstance(ran.exception, BadInput)
    assert not ring.file.exists()


def test_a_key_comes_from_one_place(ring: Ring) -> None:
    assert ring("add", "base", "--env", "--stdin").status == 2
    half = ring("add", "base", "--env")
    assert (half.status, "not both set" in half.err) == (2, True)


def test_a_temporary_key_is_not_kept(ring: Ring) -> None:
    refused = ring.add("base", "ASIAIOSFODNN7EXAMPLE")
    assert (refused.status, "temporary" in refused.err, ring.file.exists()) == (2, True, False)


def test_where_there_is_no_terminal_nothing_is_asked(ring: Ring) -> None:
    refused = ring("add", "base")
    assert (refused.status, "there is no terminal to ask on" in refused.err) == (2, True)


def test_a_second_key_needs_a_word(ring: Ring) -> None:
    ring.add()
    refused = ring.add("base", OTHER)
    assert (refused.status, f"({ID})" in refused.err, "--replace" in refused.err) == (1, True, True)
    assert ring.add("base", OTHER, "--replace").status == 0


def test_keys_in_the_files_win_and_that_is_said(ring: Ring) -> None:
    (ring.sentinel.home / ".aws").mkdir()
    ring.sentinel.set(AWS_SHARED_CREDENTIALS_FILE=str(ring.sentinel.home / ".aws" / "credentials"))
    (ring.sentinel.home / ".aws" / "credentials").write_text(
        f"[base]\naws_access_key_id = {OTHER}\naws_secret_access_key = {SECRET}\n"
    )
    ran = ring.add()
    assert "has credentials of kind static for base, which win" in ran.err
    assert "next: delete aws_access_key_id and aws_secret_access_key of base there" in ran.err


def test_the_list_shows_keys_and_sessions_and_no_secret(ring: Ring) -> None:
    ring.add()
    ring.add("work", OTHER)
    ring.keep_session("work")
    ring.keep_session("files")
    shown = {row["profile"]: (row["key"], row["sessions"]) for row in ring.profiles()}
    assert shown == {"base": (True, 0), "files": (False, 1), "work": (True, 1)}
    table = ring("list")
    assert table.out.splitlines()[0].split() == ["PROFILE", "KEY", "SESSIONS", "UNTIL"]
    assert ring("list", "--output", "csv").out.startswith("profile,key,sessions,until\nbase,True,0,\n")
    assert SECRET not in table.out + table.err


def test_an_empty_list_says_that_there_is_no_keyring(ring: Ring) -> None:
    ran = ring("list", "--json")
    assert ran.json == {"file": str(ring.file), "opened_by": None, "profiles": [], "mfa_seeds": []}
    assert f"there is no keyring at {ring.file} yet" in ran.err


def test_removing_wants_a_yes(ring: Ring) -> None:
    ring.add()
    refused = ring("remove", "base")
    assert (refused.status, "needs a yes" in refused.err, len(ring.profiles())) == (2, True, 1)
    ran = ring("remove", "base", "--yes")
    assert (ran.status, "still valid in AWS" in ran.err, ring.profiles()) == (0, True, [])
    assert ring("remove", "base", "--yes").status == 1


def test_clearing_forgets_sessions(ring: Ring) -> None:
    ring.add()
    ring.keep_session("base")
    ring.keep_session("work")
    assert ring("clear", "base").out == "1 session forgotten.\n"
    assert ring("clear").out == "1 session forgotten.\n"
    assert ring("clear").out == "0 sessions forgotten.\n"
    assert [row["profile"] for row in ring.profiles()] == ["base"]


def test_clearing_a_profile_forgets_the_sessions_of_the_one_with_the_keys(ring: Ring) -> None:
    role = "role_arn = arn:aws:iam::111122223333:role/prod\nsource_profile = base\n"
    ring.configure(f"[profile prod]\n{role}[profile broken]\nrole_arn = nonsense\n")
    ring.add()
    for owner in ("base", "prod", "broken"):
        ring.keep_session(owner)
    assert ring("clear", "prod").out == "2 sessions forgotten.\n"
    assert ring("clear", "broken").out == "1 session forgotten.\n"
    assert ring("clear", "nobody").out == "0 sessions forgotten.\n"


def test_a_keyring_moves_to_a_passphrase_and_back(ring: Ring) -> None:
    ring.add()
    ring.sentinel.set(SENTINEL_KEYRING_NEW_PASSPHRASE="new", SENTINEL_KEYRING_PASSPHRASE="new")
    moved = ring("relock", "--to", "file")
    assert (moved.status, moved.out) == (0, f"{ring.file} is now opened by a passphrase.\n")
    ring.sentinel.set(SENTINEL_KEYRING_PASSPHRASE="wrong")
    locked = ring.add("work", OTHER)
    assert (locked.status, "does not open the keyring" in locked.err) == (6, True)
    ring.sentinel.set(SENTINEL_KEYRING_PASSPHRASE="new")
    assert ring("relock", "--to", BACKEND).status == 0
    assert ring("list", "--json").json["opened_by"] == BACKEND
    assert ring("relock", "--to", "nowhere").status == 2


def test_without_a_system_keyring_auto_takes_a_file_and_says_so(ring: Ring) -> None:
    ring.sentinel.set(SENTINEL_KEYRING_PASSPHRASE="x", PYTHON_KEYRING_BACKEND="keyring.backends.fail.Keyring")
    ran = ring.add("base", ID, "--backend", "auto")
    assert "an encrypted file with a passphrase is used instead" in ran.err
    assert "is opened by a passphrase" in ran.err
    refused = ring.add("work", ID, "--backend", "os", "--file", str(ring.file.with_name("other.json")))
    assert (refused.status, ring.file.with_name("other.json").exists()) == (6, False)


@pytest.mark.parametrize("word", ["plain", "../x", "a..b", "keyring.backends.null.Keyring"])
def test_a_backend_that_means_nothing_or_protects_nothing_is_refused(ring: Ring, word: str) -> None:
    assert ring.add("base", ID, "--backend", word).status == 2
    assert not ring.file.exists()


def test_a_file_that_others_can_read_stops_every_use(ring: Ring) -> None:
    ring.add()
    ring.file.chmod(0o644)
    for words in (("keyring", "list"), ("whoami", "--profile", "base")):
        refused = ring.sentinel(*words)
        assert (refused.status, f"chmod 600 {ring.file}" in refused.err) == (6, True)


SERIAL = "arn:aws:iam::111122223333:mfa/dev"
SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


def with_device(ring: Ring) -> None:
    """Let `base` have an MFA device, and `prod` its keys."""
    config = ring.sentinel.home / "config"
    role = "role_arn = arn:aws:iam::111122223333:role/prod\nsource_profile = base\n"
    config.write_text(f"[profile base]\nmfa_serial = {SERIAL}\n[profile prod]\n{role}[profile plain]\n")
    ring.sentinel.set(AWS_CONFIG_FILE=str(config))


def seeded(profile: str, *words: str) -> int:
    """The exit code of adding a seed that comes from a program."""
    ran = CliRunner().invoke(root, ["keyring", "add", profile, "--mfa-seed", "--stdin", *words], input=SEED)
    return ran.exit_code


def test_a_seed_is_kept_for_the_device_of_a_profile_and_never_shown(ring: Ring) -> None:
    with_device(ring)
    assert (seeded("prod"), seeded("prod"), seeded("base", "--replace")) == (0, 1, 0)
    listed = ring("list")
    assert f"there is a seed for {SERIAL}" in listed.err
    assert ring("list", "--json").json["mfa_seeds"] == [SERIAL]
    assert SEED not in ring.file.read_text() + listed.out + listed.err


def test_a_seed_is_forgotten_after_a_yes(ring: Ring) -> None:
    with_device(ring)
    seeded("base")
    assert ring("remove", "base", "--mfa-seed").status == 2
    assert ring("remove", "base", "--mfa-seed", "--yes").out == f"The seed of {SERIAL} is forgotten.\n"
    assert ring("remove", "base", "--mfa-seed", "--yes").status == 1


def test_a_seed_needs_a_device_and_a_place_of_its_own(ring: Ring) -> None:
    with_device(ring)
    refused = ring("add", "plain", "--mfa-seed")
    assert (refused.status, "profile plain names no mfa_serial" in refused.err) == (2, True)
    assert ring("add", "base", "--mfa-seed", "--env").status == 2
    assert ring("add", "base", "--mfa-seed").status == 2, "there is no terminal"
    assert not ring.file.exists()


PROBE = """
import sys
from cli.main import run
status = run(sys.argv[1:])
print("IMPORTED", sorted({"keyring", "cryptography", "secretstorage"} & set(sys.modules)), file=sys.stderr)
sys.exit(status)
"""


@pytest.mark.parametrize(
    "words", [("config", "show"), ("keyring", "list"), ("policy", "keys", "generate", "x.key")]
)
def test_the_keyring_library_is_imported_by_nobody_who_needs_it_not(
    ring: Ring, words: tuple[str, ...]
) -> None:
    ring.add()
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *words],
        env={"HOME": str(ring.sentinel.home), "PYTHONPATH": str(REPOSITORY)},
        cwd=ring.sentinel.home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "'keyring'" not in done.stderr.rpartition("IMPORTED")[2]
