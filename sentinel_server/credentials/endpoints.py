"""Which region and which URL an AWS client of ours uses for a profile, by botocore's order of precedence.

https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
"""

from __future__ import annotations

from collections.abc import Mapping

from sentinel_server.credentials.profiles import Profile
from sentinel_server.frozen import frozen
from sentinel_server.identity.arn import parse_arn

FIRST_REGIONS = {
    "aws": "us-east-1",
    "aws-cn": "cn-north-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
    "aws-iso-e": "eu-isoe-west-1",
    "aws-iso-f": "us-isof-south-1",
    "aws-eusc": "eusc-de-east-1",
}
"""Where STS is asked when nothing names a region."""


@frozen
class Direct:
    """That AWS's ordinary endpoints may be asked directly. `ca_bundle` is a file of certificates to trust."""

    ca_bundle: str | None = None


_SERVICES = ("dynamodb", "iam", "kms", "ssm", "sts")
_YES = frozenset({"1", "true", "yes", "on"})


def region_of(profile: Profile | None, environment: Mapping[str, str]) -> str | None:
    """The profile's region, else the environment's, else None."""
    from_environment = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    return (profile.region if profile else None) or from_environment or None


def sts_region(profile: Profile | None, environment: Mapping[str, str]) -> str:
    """The region to ask STS in: as `region_of`, else the first of the partition of the profile's role."""
    partition = parse_arn(profile.role_arn).partition if profile and profile.role_arn else "aws"
    return region_of(profile, environment) or FIRST_REGIONS[partition]


def endpoint_of(service: str, profile: Profile | None, environment: Mapping[str, str]) -> str | None:
    """The custom URL for a service (its id in lower case, such as `sts`); None for AWS's own."""
    section: Mapping[str, object] = profile.settings if profile else {}
    ignored = environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") or section.get(
        "ignore_configured_endpoint_urls"
    )
    if str(ignored or "").lower() in _YES:
        return None
    found = environment.get(f"AWS_ENDPOINT_URL_{service.upper()}") or environment.get("AWS_ENDPOINT_URL")
    if found or profile is None:
        return found or None
    return profile.services.get(service, {}).get("endpoint_url") or profile.endpoint_url


def endpoints_for(profile: Profile | None, environment: Mapping[str, str]) -> dict[str, str]:
    """`endpoint_of` for the services that we use, where it names one."""
    urls = {service: endpoint_of(service, profile, environment) for service in _SERVICES}
    return {service: url for service, url in urls.items() if url}


def direct_for(profile: Profile | None, environment: Mapping[str, str]) -> Direct | None:
    """None where a proxy, another kind of endpoint or a signature of another kind is asked for.

    https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html lists them.
    """
    section: Mapping[str, object] = profile.settings if profile else {}
    if any(value and name.lower() in _PROXIES for name, value in environment.items()):
        return None
    for key, plain in _PLAIN.items():
        said = environment.get(f"AWS_{key.upper()}") or section.get(key)
        if said and str(said).lower() not in plain:
            return None
    own = environment.get("AWS_CA_BUNDLE") or section.get("ca_bundle")
    bundle = own or environment.get("REQUESTS_CA_BUNDLE")
    return Direct(ca_bundle=str(bundle) if bundle else None)


_PROXIES = frozenset({"all_proxy", "http_proxy", "https_proxy"})
"""Variables, in any case: Python's `getproxies`, which botocore asks, takes `Https_Proxy` too."""

_NO = frozenset({"false"})
_PLAIN: Mapping[str, frozenset[str]] = {
    "use_fips_endpoint": _NO,
    "use_dualstack_endpoint": _NO,
    "sts_regional_endpoints": frozenset({"regional"}),
    "sigv4a_signing_region_set": frozenset(),
    "auth_scheme_preference": frozenset(),
}
"""Settings that change where or how AWS is asked, and what they may say all the same."""
