"""Every step of the story is checked: whatever does not behave ends it, with what happened."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sentinel_server.errors import Findings
from sentinel_server.sandbox.seed import POLICIES
from sentinel_server.sandbox.stage import Stage
from sentinel_server.sandbox.stories.revocation import play as play_revocation
from tests.fakes.deployment import Deployment, deployment

DENY = POLICIES["admin"]
ALLOW = POLICIES["dev"].replace("[dev]", "[admin]", 1)
"""The developers' rule, for the profile that nobody may have."""


@dataclass(slots=True)
class Audience:
    """Hears the story, and may do something of its own when a step is announced."""

    at: str = "never"
    does: Callable[[], object] = lambda: None
    steps: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def step(self, text: str) -> None:
        """A step is announced."""
        self.steps.append(text)
        if self.at in text:
            self.does()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A seeded home with its sessions in a file."""
    with deployment(tmp_path_factory.mktemp("home"), shared=False) as made:
        yield made


def play(home: Deployment, audience: Audience) -> None:
    """The story, told to `audience`."""
    play_revocation(Stage(home.env(), audience.told.append, audience.step))


def misbehaves(home: Deployment, audience: Audience) -> str:
    """What the story says went wrong."""
    with pytest.raises(Findings) as caught:
        play(home, audience)
    return caught.value.message


def sentinel_files(home: Deployment) -> Path:
    """The directory of our configuration."""
    return home.seeded.directory / "config" / "sentinel"


@contextmanager
def holding(path: Path, text: str) -> Iterator[None]:
    """The file with this text in it, and afterwards as it was."""
    before = path.read_text() if path.exists() else None
    path.write_text(text)
    try:
        yield
    finally:
        path.unlink()
        if before is not None:
            path.write_text(before)
            path.chmod(0o600)


def live_sessions(home: Deployment) -> list[str]:
    """The ids that `server-sessions` lists."""
    return [session["id"] for session in home.run("server-sessions", "--json").json["sessions"]]


def test_an_admin_who_is_let_in_ends_the_story_before_a_program_starts(home: Deployment) -> None:
    audience = Audience()
    with holding(sentinel_files(home) / "policies" / "admin.yaml", ALLOW):
        message = misbehaves(home, audience)
    assert message.startswith("the story went wrong: the admin profile was not refused (exit 0")
    assert "SecretAccessKey" not in message, "what was printed could be credentials"
    assert (len(audience.steps), audience.told) == (1, [])


def test_a_refusal_for_another_cause_is_not_taken_for_the_policys(home: Deployment) -> None:
    with holding(sentinel_files(home) / "policies" / "admin.yaml", "nonsense"):
        message = misbehaves(home, Audience())
    assert "the admin profile was not refused (exit " in message
    assert "(exit 3 " not in message


def test_a_program_that_is_not_let_in_ends_the_story_with_the_reason(home: Deployment) -> None:
    audience = Audience()
    with holding(sentinel_files(home) / "policies" / "prod.yaml", DENY):
        message = misbehaves(home, audience)
    assert "the program ended before 'caller '" in message
    assert "break-glass" in message
    assert len(audience.steps) == 2
    assert live_sessions(home) == []


def test_sessions_that_cannot_be_listed_end_the_story_and_the_program(home: Deployment) -> None:
    config = sentinel_files(home) / "config.yaml"
    audience = Audience(at="server-sessions", does=lambda: config.write_text("store: nowhere\n"))
    try:
        message = misbehaves(home, audience)
    finally:
        config.unlink()
    assert "the sessions could not be listed (exit 2 | " in message
    assert "nowhere" in message
    assert live_sessions(home) == []


def test_a_revocation_that_does_not_succeed_ends_the_story(home: Deployment) -> None:
    config = sentinel_files(home) / "config.yaml"
    audience = Audience(at="server-revoke", does=lambda: config.write_text("store: nowhere\n"))
    try:
        message = misbehaves(home, audience)
    finally:
        config.unlink()
    assert "the session could not be revoked (exit 2 | " in message
    assert live_sessions(home) == []


def test_a_log_that_somebody_changed_ends_the_story_at_its_last_step(home: Deployment) -> None:
    kept: dict[Path, bytes] = {}

    def tamper() -> None:
        for path in (home.seeded.directory / "state").rglob("*.jsonl"):
            kept[path] = path.read_bytes()
            path.write_bytes(kept[path].replace(b"INC-42", b"INC-43").replace(b"dev", b"eve"))

    audience = Audience(at="verify-logs", does=tamper)
    message = misbehaves(home, audience)
    for path, data in kept.items():
        path.write_bytes(data)
    assert kept
    assert "the audit log does not verify (exit " in message
    assert len(audience.steps) == 6


def test_a_story_that_went_wrong_can_be_played_again(home: Deployment) -> None:
    audience = Audience()
    play(home, audience)
    assert len(audience.steps) == 6
    assert any("INC-42" in line for line in audience.told)
    assert json.dumps(audience.told).count("exit code 7") == 1
