"""One TLS context for all AWS clients of this process: reading the certificates takes some 40 ms each."""

from __future__ import annotations

import ssl
from functools import cache
from typing import Any

import aiohttp
from aiobotocore.httpsession import AIOHTTPSession
from botocore.httpsession import create_urllib3_context, get_cert_path


class SharedTls(AIOHTTPSession):
    """aiobotocore's HTTP session with its usual context kept; proxies and client certificates get their own.

    What is private here is aiobotocore's, of the version that aioboto3 pins; a test watches it.
    """

    def _create_connector(self, proxy_url: str | None) -> aiohttp.TCPConnector:
        inner: Any = super()
        own: Any = self
        if proxy_url or own._cert_file or not own._verify:
            connector: aiohttp.TCPConnector = inner._create_connector(proxy_url)
            return connector
        context = _verifying(get_cert_path(own._verify))
        return aiohttp.TCPConnector(limit=own._max_pool_connections, ssl=context, **own._connector_args)


@cache
def _verifying(certificates: str) -> ssl.SSLContext:
    context: ssl.SSLContext = create_urllib3_context()
    context.load_verify_locations(certificates)
    return context
