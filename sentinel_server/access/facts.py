"""Everything a decision may look at, and what it can be. Nothing here asks anybody anything.

What could not be read is a fact too: it arrives as the error that says so, and is a refusal.
"""

from __future__ import annotations

from dataclasses import field
from datetime import datetime, timedelta

from sentinel_server.breakglass.model import Emergency
from sentinel_server.errors import SentinelError
from sentinel_server.frozen import frozen
from sentinel_server.identity.people import Persons
from sentinel_server.identity.principal import Principal
from sentinel_server.identity.source_identity import Marker
from sentinel_server.policy.schema import FULL, Lease, LoadedPolicy, Mode, Rule
from sentinel_server.policy.sides import AnySide
from sentinel_server.records.model import Ref
from sentinel_server.requests.model import AccessRequest
from sentinel_server.requests.rules import VoteCheck, no_signature_wanted
from sentinel_server.sessions.model import Standing
from sentinel_server.sessions.store import StoreRef


@frozen
class Ask:
    """What somebody wants at a door.

    `duration` is what was asked for in words; None takes the mode's default. `lease` is None for the default.
    """

    profile: str
    mode: Mode
    duration: timedelta | None = None
    lease: Lease | None = None


@frozen
class Target:
    """What would be issued: the role of the profile, or None when it has none and so cannot be stamped."""

    role_arn: str | None
    external_id: str | None = None
    duration_seconds: int | None = None


@frozen
class Opening:
    """What may lift one refusal, in the order in which it is tried.

    With `named` only what a side policy gives to this person and profile by name: no rule of the policy has
    said a word about them.
    """

    by: tuple[Marker, ...]
    named: bool = False


@frozen
class Lift:
    """What lifts a refusal, and until when. `begins` is true when nobody has used it yet."""

    marker: Marker
    id: str
    ends_at: datetime
    begins: bool = False


SHUT = Opening(by=())
"""Nothing lifts it."""


@frozen
class Sought:
    """What was found that might lift a refusal, as it was read with the session's row; nothing is believed
    yet.

    `refs` are the rows that were looked for. A side policy is None where there is none, and the error when it
    cannot be used. `trouble` is what kept us from looking. `check` says why the signature of a vote does not
    count, `persons` who is one person.
    """

    refs: tuple[Ref, ...] = ()
    requests: tuple[AccessRequest, ...] = ()
    emergencies: tuple[Emergency, ...] = ()
    approvals: AnySide | SentinelError | None = None
    breakglass: AnySide | SentinelError | None = None
    trouble: SentinelError | None = None
    persons: Persons = field(default_factory=Persons)
    check: VoteCheck = no_signature_wanted


@frozen
class Facts:
    """What was found out for one ask.

    `policy`, `principal` and `standing` are the value or the error that kept it from us. `starting` is true
    while a server session does not exist yet; `instance_id` is this server's, to know its own row.
    """

    ask: Ask
    target: Target
    principal: Principal | SentinelError
    policy: LoadedPolicy | SentinelError
    standing: Standing | SentinelError
    store: StoreRef
    skew: timedelta = timedelta(0)
    session_id: str | None = None
    instance_id: str | None = None
    starting: bool = False
    started_as: str | None = None
    lapse_after: timedelta = timedelta(minutes=10)
    enforce_lease: bool = False
    sought: Sought = field(default_factory=Sought)


@frozen
class Basis:
    """Which rule of which policy decided; `index` is -1 and `rule` None when none matched."""

    rule: Rule | None = None
    index: int = -1
    policy: LoadedPolicy | None = None


@frozen
class Allow:
    """Credentials may exist.

    STS is asked for `duration`. They are of use for `life` after they were made and never after `ends_at`;
    the reported expiry reaches no further than `lease`.
    """

    principal: Principal
    basis: Basis
    duration: timedelta
    life: timedelta
    ends_at: datetime | None = None
    lease: Lease = FULL
    unstamped: bool = False
    lift: Lift | None = None

    @property
    def marker(self) -> Marker:
        """Why it is allowed: by policy itself, or by what lifted its refusal."""
        return Marker.DIRECT if self.lift is None else self.lift.marker

    @property
    def override_id(self) -> str | None:
        """The request or emergency that lifted the refusal."""
        return None if self.lift is None else self.lift.id

    def not_after(self, made_at: datetime) -> datetime | None:
        """The instant a session policy must name for what is made at `made_at`, or None when STS's own
        expiry comes first."""
        end = made_at + self.life if self.ends_at is None else min(made_at + self.life, self.ends_at)
        return end if end < made_at + self.duration else None


@frozen
class Deny:
    """Credentials may not exist; `error` says why, to people and to exit codes.

    `revivable` is true only for a lapsed session of this very server that everything else would allow.
    `opening` is what could have lifted it, had it been there.
    """

    error: SentinelError
    basis: Basis = field(default_factory=Basis)
    revivable: bool = False
    opening: Opening = SHUT


@frozen
class NeedsApproval:
    """Somebody else must agree first. `opening` is what could have lifted it, had it been there."""

    error: SentinelError
    basis: Basis
    opening: Opening = SHUT


Decision = Allow | Deny | NeedsApproval
