"""Running loopback servers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from sentinel_server.secret import Secret
from sentinel_server.web.options import WebOptions
from tests.fakes.sites import TOKEN, Open, Site


@pytest.fixture
async def open_site() -> AsyncIterator[Open]:
    """Starts servers; all are stopped at the end."""
    async with AsyncExitStack() as stack:

        async def start(*, ours: bool | Exception = True, **options: Any) -> Site:
            site = Site(ours=ours, options=WebOptions(**{"token": Secret(TOKEN)} | options))
            await stack.enter_async_context(site.server)
            return site

        yield start


@pytest.fixture
async def site(open_site: Open) -> Site:
    """A server with the product's defaults."""
    return await open_site()
