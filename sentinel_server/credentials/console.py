"""The address that signs a browser in to the AWS console with a session of ours.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_enable-console-custom-url.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.errors import BadInput
from sentinel_server.frozen import frozen
from sentinel_server.secret import Secret

ISSUER = "https://sentinel.invalid/"
"""Where AWS sends a browser whose session has ended; the name can belong to nobody (RFC 2606)."""


@frozen
class ConsoleSite:
    """Where a partition's console is, and where its sign-in is."""

    sign_in: str
    console: str


SITES = {
    "aws": ConsoleSite(sign_in="https://signin.aws.amazon.com", console="https://console.aws.amazon.com"),
    "aws-cn": ConsoleSite(sign_in="https://signin.amazonaws.cn", console="https://console.amazonaws.cn"),
    "aws-us-gov": ConsoleSite(
        sign_in="https://signin.amazonaws-us-gov.com", console="https://console.amazonaws-us-gov.com"
    ),
}
"""By partition. The isolated partitions' addresses are not public."""


def site_of(partition: str) -> ConsoleSite:
    """The sites of a partition. Raises BadInput when they are not known."""
    site = SITES.get(partition)
    if site is None:
        raise BadInput(f"the console's address in partition {partition} is not public")
    return site


def destination(site: ConsoleSite, service: str | None, region: str | None) -> str:
    """The console's page of a service, such as `s3` or `dynamodbv2/home`, in a region.

    Raises BadInput when `service` is not such a name: it must not lead anywhere but into the console.
    """
    path = "console/home" if service is None else service if "/" in service else f"{service}/home"
    if not _PATH.fullmatch(path) or ".." in path:
        raise BadInput(
            f"{service!r} is not the name of a console page", hint="use one such as s3, or ec2/home"
        )
    return f"{site.console}/{path}" + (f"?{_query({'region': region})}" if region else "")


_PATH = re.compile(r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_.-]+)*", re.ASCII)


def session_document(credentials: AwsCredentials) -> Secret:
    """What the sign-in service wants to know of a session. Raises BadInput for long-lived keys."""
    if credentials.session_token is None:
        raise BadInput("long-lived keys cannot sign in to the console; the profile needs a role")
    return Secret(
        json.dumps(
            {
                "sessionId": credentials.access_key_id,
                "sessionKey": credentials.secret_access_key.reveal(),
                "sessionToken": credentials.session_token.reveal(),
            }
        )
    )


def sign_in_url(sign_in: str, token: Secret, where: str) -> Secret:
    """The address that signs in whoever opens it, for 15 minutes."""
    query = _query({"Action": "login", "Issuer": ISSUER, "Destination": where, "SigninToken": token.reveal()})
    return Secret(f"{sign_in}/federation?{query}")


def _query(fields: Mapping[str, str]) -> str:
    return "&".join(f"{name}={_escaped(value)}" for name, value in fields.items())


def _escaped(text: str) -> str:
    """Everything but RFC 3986's unreserved characters as `%XX`."""
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in text.encode())


_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
