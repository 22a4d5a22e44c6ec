"""Another user of the same machine: what they see in /proc, on the disk and at the port is no secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.fakes.deployment import Deployment, Door, deployment

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the uid of a connection and /proc are Linux's"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user for a test"),
]

SCRAPER = """import json, os, socket, sys
import encodings.idna, encodings.latin_1
fetch = sys.stdin.buffer.read()
os.setgroups([]); os.setgid(65534); os.setuid(65534)
found = {}
for path in sys.argv[2:]:
    try:
        if os.path.isdir(path):
            found[path] = os.listdir(path)
        else:
            found[path] = open(path, "rb").read(2**20).decode("latin-1")
    except OSError as error:
        found[path] = error.errno
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=10) as connection:
    connection.sendall(fetch)
    found["answer"] = connection.recv(65536).decode("latin-1")
print(json.dumps(found))
"""
"""Becomes the user `nobody` and tries to read these, and to fetch."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A home that everybody may enter: what is secret in it must keep itself so."""
    place = tmp_path_factory.mktemp("home")
    with deployment(place, shared=False) as made:
        for each in (place, *place.parents):
            if each.stat().st_uid == os.geteuid() and each != Path("/"):
                each.chmod(each.stat().st_mode | 0o055)
        yield made


@pytest.fixture(scope="module")
def door(home: Deployment) -> Iterator[Door]:
    with home.door() as running:
        assert running.fetch().status == 200
        yield running


def children(pid: int) -> list[int]:
    """The processes that this one started, and theirs."""
    tasks = Path(f"/proc/{pid}/task")
    own = [int(each) for task in tasks.iterdir() for each in (task / "children").read_text().split()]
    return [each for one in own for each in (one, *children(one))]


def scraped(door: Door, paths: Sequence[Path]) -> Mapping[str, str | list[str] | int]:
    """What `nobody` gets of these, and as an answer to a fetch with our token."""
    port = door.url.split(":")[2].partition("/")[0]
    fetch = f"GET /credentials HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {door.token}\r\n\r\n"
    done = subprocess.run(
        [sys.executable, "-c", SCRAPER, port, *map(str, paths)],
        input=fetch.encode(),
        capture_output=True,
        cwd="/",
        check=True,
        timeout=60,
    )
    found: Mapping[str, str | list[str] | int] = json.loads(done.stdout)
    return found


def secrets_of(door: Door, home: Deployment) -> list[str]:
    """All that must not be seen."""
    body = door.fetch().body
    return [door.token, body["SecretAccessKey"], body["Token"], home.base_keys().secret_access_key]


def test_what_proc_says_of_us_to_others_is_no_secret(home: Deployment, door: Door) -> None:
    pids = [door.running.pid, *children(door.running.pid)]
    assert len(pids) >= 2
    secret = [
        f"/proc/{pid}/{name}" for pid in pids for name in ("environ", "mem", "maps", "fd", "cwd", "auxv")
    ]
    open_to_all = [f"/proc/{pid}/{name}" for pid in pids for name in ("cmdline", "status", "stat", "comm")]
    found = scraped(door, [Path(each) for each in (*secret, *open_to_all)])
    assert {name: found[name] for name in secret if not isinstance(found[name], int)} == {}
    seen = json.dumps([found[name] for name in open_to_all])
    assert "sh" in seen
    assert [each for each in secrets_of(door, home) if each in seen] == []


def test_the_scraper_can_read_what_it_may(door: Door, tmp_path: Path) -> None:
    """One that is refused everything proves nothing."""
    found = scraped(door, [Path("/proc/self/environ"), Path("/etc/passwd"), tmp_path / "gone"])
    assert "root" in str(found["/etc/passwd"])
    assert found[str(tmp_path / "gone")] in (2, 13)


def test_no_file_of_ours_can_be_read_by_others(home: Deployment, door: Door) -> None:
    """The AWS files of the seeded home are AWS's."""
    place = home.seeded.directory
    files = [each for each in place.rglob("*") if each.is_file() and place / "aws" not in each.parents]
    holding = [each for each in files if door.token.encode() in each.read_bytes()]
    assert [each.name for each in holding] == ["token"]
    found = scraped(door, files)
    seen = {name: text for name, text in found.items() if isinstance(text, str) and name != "answer"}
    assert [each for each in secrets_of(door, home) if each in json.dumps(seen)] == []
    assert not [name for name in seen if "audit" in name or name.endswith((".db", "token"))]


def test_a_fetch_with_the_token_by_another_user_is_refused(home: Deployment, door: Door) -> None:
    answer = str(scraped(door, [])["answer"])
    assert answer.startswith("HTTP/1.1 403")
    assert "NotAuthenticated" in answer
    assert [each for each in secrets_of(door, home) if each in answer] == []
