"""What holds for every test: no AWS but the embedded one, and laws that may take their time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from tests.fakes.forks import Forks

hypothesis.settings.register_profile("sentinel", deadline=None, print_blob=True)
hypothesis.settings.load_profile("sentinel")


@pytest.fixture(autouse=True)
def no_aws_of_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's own AWS configuration, credentials or settings of ours reach a test."""
    for name in os.environ:  # noqa: TID251  # tests shape the environment that the product reads
        if name.startswith(("AWS_", "SENTINEL_")) and name != "SENTINEL_DYNAMODB_LOCAL":
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Our console script for the price of a fork, on systems that have one."""
    from tests.fakes.forks import forking

    with forking() as running:
        yield running
