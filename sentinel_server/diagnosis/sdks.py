"""What each AWS SDK makes of an environment: whether it would use our endpoint, and what it would prefer.

The order of the providers is each SDK's own, as its documentation has it; for the Python, JavaScript, Go,
C++, Rust and MinIO clients it was also observed with a stub in the endpoint's place.
https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html#credentialProviderChain
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sentinel_server.credentials.profiles import ProfileKind
from sentinel_server.frozen import frozen

KEYS, WEB_IDENTITY, FILES, RELATIVE, MINIO = "keys", "web identity", "files", "relative", "minio"

FULL_URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
RELATIVE_URI = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"  # noqa: S105  # the name of a variable
TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"  # noqa: S105


@frozen
class Sdk:
    """One family of clients: what beats the endpoint there, the first that is set winning.

    `needs_file` is for those that do not see the endpoint without a token file.
    """

    name: str
    beaten_by: tuple[str, ...]
    needs_file: bool = False


SDKS = (
    Sdk(name="AWS CLI, boto3", beaten_by=(KEYS, WEB_IDENTITY, FILES, RELATIVE)),
    Sdk(name="JavaScript v3", beaten_by=(KEYS, FILES, WEB_IDENTITY, RELATIVE)),
    Sdk(name="JavaScript v2", beaten_by=(KEYS, RELATIVE)),
    Sdk(name="Go, Terraform, rclone", beaten_by=(KEYS, WEB_IDENTITY, FILES)),
    Sdk(name="Java", beaten_by=(KEYS, WEB_IDENTITY, FILES, RELATIVE)),
    Sdk(name="Rust", beaten_by=(KEYS, FILES, WEB_IDENTITY, RELATIVE)),
    Sdk(name=".NET", beaten_by=(KEYS, WEB_IDENTITY, FILES, RELATIVE)),
    Sdk(name="Ruby", beaten_by=(KEYS, WEB_IDENTITY, FILES, RELATIVE)),
    Sdk(name="PHP", beaten_by=(KEYS, WEB_IDENTITY, FILES, RELATIVE)),
    Sdk(name="C++, CRT", beaten_by=(KEYS, FILES, RELATIVE)),
    Sdk(name="object_store", beaten_by=(KEYS, WEB_IDENTITY), needs_file=True),
    Sdk(name="MinIO, restic", beaten_by=(KEYS, MINIO, WEB_IDENTITY, RELATIVE)),
)
"""Every family we know, in the order in which they are told of."""

OWN_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
OLD_NAMES = ("AWS_ACCESS_KEY", "AWS_SECRET_KEY", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY")
WEB_NAMES = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN")


@frozen
class ActiveProfile:
    """The profile that SDKs use there: its name, and its kind; None for one that no file has.

    `named` is the variable that chose it, empty for `default`.
    """

    name: str
    kind: ProfileKind | None
    named: str = ""

    @property
    def brings_credentials(self) -> bool:
        """Whether SDKs find credentials in it, or a way to some."""
        return self.kind is not None and self.kind is not ProfileKind.ENVIRONMENT


@frozen
class Beaten:
    """What beats the endpoint for these SDKs, and the command that takes it away."""

    by: str
    sdks: tuple[str, ...]
    mend: str


def beaten(environ: Mapping[str, str], active: ActiveProfile) -> list[Beaten]:
    """Who would not use the endpoint, by what they would use instead."""
    there = _there(environ, active)
    by_winner: dict[str, list[str]] = {}
    for sdk in SDKS:
        winner = next((each for each in sdk.beaten_by if each in there), None)
        if winner is None and sdk.needs_file and not environ.get(TOKEN_FILE):
            winner = TOKEN_FILE
        if winner is not None:
            by_winner.setdefault(winner, []).append(sdk.name)
    return [_told(winner, names, environ, active) for winner, names in by_winner.items()]


def unaffected(environ: Mapping[str, str], active: ActiveProfile) -> list[str]:
    """The SDKs that would use the endpoint."""
    lost = {name for each in beaten(environ, active) for name in each.sdks}
    return [sdk.name for sdk in SDKS if sdk.name not in lost]


def _there(environ: Mapping[str, str], active: ActiveProfile) -> set[str]:
    found = {
        KEYS: all(environ.get(name) for name in OWN_KEYS[:2]),
        MINIO: any(environ.get(name) for name in OLD_NAMES),
        WEB_IDENTITY: all(environ.get(name) for name in WEB_NAMES),
        FILES: active.brings_credentials,
        RELATIVE: bool(environ.get(RELATIVE_URI)),
    }
    return {name for name, is_there in found.items() if is_there}


def _told(winner: str, sdks: Iterable[str], environ: Mapping[str, str], active: ActiveProfile) -> Beaten:
    if winner == FILES:
        by = f"profile {active.name}, which has credentials of its own"
        mend = (
            f"unset {active.named}" if active.named else "unset AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE"
        )
        return Beaten(by=by, sdks=tuple(sdks), mend=mend)
    if winner == TOKEN_FILE:
        by = "the machine's own metadata, as there is no token file"
        return Beaten(by=by, sdks=tuple(sdks), mend="exit")
    names = {KEYS: OWN_KEYS, MINIO: OLD_NAMES, WEB_IDENTITY: WEB_NAMES, RELATIVE: (RELATIVE_URI,)}[winner]
    set_there = [name for name in names if environ.get(name)]
    return Beaten(by=" and ".join(set_there), sdks=tuple(sdks), mend=f"unset {' '.join(set_there)}")
