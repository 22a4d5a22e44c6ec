"""What a person waits for at every start: nothing is loaded for it that it does not need, or not before."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sentinel_server.errors import ApprovalRequired, Refused
from tests.fakes import dynamodb_local
from tests.fakes.deployment import Deployment, deployment
from tests.fakes.processes import REPOSITORY

HEAVY = ("aioboto3", "aiobotocore", "boto3", "botocore.client", "botocore.session")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A home with its policies in SSM and its sessions in DynamoDB Local."""
    url = dynamodb_local.endpoint()
    with deployment(tmp_path_factory.mktemp("home"), shared=True, dynamodb_url=url) as made:
        yield made


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("credentials", "--profile", "dev"), 0),
        (("exec", "--profile", "dev", "--", "true"), 0),
        (("exec", "--server", "--profile", "prod", "--", "true"), 0),
        (("server-sessions", "--all"), 0),
        (("credentials", "--profile", "payments"), ApprovalRequired.exit_status),
        (("exec", "--server", "--profile", "admin", "--", "true"), Refused.exit_status),
    ],
    ids=lambda value: " ".join(value[:4]) if isinstance(value, tuple) else "",
)
def test_keys_in_a_file_a_policy_in_ssm_and_a_table_need_no_aws_library(
    home: Deployment, words: tuple[str, ...], code: int
) -> None:
    """Nor does looking for what might lift a refusal."""
    argv = [sys.executable, "-X", "importtime", "-m", "cli.main", *words]
    done = subprocess.run(
        argv, env=home.env(), cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == code, done.stderr[-2000:]
    timed = (line for line in done.stderr.splitlines() if line.startswith("import time:"))
    imported = {line.rpartition("|")[2].strip() for line in timed}
    assert "sentinel_server.adapters.aws.direct.client" in imported, done.stderr[-300:]
    assert imported.isdisjoint(HEAVY)


FETCHES = """
import os, socket, sys
from urllib.parse import urlsplit
url = urlsplit(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
token = os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
try:
    with socket.create_connection((url.hostname, url.port), timeout=30) as asking:
        asking.sendall(f"GET {url.path} HTTP/1.1\\r\\nHost: {url.netloc}\\r\\n"
                       f"Authorization: {token}\\r\\n\\r\\n".encode())
        open(os.environ["ASKED"], "w").close()
        print(asking.recv(12).decode() or "nothing")
except OSError as error:
    print(type(error).__name__)
sys.exit(7)
"""
"""A command that fetches first of all, and says so when it has."""

LATE = """
import importlib, os, sys
open(os.environ["ASKED"]).close()  # a pipe, which opens when the other end does
sys.path.remove(os.path.dirname(os.path.dirname(__file__)))
del sys.modules["aiohttp"]
sys.modules["aiohttp"] = importlib.import_module("aiohttp")
"""
"""An aiohttp that is not there before somebody asks."""


def served_by(home: Deployment, into: Path, aiohttp: str, asked: str) -> subprocess.CompletedProcess[str]:
    """What `exec --server` does for a command that fetches, with an `aiohttp` of ours."""
    (into / "aiohttp").mkdir()
    (into / "aiohttp" / "__init__.py").write_text(aiohttp)
    env = {**home.env(), "PYTHONPATH": str(into), "ASKED": asked}
    argv = [sys.executable, "-m", "cli.main", "exec", "--server", "--profile", "prod", "--"]
    return subprocess.run(
        [*argv, sys.executable, "-ISc", FETCHES],
        env=env,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_command_that_fetches_before_its_server_is_loaded_waits_and_is_served(
    home: Deployment, tmp_path: Path
) -> None:
    asked = tmp_path / "asked"
    os.mkfifo(asked)
    done = served_by(home, tmp_path, LATE, str(asked))
    assert (done.stdout, done.returncode) == ("HTTP/1.1 200\n", 7), done.stderr


def test_a_server_that_cannot_be_loaded_serves_nobody_and_leaves_no_command_alone(
    home: Deployment, tmp_path: Path
) -> None:
    done = served_by(home, tmp_path, "raise ImportError('half installed')", os.devnull)
    assert done.returncode == 7, "we ended with it"
    assert "nothing can be served, so the command gets no credentials: ImportError" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout in ("ConnectionRefusedError\n", "ConnectionResetError\n", "nothing\n")
