"""A service is asked directly where botocore would ask it, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import pytest
from botocore import UNSIGNED
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import ClientError

from sentinel_server.adapters.aws.direct.client import SERVICES
from sentinel_server.adapters.aws.direct.endpoints import endpoint

SESSION: Any = botocore.session.Session()
REGIONS = sorted(
    {
        region
        for partition in SESSION.get_available_partitions()
        for region in SESSION.get_available_regions("dynamodb", partition)
        if region != "local"
    }
)


@pytest.mark.parametrize("service", SERVICES)
def test_every_region_is_where_botocore_finds_it(service: str) -> None:
    plain = Config(signature_version=UNSIGNED)
    for region in [*REGIONS, "us-new-9", "eu-isoe-north-7", "cn-south-3"]:
        theirs = SESSION.create_client(service, region, config=plain)
        ours = endpoint(service, region, None)
        assert ours is not None, region
        assert (ours.url, ours.region, ours.path) == (theirs.meta.endpoint_url, region, "/")
        assert f"https://{ours.host}" == ours.url


@pytest.mark.parametrize("region", ["aws-global", "local", "fips-us-east-1", "us-east-1-fips", "", "../a"])
def test_what_is_no_region_is_left_to_botocore(region: str) -> None:
    assert endpoint("sts", region, None) is None


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("http://127.0.0.1:4566", "127.0.0.1:4566", "/"),
        ("http://127.0.0.1:80/", "127.0.0.1", "/"),
        ("https://Vpce-1.sts.eu-west-1.vpce.amazonaws.com", "vpce-1.sts.eu-west-1.vpce.amazonaws.com", "/"),
        ("https://proxy.example:443/aws/sts", "proxy.example", "/aws/sts"),
        ("http://[::1]:8000", "[::1]:8000", "/"),
        ("http://[fd00::1]", "[fd00::1]", "/"),
        ("https://proxy.example/aws/", "proxy.example", "/aws/"),
        ("https://proxy.example/", "proxy.example", "/"),
        ("http://proxy.example:65535", "proxy.example:65535", "/"),
    ],
)
def test_a_url_of_ones_own_is_asked(url: str, host: str, path: str) -> None:
    found = endpoint("sts", "us-east-1", url)
    assert found is not None
    assert (found.host, found.path) == (host, path)
    assert urlsplit(asked_by_botocore(url)).path == path


def asked_by_botocore(url: str) -> str:
    """Where botocore sends a request for what is at `url`."""
    asked: list[str] = []

    def note(request: Any, **_: object) -> AWSResponse:
        asked.append(request.url)
        return AWSResponse(request.url, 503, HTTPHeaders(), RawResponse())

    once = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
    client = SESSION.create_client("sts", "us-east-1", endpoint_url=url, config=once)
    client.meta.events.register("before-send", note)
    with pytest.raises(ClientError):
        client.get_caller_identity()
    return asked[0]


class RawResponse:
    """A body with nothing in it."""

    def stream(self) -> Iterator[bytes]:
        """Its pieces."""
        yield b""


@pytest.mark.parametrize(
    "url",
    [
        "https://user:pass@proxy.example",
        "https://proxy.example/?a=b",
        "https://proxy.example/a/../b",
        "https://proxy.example//a",
        "https://proxy.example/a b",
        "https://proxy.example/%41",
        "https://pr\u00f6xy.example",
        "https://proxy.example:port",
        "https://proxy.example:0",
        "http://proxy.example:65536",
        "http://[::1]:99999",
        "unix:///run/sts",
        "proxy.example",
        "",
    ],
)
def test_a_url_that_needs_more_care_is_left_to_botocore(url: str) -> None:
    assert endpoint("sts", "us-east-1", url) is None
