"""What may be said when: a record of what was done to the world, and which answers contradict it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

POLICY_AGE = 5.0
"""Seconds that a policy may be old here."""
AFTER = 6.0
"""Seconds for which a fault may still be felt: what it kept waiting gives up in that time."""
IN_TIME = 1.0
"""Seconds in which every fetch is answered: 0.8, and what a client among two hundred takes itself."""
BUSY = 1.0
"""Seconds of doubt about what happened at the same time, on a busy machine."""

_TROUBLE = {
    "sts": {"IdentityUnavailable", "UpstreamFailed", "RoleRefused"},
    "ssm": {"PolicyUnavailable"},
    "dynamodb": {"StoreUnavailable"},
}


@dataclass(slots=True, kw_only=True)
class Span:
    """Something that held from `began` to `ended` (None: it still does), in the loop's seconds.

    What takes a while to undo may hold no more from `ending` on.
    """

    what: str
    began: float
    ending: float | None = None
    ended: float | None = None

    def met(self, began: float, ended: float, *, after: float) -> bool:
        """Whether a fetch of that time can have felt it."""
        return self.began <= ended and (self.ended is None or began <= self.ended + after)


@dataclass(slots=True, kw_only=True)
class Asked:
    """One fetch: when it began and ended, for how long the loop stood still meanwhile, and the answer."""

    began: float
    ended: float
    code: str
    message: str = ""
    stalled: float = 0.0


@dataclass(slots=True)
class Model:
    """The world as it was. `wrong` are the answers that contradict it, `said` how often each was given.

    `slow` counts those that were late while nothing was wrong, and whatever took longer than a fetch may: how
    many there may be depends on the machine.
    """

    faults: list[Span] = field(default_factory=list)
    denials: list[Span] = field(default_factory=list)
    said: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    slow: int = 0

    def hear(self, asked: Asked, revocation: Span | None) -> None:
        """Hold an answer against what was true; `revocation` began when it was asked for and was
        acknowledged when it `ended`.
        """
        self.said[asked.code] += 1
        self.slow += asked.ended - asked.began - asked.stalled > IN_TIME
        why = self._contradicted(asked, revocation)
        if why:
            self.wrong.append(f"{asked.code} at {asked.began:.2f}: {why} ({asked.message})")

    def _contradicted(self, asked: Asked, revocation: Span | None) -> str:
        match asked.code:
            case "Success":
                return self._served(asked, revocation)
            case "SessionRevoked":
                return "" if revocation is not None else "nobody revoked it"
            case "TooLate" if revocation is not None:
                return ""
            case "PolicyDenied" | "TooLate":
                met = any(
                    span.met(asked.began, asked.ended, after=POLICY_AGE + BUSY) for span in self.denials
                )
                return "" if met else "nobody denied it"
            case "late":
                self.slow += not any(self._felt(fault, asked) for fault in self.faults)
                return ""
            case code:
                return self._troubled(code, asked)

    def _served(self, asked: Asked, revocation: Span | None) -> str:
        if revocation is not None and revocation.ended is not None and asked.began > revocation.ended:
            return "its revocation was acknowledged"
        for denial in self.denials:
            since = denial.began + POLICY_AGE + asked.stalled
            if asked.began > since and (denial.ending is None or asked.ended < denial.ending):
                return "policy had denied it for longer than a policy may be old"
        return ""

    def _troubled(self, code: str, asked: Asked) -> str:
        for fault in self.faults:
            if self._felt(fault, asked) and code in _TROUBLE.get(fault.what, ()):
                return ""
        return "there was no such trouble"

    @staticmethod
    def _felt(fault: Span, asked: Asked) -> bool:
        return fault.met(asked.began, asked.ended, after=AFTER + asked.stalled)
