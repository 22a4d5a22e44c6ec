"""Where a webhook may lead: to the internet at large, and never into the network that we are in."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.adapters.http.addresses import CheckedResolver, check_url, is_public
from sentinel_server.errors import InvalidSetting, NotificationFailed
from sentinel_server.secret import Secret

INSIDE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1",
    "169.254.169.254", "169.254.170.2", "100.64.0.1", "100.100.100.200", "192.0.0.8", "198.18.0.1",
    "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "192.0.2.1",
    "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::", "2001:0:4136:e378:8000:63bf:f5ff:fffe",
]  # fmt: skip
OUTSIDE = ["8.8.8.8", "1.1.1.1", "52.94.236.248", "2606:4700::1111", "2a05:d018::1", "64:ff9b::808:808"]


def found(*addresses: str) -> Any:
    """A look-up that finds these, whatever is asked, and counts how often it was asked."""

    async def look_up(host: str, port: int, family: int) -> list[tuple[Any, Any, int, str, Any]]:
        asked.append(host)
        return [
            (
                socket.AF_INET6 if ":" in each else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (each, port, 0, 0) if ":" in each else (each, port),
            )
            for each in addresses
        ]

    asked: list[str] = []
    return look_up


@pytest.mark.parametrize("address", INSIDE)
def test_30_what_is_inside_is_not_public_however_it_is_wrapped(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", OUTSIDE)
def test_what_is_outside_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_30_wrapping_an_address_never_makes_it_public(address: ipaddress.IPv4Address) -> None:
    for prefix in (0xFFFF << 32, 0x64FF9B << 96):
        wrapped = ipaddress.IPv6Address(prefix | int(address))
        assert is_public(wrapped) == is_public(address)


@pytest.mark.parametrize("address", INSIDE)
async def test_30_a_name_that_leads_inside_is_refused(address: str) -> None:
    resolver = CheckedResolver(near=False, allow_private=False, look_up=found("8.8.8.8", address))
    with pytest.raises(NotificationFailed, match="not of the internet at large") as caught:
        await resolver.resolve("hook.example.com", 443)
    assert "allow_private" in caught.value.hint


@pytest.mark.parametrize("address", OUTSIDE)
async def test_what_is_checked_is_what_is_connected_to(address: str) -> None:
    resolver = CheckedResolver(near=False, allow_private=False, look_up=found(address))
    (place,) = await resolver.resolve("hook.example.com", 443)
    assert (place["host"], place["hostname"], place["port"]) == (address, "hook.example.com", 443)
    assert place["flags"] & socket.AI_NUMERICHOST


async def test_a_receiver_of_our_own_network_can_be_allowed() -> None:
    resolver = CheckedResolver(near=False, allow_private=True, look_up=found("10.0.0.7"))
    assert [place["host"] for place in await resolver.resolve("hook.internal", 443)] == ["10.0.0.7"]


async def test_a_host_named_as_this_machine_leads_nowhere_else() -> None:
    resolver = CheckedResolver(near=True, allow_private=True, look_up=found("8.8.8.8"))
    with pytest.raises(NotificationFailed):
        await resolver.resolve("localhost", 80)


@pytest.mark.parametrize(
    ("url", "near"),
    [
        ("https://hook.example.com/x", False),
        ("https://hook.example.com:8443", False),
        ("https://10.0.0.7/x", False),
        ("http://127.0.0.1:8080/x", True),
        ("http://localhost/x", True),
        ("http://[::1]:80/", True),
        ("https://LOCALHOST./", True),
        ("https://hooks.example.com/a?b=c\n", False),
    ],
)
def test_what_a_webhook_may_be(url: str, near: bool) -> None:
    assert check_url(Secret(url))[1] is near


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hook",
        "/hook",
        "http://hook.example.com/S3CRET",
        "http://10.0.0.7/S3CRET",
        "http://localhost.example.com/S3CRET",
        "http://127.0.0.1.example.com/S3CRET",
        "http://0.0.0.0/S3CRET",
        "ftp://127.0.0.1/S3CRET",
        "file:///etc/passwd",
        "https:///S3CRET",
        "https://user:S3CRET@hook.example.com/",
        "https://S3CRET@hook.example.com/",
        "http://127.0.0.1\\@hook.example.com/S3CRET",
        "https://hook.example.com/#S3CRET",
        "https://hook.example.com:99999/S3CRET",
        "https://[::1/S3CRET",
        "javascript:alert(1)",
    ],
)
def test_30_what_is_no_https_is_refused_without_quoting_its_secret(url: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        check_url(Secret(url))
    assert "S3CRET" not in caught.value.message
