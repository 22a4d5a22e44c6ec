"""A machine with one container, to be run under `unshare --net`, whose lone loopback is not up yet.

The container is a network namespace that reaches its host over a pair of interfaces by its default route, as
on Docker's bridge. Prints as JSON what each fetch out of it came to.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fakes.deployment import Deployment, deployment

ADDRESS = "169.254.170.2"
NOBODY = 65534
INSIDE = (
    *("address add 172.17.0.2/16 dev inner", "link set inner up", "link set lo up"),
    "route add default via 172.17.0.1",
)
"""What is set up in the container."""

FETCH = """import encodings.idna, http.client, json, os, sys
from urllib.parse import urlsplit
from cli.containers import VARIABLES
given = {name: os.environ[name] for name in VARIABLES}
os.environ.clear()
os.environ.update(given)
if uid := int(sys.argv[1]):
    os.setgroups([]); os.setgid(uid); os.setuid(uid)
    place = urlsplit(given["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
    connection = http.client.HTTPConnection(place.hostname, place.port)
    try:
        token = given["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
        connection.request("GET", place.path, headers={"Authorization": token})
        found = json.loads(connection.getresponse().read())
        print("got", found["AccessKeyId"][:4] if "AccessKeyId" in found else found)
    except OSError as error:
        print(error)
else:
    from botocore.session import Session
    try:
        print("got", Session().get_credentials().access_key[:4])
    except Exception as error:
        print(error)
"""
"""What runs in the container, with the variables alone: botocore as root, a plain client as anybody else, who
may not be able to read our packages.
"""


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


@contextmanager
def a_container() -> Iterator[str]:
    """The id of the process that keeps the container's namespace."""
    keeper = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec cat"], stdin=-1, stdout=-1)
    try:
        assert keeper.stdout is not None
        keeper.stdout.readline()
        pid = str(keeper.pid)
        _ip("link", "set", "lo", "up")
        _ip("address", "add", f"{ADDRESS}/32", "dev", "lo")
        _ip("link", "add", "inner", "type", "veth", "peer", "name", "bridge")
        _ip("link", "set", "inner", "netns", pid)
        _ip("address", "add", "172.17.0.1/16", "dev", "bridge")
        _ip("link", "set", "bridge", "up")
        for words in INSIDE:
            subprocess.run(["nsenter", f"--net=/proc/{pid}/ns/net", "ip", *words.split()], check=True)
        yield pid
    finally:
        keeper.kill()
        keeper.communicate()


def fetched(home: Deployment, pid: str | None, uid: int, *flags: str) -> str:
    """What one fetch came to, by `uid` in the namespace of `pid`, or in ours."""
    enter = [] if pid is None else ["nsenter", f"--net=/proc/{pid}/ns/net"]
    child = [*enter, sys.executable, "-c", FETCH, str(uid)]
    ran = home.run("exec", "--server", "--docker", "--profile", "prod", *flags, "--", *child)
    return ran.out.strip() or ran.err


def main() -> None:
    """Fetch in every way."""
    at_bridge = ["--listen", ADDRESS]
    with a_container() as pid, deployment(Path(sys.argv[1]), shared=False) as home:
        told = {
            "the bridge, as us": fetched(home, pid, 0, *at_bridge),
            "the bridge, as another user": fetched(home, pid, NOBODY, *at_bridge),
            "the bridge, as an allowed user": fetched(
                home, pid, NOBODY, *at_bridge, "--allow-uid", str(NOBODY)
            ),
            "the bridge, server on loopback": fetched(home, pid, 0),
            "the host's network, as us": fetched(home, None, 0),
            "the host's network, as another user": fetched(home, None, NOBODY),
            "the host's network, as an allowed user": fetched(home, None, NOBODY, "--allow-uid", str(NOBODY)),
        }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
