"""A login on the screen: where to confirm which code, in a browser if one can be opened.

All of it goes to stderr, because stdout is data.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from urllib.parse import urlsplit

from cli.output import aside, note
from sentinel_server.credentials.sso import Device, Login
from sentinel_server.settings.environ import process_environ

_DISPLAYS = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")


class TerminalScreen:
    """A Screen that prints, and opens the person's own browser."""

    def reaches(self, *, open_browser: bool) -> bool:
        """Whether anybody would see it: on the terminal, or in a browser, or because printing was wanted."""
        return sys.stderr.isatty() or not open_browser or _has_browser()

    def show(self, login: Login, device: Device, *, open_browser: bool) -> None:
        """Print the address and the code; with `open_browser`, open the page too."""
        with aside():
            note(f"log in to {login}: {device.url}")
            note(f"the page must show the code {device.user_code}; waiting for it, Ctrl-C gives up")
        if open_browser and _has_browser() and _is_web_page(device.url):
            _open(device.url)

    def wait_for_others(self, login: Login, device: Device | None) -> None:
        """Say that another process logs in, and which code it shows."""
        with aside():
            note(f"waiting for the login to {login} that another process has begun")
            if device is not None:
                note(f"it shows the code {device.user_code} at {device.url}")


def _open(url: str) -> None:
    """Start the browser on its own: some stay in the foreground until they are closed."""
    threading.Thread(target=_browse, args=(url,), name="browser", daemon=True).start()


def _browse(url: str) -> None:
    """Keep its words from our output, our Ctrl-C from it, and modules of the current directory (-I), too."""
    from cli.child.run import leave_signals_to_the_main_thread

    with subprocess.Popen(  # noqa: S603  # a page whose address was looked at
        [sys.executable, "-I", "-m", "webbrowser", url],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ):
        leave_signals_to_the_main_thread()


def _has_browser() -> bool:
    if str(sys.platform) in ("darwin", "win32"):
        return True
    environ = process_environ()
    return any(environ.get(name) for name in _DISPLAYS) or shutil.which("wslview") is not None


def _is_web_page(url: str) -> bool:
    """Over TLS, or on this machine: AWS's answer must not make us open anything else."""
    try:
        place = urlsplit(url)
    except ValueError:
        return False
    here = place.scheme == "http" and place.hostname in ("127.0.0.1", "localhost")
    return here or (place.scheme == "https" and bool(place.hostname))
