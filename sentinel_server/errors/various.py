"""What ends otherwise: a caller who is not ours, and all that is no question of credentials."""

from __future__ import annotations

from datetime import timedelta

from sentinel_server.errors.base import SentinelError


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
