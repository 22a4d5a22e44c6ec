"""The AWS configuration: whether each profile means something, and whether one would wait for itself."""

from __future__ import annotations

import re
import shlex

from sentinel_server.credentials.profiles import Profile, ProfileKind, Profiles
from sentinel_server.credentials.recursion import runs_sentinel
from sentinel_server.diagnosis.model import Finding, Topic, ok, problem, warning
from sentinel_server.errors import InvalidSetting, UnknownProfile

_SHOWN = 5
_ASKED = re.compile(r"--profile(?:=|\s+)(?P<name>'[^']*'|\"[^\"]*\"|\S+)")


def profile_findings(profiles: Profiles, asked: str | None) -> list[Finding]:
    """What is to say of the profile that was asked for, and which others cannot work."""
    found = [] if asked is None else _asked_for(profiles, asked)
    said = {finding.what for finding in found}
    others = [each for name in profiles.names() if name != asked for each in _other(profiles, name)]
    wrong = [finding for finding in others if finding.what not in said]
    found += wrong[:_SHOWN]
    if len(wrong) > _SHOWN:
        what = f"{len(wrong) - _SHOWN} more profiles cannot be used"
        found.append(warning(Topic.CONFIG, what, "", "sentinel doctor PROFILE"))
    if not wrong and asked is None:
        count = len(profiles.names())
        found.append(
            ok(Topic.CONFIG, f"the AWS configuration has {count} profile{'' if count == 1 else 's'}")
        )
    return found


def _asked_for(profiles: Profiles, name: str) -> list[Finding]:
    try:
        profile, chain = profiles.get(name), profiles.chain(name)
        route = profiles.route(name)
    except (InvalidSetting, UnknownProfile) as error:
        return [problem(Topic.CONFIG, error.message, mend=error.hint)]
    way = " from ".join(each.name for each in chain)
    serial = f", MFA by {route.serial}" if route.serial else ""
    role = f"assumes {profile.assumes}" if profile.assumes else f"is of kind {profile.kind.value}"
    chained = (
        "a child that assumes a further role keeps the stamp; both roles must allow sts:SetSourceIdentity"
    )
    found = [ok(Topic.CONFIG, f"profile {way} {role}{serial}", chained if profile.assumes else "")]
    if profile.assumes is None:
        why = "its sessions can be neither stamped nor shortened; rules refuse it unless they say otherwise"
        what = f"profile {name} has no role to assume"
        found.append(
            warning(Topic.CONFIG, what, why, f"aws configure set role_arn ARN --profile {shlex.quote(name)}")
        )
    return found


def _other(profiles: Profiles, name: str) -> list[Finding]:
    try:
        profile = profiles.get(name)
    except InvalidSetting as error:
        return [warning(Topic.CONFIG, error.message, "", error.hint)]
    command = profile.credential_process or ""
    if profile.kind is ProfileKind.PROCESS and runs_sentinel(command):
        return _through_us(profiles, profile, command)
    try:
        profiles.chain(name)
    except InvalidSetting as error:
        return [warning(Topic.CONFIG, error.message, "", error.hint)]
    return []


def _through_us(profiles: Profiles, profile: Profile, command: str) -> list[Finding]:
    """A profile whose credentials come from `sentinel credentials`: of which profile it asks."""
    match = _ASKED.search(command)
    if match is None:
        return []
    target = match["name"].strip("'\"")
    if target == profile.name:
        what = f"profile {profile.name} asks sentinel for itself, which would never end"
        why = "the profile that sentinel is asked for needs credentials from elsewhere"
        return [
            problem(Topic.CONFIG, what, why, f"aws configure set credential_process '' --profile {target}")
        ]
    if target not in profiles.names():
        what = f"profile {profile.name} asks sentinel for profile {target}, which is not there"
        return [warning(Topic.CONFIG, what, "every SDK that uses it fails", "aws configure list-profiles")]
    return []
