"""Clients share a TLS context, which checks as much as the one that aiobotocore would make."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
from aiobotocore.httpsession import AIOHTTPSession

from sentinel_server.adapters.aws.tls import SharedTls


async def connector(kind: type[AIOHTTPSession], proxy: str | None = None, **options: Any) -> Any:
    """The connector that a session of this kind makes, closed."""
    session: Any = kind(**options)
    made = session._create_connector(proxy)
    await made.close()
    return made


async def test_two_clients_share_one_context() -> None:
    one, other = await connector(SharedTls), await connector(SharedTls)
    assert isinstance(one._ssl, ssl.SSLContext)
    assert one._ssl is other._ssl


async def test_the_shared_context_checks_what_aiobotocores_own_checks() -> None:
    ours, theirs = (await connector(SharedTls))._ssl, (await connector(AIOHTTPSession))._ssl
    for name in ("verify_mode", "check_hostname", "minimum_version", "options", "verify_flags"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.verify_mode is ssl.CERT_REQUIRED
    assert ours.cert_store_stats() == theirs.cert_store_stats()


async def test_the_connector_is_otherwise_aiobotocores_own() -> None:
    options: dict[str, Any] = {"max_pool_connections": 7, "connector_args": {"keepalive_timeout": 3}}
    ours, theirs = await connector(SharedTls, **options), await connector(AIOHTTPSession, **options)
    assert (ours.limit, ours._keepalive_timeout) == (theirs.limit, theirs._keepalive_timeout) == (7, 3)


@pytest.mark.parametrize("proxy", [None, "http://127.0.0.1:1"], ids=["unverified", "proxy"])
async def test_what_is_unusual_gets_a_context_of_its_own_or_none(proxy: str | None) -> None:
    shared = (await connector(SharedTls))._ssl
    assert (await connector(SharedTls, proxy, verify=proxy is not None))._ssl is not shared
