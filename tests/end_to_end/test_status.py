"""`sentinel status` in the shells that `exec` starts: what they hold, through all that can become of it."""

from __future__ import annotations

import json
import re
import shlex
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.deployment import Deployment, deployment, session_of
from tests.fakes.processes import Running, sentinel, until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")

SHELL = ("sh", "-c", 'while read -r line; do eval "$line"; echo "rc=$?"; done')
"""Runs each line it is given, and says how it ended."""
STATUS = shlex.join(sentinel("status"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A home with its sessions in SQLite."""
    with deployment(tmp_path_factory.mktemp("home"), shared=False) as made:
        yield made


def said(shell: Running, line: str) -> tuple[str, int]:
    """What a line prints on stdout in that shell, and how it ends."""
    before = len(shell.out())
    shell.say(line)
    text = until(lambda: out if "rc=" in (out := shell.out()[before:]) else None, line)
    printed, _, code = text.rpartition("rc=")
    return printed, int(code)


def status(shell: Running) -> tuple[dict[str, Any], int]:
    text, code = said(shell, f"{STATUS} --json")
    return json.loads(text), code


def test_a_served_shell_knows_its_session_and_why_it_was_cut_off(home: Deployment) -> None:
    with home.serving("--", *SHELL) as shell:
        session = session_of(shell)
        found, code = status(shell)
        assert (found["holds"], code, found["id"], found["profile"]) == ("served", 0, session, "prod")
        assert found["identity"].endswith(":user/dev")
        assert found["source_identity"] == f"sentinel=u.dev=d={session}"
        assert found["lease_until"] < found["ends_at"]
        assert (found["server_alive"], found["last_refusal"], found["warnings"]) == (True, None, [])
        prompt, code = said(shell, f"{STATUS} --prompt")
        assert (re.fullmatch(r"prod 11h5\dm", prompt) is not None, code) == (True, 0)
        assert said(shell, 'echo "$AWS_SENTINEL_ID"') == (f"{session}\n", 0)

        text, _ = said(shell, 'dirname "$AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"')
        note = Path(text.strip()) / "status.json"
        assert stat.S_IMODE(note.stat().st_mode) == 0o600

        home.revoke(session)
        found, code = status(shell)
        assert (found["holds"], code) == ("refused", 5)
        assert found["last_refusal"]["code"] == "SessionRevoked"
        assert found["last_refusal"]["message"].endswith("INC-42 laptop stolen")
        assert found["next"] == "talk to whoever revoked it; then start a new session"
        assert said(shell, f"{STATUS} --prompt") == ("prod refused", 5)
        text, code = said(shell, STATUS)
        assert code == 5
        assert f"Session       {session}" in text
        assert "INC-42 laptop stolen (" in text
        shell.hush()
        assert shell.wait() == 0
        assert not note.exists()


def test_a_lazy_server_has_nothing_to_show_before_the_first_fetch(home: Deployment) -> None:
    with home.serving("--lazy", "--", *SHELL) as shell:
        found, code = status(shell)
        assert (found["holds"], found["id"], code) == ("waiting", None, 0)
        fetch = "import os,urllib.request as u;e=os.environ;u.urlopen(u.Request("
        fetch += "e['AWS_CONTAINER_CREDENTIALS_FULL_URI'],"
        fetch += "headers={'Authorization':e['AWS_CONTAINER_AUTHORIZATION_TOKEN']}))"
        assert said(shell, shlex.join([sys.executable, "-c", fetch]))[1] == 0
        found, code = status(shell)
        assert (found["holds"], len(found["id"]), code) == ("served", 16, 0)


def test_a_shell_that_outlives_its_server_is_told(home: Deployment) -> None:
    """The shell reads lines from a pipe, which is ours and not its dead parent's."""
    with home.serving("--", *SHELL) as shell:
        assert said(shell, "true") == ("", 0)
        shell.process.kill()
        shell.wait()
        found, code = status(shell)
        assert (found["holds"], found["server_alive"], code) == ("gone", False, 1)
        assert found["next"] == "leave this shell (exit), and start another: sentinel exec --server"
        assert said(shell, f"{STATUS} --prompt") == ("prod over", 1)


def test_credentials_handed_over_once_are_known_by_what_the_log_has_of_them(home: Deployment) -> None:
    done = home.run("exec", "--profile", "dev", "--", *sentinel("status", "--json"))
    assert done.code == 0, done.err
    found = done.json
    assert (done.code, found["holds"], found["server"]) == (0, "held", None)
    assert found["identity"].endswith(":user/dev")
    assert found["source_identity"] == f"sentinel=u.dev=d={found['id']}"
    assert found["started_at"] < found["ends_at"]
