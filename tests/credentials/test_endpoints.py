from __future__ import annotations

import pytest

from sentinel_server.credentials.config_file import FileText
from sentinel_server.credentials.endpoints import (
    FIRST_REGIONS,
    Direct,
    direct_for,
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


PROXIES = ["HTTPS_PROXY", "https_proxy", "Https_Proxy", "http_proxy", "HTTP_proxy", "ALL_PROXY", "all_proxy"]


@pytest.mark.parametrize("name", PROXIES)
def test_no_call_goes_past_a_proxy_however_its_variable_is_written(name: str) -> None:
    assert direct_for(None, {name: "http://proxy:3128"}) is None
    assert direct_for(None, {name: "http://proxy:3128", "NO_PROXY": "*"}) is None  # botocore knows how
    assert direct_for(None, {name: "", "NO_PROXY": "*", "FTP_PROXY": "http://proxy:3128"}) == Direct()


@pytest.mark.parametrize(
    "setting",
    [
        "use_fips_endpoint = true",
        "use_fips_endpoint = yes",
        "use_dualstack_endpoint = TRUE",
        "sts_regional_endpoints = legacy",
        "sigv4a_signing_region_set = *",
        "auth_scheme_preference = sigv4a",
    ],
)
def test_endpoints_of_another_kind_are_left_to_botocore(setting: str) -> None:
    key, _, value = setting.partition(" = ")
    assert direct_for(profile("a", f"[profile a]\n{setting}\n"), {}) is None
    assert direct_for(None, {f"AWS_{key.upper()}": value}) is None
    assert direct_for(profile("b", f"[profile a]\n{setting}\n[profile b]\n"), {}) == Direct()


@pytest.mark.parametrize("setting", ["use_fips_endpoint = False", "sts_regional_endpoints = regional"])
def test_what_is_plain_may_be_said(setting: str) -> None:
    assert direct_for(profile("a", f"[profile a]\n{setting}\n"), {}) == Direct()


@pytest.mark.parametrize(
    ("environment", "trusted"),
    [
        ({}, "profile.pem"),
        ({"AWS_CA_BUNDLE": "env.pem", "REQUESTS_CA_BUNDLE": "requests.pem"}, "env.pem"),
        ({"REQUESTS_CA_BUNDLE": "requests.pem"}, "profile.pem"),
        ({"SSL_CERT_FILE": "openssl.pem", "CURL_CA_BUNDLE": "curl.pem"}, "profile.pem"),
    ],
)
def test_who_is_trusted_is_whom_botocore_trusts(environment: dict[str, str], trusted: str) -> None:
    text = "[profile a]\nca_bundle = profile.pem\n[profile b]\n"
    assert direct_for(profile("a", text), environment) == Direct(ca_bundle=trusted)
    without = environment.get("AWS_CA_BUNDLE") or environment.get("REQUESTS_CA_BUNDLE")
    assert direct_for(profile("b", text), environment) == Direct(ca_bundle=without)
