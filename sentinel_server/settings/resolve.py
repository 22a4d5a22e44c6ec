"""From flags, variables and the file to one frozen value, with a note of which of them won."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from datetime import timedelta
from enum import IntEnum
from pathlib import Path

from sentinel_server.credentials.recursion import RESOLVING
from sentinel_server.errors import InvalidSetting
from sentinel_server.frozen import frozen
from sentinel_server.identity.people import Persons
from sentinel_server.policy.kinds import SIDE_NAMES, DocumentKind
from sentinel_server.policy.schema import Lease
from sentinel_server.records.model import Ledger
from sentinel_server.settings.destinations import DestinationSetting
from sentinel_server.settings.directories import Directories as Directories
from sentinel_server.settings.locations import (
    CloudWatchLocation,
    PolicyLocation,
    SsmFactors,
    StoreLocation,
    beside,
    ledgers_beside,
)
from sentinel_server.settings.table import Setting, read_value, settings_table


@frozen
class Won:
    """One setting as it is in force: its text, and where it came from in a reader's words."""

    name: str
    text: str
    where: str


@frozen
class ConfigFile:
    """What `config.yaml` says: texts by setting name, people by name, each with its line."""

    path: Path
    values: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    people: Mapping[str, Sequence[str]] = field(default_factory=dict)


@frozen
class Settings:
    """Everything that is set. Rooms never see it; `wiring` hands each what it needs."""

    directories: Directories
    policies: PolicyLocation
    sides: Mapping[DocumentKind, PolicyLocation]
    store: StoreLocation
    ledgers: Mapping[Ledger, StoreLocation]
    region: str | None
    control_profile: str | None
    lease: Lease | None
    enforce_lease: bool
    server_duration: timedelta | None
    max_session: timedelta
    policy_max_age: timedelta
    rate_limit: int
    server_port: int
    listen: str
    allow_uid: tuple[int, ...]
    heartbeat: timedelta
    lapse_after: timedelta
    session_tags: bool
    signing_keys: Path | None
    signing_root: tuple[bytes, ...]
    signing_required: bool | None
    approvals_signing: bool | None
    approvals_keys: Path | None
    approvals_key_file: Path | None
    approvals_kms_key: str | None
    approvals_ticket_pattern: re.Pattern[str] | None
    approvals_max_pending: int
    keyring_backend: str
    keyring_file: Path
    keyring_passphrase_command: str | None
    auto_login: bool
    open_browser: bool
    audit_directory: Path
    audit_required: bool
    audit_checkpoint_every: int
    audit_signing_key: Path | str | None
    audit_keys: Path | None
    audit_file_mib: int
    audit_sinks: tuple[str, ...]
    audit_cloudwatch: CloudWatchLocation | None
    audit_stream: str
    audit_syslog: Path
    audit_max_lag: timedelta | None
    notifications_to: tuple[DestinationSetting, ...]
    notifications_link_base: str | None
    notifications_allow_private: bool
    notifications_within: timedelta
    mfa_secrets: SsmFactors | None
    mfa_sms_region: str | None
    persons: Persons
    won: tuple[Won, ...]
    environ: Mapping[str, str]


def resolve(
    flags: Mapping[str, str | None], environ: Mapping[str, str], file: ConfigFile, directories: Directories
) -> Settings:
    """The settings in force. `flags` has texts by setting name. Raises InvalidSetting for the first bad
    one.
    """
    table = settings_table(directories.state, directories.config)
    _refuse_unknown(environ, table)
    values: dict[str, object] = {}
    won: dict[str, _Winner] = {}
    for name, setting in table.items():
        won[name] = _winner(setting, flags, environ, file)
        text, where = won[name].text, won[name].where
        values[name] = None if text is None else read_value(setting, text, where)
    for loser, winner in _overridden(won):
        values[loser] = None
        won[loser] = replace(won[loser], text=None, where=f"overridden by {winner} ({won[winner].where})")
    _check_beats(values)
    _check_sinks(values)
    told = tuple(Won(name=name, text=each.text or "", where=each.where) for name, each in won.items())
    settings = _settings(values, told, environ, file, directories)
    return replace(settings, won=tuple(_in_force(each, settings.sides) for each in told))


def _in_force(won: Won, sides: Mapping[DocumentKind, PolicyLocation]) -> Won:
    """A side policy that nobody has placed is beside the others, and that place is in force."""
    kind = next((kind for kind, name in SIDE_NAMES.items() if name == won.name), None)
    if kind is None or won.text:
        return won
    return replace(won, text=str(sides[kind]), where="beside the policies")


def _check_beats(values: Mapping[str, object]) -> None:
    """A session that is given up between two signs of life would be refused for no reason anybody sees."""
    heartbeat, lapse_after = values["heartbeat"], values["lapse_after"]
    if isinstance(heartbeat, timedelta) and isinstance(lapse_after, timedelta) and lapse_after <= heartbeat:
        raise InvalidSetting("lapse_after must be longer than heartbeat, or every session lapses")


def _check_sinks(values: Mapping[str, object]) -> None:
    """A place that is named and not used, or used and not named, is a mistake and not a wish."""
    sinks, group = values["audit.sinks"], values["audit.cloudwatch"]
    assert isinstance(sinks, tuple)  # noqa: S101  # its reader made it
    if ("cloudwatch" in sinks) is not (group is not None):
        raise InvalidSetting("audit.sinks has cloudwatch exactly when audit.cloudwatch names a log group")
    if values["audit.max_lag"] is not None and not {"cloudwatch", "syslog"} & set(sinks):
        raise InvalidSetting("audit.max_lag is about cloudwatch and syslog, and neither is in audit.sinks")


class _Rank(IntEnum):
    """How strong a source is; the stronger wins."""

    DEFAULT = 0
    FILE = 1
    VARIABLE = 2
    FLAG = 3


@frozen
class _Winner:
    text: str | None
    where: str
    rank: _Rank


def _winner(
    setting: Setting, flags: Mapping[str, str | None], environ: Mapping[str, str], file: ConfigFile
) -> _Winner:
    flag = flags.get(setting.name)
    if flag is not None:
        return _Winner(text=flag, where="flag", rank=_Rank.FLAG)
    if environ.get(setting.variable):
        return _Winner(text=environ[setting.variable], where=setting.variable, rank=_Rank.VARIABLE)
    if setting.name in file.values:
        text, line = file.values[setting.name]
        return _Winner(text=text, where=f"{file.path}:{line}", rank=_Rank.FILE)
    return _Winner(text=setting.default, where="default", rank=_Rank.DEFAULT)


_TWO_FORMS = (("policy_parameter", "policies"), ("session_table", "store"))
"""Settings of which a place has two: the stronger source wins, of equal ones the first form."""


def _overridden(won: Mapping[str, _Winner]) -> Iterator[tuple[str, str]]:
    """Which form of a place is not in force, and the one that is."""
    for narrow, wide in _TWO_FORMS:
        if won[narrow].text is not None:
            loses = won[narrow].rank < won[wide].rank
            yield (narrow, wide) if loses else (wide, narrow)


def _settings(
    values: dict[str, object],
    won: tuple[Won, ...],
    environ: Mapping[str, str],
    file: ConfigFile,
    directories: Directories,
) -> Settings:
    policies, store = values.pop("policies"), values.pop("store")
    parameter, table = values.pop("policy_parameter"), values.pop("session_table")
    place = parameter or policies
    named = {Ledger.REQUESTS: values.pop("request_table"), Ledger.BREAKGLASS: values.pop("breakglass_table")}
    sides = {kind: values.pop(name) or beside(place, name) for kind, name in SIDE_NAMES.items()}  # type: ignore[arg-type]
    values["signing.root"] = values["signing.root"] or ()
    fields = {name.replace(".", "_"): value for name, value in values.items()}
    return Settings(
        directories=directories,
        policies=place,  # type: ignore[arg-type]  # why: the table's readers made them
        sides=sides,  # type: ignore[arg-type]
        store=table or store,  # type: ignore[arg-type]
        ledgers=ledgers_beside(table or store, named),  # type: ignore[arg-type]
        persons=Persons(file.people),
        won=won,
        environ=environ,
        **fields,  # type: ignore[arg-type]
    )


def _refuse_unknown(environ: Mapping[str, str], table: Mapping[str, Setting]) -> None:
    """A misspelt variable would leave a protection at its default in silence."""
    known = {setting.variable for setting in table.values()} | OTHER_VARIABLES
    for name in sorted(environ):
        if name.startswith("SENTINEL_") and name not in known:
            raise InvalidSetting(
                f"{name} is not a variable of sentinel", hint="unset it, or see docs/settings.md"
            )


def known_settings() -> tuple[str, ...]:
    """The name of every setting, in the order of the documentation."""
    return tuple(settings_table(Path("/"), Path("/")))


COMMAND_VARIABLES = frozenset(
    f"SENTINEL_{command}_{option}"
    for command, options in {
        "SESSIONS": "STATUS ALL USER PERSON MINE PROFILE SINCE LIMIT NEXT WATCH",
        "REQUEST": "DURATION JUSTIFICATION TICKET WAIT",
        "LIST": "MINE TO_APPROVE STATUS PROFILE USER SINCE LIMIT NEXT",
        "CHECK": "EXIT_STATUS",
        "DECIDE": "COMMENT",
        "CANCEL": "GIVE_BACK",
        "SWEEP": "LOOK_BACK",
        "REVOKE": "USER PROFILE ALL REASON UNTIL",
        "BLOCKS": "ALL",
        "CONSOLE": "SERVICE STDOUT DURATION",
        "EXPORT": "FORMAT DURATION",
        "BREAKGLASS": "REASON_CODE JUSTIFICATION TICKET DURATION MFA_CODE MFA_CHALLENGE_ID DRILL",
        "BREAKGLASS_LIST": "STATUS PERSON MINE PROFILE UNREVIEWED DRILLS SINCE LIMIT NEXT",
        "BREAKGLASS_CLOSE": "REASON",
        "BREAKGLASS_REVIEW": "JUSTIFIED NOT_JUSTIFIED COMMENT",
        "EXEC": "SERVER LAZY DURATION DOCKER WRITE",
        "CREDENTIALS": "DURATION",
        "EXPLAIN": "USER MATRIX MODE AT FILE",
        "SANDBOX": "SHELL SHARED STORY",
        "AUDIT": "KEY_FILE EXPECT_HEAD USER PERSON PROFILE REQUEST SESSION ACTION EFFECT SINCE UNTIL CHAIN "
        "LIMIT LINES FOLLOW",
        "IMPORT": "FROM DIR REPLACE DRY_RUN",
        "KEYRING": "ENV STDIN REPLACE CHECK MFA_SEED TO",
        "GENERATE": "TEMPLATE PROFILE USER APPROVER OUTPUT_DIR FORCE",
        "VALIDATE": "PATH SSM KIND",
        "POLICY": "SIGN_WITH KMS_KEY VALID_FOR",
        "DIFF": "TEXT_ONLY MEANING_ONLY",
        "FMT": "CHECK WRITE DROP_COMMENTS",
        "KEYS": "PUBLIC_KEY KMS_KEY ID NOT_BEFORE NOT_AFTER OWNER SERIAL AT",
        "LINT": "FAIL_ON",
        "PULL": "OUTPUT VERSION VERIFY",
        "PUSH": "SIGNATURE EXPECT_VERSION TIER SECURE KMS_KEY_ID NO_TESTS",
        "ROLLBACK": "TO",
        "SIGN": "PARAMETER ACCOUNT SERIAL OUTPUT",
        "TEST": "COVERAGE FAIL_UNDER_COVERAGE JUNIT",
        "VERIFY": "SIGNATURE PARAMETER ACCOUNT",
        "NOTIFY": "EARLY WITHIN TO",
        "MFA": "PERSON PHONE REPLACE",
        "SHELL": "FORMAT NAME INCLUDE_SERVER FUNCTIONS",
        "SSO": "SSO_SESSION FORCE",
        "STATUS": "PROMPT",
        "DOCTOR": "WITHIN",
        "WIZARD": "PROFILE USER ALLOW_UNSTAMPED SERVER APPROVALS APPROVER BREAKGLASS SIGNING TABLES SSM "
        "RESTART FORCE",
        "CONFIG": "ORIGIN DRY_RUN",
        "INIT": "USER FORCE ALLOW_UNSTAMPED PLAN GENERATE_IAM ACCOUNT",
    }.items()
    for option in options.split()
)
"""Variables of options that one command has to itself."""

OTHER_VARIABLES = COMMAND_VARIABLES | {
    *("SENTINEL_PROFILE", "SENTINEL_CONFIG", "SENTINEL_OUTPUT", "SENTINEL_YES", "SENTINEL_MFA_TOKEN"),
    *("SENTINEL_DYNAMODB_LOCAL", "SENTINEL_KEYRING_PASSPHRASE", "SENTINEL_KEYRING_NEW_PASSPHRASE", RESOLVING),
}
"""Variables that are not settings: a profile, the configuration file, an output format, a yes to every
question, a code of an MFA device, a tool of our tests, passphrases (no setting is a secret), and our own mark
on a process that we wait for.
"""
