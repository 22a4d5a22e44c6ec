"""Virtual MFA devices (RFC 6238, 30 seconds, 6 digits, as IAM has them). A code is good once."""

from __future__ import annotations

import base64
import hmac
import secrets
import threading
from dataclasses import dataclass, field

from sentinel_server.clock import Clock
from sentinel_server.sandbox.wire import Refusal

STEP = 30
"""Seconds that one code is shown."""

WINDOW = 40
"""Steps by which a device's clock may differ. IAM allows few; tests must not wait for the next code."""


@dataclass(slots=True, kw_only=True)
class Device:
    """One device: its serial number and, for whoever plays the person, its seed in base32."""

    serial: str
    user: str
    seed: str = field(repr=False)
    used: int = 0
    shown: int = 0


class Devices:
    """The devices of an account. Safe to use from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, Device] = {}

    def add(self, account: str, user: str) -> Device:
        """A new device of a user."""
        seed = base64.b32encode(secrets.token_bytes(20)).decode()
        device = Device(serial=f"arn:aws:iam::{account}:mfa/{user}", user=user, seed=seed)
        with self._lock:
            self._known[device.serial] = device
        return device

    def code(self, serial: str) -> str:
        """A code of this device that has not been shown yet. Raises KeyError for an unknown device."""
        with self._lock:
            device = self._known[serial]
            device.shown = max(self._step(), device.used + 1, device.shown + 1)
            return code_at(device.seed, device.shown)

    def seed(self, serial: str) -> str:
        """The seed of a device, as AWS shows it once. Raises KeyError for an unknown device."""
        with self._lock:
            return self._known[serial].seed

    def check(self, user: str, serial: str | None, code: str | None) -> bool:
        """Whether a request shows MFA; False when it does not try to.

        Raises Refusal, in the words of STS, for a wrong code, one used before, or another's device.
        """
        if serial is None and code is None:
            return False
        with self._lock:
            device = self._known.get(serial or "")
            now = self._step()
            if device is not None and device.user == user:
                for step in range(max(device.used + 1, now - WINDOW), now + WINDOW):
                    if hmac.compare_digest(code_at(device.seed, step), code or ""):
                        device.used = step
                        return True
        raise Refusal(
            "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. ", 403
        )

    def _step(self) -> int:
        return int(self._clock.now().timestamp()) // STEP


def code_at(seed: str, step: int) -> str:
    """The code of a base32 seed in the 30 seconds that begin at `step * 30`."""
    digest = hmac.digest(base64.b32decode(seed), step.to_bytes(8, "big"), "sha1")
    at = digest[-1] & 15
    return str((int.from_bytes(digest[at : at + 4], "big") & 0x7FFFFFFF) % 1_000_000).zfill(6)
