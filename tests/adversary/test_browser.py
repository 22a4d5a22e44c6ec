"""Pages in a browser: what they can send to the port, by whatever name, brings them nothing.

A real Chromium is optional: `apt-get install chromium` (over 100 MB, so no test installs it). Without one the
headers that browsers send are tried.
"""

from __future__ import annotations

import asyncio
import shutil
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.adversary.attack import a_site, attack
from tests.adversary.messages import LAST
from tests.fakes.sites import TOKEN

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-headless-shell"))), None)
EVIL = "rebound.example"
"""Leads to 127.0.0.1 once the page is there."""

PAGE = """<!doctype html><title>x</title><body><script>
const seen = [];
const tell = (what) => { seen.push(what); document.body.textContent = JSON.stringify(seen); };
async function attack() {
  for (const url of ["http://rebound.example:PORT/credentials", "http://127.0.0.1:PORT/credentials"])
    for (const init of [{}, {mode: "no-cors"}, {headers: {Authorization: "TOKEN"}}])
      try { tell((await fetch(url, init)).status); } catch (error) { tell("failed"); }
  tell("done");
}
attack();
</script>"""

BROWSERS = {
    "a page under a rebound name": {
        "Host": f"{EVIL}:4242",
        "Sec-Fetch-Site": "same-origin",
        "Sec-Fetch-Mode": "cors",
        "Referer": f"http://{EVIL}:4242/",
    },
    "an old browser under a rebound name": {"Host": EVIL, "Referer": f"http://{EVIL}/"},
    "a page of another site": {
        "Host": "127.0.0.1",
        "Origin": "https://evil.example",
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "no-cors",
    },
    "an image or a script": {"Host": "127.0.0.1", "Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors"},
    "a sandboxed frame": {"Host": "127.0.0.1", "Origin": "null"},
    "an address that was typed": {"Host": "127.0.0.1", "Sec-Fetch-Site": "none", "Sec-Fetch-User": "?1"},
    "an extension": {"Host": "127.0.0.1", "Origin": "chrome-extension://abcdefghijklmnop"},
    "a web socket": {"Host": "127.0.0.1", "Origin": "http://evil.example", "Upgrade": "websocket"},
    "a proxy": {"Host": "127.0.0.1", "X-Forwarded-For": "192.0.2.1"},
}


@pytest.mark.parametrize("headers", BROWSERS.values(), ids=BROWSERS)
@pytest.mark.parametrize("token", [TOKEN, ""], ids=["with the token", "without"])
def test_a_page_under_a_rebound_name_gets_nothing(headers: dict[str, str], token: str) -> None:
    """Nor any other page, not even one that has somehow learnt the token."""
    sent = headers | ({"Authorization": token} if token else {})
    head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    outcome = attack([f"GET /credentials HTTP/1.1\r\n{head}\r\n".encode(), LAST])
    assert (outcome.statuses, outcome.fetches) == ([403, 200], 0)


@pytest.mark.parametrize("headers", BROWSERS.values(), ids=BROWSERS)
def test_a_preflight_allows_nothing(headers: dict[str, str]) -> None:
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    head = "".join(f"{name}: {value}\r\n" for name, value in {**headers, **asked}.items())
    (answer, _) = attack([f"OPTIONS /credentials HTTP/1.1\r\n{head}\r\n".encode(), LAST]).answers
    assert answer.status == HTTPStatus.METHOD_NOT_ALLOWED
    assert "access-control" not in answer.header.lower()


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt-get install chromium")
async def test_a_real_browser_gets_nothing(tmp_path: Path) -> None:
    """Without the web's own rules (CORS), so that only ours stand between the page and an answer."""
    site = a_site()
    async with site.server:
        page = tmp_path / "page.html"
        page.write_text(PAGE.replace("PORT", str(site.port)).replace("TOKEN", TOKEN))
        process = await asyncio.create_subprocess_exec(
            str(CHROMIUM),
            *("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"),
            *(f"--host-resolver-rules=MAP {EVIL} 127.0.0.1", "--disable-web-security"),
            *("--virtual-time-budget=10000", "--dump-dom", page.as_uri()),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(90):
            out, _ = await process.communicate()
    assert b"done" in out
    assert b"403" in out
    assert b"200" not in out
    assert site.door.asked == 0
    assert set(site.witness.auth) == {"wrong Host header", "header of a browser or proxy"}
