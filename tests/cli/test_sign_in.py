"""What a login shows, and which addresses a browser is sent to."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cli.sign_in import TerminalScreen
from tests.fakes.clock import FakeClock
from tests.fakes.logins import LOGIN, FakeSignIn
from tests.fakes.processes import until

DEVICE = FakeSignIn(FakeClock()).device()
NO_BROWSER = pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="there is always a browser")


@pytest.fixture
def visits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A browser that notes where it was sent, instead of going there."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    log = tmp_path / "visits"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >> {log}\n')
    browser.chmod(0o700)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    return log


def test_the_page_and_the_code_are_printed_and_the_page_is_opened(
    visits: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    TerminalScreen().show(LOGIN, DEVICE, open_browser=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"sentinel: log in to sso-session 'corp': {DEVICE.url}\n"
        f"sentinel: the page must show the code {DEVICE.user_code}; waiting for it, Ctrl-C gives up\n"
    )
    assert until(lambda: visits.exists() and visits.read_text(), "a visit") == f"{DEVICE.url}\n"


@pytest.mark.parametrize(
    "url",
    [
        "http://device.example.com/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "-private-window",
        "https:///x",
        "https://[",
    ],
)
def test_nothing_but_a_page_over_tls_is_opened(
    visits: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    TerminalScreen().show(LOGIN, replace(DEVICE, url=url), open_browser=True)
    TerminalScreen().show(LOGIN, DEVICE, open_browser=True)
    until(lambda: visits.exists() and visits.read_text().count("\n"), "the page that may be opened")
    assert visits.read_text() == f"{DEVICE.url}\n"
    assert url in capsys.readouterr().err


def test_with_stdout_nothing_is_opened(visits: Path) -> None:
    TerminalScreen().show(LOGIN, replace(DEVICE, url="https://first.example.com/"), open_browser=False)
    TerminalScreen().show(LOGIN, DEVICE, open_browser=True)
    until(lambda: visits.exists() and visits.read_text().count("\n"), "the page that may be opened")
    assert visits.read_text() == f"{DEVICE.url}\n"


@NO_BROWSER
def test_nobody_sees_it_without_a_terminal_and_without_a_browser(
    visits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = TerminalScreen()
    assert screen.reaches(open_browser=True)
    monkeypatch.delenv("BROWSER")
    assert not screen.reaches(open_browser=True)
    assert screen.reaches(open_browser=False)  # printing was asked for, so somebody reads


def test_who_waits_for_another_process_sees_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    TerminalScreen().wait_for_others(LOGIN, DEVICE)
    TerminalScreen().wait_for_others(LOGIN, None)
    said = capsys.readouterr().err
    assert said.count("waiting for the login to sso-session 'corp' that another process has begun") == 2
    assert said.count(DEVICE.user_code) == 2
