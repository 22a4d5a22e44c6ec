"""Private directories and files: nobody else's, from the first moment, and gone when their server is."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from sentinel_server.adapters.local.private import private_directory, private_file
from sentinel_server.errors import InvalidSetting
from tests.fakes.drives import ENV
from tests.fakes.processes import started

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0

SERVER = """import os, sys, signal
from sentinel_server.adapters.local.private import private_directory
with private_directory({"XDG_RUNTIME_DIR": sys.argv[1]}) as directory:
    print(directory, flush=True)
    signal.pause()
"""


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    """A runtime directory as a login makes it."""
    path = tmp_path / "runtime"
    path.mkdir(mode=0o700)
    return path


def mode(path: Path) -> str:
    """Permissions in octal."""
    return oct(stat.S_IMODE(path.lstat().st_mode))


def test_a_server_has_a_directory_of_its_own_that_is_removed_after_it(runtime: Path) -> None:
    environment = {"XDG_RUNTIME_DIR": str(runtime)}
    with private_directory(environment) as one, private_directory(environment) as other:
        assert one != other
        assert one.parent == other.parent == runtime / "sentinel"
        assert mode(one) == mode(one.parent) == "0o700"
        private_file(one, "token", "x")
    assert list((runtime / "sentinel").iterdir()) == []


def test_it_is_removed_when_the_work_fails_too(runtime: Path) -> None:
    with pytest.raises(KeyError), private_directory({"XDG_RUNTIME_DIR": str(runtime)}):
        raise KeyError
    assert list((runtime / "sentinel").iterdir()) == []


@pytest.mark.parametrize("runtime_set", ["", "relative/path", "/no/such/directory"])
def test_without_a_usable_runtime_directory_it_is_a_temporary_one(tmp_path: Path, runtime_set: str) -> None:
    tmp_path.chmod(0o700)
    with private_directory({"XDG_RUNTIME_DIR": runtime_set, "TMPDIR": str(tmp_path)}) as directory:
        assert directory.parent == tmp_path
        assert directory.name.startswith(f"sentinel-{os.geteuid()}-server-")
        assert mode(directory) == "0o700"


def test_a_runtime_directory_others_can_enter_is_not_used(tmp_path: Path) -> None:
    open_to_all = tmp_path / "runtime"
    open_to_all.mkdir()
    open_to_all.chmod(0o755)
    with private_directory({"XDG_RUNTIME_DIR": str(open_to_all), "TMPDIR": str(tmp_path)}) as directory:
        assert directory.parent == tmp_path


@pytest.mark.skipif(not AS_ROOT, reason="only root can give a directory to another user")
def test_a_runtime_directory_of_another_user_is_not_used(runtime: Path, tmp_path: Path) -> None:
    os.chown(runtime, 65534, 65534)
    with private_directory({"XDG_RUNTIME_DIR": str(runtime), "TMPDIR": str(tmp_path)}) as directory:
        assert directory.parent == tmp_path


class TestRefusals:
    """A place that somebody else prepared."""

    def refusal(self, environment: dict[str, str]) -> InvalidSetting:
        with pytest.raises(InvalidSetting) as refused, private_directory(environment):
            pytest.fail("accepted")
        return refused.value

    def test_an_open_directory_of_our_name(self, runtime: Path) -> None:
        (runtime / "sentinel").mkdir()
        (runtime / "sentinel").chmod(0o755)
        refused = self.refusal({"XDG_RUNTIME_DIR": str(runtime)})
        assert refused.message.startswith(f"{runtime}/sentinel cannot hold private files")
        assert refused.hint == f"look at it, then remove it: ls -ld {runtime}/sentinel"

    def test_a_link_of_our_name(self, runtime: Path, tmp_path: Path) -> None:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir(mode=0o700)
        (runtime / "sentinel").symlink_to(elsewhere)
        assert "cannot hold private files" in self.refusal({"XDG_RUNTIME_DIR": str(runtime)}).message
        assert list(elsewhere.iterdir()) == []

    def test_a_file_of_our_name(self, runtime: Path) -> None:
        (runtime / "sentinel").touch(mode=0o600)
        assert "cannot hold private files" in self.refusal({"XDG_RUNTIME_DIR": str(runtime)}).message

    @pytest.mark.skipif(not AS_ROOT, reason="only root can give a directory to another user")
    def test_another_users_directory_of_our_name(self, runtime: Path) -> None:
        (runtime / "sentinel").mkdir(mode=0o700)
        os.chown(runtime / "sentinel", 65534, 65534)
        assert "cannot hold private files" in self.refusal({"XDG_RUNTIME_DIR": str(runtime)}).message

    def test_a_temporary_directory_where_others_may_move_things(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o777)
        refused = self.refusal({"TMPDIR": str(tmp_path)})
        assert (
            refused.message == f"{tmp_path} cannot hold private files: other users may replace what is in it"
        )
        tmp_path.chmod(0o1777)
        with private_directory({"TMPDIR": str(tmp_path)}) as directory:
            assert directory.parent == tmp_path

    def test_a_temporary_directory_that_is_not_there(self) -> None:
        assert (
            self.refusal({"TMPDIR": "/no/such"}).message == "cannot use /no/such: no such file or directory"
        )


class TestFiles:
    """What is written into a private directory."""

    def test_it_holds_exactly_the_text_for_its_owner_alone(self, tmp_path: Path) -> None:
        before = os.umask(0)
        try:
            path = private_file(tmp_path, "token", "abc-_9\r\né")
        finally:
            os.umask(before)
        assert path.read_bytes() == "abc-_9\r\né".encode()
        assert mode(path) == "0o600"

    def test_nothing_is_overwritten(self, tmp_path: Path) -> None:
        private_file(tmp_path, "token", "first")
        with pytest.raises(InvalidSetting, match=r"cannot write the private file .*: file exists") as refused:
            private_file(tmp_path, "token", "second")
        assert "second" not in str(refused.value)
        assert (tmp_path / "token").read_text() == "first"

    @pytest.mark.parametrize("there", [True, False], ids=["to a file", "to nothing"])
    def test_no_link_is_followed(self, tmp_path: Path, there: bool) -> None:
        target = tmp_path / "target"
        if there:
            target.write_text("precious")
        (tmp_path / "token").symlink_to(target)
        with pytest.raises(InvalidSetting):
            private_file(tmp_path, "token", "x")
        assert target.exists() == there


class TestLeftovers:
    """What servers leave that could not clean up."""

    def test_what_a_killed_server_left_is_removed_by_the_next(self, runtime: Path, tmp_path: Path) -> None:
        with started([sys.executable, "-c", SERVER, str(runtime)], env=ENV, into=tmp_path / "out") as server:
            left = Path(server.wait_for("^/.*$")[0])
            with private_directory({"XDG_RUNTIME_DIR": str(runtime)}):
                assert left.is_dir()
            server.process.kill()
            server.wait()
            assert left.is_dir()
            with private_directory({"XDG_RUNTIME_DIR": str(runtime)}):
                assert not left.exists()

    def test_what_is_not_a_servers_is_left_alone(self, runtime: Path, tmp_path: Path) -> None:
        shared, mine = runtime / "sentinel", tmp_path / "mine"
        shared.mkdir(mode=0o700)
        mine.mkdir()
        (mine / "alive").touch()
        (shared / "server-link").symlink_to(mine)
        (shared / "server-starting").mkdir()
        (shared / "notes").mkdir()
        (shared / "server-odd").mkdir()
        (shared / "server-odd" / "alive").symlink_to(mine / "alive")
        with private_directory({"XDG_RUNTIME_DIR": str(runtime)}):
            pass
        names = sorted(path.name for path in shared.iterdir())
        assert names == ["notes", "server-link", "server-odd", "server-starting"]
        assert (mine / "alive").exists()
