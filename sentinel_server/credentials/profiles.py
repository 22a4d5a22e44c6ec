"""Profiles of the shared AWS configuration, as values. Secrets in them are noticed and never kept.

The rules are botocore's: `[profile x]` and `[default]` in the config file, bare names in the credentials
file, whose entries win; blocks nest one level; keys have no case.
https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import timedelta
from enum import Enum

from sentinel_server.credentials.config_file import FileText, Section, parse_sections, titled
from sentinel_server.credentials.near import near_names, question
from sentinel_server.credentials.recursion import runs_sentinel
from sentinel_server.errors import InvalidArn, InvalidSetting, UnknownProfile
from sentinel_server.frozen import frozen
from sentinel_server.identity.arn import parse_role

DURATION_RANGE = (900, 43200)
"""Seconds that AssumeRole accepts as DurationSeconds."""


class ProfileKind(Enum):
    """Where the profile's own credentials come from, in botocore's order of preference."""

    WEB_IDENTITY = "web-identity"
    ROLE = "role"
    SSO = "sso"
    STATIC = "static"
    LOGIN = "login"
    PROCESS = "process"
    ENVIRONMENT = "environment"


class CredentialSource(Enum):
    """What `credential_source` may say."""

    ENVIRONMENT = "Environment"
    CONTAINER = "EcsContainer"
    INSTANCE = "Ec2InstanceMetadata"


@frozen
class Profile:
    """One profile. `duration` is its `duration_seconds`; `file` is where it was found, for messages.

    `settings` holds what is neither a credential nor a way to get one, `services` the service blocks of its
    `services` section. Kind ENVIRONMENT means that it names no credentials of its own.
    """

    name: str
    kind: ProfileKind
    file: str
    region: str | None = None
    output: str | None = None
    role_arn: str | None = None
    source_profile: str | None = None
    credential_source: CredentialSource | None = None
    external_id: str | None = None
    duration: timedelta | None = None
    mfa_serial: str | None = None
    mfa_process: str | None = None
    role_session_name: str | None = None
    credential_process: str | None = None
    web_identity_token_file: str | None = None
    sso_session: str | None = None
    sso_start_url: str | None = None
    sso_region: str | None = None
    sso_account_id: str | None = None
    sso_role_name: str | None = None
    sso_scopes: tuple[str, ...] = ()
    login_session: str | None = None
    has_static_keys: bool = False
    has_kept_keys: bool = False
    endpoint_url: str | None = None
    services_name: str | None = None
    services: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    settings: Section = field(default_factory=dict)

    @property
    def assumes(self) -> str | None:
        """The role a second hop can assume with a stamp.

        None without a role, and for a web identity, whose session STS gives for a token we cannot stamp.
        """
        return self.role_arn if self.kind is ProfileKind.ROLE else None


@frozen
class BaseSource:
    """Where base credentials come from: a profile, or a source outside the files. Exactly one is set."""

    profile: Profile | None = None
    outside: CredentialSource | None = None


@frozen
class Route:
    """The way to base credentials: a source, then `roles` assumed one after another, the last one last.

    `serial` is the MFA device of the first profile on the way, from the source on, that names one;
    `mfa_process` likewise the command that prints its codes.
    """

    leaf: BaseSource
    roles: tuple[Profile, ...] = ()
    serial: str | None = None
    mfa_process: str | None = None


class Profiles:
    """All profiles of one configuration; a profile is checked when it is asked for, not before."""

    def __init__(
        self, config: FileText | None, credentials: FileText | None, kept: Iterable[str] = ()
    ) -> None:
        """Reads both files' texts; a missing file is empty. Raises InvalidSetting for what is no INI file.

        `kept` are profiles whose keys are in the keyring; they are there even when no file names them.
        """
        self._sections: dict[str, dict[str, str | Mapping[str, str]]] = {}
        self._files: dict[str, str] = {}
        found = parse_sections(config) if config else {}
        for title, section in found.items():
            name = "default" if title == "default" else titled(title, "profile")
            if name is not None:
                self._add(name, section, config)
        for name, section in (parse_sections(credentials) if credentials else {}).items():
            self._add(name, section, credentials)
        self._kept = frozenset(kept)
        for name in self._kept:
            self._sections.setdefault(name, {})
        self._sso = _by_name(found, "sso-session")
        self._services = _by_name(found, "services")

    def _add(self, name: str, section: Section, file: FileText | None) -> None:
        self._sections.setdefault(name, {}).update(section)
        self._files.setdefault(name, file.path if file else "")

    def names(self) -> tuple[str, ...]:
        """The names of all profiles, sorted."""
        return tuple(sorted(self._sections))

    def get(self, name: str) -> Profile:
        """The profile; `default` is always there, if empty.

        Raises UnknownProfile, and InvalidSetting for what it says and cannot mean.
        """
        section = self._sections.get(name)
        if section is None and name != "default":
            raise _unknown(name, self.names())
        file = self._files.get(name, "the AWS configuration")
        reader = _Reader(name, section or {}, file, kept=name in self._kept)
        return reader.profile(self._sso, self._services)

    def chain(self, name: str) -> tuple[Profile, ...]:
        """The profile, its source, the source's source, to the one with credentials of its own.

        Raises InvalidSetting when the sources go round in a circle, or when one of them would ask Sentinel.
        """
        chain = [self._checked(name)]
        while (source := _next_source(chain[-1], first=len(chain) == 1)) is not None:
            if source in {profile.name for profile in chain}:
                raise InvalidSetting(
                    f"profile {name!r}: its source profiles go round in a circle at {source!r}",
                    hint=f"give {source!r} credentials of its own in {chain[-1].file}",
                )
            if source not in self._sections:
                last = chain[-1]
                raise InvalidSetting(
                    f"profile {last.name!r} in {last.file}: there is no source_profile {source!r}"
                )
            chain.append(self._checked(source))
        return tuple(chain)

    def route(self, name: str, *, itself: bool = False) -> Route:
        """How the base credentials of a profile are come by. Never by its own role, unless `itself`.

        `itself` is for an operator's profile, whose role is not what is issued. Raises as `chain` does.
        """
        target, *sources = self.chain(name)
        chain = [target, *sources] if itself or target.assumes is None else sources
        if not chain:  # its source is outside the files, or it is its own
            return Route(leaf=_leaf(target), serial=target.mfa_serial, mfa_process=target.mfa_process)
        last = chain[-1]
        own = last.has_static_keys or last.has_kept_keys
        ends = last.assumes is None or (own and not (itself and last is target))
        roles = [each for each in chain if each is not last or not ends]
        asked = [last, *reversed(roles), target]
        return Route(
            leaf=BaseSource(profile=last) if ends else _leaf(last),
            roles=tuple(reversed(roles)),
            serial=next((each.mfa_serial for each in asked if each.mfa_serial), None),
            mfa_process=next((each.mfa_process for each in asked if each.mfa_process), None),
        )

    def _checked(self, name: str) -> Profile:
        profile = self.get(name)
        if profile.credential_process and runs_sentinel(profile.credential_process):
            raise InvalidSetting(
                f"profile {name!r} in {profile.file}: its credential_process runs sentinel, "
                "which would ask itself",
                hint=f"put role_arn and source_profile into a profile of another name and let {name!r} run: "
                "sentinel credentials --profile THAT_NAME",
            )
        return profile


class _Reader:
    def __init__(self, name: str, section: Section, file: str, *, kept: bool) -> None:
        self._kept = kept
        self._name = name
        self._file = file
        self._section = section

    def profile(self, sso: Mapping[str, Section], services: Mapping[str, Section]) -> Profile:
        sso_session, services_name = self._text("sso_session"), self._text("services")
        section = self._section_of(sso, sso_session, "sso-session")
        return Profile(
            name=self._name,
            file=self._file,
            kind=self._kind(),
            region=self._text("region"),
            output=self._text("output"),
            role_arn=self._role(),
            source_profile=self._text("source_profile"),
            credential_source=self._source(),
            external_id=self._text("external_id"),
            duration=self._duration(),
            mfa_serial=self._text("mfa_serial"),
            mfa_process=self._text("mfa_process"),
            role_session_name=self._text("role_session_name"),
            credential_process=self._text("credential_process"),
            web_identity_token_file=self._text("web_identity_token_file"),
            sso_session=sso_session,
            sso_start_url=_plain(section.get("sso_start_url")) or self._text("sso_start_url"),
            sso_region=_plain(section.get("sso_region")) or self._text("sso_region"),
            sso_account_id=self._text("sso_account_id"),
            sso_role_name=self._text("sso_role_name"),
            sso_scopes=_scopes(section),
            login_session=self._text("login_session"),
            has_static_keys=self._has("aws_access_key_id"),
            has_kept_keys=self._uses_kept(),
            endpoint_url=self._text("endpoint_url"),
            services_name=services_name,
            services=_blocks(self._section_of(services, services_name, "services")),
            settings={key: value for key, value in self._section.items() if not _sensitive(key)},
        )

    def _kind(self) -> ProfileKind:
        for keys, kind in _KINDS:
            if all(self._has(key) for key in keys):
                return kind
        return ProfileKind.ENVIRONMENT

    def _role(self) -> str | None:
        role = self._text("role_arn")
        if role is None:
            return None
        try:
            parse_role(role)
        except InvalidArn as error:
            raise self._wrong(f"role_arn: {error.message}") from error
        sources = [key for key in _ROLE_SOURCES if self._has(key)]
        if len(sources) != 1 and not self._uses_kept():
            said = " and ".join(sources) or "nothing"
            raise self._wrong(f"a role_arn needs one of {', '.join(_ROLE_SOURCES)}, and it has {said}")
        return role

    def _uses_kept(self) -> bool:
        """Whether the keys in the keyring are this profile's: it names no others, and no other source.

        A role without a source is assumed with them, as aws-vault does.
        """
        if not self._kept or self._kind() not in (ProfileKind.ENVIRONMENT, ProfileKind.ROLE):
            return False
        elsewhere = any(self._has(key) for key in ("aws_access_key_id", *_ROLE_SOURCES[1:]))
        return not elsewhere and self._text("source_profile") in (None, self._name)

    def _source(self) -> CredentialSource | None:
        said = self._text("credential_source")
        if said is None:
            return None
        for source in CredentialSource:
            if source.value == said:
                return source
        raise self._wrong(
            f"credential_source may be {', '.join(known.value for known in CredentialSource)}, not {said!r}"
        )

    def _duration(self) -> timedelta | None:
        said = self._text("duration_seconds")
        if said is None:
            return None
        low, high = DURATION_RANGE
        if not (said.isascii() and said.isdigit()) or not low <= int(said) <= high:
            raise self._wrong(f"duration_seconds must be {low} to {high}, not {said!r}")
        return timedelta(seconds=int(said))

    def _section_of(self, sections: Mapping[str, Section], name: str | None, what: str) -> Section:
        if name is None:
            return {}
        if name not in sections:
            raise self._wrong(f"there is no [{what} {name}]")
        return sections[name]

    def _has(self, key: str) -> bool:
        return bool(self._section.get(key))

    def _text(self, key: str) -> str | None:
        value = self._section.get(key)
        if value is not None and not isinstance(value, str):
            raise self._wrong(f"{key} must be a value, not a block")
        return value or None

    def _wrong(self, why: str) -> InvalidSetting:
        return InvalidSetting(f"profile {self._name!r} in {self._file}: {why}", hint="edit it there")


_ROLE_SOURCES = ("source_profile", "credential_source", "web_identity_token_file")
_KINDS = (
    (("role_arn", "web_identity_token_file"), ProfileKind.WEB_IDENTITY),
    (("role_arn",), ProfileKind.ROLE),
    (("sso_account_id",), ProfileKind.SSO),
    (("sso_role_name",), ProfileKind.SSO),
    (("aws_access_key_id",), ProfileKind.STATIC),
    (("login_session",), ProfileKind.LOGIN),
    (("credential_process",), ProfileKind.PROCESS),
)


def _leaf(profile: Profile) -> BaseSource:
    """Where a profile that assumes a role takes credentials from, when that is no other profile."""
    if profile.assumes and profile.credential_source is not None:
        return BaseSource(outside=profile.credential_source)
    return BaseSource(profile=profile)


def _next_source(profile: Profile, *, first: bool) -> str | None:
    """The profile that `profile` takes its credentials from; None when the chain ends here."""
    if profile.assumes is None or profile.source_profile is None:
        return None
    own = profile.has_static_keys or profile.has_kept_keys
    if own and (not first or profile.source_profile == profile.name):
        return None
    return profile.source_profile


def _by_name(sections: Mapping[str, Section], kind: str) -> dict[str, Section]:
    named = ((titled(title, kind), section) for title, section in sections.items())
    return {name: section for name, section in named if name is not None}


def _blocks(section: Section) -> dict[str, Mapping[str, str]]:
    return {key: value for key, value in section.items() if not isinstance(value, str)}


def _scopes(section: Section) -> tuple[str, ...]:
    said = _plain(section.get("sso_registration_scopes")) or ""
    return tuple(scope.strip() for scope in said.split(",") if scope.strip())


def _plain(value: str | Mapping[str, str] | None) -> str | None:
    return value if isinstance(value, str) and value else None


def _sensitive(key: str) -> bool:
    return key.startswith("aws_") or key in _WAYS_TO_CREDENTIALS


_WAYS_TO_CREDENTIALS = frozenset(
    {"credential_process", "web_identity_token_file", "role_arn", "source_profile", "credential_source"}
    | {"external_id", "mfa_serial", "mfa_process", "role_session_name", "duration_seconds", "login_session"}
    | {"sso_session", "sso_start_url", "sso_region", "sso_account_id", "sso_role_name"}
)


def _unknown(name: str, names: tuple[str, ...]) -> UnknownProfile:
    some = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    listed = f"there are: {some}" if names else "the configuration has no profiles"
    return UnknownProfile(f"there is no profile {name!r}; {listed}", hint=question(near_names(name, names)))
