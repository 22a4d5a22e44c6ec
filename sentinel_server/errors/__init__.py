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

from sentinel_server.errors.bad_input import (
    BadInput,
    InvalidArn,
    InvalidIdentifier,
    InvalidPolicy,
    InvalidSetting,
    Nested,
    Problem,
    UnknownProfile,
)
from sentinel_server.errors.base import (
    BODY_LIMIT,
    SentinelError,
    all_errors,
)
from sentinel_server.errors.refused import (
    ApprovalRequired,
    Blocked,
    BreakGlassLimited,
    BreakGlassRefused,
    CannotStamp,
    CutOff,
    DeadlineTooNear,
    LoginRequired,
    MfaLocked,
    MfaRefused,
    MfaRequired,
    PolicyDenied,
    PrincipalChanged,
    Refused,
    RequestRefused,
    RoleRefused,
    ServerModeRequired,
    SessionEnded,
    SessionLapsed,
    SessionRequired,
    SessionRevoked,
    UnstampedProfile,
)
from sentinel_server.errors.unverifiable import (
    AuditUnavailable,
    ClockSkewed,
    IdentityUnavailable,
    KeyringLocked,
    KeyringUnavailable,
    MfaUnavailable,
    PolicyUnavailable,
    PolicyUnverified,
    SessionMissing,
    StoreRefused,
    StoreUnavailable,
    TooLate,
    Unverifiable,
    UpstreamFailed,
)
from sentinel_server.errors.various import (
    AlreadyExists,
    EmergencyOver,
    Findings,
    NotAuthenticated,
    NotFound,
    NotificationFailed,
    PolicyChanged,
    RateLimited,
    RequestOver,
    RotationStopped,
)

__all__ = [
    "BODY_LIMIT",
    "AlreadyExists",
    "ApprovalRequired",
    "AuditUnavailable",
    "BadInput",
    "Blocked",
    "BreakGlassLimited",
    "BreakGlassRefused",
    "CannotStamp",
    "ClockSkewed",
    "CutOff",
    "DeadlineTooNear",
    "EmergencyOver",
    "Findings",
    "IdentityUnavailable",
    "InvalidArn",
    "InvalidIdentifier",
    "InvalidPolicy",
    "InvalidSetting",
    "KeyringLocked",
    "KeyringUnavailable",
    "LoginRequired",
    "MfaLocked",
    "MfaRefused",
    "MfaRequired",
    "MfaUnavailable",
    "Nested",
    "NotAuthenticated",
    "NotFound",
    "NotificationFailed",
    "PolicyChanged",
    "PolicyDenied",
    "PolicyUnavailable",
    "PolicyUnverified",
    "PrincipalChanged",
    "Problem",
    "RateLimited",
    "Refused",
    "RequestOver",
    "RequestRefused",
    "RoleRefused",
    "RotationStopped",
    "SentinelError",
    "ServerModeRequired",
    "SessionEnded",
    "SessionLapsed",
    "SessionMissing",
    "SessionRequired",
    "SessionRevoked",
    "StoreRefused",
    "StoreUnavailable",
    "TooLate",
    "UnknownProfile",
    "UnstampedProfile",
    "Unverifiable",
    "UpstreamFailed",
    "all_errors",
]
