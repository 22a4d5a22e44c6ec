"""The environment of the child process and the AWS configuration it sees.

Everything that could shadow what Sentinel serves is cleared (`spec/sdk.md` §1g: SDKs differ in what they
prefer), and everything that makes every SDK find it is set. `AWS_ENDPOINT_URL*` and `AWS_CA_BUNDLE` stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from sentinel_server.clock import whole_seconds
from sentinel_server.credentials.config_file import Section, render
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.credentials.profiles import Profile
from sentinel_server.credentials.recursion import RESOLVING
from sentinel_server.frozen import frozen
from sentinel_server.secret import Secret

OUR_SECRETS = frozenset(
    {"SENTINEL_KEYRING_PASSPHRASE", "SENTINEL_KEYRING_NEW_PASSPHRASE", "AWS_VAULT_FILE_PASSPHRASE"}
    | {"SENTINEL_MFA_TOKEN"}
)
"""Variables with secrets for us alone, which no process that we start inherits."""

CLEARED = frozenset(
    {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"}
    | {"AWS_CREDENTIAL_EXPIRATION", "AWS_CREDENTIAL_FILE", "AWS_ACCESS_KEY", "AWS_SECRET_KEY"}
    | {"AMAZON_ACCESS_KEY_ID", "AMAZON_SECRET_ACCESS_KEY", "AMAZON_SESSION_TOKEN"}
    | {"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SDK_LOAD_CONFIG", "AWS_ACCOUNT_ID"}
    | {"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME"}
    | {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"}
    | {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"}
    | {"AWS_CONTAINER_SERVICE_ENDPOINT", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY", "BOTO_CONFIG"}
    | {"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_SENTINEL", "AWS_SENTINEL_ID"}
    | {"AWS_VAULT", RESOLVING}
    | OUR_SECRETS
)
"""Variables the child never inherits."""

CLEARED_PREFIXES = ("AWS_EC2_METADATA_", "AWS_BEARER_TOKEN_")
"""Families of variables the child never inherits."""

LOOPBACK = ("127.0.0.1", "localhost")
"""Hosts that must not go through a proxy, besides the one we serve at."""

COPIED = frozenset(
    {"region", "output", "endpoint_url", "ignore_configured_endpoint_urls", "ca_bundle", "defaults_mode"}
    | {"retry_mode", "max_attempts", "use_dualstack_endpoint", "use_fips_endpoint", "tcp_keepalive"}
    | {"sts_regional_endpoints", "endpoint_discovery_enabled", "account_id_endpoint_mode", "api_versions"}
    | {"s3", "s3_us_east_1_regional_endpoint", "s3_use_arn_region", "s3_disable_multiregion_access_points"}
    | {"request_min_compression_size_bytes", "disable_request_compression", "sigv4a_signing_region_set"}
    | {"request_checksum_calculation", "response_checksum_validation", "parameter_validation"}
    | {"cli_pager", "cli_auto_prompt", "cli_timestamp_format", "cli_binary_format", "cli_follow_urlparam"}
)
"""Settings of a profile that the child's configuration repeats; nothing else is."""


@frozen
class ServerDoor:
    """Our server at `host`, as the child finds it. `token_file` holds the token without a newline."""

    url: str
    host: str = "127.0.0.1"
    token: Secret
    token_file: str


@frozen
class StaticCredentials:
    """Credentials put into the environment themselves; `expires_at` is the end the child is told."""

    credentials: AwsCredentials
    expires_at: datetime | None


def without_our_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for a process that helps us: everything but what is for us alone."""
    return {name: value for name, value in environment.items() if name not in OUR_SECRETS}


def child_environment(
    parent: Mapping[str, str],
    *,
    profile: str,
    region: str | None,
    config_file: str,
    credentials_file: str,
    door: ServerDoor | StaticCredentials | None,
    id: str | None = None,
    ignore_case: bool = False,
) -> dict[str, str]:
    """The child's whole environment. `ignore_case` is for Windows, where `Aws_Profile` is `AWS_PROFILE`.

    `id` is what the log and the stores know it by: of its session, or of what was issued to it once.

    Without a `region`, whichever of the parent's two region variables is set fills both.
    """
    kept = {name: value for name, value in parent.items() if not _cleared(name, ignore_case)}
    inherited = _Names(kept, ignore_case)
    region = region or inherited.get("AWS_REGION") or inherited.get("AWS_DEFAULT_REGION")
    ours = {
        "AWS_CONFIG_FILE": config_file,
        "AWS_SHARED_CREDENTIALS_FILE": credentials_file,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SENTINEL": profile,
        "AWS_VAULT": profile,
        **({"AWS_SENTINEL_ID": id} if id else {}),
        **({"AWS_REGION": region, "AWS_DEFAULT_REGION": region} if region else {}),
        **_no_proxy(inherited, door),
        **_variables(door),
    }
    for name, value in ours.items():
        inherited.set(name, value)
    return kept


def child_config(profile: Profile, region: str | None = None) -> str:
    """The child's `AWS_CONFIG_FILE`: settings only, under `[default]` and under the profile's name.

    `region` replaces the profile's own. What is copied is `COPIED`, and endpoints of service blocks.
    """
    settings: dict[str, str | Mapping[str, str]] = {
        key: value for key, value in profile.settings.items() if key in COPIED and _one_line(value)
    }
    if region:
        settings["region"] = region
    sections: dict[str, Section] = {}
    if profile.services_name and profile.services:
        settings["services"] = profile.services_name
        sections[_title("services", profile.services_name)] = _endpoints(profile.services)
    sections["default"] = settings
    if profile.name != "default":
        sections[_title("profile", profile.name)] = settings
    return render(sections)


def keys_in(environment: Mapping[str, str]) -> AwsCredentials | None:
    """The credentials in an environment's own variables; None unless both halves of a key are there."""
    key, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    if not key or not secret:
        return None
    token = environment.get("AWS_SESSION_TOKEN") or environment.get("AWS_SECURITY_TOKEN")
    return AwsCredentials(
        access_key_id=key,
        secret_access_key=Secret(secret),
        session_token=Secret(token) if token else None,
        expires_at=_instant(environment.get("AWS_CREDENTIAL_EXPIRATION")),
    )


class _Names:
    """Looks variables up, and replaces them, under the operating system's rule for case."""

    def __init__(self, variables: dict[str, str], ignore_case: bool) -> None:
        self._variables = variables
        self._fold = str.upper if ignore_case else str
        self._written = {self._fold(name): name for name in variables}

    def get(self, name: str) -> str:
        return self._variables.get(self._written.get(self._fold(name), ""), "")

    def set(self, name: str, value: str) -> None:
        self._variables[self._written.setdefault(self._fold(name), name)] = value


def _cleared(name: str, ignore_case: bool) -> bool:
    name = name.upper() if ignore_case else name
    return name in CLEARED or name.startswith(CLEARED_PREFIXES)


def _no_proxy(inherited: _Names, door: ServerDoor | StaticCredentials | None) -> dict[str, str]:
    """Both spellings, each with what the other had when it was missing: tools read one or the other."""
    upper, lower = inherited.get("NO_PROXY"), inherited.get("no_proxy")
    served = (door.host,) if isinstance(door, ServerDoor) and door.host not in LOOPBACK else ()
    direct = (*LOOPBACK, *served)
    return {"NO_PROXY": _with(direct, upper or lower), "no_proxy": _with(direct, lower or upper)}


def _with(direct: tuple[str, ...], hosts: str) -> str:
    known = [host.strip() for host in hosts.split(",") if host.strip()]
    if "*" in known:
        return hosts
    return ",".join([*known, *(host for host in direct if host not in known)])


def _variables(door: ServerDoor | StaticCredentials | None) -> dict[str, str]:
    if door is None:
        return {}
    if isinstance(door, ServerDoor):
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": door.url,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": door.token.reveal(),
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": door.token_file,
        }
    keys, end = door.credentials, door.expires_at
    found = {
        "AWS_ACCESS_KEY_ID": keys.access_key_id,
        "AWS_SECRET_ACCESS_KEY": keys.secret_access_key.reveal(),
        "AWS_SESSION_TOKEN": keys.session_token.reveal() if keys.session_token else "",
        "AWS_CREDENTIAL_EXPIRATION": whole_seconds(end) if end else "",
    }
    return {name: value for name, value in found.items() if value}


def _title(kind: str, name: str) -> str:
    return f'{kind} "{name}"' if any(map(str.isspace, name)) else f"{kind} {name}"


def _endpoints(services: Mapping[str, Mapping[str, str]]) -> Section:
    urls = {name: block.get("endpoint_url", "") for name, block in services.items()}
    return {name: {"endpoint_url": url} for name, url in urls.items() if url}


def _one_line(value: str | Mapping[str, str]) -> bool:
    return not isinstance(value, str) or "\n" not in value


def _instant(text: str | None) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return instant.replace(tzinfo=UTC) if instant and instant.tzinfo is None else instant
