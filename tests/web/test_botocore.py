"""A real client: what boto3 and the AWS CLI use to fetch credentials and to show a refusal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from botocore.credentials import ContainerProvider
from botocore.exceptions import CredentialRetrievalError
from botocore.utils import ContainerMetadataFetcher

from sentinel_server.errors import PolicyDenied, SessionRevoked
from tests.fakes.doors import CANARY
from tests.fakes.sites import TOKEN, Site

Load = Callable[[], Any]


@pytest.fixture
def load(site: Site) -> Load:
    """Credentials by botocore's container provider, without its pauses between attempts."""
    environ = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": site.server.url,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": TOKEN,
    }
    fetcher = ContainerMetadataFetcher(sleep=lambda _: None)
    return ContainerProvider(environ, fetcher).load  # type: ignore[arg-type]  # the stubs name another fetcher


async def test_botocore_gets_its_credentials(site: Site, load: Load) -> None:
    credentials = await asyncio.to_thread(load)
    frozen = await asyncio.to_thread(credentials.get_frozen_credentials)
    assert (frozen.access_key, frozen.secret_key) == ("ASIACANARY", CANARY)
    assert site.door.asked == 1


async def test_botocore_shows_our_words_to_the_person(site: Site, load: Load) -> None:
    site.door.raises = PolicyDenied("rule 'no-weekends' denies prod", hint="see why: sentinel policy explain")
    with pytest.raises(CredentialRetrievalError) as caught:
        await asyncio.to_thread(load)
    assert "Received non 200 response 403" in str(caught.value)
    assert "rule 'no-weekends' denies prod; see why: sentinel policy explain" in str(caught.value)
    assert site.door.asked == 3


async def test_botocore_is_refused_at_its_next_fetch_after_a_revocation(site: Site, load: Load) -> None:
    credentials = await asyncio.to_thread(load)
    site.door.raises = SessionRevoked("session 0123456789abcdef was revoked by carol")
    credentials._expiry_time = credentials._time_fetcher()
    with pytest.raises(CredentialRetrievalError, match="was revoked by carol"):
        await asyncio.to_thread(credentials.get_frozen_credentials)
