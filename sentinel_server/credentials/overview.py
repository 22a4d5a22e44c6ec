"""What a profile is, in a line: for lists, and for whoever has to choose. A broken one says what is wrong."""

from __future__ import annotations

from sentinel_server.credentials.profiles import CredentialSource, Profile, ProfileKind, Profiles, Route
from sentinel_server.errors import SentinelError
from sentinel_server.frozen import frozen
from sentinel_server.identity.arn import parse_arn

KEYRING = "keyring"
"""The kind of base credentials that are kept in the keyring; the others are named as in `ProfileKind`."""

_OUTSIDE = {
    CredentialSource.ENVIRONMENT: "environment",
    CredentialSource.CONTAINER: "container",
    CredentialSource.INSTANCE: "instance",
}


@frozen
class Overview:
    """One profile. `kind` says where base credentials come from, `base` the profile that has them.

    `account` and `role` are those of the role or permission set that is issued, where the configuration names
    one; `role` is a name without its path. `leaf` is the profile `base`. `problem` is why it cannot be used.
    """

    name: str
    kind: str = ""
    base: str = ""
    account: str = ""
    role: str = ""
    role_arn: str = ""
    region: str = ""
    mfa_serial: str = ""
    leaf: Profile | None = None
    problem: str = ""


def overview(profiles: Profiles, name: str) -> Overview:
    """What the profile is. Raises UnknownProfile; what else is wrong with it is its `problem`."""
    profile = None
    try:
        profile = profiles.get(name)
        return _found(profile, profiles.route(name))
    except SentinelError as error:
        if profile is None and name not in profiles.names():
            raise
        return Overview(name=name, problem=error.message)


def _found(profile: Profile, route: Route) -> Overview:
    leaf = route.leaf.profile
    account, role = _issued(profile)
    return Overview(
        name=profile.name,
        kind=_kind(route, leaf),
        base="" if leaf is None or leaf.name == profile.name else leaf.name,
        account=account,
        role=role,
        role_arn=profile.role_arn or "",
        region=profile.region or (leaf.region if leaf else None) or "",
        mfa_serial=route.serial or "",
        leaf=leaf,
    )


def _kind(route: Route, leaf: Profile | None) -> str:
    if leaf is None:
        return _OUTSIDE[route.leaf.outside] if route.leaf.outside else ""
    if leaf.has_kept_keys:
        return KEYRING
    own = leaf.has_static_keys and leaf.kind is ProfileKind.ROLE
    return (ProfileKind.STATIC if own else leaf.kind).value


def _issued(profile: Profile) -> tuple[str, str]:
    if profile.role_arn is not None:
        arn = parse_arn(profile.role_arn)
        return arn.account, arn.resource.rpartition("/")[2]
    return profile.sso_account_id or "", profile.sso_role_name or ""
