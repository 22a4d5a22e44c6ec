"""Who and what the names of a policy stand for, when nobody in particular asks.

A bare name may be an IAM user or a person signed in by SSO, in any trusted account; a pattern is stood for by
one name that it fits; and for all that no policy names there is one of each sort.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sentinel_server.errors import InvalidArn
from sentinel_server.frozen import frozen
from sentinel_server.identity.arn import PARTITIONS, is_sso_role, parse_principal
from sentinel_server.identity.principal import Principal
from sentinel_server.policy.match import profile_test, users_test
from sentinel_server.policy.schema import GROUP_PREFIX, Policy

NO_ACCOUNT = "000000000000"
"""Stands for the account of a policy that names none and is stored in none."""
OTHER_PROFILE = "any other profile"
"""The label of a profile that no policy names."""

_NOBODY = "zz-somebody-else"
_NOWHERE = "zz-some-other-profile"
_ELSEWHERE = "999999999999"
_SSO = "AWSReservedSSO_Any_0123456789abcdef"
_SORTS = (("iam", "user"), ("sts", "assumed-role"), ("sts", "federated-user"), ("iam", "root"))


@frozen
class Figure:
    """One principal in a comparison; several with one `label` are the same name, told apart by `detail`."""

    label: str
    detail: str
    principal: Principal


@frozen
class NamedProfile:
    """One profile in a comparison: the name or pattern that is shown, and the name that is asked for."""

    label: str
    name: str


def home_of(policy: Policy, account: str | None) -> str:
    """The account that a bare name means: the first trusted one, else the one the policy is stored in."""
    return policy.trusted_accounts[0] if policy.trusted_accounts else account or NO_ACCOUNT


def principal_named(text: str, account: str) -> Principal:
    """The principal of an ARN, or the IAM user of that name in `account`. Raises InvalidArn."""
    arn = text if text.startswith("arn:") else _user(text, account)
    return _principal(arn)


def named_users(policies: Iterable[Policy]) -> tuple[str, ...]:
    """Every bare name and ARN pattern that these policies name, those of their groups included, sorted."""
    found: set[str] = set()
    for policy in policies:
        found.update(user for group in policy.groups for user in group.users)
        for rule in policy.rules:
            found.update(rule.conditions.users + rule.conditions.not_users)
    return tuple(sorted(user for user in found if not user.startswith(GROUP_PREFIX)))


def named_profiles(policies: Iterable[Policy]) -> tuple[str, ...]:
    """Every profile name and pattern that these policies name, sorted."""
    return tuple(
        sorted(
            {
                profile
                for policy in policies
                for rule in policy.rules
                for profile in rule.conditions.profiles + rule.conditions.not_profiles
            }
        )
    )


def figures(policies: Sequence[Policy], home_account: str | None) -> tuple[Figure, ...]:
    """Everybody these policies name, and one of each sort they do not.

    Left out are patterns that no principal fits.
    """
    homes = (home_of(policy, home_account) for policy in policies)
    accounts = tuple(dict.fromkeys([*homes, *(a for policy in policies for a in policy.trusted_accounts)]))
    named = (figure for entry in named_users(policies) for figure in _standing_for(entry, accounts))
    return (*named, *_unnamed(accounts[0]))


def profiles_of(policies: Iterable[Policy], more: Iterable[str] = ()) -> tuple[NamedProfile, ...]:
    """Every profile that these policies name, those in `more`, and one that is none of them."""
    entries = dict.fromkeys([*more, *named_profiles(policies)])
    named = (NamedProfile(label=entry, name=profile_of(entry)) for entry in entries)
    return (*named, NamedProfile(label=OTHER_PROFILE, name=_NOWHERE))


def profile_of(entry: str) -> str:
    """A profile that a name or pattern fits."""
    return entry.replace("*", "any").replace("?", "x")


def principal_of(entry: str, account: str) -> Principal | None:
    """A principal that a bare name, an ARN or a pattern fits; None when none does."""
    return next((figure.principal for figure in _standing_for(entry, (account,))), None)


def _standing_for(entry: str, accounts: Sequence[str]) -> Iterator[Figure]:
    if entry.startswith("arn:"):
        principal = _fitting(entry, accounts)
        if principal is not None:
            yield Figure(label=entry, detail=entry, principal=principal)
        return
    name = entry.replace("*", "someone").replace("?", "x")
    for account in accounts:
        user, session = _user(name, account), _session(_SSO, name, account)
        where = f" of {account}" if len(accounts) > 1 else ""
        yield Figure(label=entry, detail=f"{entry} (IAM user{where})", principal=_principal(user))
        yield Figure(label=entry, detail=f"{entry} (SSO user{where})", principal=_principal(session))


def _unnamed(account: str) -> Iterator[Figure]:
    sorts = {
        "any other IAM user": _user(_NOBODY, account),
        "any other SSO user": _session(_SSO, _NOBODY, account),
        "any other role's session": _session(_NOBODY, _NOBODY, account),
        "any other account's user": _user(_NOBODY, _ELSEWHERE),
    }
    for label, arn in sorts.items():
        yield Figure(label=label, detail=label, principal=_principal(arn))


def _fitting(pattern: str, accounts: Iterable[str]) -> Principal | None:
    """A principal that an ARN pattern means, of every sort that its resource may be the first."""
    _, partition, _, _, account, resource = pattern.split(":", 5)
    partitions = filter(profile_test((partition,)), sorted(PARTITIONS))
    known = filter(profile_test((account,)), accounts)
    where = f"{next(partitions, 'aws')}:{{}}::{next(known, _account(account))}"
    names = [_segment(segment) for segment in resource.split("/")[1:]]
    for service, sort in _SORTS:
        arn = f"arn:{where.format(service)}:{'/'.join([sort, *names])}"
        if users_test((pattern,)).arn(arn):
            try:
                return _principal(arn)
            except InvalidArn:
                continue
    return None


def _segment(pattern: str) -> str:
    """A name for one segment, that of an SSO role where it can be one."""
    tails = ("_Any_0123456789abcdef", "Any_0123456789abcdef", "0123456789abcdef", "any")
    names = [pattern.replace("*", tail).replace("?", "0") for tail in tails]
    return next((name for name in names if is_sso_role(name)), names[-1])


def _account(pattern: str) -> str:
    digits = pattern.replace("?", "0")
    missing = 12 - len(digits.replace("*", ""))
    return digits.replace("*", "9" * missing, 1).replace("*", "")


def _user(name: str, account: str) -> str:
    return f"arn:aws:iam::{account}:user/{name}"


def _session(role: str, name: str, account: str) -> str:
    return f"arn:aws:sts::{account}:assumed-role/{role}/{name}"


def _principal(arn: str) -> Principal:
    return parse_principal(arn, unique_id="named")
