"""What a child is told of its door: where it is, and the token. It can be there before the door is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from sentinel_server.frozen import frozen
from sentinel_server.secret import Secret

if TYPE_CHECKING:
    import socket

    from sentinel_server.credentials.profiles import Profiles
    from sentinel_server.settings.resolve import Settings
    from sentinel_server.web.options import WebOptions


@frozen
class Entrance:
    """A bound socket, whose connections wait until somebody serves it, and the token a child must show."""

    listener: socket.socket = field(repr=False)
    options: WebOptions
    url: str

    @property
    def token(self) -> Secret:
        """What the child has to send."""
        return self.options.token

    @property
    def port(self) -> int:
        """The port in use."""
        return int(self.listener.getsockname()[1])


@contextmanager
def open_entrance(settings: Settings) -> Iterator[Entrance]:
    """The entrance that the settings want, closed at the end. Raises InvalidSetting."""
    from sentinel_server.adapters.local.open_files import connections_bearable
    from sentinel_server.web.auth import fresh_token
    from sentinel_server.web.listening import bind, url_of
    from sentinel_server.web.options import WebOptions

    options = WebOptions(
        token=fresh_token(),
        listen=settings.listen,
        port=settings.server_port,
        rate_limit=settings.rate_limit,
        max_connections=connections_bearable(),
    )
    with bind(options) as listener:
        yield Entrance(listener=listener, options=options, url=url_of(options, listener))


@contextmanager
def runtime_directory(settings: Settings) -> Iterator[Callable[[str, str], Path]]:
    """A private directory for one server; call what comes with a name and a text to write a file in it."""
    from sentinel_server.adapters.local.private import private_directory, private_file

    with private_directory(settings.environ) as directory:
        yield lambda name, text: private_file(directory, name, text)


def needs_nobody(settings: Settings, known: Profiles, name: str) -> bool:
    """Whether the base credentials of a profile can be had without asking a person anything, for certain.

    That is so for keys in a file; a login, a code, a passphrase or a program of the user's may ask somebody.
    Raises UnknownProfile, InvalidSetting.
    """
    from sentinel_server.credentials.profiles import ProfileKind

    if settings.control_profile is not None:
        return False
    route = known.route(name)
    leaf = route.leaf.profile
    in_a_file = leaf is not None and leaf.kind is ProfileKind.STATIC
    return in_a_file and route.serial is None and route.mfa_process is None
