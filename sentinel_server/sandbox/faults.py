"""Faults that tests and demos switch on: what AWS looks like on a bad day."""

from __future__ import annotations

import threading
from dataclasses import asdict, replace
from enum import Enum
from typing import Any

from sentinel_server.errors import BadInput
from sentinel_server.frozen import frozen


class FaultKind(Enum):
    """What goes wrong."""

    LATENCY = "latency"
    """The answer comes `seconds` late."""
    THROTTLE = "throttle"
    """The service's own throttling error."""
    ERROR_500 = "error500"
    """The service's own internal error."""
    DROP = "drop"
    """The connection is closed without an answer."""
    RESET = "reset"
    """The connection is reset in the middle of the body."""
    DENY = "deny"
    """AccessDenied, whatever the policies say."""
    WRONG_JSON = "wrong-json"
    """Status 200 and a body that is not what the protocol says."""
    UNPROCESSED = "unprocessed"
    """BatchGetItem answers, but every key is left unprocessed."""


@frozen
class Fault:
    """One fault. None means any operation, or for ever; `seconds` is for latency only."""

    service: str
    kind: FaultKind
    operation: str | None = None
    count: int | None = None
    seconds: float = 0.0

    def hits(self, service: str, operation: str) -> bool:
        """Whether a request to this service and operation meets the fault."""
        return self.service == service and self.operation in (None, operation)


class Faults:
    """The faults now in force. Safe to change from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._active: tuple[Fault, ...] = ()

    def add(self, fault: Fault) -> None:
        """Put a fault in force; the earliest that hits a request is the one it meets."""
        with self._lock:
            self._active = (*self._active, fault)

    def heal(self, service: str | None = None) -> None:
        """Remove every fault of a service, or all."""
        with self._lock:
            self._active = tuple(f for f in self._active if service is not None and f.service != service)

    def take(self, service: str, operation: str) -> Fault | None:
        """The fault this request meets, if any; one with a count is used up by it."""
        with self._lock:
            for place, fault in enumerate(self._active):
                if fault.hits(service, operation):
                    self._active = (*self._active[:place], *_used(fault), *self._active[place + 1 :])
                    return fault
        return None

    def active(self) -> tuple[Fault, ...]:
        """The faults in force, earliest first."""
        return self._active


def fault_from(data: object) -> Fault:
    """The fault that a JSON object describes. Raises BadInput for anything else."""
    if not isinstance(data, dict) or set(data) - set(_FIELDS) or not {"service", "kind"} <= set(data):
        raise BadInput("a fault is an object of service, kind, operation, count and seconds")
    for name, value in data.items():
        if not isinstance(value, _FIELDS[name]) or isinstance(value, bool):
            raise BadInput(f"{name} of a fault cannot be {value!r}")
    try:
        kind = FaultKind(data["kind"])
    except ValueError:
        kinds = ", ".join(kind.value for kind in FaultKind)
        raise BadInput(f"there is no fault {data['kind']!r}", hint=f"kinds are {kinds}") from None
    return Fault(**{**data, "kind": kind})


_FIELDS: dict[str, tuple[type, ...]] = {
    "service": (str,),
    "kind": (str,),
    "operation": (str, type(None)),
    "count": (int, type(None)),
    "seconds": (int, float),
}


def fault_to(fault: Fault) -> dict[str, Any]:
    """The JSON object of a fault."""
    return asdict(fault) | {"kind": fault.kind.value}


def _used(fault: Fault) -> tuple[Fault, ...]:
    if fault.count is None:
        return (fault,)
    return (replace(fault, count=fault.count - 1),) if fault.count > 1 else ()
