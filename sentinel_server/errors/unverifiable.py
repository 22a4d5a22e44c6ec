"""Nothing said no, but nothing could say yes: that is no, too."""

from __future__ import annotations

from sentinel_server.errors.base import SentinelError


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
