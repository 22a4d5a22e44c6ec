"""Our console script for the price of a fork: one process imports everything, and forks for each command.

`python -m tests.fakes.forking` is that process. What it runs is the console script in a process of its own,
the leader of its own session, with exactly the environment, streams and terminal it is given. Its umask hides
nothing. It keeps a record of what it starts and of what it makes, which a test can search.
"""

from __future__ import annotations

import fcntl
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
import termios
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sentinel_server.adapters.local import sealed

_STARTS = {"subprocess.Popen": 1, "os.exec": 1, "os.posix_spawn": 1, "os.system": 0}
"""Events of Python's audit hook by which another program is started, and where its command line is."""
_MAKES = {"os.mkdir": 0, "os.rename": 1, "os.link": 1, "os.symlink": 1, "sqlite3.connect": 0}
"""Those by which something comes into being, and where its path is."""
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_NOT_OURS = ("sentinel_server.sandbox",)
"""What the console script imports for `sandbox` alone, and what takes longest."""


def serve(control: socket.socket) -> None:
    """Fork for every request until the other end is closed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the keepers
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1 << 18, 4)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            _keep(json.loads(message), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _keep(request: Mapping[str, Any], descriptors: list[int]) -> None:
    """Start the command, and say its process id and then its status on the last descriptor."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *streams, told = descriptors
    child = os.fork()
    if child == 0:
        os.close(told)
        _become(request, streams)
    for descriptor in streams:
        os.close(descriptor)
    os.write(told, f"{child}\n".encode())
    _, status = os.waitpid(child, 0)
    os.write(told, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _become(request: Mapping[str, Any], streams: list[int]) -> None:
    os.setsid()
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    os.closerange(3, 256)
    if request["terminal"]:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0, "r"), os.fdopen(1, "w"), os.fdopen(2, "w", 1)
    os.umask(0)
    os.environ.clear()  # noqa: TID251  # a process of its own
    os.environ.update(request["env"])  # noqa: TID251
    if request["record"]:
        _record_into(request["record"])
    _end(lambda: _many(request["times"]) or _run(request["words"], request["broken"]))


def _end(work: Callable[[], int]) -> None:
    """End this process with what the work comes to."""
    status = 70
    try:
        status = work()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def _many(times: int) -> int:
    """Go on as so many processes at once, on the terminal of this one, which waits and says their ends."""
    if times == 1:
        return 0
    children = []
    for _ in range(times):
        if (child := os.fork()) == 0:
            return 0
        children.append(child)
    ends = sorted(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)
    print("ended with", ends)
    sys.stdout.flush()
    os._exit(0)


def _run(words: list[str], broken: str | None) -> int:
    from cli.main import main
    from tests.fakes.sabotaged import sabotage

    if broken is not None:
        sabotage(broken)
    sys.argv = ["sentinel", *words]
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    raise AssertionError("the console script ends by exiting")


def _record_into(path: str) -> None:
    into = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def heard(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _STARTS:
            line = ["start", _plain(arguments[_STARTS[event]])]
        elif event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES:
            line = ["write", _plain(arguments[0])]
        elif event in _MAKES:
            line = ["write", _plain(arguments[_MAKES[event]])]
        else:
            return
        os.write(into, f"{json.dumps(line)}\n".encode())

    sys.addaudithook(heard)


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return os.fsdecode(value) if isinstance(value, (str, bytes, os.PathLike)) else None


def _modules() -> Iterator[str]:
    import cli
    import sentinel_server

    for package in (cli, sentinel_server):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.startswith(_NOT_OURS) and not found.name.endswith(("__main__", ".windows")):
                yield found.name


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    for name in _modules():
        importlib.import_module(name)
    defaults = sealed.Scrypt.__init__.__kwdefaults__ or {}
    defaults["n"] = 1 << 10  # a cost for tests; every file says its own
    with socket.socket(fileno=int(sys.argv[1])) as end:
        end.send(b"ready")
        serve(end)
