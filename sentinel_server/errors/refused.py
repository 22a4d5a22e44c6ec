"""A decision has been made, and the answer is no."""

from __future__ import annotations

from sentinel_server.errors.base import SentinelError


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
