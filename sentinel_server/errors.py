"""Everything Sentinel raises on purpose.

    SentinelError                1  500
    ├── BadInput                 2       what was typed or configured cannot be used
    │   ├── InvalidPolicy
    │   ├── InvalidSetting
    │   ├── InvalidIdentifier
    │   ├── InvalidArn
    │   ├── UnknownProfile
    │   └── Nested
    ├── Refused                  3  403  a decision: the answer is no
    │   ├── PolicyDenied
    │   ├── ServerModeRequired
    │   ├── SessionRequired
    │   ├── CannotStamp
    │   ├── RoleRefused
    │   ├── UnstampedProfile
    │   ├── DeadlineTooNear
    │   ├── PrincipalChanged
    │   ├── LoginRequired
    │   ├── RequestRefused
    │   ├── BreakGlassRefused
    │   ├── BreakGlassLimited
    │   ├── MfaRequired
    │   ├── MfaRefused
    │   │   └── MfaLocked
    │   ├── ApprovalRequired     4
    │   └── CutOff               5
    │       ├── SessionRevoked
    │       ├── SessionEnded
    │       ├── SessionLapsed
    │       └── Blocked
    ├── Unverifiable             6  500  nothing said no, but nothing could say yes
    │   ├── PolicyUnavailable
    │   │   └── PolicyUnverified
    │   ├── StoreUnavailable
    │   │   └── StoreRefused
    │   ├── SessionMissing
    │   ├── AuditUnavailable
    │   ├── IdentityUnavailable
    │   ├── MfaUnavailable
    │   ├── UpstreamFailed
    │   ├── ClockSkewed
    │   ├── TooLate
    │   └── KeyringUnavailable
    │       └── KeyringLocked
    ├── NotAuthenticated            403  the loopback request is not from our child
    ├── RateLimited                 500
    ├── NotFound
    ├── AlreadyExists
    ├── PolicyChanged
    ├── RequestOver
    ├── EmergencyOver
    ├── NotificationFailed
    ├── RotationStopped
    └── Findings                 1       an audit found something

The first number is the exit status of the command line, the second the HTTP status of the loopback
server. Every leaf has a code that `docs/errors.md` explains and that never changes its meaning.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import ClassVar

from sentinel_server.frozen import frozen

BODY_LIMIT = 300
"""Characters a refusal may take in an HTTP body: SDKs print it inside their own exception."""


class SentinelError(Exception):
    """Something a person must read: what happened and why, and in `hint` what to do next."""

    code: ClassVar[str] = "Failed"
    exit_status: ClassVar[int] = 1
    http_status: ClassVar[int] = 500
    default_hint: ClassVar[str] = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = self.default_hint if hint is None else hint

    def line(self, limit: int = BODY_LIMIT) -> str:
        """The message and the next step on one line of at most `limit` characters.

        What is too long is cut in the message, because nobody can act on half a next step.
        """
        message, hint = " ".join(self.message.split()), " ".join(self.hint.split())
        if not hint:
            return _cut(message, limit)
        hint = _cut(hint, limit * 2 // 3)
        return f"{_cut(message, limit - len(hint) - 2)}; {hint}"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


class BadInput(SentinelError):
    """What was typed or configured cannot be used."""

    code = "BadInput"
    exit_status = 2


@frozen
class Problem:
    """One fault of a document, at a line and column counted from 1; `path` is as in `rules[2].reason`."""

    file: str
    line: int
    column: int
    path: str
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}: "
        what = f"{self.path}: {self.message}" if self.path else self.message
        return where + (f"{what}; {self.suggestion}" if self.suggestion else what)


class InvalidPolicy(BadInput):
    """A policy document that does not say what a policy may say, with every fault in `problems`."""

    code = "InvalidPolicy"
    exit_status = 2
    default_hint = "check it: sentinel policy validate FILE"

    def __init__(self, message: str, *, hint: str | None = None, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.problems = problems


class InvalidSetting(BadInput):
    """A flag, variable or configuration entry with a value that means nothing."""

    code = "InvalidSetting"
    default_hint = "see what is set and from where: sentinel config show"


class InvalidIdentifier(BadInput):
    """A session id, stamp or name that is not of its form."""

    code = "InvalidIdentifier"


class InvalidArn(BadInput):
    """An ARN that names nobody we know how to name."""

    code = "InvalidArn"


class UnknownProfile(BadInput):
    """A profile that the AWS configuration does not have."""

    code = "UnknownProfile"
    default_hint = "list yours: sentinel profiles"


class Nested(BadInput):
    """Sentinel was started inside a shell that it already serves."""

    code = "Nested"
    default_hint = "leave this shell first: exit; to switch inside of one, see: sentinel shell init --help"


class Refused(SentinelError):
    """A decision: the answer is no."""

    code = "Refused"
    exit_status = 3
    http_status = 403


class PolicyDenied(Refused):
    """A rule denies, or no rule allows."""

    code = "PolicyDenied"
    default_hint = "see why: sentinel policy explain --profile NAME"


class ServerModeRequired(Refused):
    """The rule wants every fetch decided anew, so a one-shot door may not serve it."""

    code = "ServerModeRequired"
    default_hint = "use the server: sentinel exec --server --profile NAME -- COMMAND"


class SessionRequired(Refused):
    """The rule wants a session in a store that this door does not use."""

    code = "SessionRequired"
    default_hint = (
        "name the shared store: sentinel exec --server --session-table TABLE --profile NAME -- COMMAND"
    )


class CannotStamp(Refused):
    """STS did not accept our SourceIdentity, and nothing is issued without it."""

    code = "CannotStamp"
    default_hint = "allow sts:SetSourceIdentity in the role's trust policy and in the caller's permissions"


class RoleRefused(Refused):
    """AWS does not let the base credentials assume the role."""

    code = "RoleRefused"
    default_hint = "allow sts:AssumeRole in the role's trust policy and in the caller's permissions"


class UnstampedProfile(Refused):
    """The profile has no role to assume, so its credentials can carry no stamp."""

    code = "UnstampedProfile"
    default_hint = "give the profile a role_arn, or say allow_unstamped: true in the rule"


class DeadlineTooNear(Refused):
    """So little time is left that no credential could be used, or AWS could not be told to stop it."""

    code = "DeadlineTooNear"


class PrincipalChanged(Refused):
    """The base credentials now belong to somebody else than at the start."""

    code = "PrincipalChanged"
    default_hint = "start again: sentinel exec --server --profile NAME -- COMMAND"


class LoginRequired(Refused):
    """The base credentials have lapsed and only a person can renew them."""

    code = "LoginRequired"
    default_hint = "log in again: sentinel sso login --profile NAME"


class RequestRefused(Refused):
    """The approval policy does not let this person ask for this, or decide about it."""

    code = "RequestRefused"
    default_hint = "see who may: the approval policy, with sentinel config show"


class BreakGlassRefused(Refused):
    """The break-glass policy does not let this person open this, or close or review it."""

    code = "BreakGlassRefused"
    default_hint = "see who may: the break-glass policy, with sentinel config show"


class BreakGlassLimited(Refused):
    """An emergency is open already, or a cooldown or a quota is in the way."""

    code = "BreakGlassLimited"
    default_hint = "see what was opened: sentinel breakglass-list"


class MfaRequired(Refused):
    """A second factor is wanted, and no code was given."""

    code = "MfaRequired"
    default_hint = "say it again with --mfa-code CODE"


class MfaRefused(Refused):
    """The code proves nothing: wrong, used before, too old, or somebody else's."""

    code = "MfaRefused"
    default_hint = "wait for the next code and try again; what is enrolled: sentinel mfa status"


class MfaLocked(MfaRefused):
    """Too many wrong codes; until the lock ends not even the right one counts."""

    code = "MfaLocked"
    default_hint = "until when: sentinel mfa status; was it not you, tell the security team"


class ApprovalRequired(Refused):
    """The rule wants somebody else to agree first."""

    code = "ApprovalRequired"
    exit_status = 4
    default_hint = "ask for it: sentinel request --profile NAME --justification WHY"


class CutOff(Refused):
    """The session, its person or its profile has been cut off."""

    code = "CutOff"
    exit_status = 5


class SessionRevoked(CutOff):
    """Somebody revoked the session."""

    code = "SessionRevoked"
    default_hint = "talk to whoever revoked it; then start a new session"


class SessionEnded(CutOff):
    """The session was ended by its owner or reached its end."""

    code = "SessionEnded"
    default_hint = "start a new session: sentinel exec --server --profile NAME -- COMMAND"


class SessionLapsed(CutOff):
    """The session's server gave no sign of life for too long."""

    code = "SessionLapsed"
    default_hint = "start a new session: sentinel exec --server --profile NAME -- COMMAND"


class Blocked(CutOff):
    """The person, the profile or everyone is blocked."""

    code = "Blocked"
    default_hint = "ask the security team; they see it with: sentinel server-blocks"


class Unverifiable(SentinelError):
    """Nothing said no, but what could have said yes did not answer."""

    code = "Unverifiable"
    exit_status = 6
    http_status = 500


class PolicyUnavailable(Unverifiable):
    """The policy could not be read or understood."""

    code = "PolicyUnavailable"
    default_hint = "check the source: sentinel config show"


class PolicyUnverified(PolicyUnavailable):
    """The policy was read, and its signature does not show that it is the one to be used."""

    code = "PolicyUnverified"
    default_hint = "see why: sentinel policy verify PROFILE"


class StoreUnavailable(Unverifiable):
    """The session store did not answer in time, or not usably."""

    code = "StoreUnavailable"
    default_hint = "try again; check the store: sentinel server-sessions"


class StoreRefused(StoreUnavailable):
    """The permissions of whoever asked do not allow to write that; nothing was written."""

    code = "StoreRefused"
    default_hint = "see what your role may write: sentinel init all --generate-iam"


class SessionMissing(Unverifiable):
    """The session's row is not in the store."""

    code = "SessionMissing"
    default_hint = "start a new session: sentinel exec --server --profile NAME -- COMMAND"


class AuditUnavailable(Unverifiable):
    """What is about to happen could not be written down."""

    code = "AuditUnavailable"
    default_hint = "free the disk or fix the permissions of the audit log: sentinel config show"


class IdentityUnavailable(Unverifiable):
    """Who is asking could not be established."""

    code = "IdentityUnavailable"
    default_hint = "check the base credentials: aws sts get-caller-identity"


class MfaUnavailable(Unverifiable):
    """No second factor could be checked: there is none, or its secret cannot be read or used."""

    code = "MfaUnavailable"
    default_hint = "see what is enrolled: sentinel mfa status"


class UpstreamFailed(Unverifiable):
    """AWS did not do what was asked of it."""

    code = "UpstreamFailed"
    default_hint = "try again"


class ClockSkewed(Unverifiable):
    """This machine's clock is too far from AWS's."""

    code = "ClockSkewed"
    default_hint = "set this machine's clock (NTP) and try again"


class TooLate(Unverifiable):
    """The answer was not complete within the deadline of a fetch."""

    code = "TooLate"
    default_hint = "try again"


class KeyringUnavailable(Unverifiable):
    """The keyring could not be read or written, or keeps nothing safe."""

    code = "KeyringUnavailable"
    default_hint = "see what it is and where: sentinel keyring list"


class KeyringLocked(KeyringUnavailable):
    """Nobody could say the passphrase, or what was said does not open the keyring."""

    code = "KeyringLocked"
    default_hint = "run this in a terminal, or set keyring.passphrase_command or SENTINEL_KEYRING_PASSPHRASE"


class NotAuthenticated(SentinelError):
    """A loopback request without our token, our Host or our user behind it."""

    code = "NotAuthenticated"
    exit_status = 3
    http_status = 403


class RateLimited(SentinelError):
    """More fetches than the limit allows."""

    code = "RateLimited"
    default_hint = "slow down, or raise rate_limit"


class NotFound(SentinelError):
    """What was named is not there."""

    code = "NotFound"


class AlreadyExists(SentinelError):
    """What was to be made is there already."""

    code = "AlreadyExists"


class PolicyChanged(SentinelError):
    """Somebody else changed a policy between the reading of it and the writing."""

    code = "PolicyChanged"
    default_hint = "look at what is there now: sentinel policy history PROFILE"


class RequestOver(SentinelError):
    """The request cannot be changed so, because something else has become of it already."""

    code = "RequestOver"
    default_hint = "list yours: sentinel list --mine"


class EmergencyOver(SentinelError):
    """The emergency cannot be closed or reviewed, because that has happened, or has to happen first."""

    code = "EmergencyOver"
    default_hint = "list them: sentinel breakglass-list"


class NotificationFailed(SentinelError):
    """A destination did not take a message; it stays in the outbox.

    `retry_after` is what the destination itself asked for.
    """

    code = "NotificationFailed"
    default_hint = "what is still to be delivered: sentinel notify list; deliver it: sentinel notify flush"

    def __init__(
        self, message: str, *, hint: str | None = None, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class RotationStopped(SentinelError):
    """The rotation of an access key did not come to its end; the key in use works, and it can be resumed."""

    code = "RotationStopped"
    default_hint = "carry on: sentinel keyring rotate PROFILE"


class Findings(SentinelError):
    """A check was completed and found something."""

    code = "Findings"


def all_errors() -> Iterator[type[SentinelError]]:
    """Every error class, parents first, in the order of the tree above."""

    def below(kind: type[SentinelError]) -> Iterator[type[SentinelError]]:
        yield kind
        for child in kind.__subclasses__():
            yield from below(child)

    return below(SentinelError)
