"""Which addresses may be connected to. A name is looked up once, and what was checked is connected to.

So a name that changes its address in between (DNS rebinding) cannot lead into the network that we are in.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from sentinel_server.errors import InvalidSetting, NotificationFailed
from sentinel_server.secret import Secret

Address = IPv4Address | IPv6Address

_INSIDE = tuple(
    ipaddress.ip_network(text) for text in ("100.64.0.0/10", "192.0.0.0/24", "64:ff9b:1::/48", "fec0::/10")
)
"""What `ipaddress` takes for global in some of its versions; clouds have metadata in the first two."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052


def check_url(url: Secret) -> tuple[str, bool]:
    """The host, and whether it is named as this machine itself. Raises InvalidSetting for what is no HTTPS.

    Plain HTTP is for loopback only. Only the host is ever quoted: the rest of a webhook's URL is a secret.
    """
    try:
        parts = URL(url.reveal().strip())  # as aiohttp reads it, so that both mean one host
        host = parts.raw_host or ""
    except ValueError:
        raise InvalidSetting("the URL of a webhook cannot be read") from None
    near = is_loopback_name(host)
    if not host or parts.user is not None or parts.password is not None or parts.fragment:
        raise InvalidSetting(f"the URL of a webhook at {host or 'no host'} is not https://HOST/PATH")
    if parts.scheme != "https" and not (parts.scheme == "http" and near):
        raise InvalidSetting(f"the webhook at {host} is not https: who listens would read every request")
    return host, near


def is_loopback_name(host: str) -> bool:
    """Whether the host can only be this machine."""
    address = literal(host)
    return host.lower().rstrip(".") == "localhost" if address is None else address.is_loopback


def literal(host: str) -> Address | None:
    """The address that the host is written as, None for a name."""
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None


def is_public(address: Address) -> bool:
    """Whether the address is of the internet at large, also when it is wrapped in another.

    Not public: private, link-local (where clouds have their metadata), loopback, multicast, reserved.
    """
    inner = _unwrapped(address)
    if inner is not None:
        return is_public(inner)
    if any(address in network for network in _INSIDE):
        return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified or address.is_link_local
    )


def _unwrapped(address: Address) -> IPv4Address | None:
    """The IPv4 address that a gateway or this machine would make of an IPv6 one."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.teredo is not None:
        return address.teredo[1]
    return address.ipv4_mapped or address.sixtofour


LookUp = Callable[[str, int, int], Awaitable[Sequence[tuple[Any, Any, int, str, Any]]]]
"""Host, port and family to what `getaddrinfo` returns. Raises OSError."""


async def _system(host: str, port: int, family: int) -> Sequence[tuple[Any, Any, int, str, Any]]:
    loop = asyncio.get_running_loop()
    return await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)


class CheckedResolver(AbstractResolver):
    """Looks names up and hands over only what may be connected to. `near` is for a host named as loopback.

    aiohttp connects to exactly these addresses, and asks for a certificate of the name. `look_up` is the
    system's own unless given.
    """

    def __init__(self, *, near: bool, allow_private: bool, look_up: LookUp | None = None) -> None:
        self._near = near
        self._allow_private = allow_private
        self._look_up = look_up or _system

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host. Raises NotificationFailed when one of them may not be connected to."""
        found = await self._look_up(host, port, family)
        addresses = [str(place[0]).partition("%")[0] for *_, place in found]
        self.check(host, addresses)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=kind,
                proto=proto,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for (kind, _, proto, _, _), address in zip(found, addresses, strict=True)
        ]

    def check(self, host: str, addresses: Sequence[str]) -> None:
        """Raises NotificationFailed unless all addresses of a host may be connected to."""
        for text in addresses:
            address = ipaddress.ip_address(text)
            allowed = address.is_loopback if self._near else (self._allow_private or is_public(address))
            if not allowed:
                raise NotificationFailed(
                    f"{host} is at {address}, which is not of the internet at large",
                    hint="a receiver of your own network needs notifications.allow_private: true",
                )

    async def close(self) -> None:
        """Nothing to let go of."""
