"""What is right in each cell; whatever else is said there is wrong."""

from __future__ import annotations

from tests.faults.cells import Moment
from tests.faults.faults import Fault

Words = frozenset[str]


def _words(text: str) -> Words:
    return frozenset(text.split())


LATE = _words("late")
"""What anybody may be told whom somebody, or a busy machine, kept waiting: that no answer came in time."""

FETCHED = (Moment.FIRST_FETCH, Moment.STEADY, Moment.RENEWAL, Moment.REVOCATION)
"""The moments at which somebody fetches."""

_FETCHES: dict[str, dict[Moment, Words]] = {
    "STS": {
        Moment.FIRST_FETCH: _words("IdentityUnavailable UpstreamFailed RoleRefused"),
        Moment.STEADY: _words("Success"),
        Moment.RENEWAL: _words("Success UpstreamFailed RoleRefused"),
        Moment.REVOCATION: _words("SessionRevoked"),
    },
    "SSM": {
        Moment.FIRST_FETCH: _words("PolicyUnavailable"),
        Moment.STEADY: _words("PolicyUnavailable"),
        Moment.RENEWAL: _words("PolicyUnavailable"),
        Moment.REVOCATION: _words("PolicyUnavailable SessionRevoked"),
    },
    "DynamoDB": dict.fromkeys(Moment, _words("StoreUnavailable")),
    "clock": {
        **dict.fromkeys(Moment, _words("ClockSkewed")),
        Moment.REVOCATION: _words("ClockSkewed SessionRevoked"),
    },
    "DNS": {
        # Names are remembered for ten seconds, so the store may still be found.
        Moment.FIRST_FETCH: _words("IdentityUnavailable PolicyUnavailable UpstreamFailed StoreUnavailable"),
        Moment.STEADY: _words("Success StoreUnavailable PolicyUnavailable"),
        Moment.RENEWAL: _words("Success StoreUnavailable PolicyUnavailable UpstreamFailed"),
        Moment.REVOCATION: _words("SessionRevoked StoreUnavailable PolicyUnavailable"),
    },
    "disk": {
        Moment.FIRST_FETCH: _words("AuditUnavailable StoreUnavailable"),
        Moment.STEADY: _words("Success"),
        Moment.RENEWAL: _words("AuditUnavailable SessionLapsed"),
        Moment.REVOCATION: _words("SessionRevoked"),
    },
    "keyring": {
        **dict.fromkeys(Moment, _words("Success")),
        Moment.REVOCATION: _words("SessionRevoked"),
    },
}
"""What a fetch may be answered."""

_MORE: dict[tuple[str, Moment], Words] = {
    # A load that takes longer than a fetch goes on without it, and the next one finds what it brought.
    **{("SSM, slow", moment): _words("Success") for moment in FETCHED[:3]},
    # Some milliseconds on either side of what is too much.
    **{
        (f"clock, jump {much}", moment): _words("Success")
        for much in ("-5 min", "+5 min")
        for moment in FETCHED[:3]
    },
}

_OPENS: dict[str, Words] = {
    "STS": _words("started IdentityUnavailable UpstreamFailed RoleRefused"),
    "SSM": _words("started PolicyUnavailable"),
    "DynamoDB": _words("StoreUnavailable"),
    "clock": _words("ClockSkewed"),
    "DNS": _words("IdentityUnavailable PolicyUnavailable UpstreamFailed StoreUnavailable"),
    "disk": _words("AuditUnavailable StoreUnavailable"),
    "keyring": _words("KeyringLocked"),
}
REVOKES: dict[str, Words] = {
    **dict.fromkeys(("STS", "SSM", "clock", "keyring"), _words("revoked")),
    "DynamoDB": _words("revoked StoreUnavailable StoreRefused given-up"),
    "DNS": _words("revoked StoreUnavailable given-up"),
    "disk": _words("revoked StoreUnavailable"),
}
"""What a revocation during the fault may be told."""

ENDS: dict[str, Words] = {**dict.fromkeys(_OPENS, _words("")), "disk": _words("AuditUnavailable")}
"""What an end during the fault may complain of."""


def allowed(fault: Fault, moment: Moment) -> Words:
    """The answers that are right."""
    return _FETCHES[fault.dependency][moment] | _MORE.get((fault.name, moment), frozenset()) | LATE


def opening(fault: Fault) -> Words:
    """What a door that opens meanwhile may come to; a busy store may be too late for it."""
    nearly = _words("started") if fault.name in ("clock, jump -5 min", "clock, jump +5 min") else frozenset()
    return _OPENS[fault.dependency] | nearly | LATE
