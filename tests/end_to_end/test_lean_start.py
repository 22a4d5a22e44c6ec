"""What a person waits for at every start: nothing is loaded for it that it does not need."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

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
