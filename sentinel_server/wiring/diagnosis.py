"""What `doctor` looks at: each check with its adapter, bounded in time, and told apart from the others."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sentinel_server.clock import SystemClock
from sentinel_server.diagnosis.aws import (
    Reached,
    clock_finding,
    reached_finding,
    unreached_finding,
)
from sentinel_server.diagnosis.checkup import Check, examine
from sentinel_server.diagnosis.model import Finding, Topic, Verdict, ok, problem, warning
from sentinel_server.errors import InvalidSetting, KeyringLocked, KeyringUnavailable, SentinelError
from sentinel_server.frozen import frozen
from sentinel_server.settings.locations import DynamoDbLocation, SqliteLocation, SsmPolicies
from sentinel_server.wiring.diagnosis_aws import AwsChecks
from sentinel_server.wiring.diagnosis_endpoint import endpoint_check
from sentinel_server.wiring.principals import Visitor, attended_by, control_name, profiles

if TYPE_CHECKING:
    from sentinel_server.credentials.profiles import Profile
    from sentinel_server.settings.resolve import Settings

_PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")

ATTENDED = 180.0
"""Seconds that a person has to type a code or to log in."""


@frozen
class Subject:
    """What is examined: the settings in force, a profile if one was named, and seconds for each check.

    `trouble` is why the settings are not all that was configured, `attended` whether a person can be asked.
    """

    settings: Settings
    profile: str | None
    seconds: float
    trouble: InvalidSetting | None = None
    attended: bool = False


async def diagnose(subject: Subject, visitor: Visitor) -> tuple[Finding, ...]:
    """Everything that is to say, in the order of topics. Raises nothing of what it finds."""
    from sentinel_server.adapters.local.threads import DaemonThreads

    asyncio.get_running_loop().set_default_executor(DaemonThreads())
    here = _here(subject)
    if subject.settings.environ.get("AWS_SENTINEL"):
        found = await examine([*here, endpoint_check(subject.settings, subject.seconds)])
        return _sorted([*found, _served(subject.settings.environ["AWS_SENTINEL"])])
    with attended_by(visitor):
        async with AsyncExitStack() as stack:
            far = AwsChecks(stack, subject.settings, subject.profile, subject.seconds)
            first, about = await asyncio.gather(
                examine([*here, _network(subject), endpoint_check(subject.settings, subject.seconds)]),
                examine([_identity(subject, far, visitor)]),
            )
            rest = await examine(far.checks())
    return _sorted([*first, *about, *rest])


def _sorted(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    order = list(Topic)
    return tuple(sorted(findings, key=lambda finding: order.index(finding.topic)))


def _served(profile: str) -> Finding:
    what = f"this shell is served profile {profile}; profiles, policy and stores are looked at outside of it"
    return ok(Topic.IDENTITY, what)


def _here(subject: Subject) -> list[Check]:
    seconds = subject.seconds
    return [
        Check(topic=Topic.CONFIG, doing="reading the configuration", look=_Config(subject), seconds=seconds),
        Check(
            topic=Topic.STATE, doing="looking at our files", look=_State(subject.settings), seconds=seconds
        ),
        Check(topic=Topic.KEYRING, doing="opening the keyring", look=_Keyring(subject), seconds=seconds),
    ]


@dataclass(frozen=True, slots=True)
class _Config:
    subject: Subject

    async def __call__(self) -> Sequence[Finding]:
        from sentinel_server.diagnosis.profiles import profile_findings
        from sentinel_server.settings.environ import config_path

        settings, trouble = self.subject.settings, self.subject.trouble
        found = []
        if trouble is not None:
            found.append(
                problem(Topic.CONFIG, trouble.message, "the rest is looked at without it", trouble.hint)
            )
        else:
            said = (str(config_path(settings.environ)), "SENTINEL_", "flag")
            count = sum(won.where.startswith(said) for won in settings.won)
            plural = "" if count == 1 else "s"
            found.append(
                ok(Topic.CONFIG, f"{count} setting{plural} changed from the defaults, all understood")
            )
        if settings.environ.get("AWS_SENTINEL"):
            return found
        return [*found, *profile_findings(profiles(settings), self.subject.profile)]


@dataclass(frozen=True, slots=True)
class _State:
    settings: Settings

    async def __call__(self) -> Sequence[Finding]:
        from sentinel_server.adapters.local.aws_config import config_paths
        from sentinel_server.adapters.local.places import look_at
        from sentinel_server.diagnosis.places import Kind, Place, place_findings
        from sentinel_server.settings.environ import config_path
        from sentinel_server.settings.locations import FilePolicies

        settings = self.settings
        seen_by = Verdict.WARNING  # names and reasons are in them, and no secrets
        state, audit = settings.directories.state, settings.audit_directory
        keys = config_paths(settings.environ)[1]
        places = [
            Place(path=state, what="the state directory", kind=Kind.DIRECTORY, readers=seen_by),
            Place(path=audit, what="the audit log", kind=Kind.DIRECTORY, readers=seen_by),
            Place(path=config_path(settings.environ), what="the configuration", kind=Kind.FILE),
            Place(path=settings.keyring_file, what="the keyring", kind=Kind.FILE, readers=Verdict.PROBLEM),
            Place(path=keys, what="the AWS keys", kind=Kind.FILE, readers=Verdict.PROBLEM),
        ]
        if isinstance(settings.store, SqliteLocation):
            store = settings.store.path
            places.append(Place(path=store, what="the store", kind=Kind.FILE, readers=seen_by))
        if isinstance(settings.policies, FilePolicies):
            places.append(Place(path=settings.policies.directory, what="policies", kind=Kind.DIRECTORY))
        return place_findings([(place, look_at(place.path)) for place in places])


@dataclass(frozen=True, slots=True)
class _Keyring:
    subject: Subject

    async def __call__(self) -> Sequence[Finding]:
        from sentinel_server.wiring.keyring import open_keyring

        keyring = open_keyring(self.subject.settings)
        by = keyring.opener()
        if by is None:
            return [await self._would_be()]
        what = f"{keyring.path} is encrypted and opened by {by}"
        names = [*await keyring.vault.listing()]
        if not names:
            return [ok(Topic.KEYRING, f"{what}; nothing is in it")]
        try:
            await keyring.vault.read(names[0])
        except KeyringLocked as error:
            if by == "a passphrase":
                return [ok(Topic.KEYRING, f"{what}, which is asked for when it is needed")]
            return [problem(Topic.KEYRING, error.message, mend=error.hint)]
        return [ok(Topic.KEYRING, f"{what}; it opens")]

    async def _would_be(self) -> Finding:
        from sentinel_server.adapters.local.os_keyring import class_name, find_backend, words
        from sentinel_server.adapters.local.threads import in_daemon

        wanted = self.subject.settings.keyring_backend
        if wanted == "file":
            return ok(Topic.KEYRING, "there is none; a new one is an encrypted file with a passphrase")
        named = wanted if "." in wanted else None
        try:
            backend = await in_daemon(lambda: class_name(find_backend(named)))
        except (KeyringUnavailable, InvalidSetting) as error:
            if wanted == "auto":
                said = "there is none; a new one is an encrypted file with a passphrase"
                return ok(Topic.KEYRING, f"{said}, because {error.message}")
            return problem(Topic.KEYRING, error.message, mend=error.hint)
        return ok(Topic.KEYRING, f"there is none; a new one is encrypted and opened by {words(backend)}")


def _network(subject: Subject) -> Check:
    async def look() -> Sequence[Finding]:
        found = await asyncio.gather(*(_reached(subject, service) for service in _services(subject.settings)))
        clocks = [each.ahead for each, _ in found if each is not None and each.ahead is not None]
        return [finding for _, finding in found] + [clock_finding(clocks[0] if clocks else None)]

    return Check(topic=Topic.NETWORK, doing="reaching AWS", look=look, seconds=subject.seconds + 2)


def _services(settings: Settings) -> tuple[str, ...]:
    """The services that this set-up needs, STS first, which tells the time."""
    places = (settings.store, *settings.ledgers.values())
    tables = any(isinstance(where, DynamoDbLocation) for where in places)
    policies = (settings.policies, *settings.sides.values())
    parameters = any(isinstance(where, SsmPolicies) for where in policies)
    return ("sts", *(["ssm"] if parameters else []), *(["dynamodb"] if tables else []))


async def _reached(subject: Subject, service: str) -> tuple[Reached | None, Finding]:
    from sentinel_server.adapters.aws.probes import Unreached, reach
    from sentinel_server.adapters.local.aws_config import config_paths
    from sentinel_server.credentials.endpoints import endpoint_of, sts_region

    settings = subject.settings
    profile = known_profile(settings, subject.profile or control_name(settings))
    region = settings.region or sts_region(profile, settings.environ)
    endpoint = endpoint_of(service, profile, settings.environ)
    files, clock = config_paths(settings.environ), SystemClock()
    try:
        found = await reach(service, region, endpoint, files, clock=clock, seconds=subject.seconds)
    except Unreached as error:
        proxies = [name for name in _PROXIES if settings.environ.get(name)]
        return None, unreached_finding(service, error.host, str(error), proxies)
    return found, reached_finding(found)


def known_profile(settings: Settings, name: str) -> Profile | None:
    """The profile, None when it is not there or means nothing: another check tells of that."""
    try:
        return profiles(settings).get(name)
    except SentinelError:
        return None


def _identity(subject: Subject, far: AwsChecks, visitor: Visitor) -> Check:
    async def look() -> Sequence[Finding]:
        name = far.name
        if subject.profile is None and not _usable(subject.settings, name):
            why = "what needs AWS was not looked at"
            return [warning(Topic.IDENTITY, f"there is no profile {name}", why, "sentinel doctor PROFILE")]
        try:
            principal = await far.open(visitor)
        except SentinelError as error:
            what = f"no base credentials of profile {name}: {error.message}"
            return [problem(Topic.IDENTITY, what, mend=error.hint)]
        return [ok(Topic.IDENTITY, f"profile {name}: {principal.arn}")]

    seconds = ATTENDED if subject.attended else subject.seconds
    return Check(topic=Topic.IDENTITY, doing="getting base credentials", look=look, seconds=seconds)


def _usable(settings: Settings, name: str) -> bool:
    """Whether the profile is there, or the environment itself has credentials."""
    try:
        there = name in profiles(settings).names()
    except SentinelError:
        there = False
    return there or bool(settings.environ.get("AWS_ACCESS_KEY_ID"))
