"""Tokens on disk: private, whole, in turn, and where the AWS CLI looks for them."""

from __future__ import annotations

import os
import stat
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from sentinel_server.adapters.local.sso_files import SsoFiles, cache_directory
from sentinel_server.credentials.sso import Notes, Token
from sentinel_server.errors import InvalidSetting
from sentinel_server.secret import Secret
from tests.fakes.clock import NOON
from tests.fakes.logins import LOGIN
from tests.fakes.processes import started

TOKEN = Token(access=Secret("very-secret"), expires_at=NOON + timedelta(hours=1))

_HOLDER = """
import asyncio, sys
from pathlib import Path
from sentinel_server.adapters.local.sso_files import SsoFiles
from tests.fakes.logins import LOGIN

async def hold():
    async with SsoFiles(Path(sys.argv[1])).turn(LOGIN) as turn:
        print("held" if turn else "busy", flush=True)
        sys.stdin.read()

asyncio.run(hold())
"""


@pytest.fixture
def files(tmp_path: Path) -> SsoFiles:
    return SsoFiles(tmp_path / ".aws" / "sso" / "cache")


def test_the_directory_is_the_clis() -> None:
    assert cache_directory({"HOME": "/home/ann"}) == Path("/home/ann/.aws/sso/cache")
    assert cache_directory({"USERPROFILE": "/users/ann"}) == Path("/users/ann/.aws/sso/cache")
    assert cache_directory({}).is_absolute()


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
async def test_everything_written_is_for_this_user_alone(files: SsoFiles, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        files.write(LOGIN, TOKEN)
        async with files.turn(LOGIN) as turn:
            assert turn is not None
            turn.leave(Notes(failures=1))
    finally:
        os.umask(before)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / ".aws").rglob("*")}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    assert len([path for path in modes if path.is_file()]) == 3


def test_a_token_is_replaced_whole_and_forgotten(files: SsoFiles, tmp_path: Path) -> None:
    assert files.read(LOGIN) is None
    files.write(LOGIN, TOKEN)
    (path,) = (tmp_path / ".aws" / "sso" / "cache").iterdir()
    path.chmod(0o400)  # writing into it would fail
    newer = Token(access=Secret("newer"), expires_at=NOON)
    files.write(LOGIN, newer)
    assert files.read(LOGIN) == newer
    files.remove(LOGIN)
    files.remove(LOGIN)
    assert files.read(LOGIN) is None


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b""])
def test_a_file_that_cannot_be_read_is_no_token(files: SsoFiles, tmp_path: Path, content: bytes) -> None:
    files.write(LOGIN, TOKEN)
    (tmp_path / ".aws" / "sso" / "cache" / f"{LOGIN.key}.json").write_bytes(content)
    assert files.read(LOGIN) is None


async def test_the_turn_is_one_processes_until_it_ends_however_it_ends(
    files: SsoFiles, tmp_path: Path
) -> None:
    argv = [sys.executable, "-c", _HOLDER, str(tmp_path / ".aws" / "sso" / "cache")]
    env = {"PATH": os.defpath, "PYTHONPATH": "."}
    with started(argv, env=env, into=tmp_path / "out", talk=True) as other:
        other.wait_for("^held$")
        async with files.turn(LOGIN) as turn:
            assert turn is None
        other.process.kill()
        other.process.wait()
        async with files.turn(LOGIN) as turn:
            assert turn is not None


async def test_notes_are_left_for_the_next(files: SsoFiles) -> None:
    assert files.glance(LOGIN) == Notes()
    async with files.turn(LOGIN) as turn:
        assert turn is not None
        turn.leave(Notes(failures=2, why="declined"))
    assert files.glance(LOGIN) == Notes(failures=2, why="declined")


async def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    files = SsoFiles(tmp_path / "file" / "cache")
    with pytest.raises(InvalidSetting, match=r"cannot keep a login in .*file/cache: not a directory"):
        files.write(LOGIN, TOKEN)
    with pytest.raises(InvalidSetting, match="cannot keep a login"):
        async with files.turn(LOGIN):
            pass
