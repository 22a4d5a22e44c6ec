from __future__ import annotations

import pytest

from sentinel_server.credentials.config_file import FileText
from sentinel_server.credentials.endpoints import (
    FIRST_REGIONS,
    endpoint_of,
    endpoints_for,
    region_of,
    sts_region,
)
from sentinel_server.credentials.profiles import Profile, Profiles
from sentinel_server.identity.arn import PARTITIONS

CONFIG = """
[profile a]
region = eu-west-1
endpoint_url = http://profile
services = s
[services s]
sts =
    endpoint_url = http://service
[profile bare]
[profile quiet]
endpoint_url = http://profile
ignore_configured_endpoint_urls = true
"""


def profile(name: str, text: str = CONFIG) -> Profile:
    return Profiles(FileText(path="config", text=text), None).get(name)


def test_the_profiles_region_comes_before_the_environments() -> None:
    env = {"AWS_DEFAULT_REGION": "us-west-2"}
    assert region_of(profile("a"), env) == "eu-west-1"
    assert region_of(profile("bare"), env) == "us-west-2"
    assert region_of(None, {}) is None


@pytest.mark.parametrize("partition", sorted(PARTITIONS))
def test_sts_is_asked_in_the_partition_of_the_role(partition: str) -> None:
    text = f"[profile r]\nrole_arn = arn:{partition}:iam::111122223333:role/R\nsource_profile = s\n"
    assert sts_region(profile("r", text), {}) == FIRST_REGIONS[partition]


@pytest.mark.parametrize(
    ("name", "environment", "url"),
    [
        ("a", {"AWS_ENDPOINT_URL_STS": "http://env-sts", "AWS_ENDPOINT_URL": "http://env"}, "http://env-sts"),
        ("a", {"AWS_ENDPOINT_URL": "http://env"}, "http://env"),
        ("a", {}, "http://service"),
        ("bare", {}, None),
        ("quiet", {}, None),
        ("a", {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "TRUE", "AWS_ENDPOINT_URL": "http://env"}, None),
    ],
)
def test_an_endpoint_is_found_in_botocores_order(
    name: str, environment: dict[str, str], url: str | None
) -> None:
    assert endpoint_of("sts", profile(name), environment) == url


def test_only_services_with_an_endpoint_are_named() -> None:
    assert endpoints_for(profile("a"), {}) == {
        "dynamodb": "http://profile",
        "iam": "http://profile",
        "kms": "http://profile",
        "ssm": "http://profile",
        "sts": "http://service",
    }
    assert endpoints_for(None, {}) == {}
