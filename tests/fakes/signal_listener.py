"""A child for tests: says `ready`, then `got SIGNAME` for each signal, and ends with 7 at SIGTERM."""

from __future__ import annotations

import os
import signal

HEARD = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGWINCH,
    signal.SIGCONT,
)


def main() -> None:
    """Listen until SIGTERM."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
    os.write(1, b"ready\n")
    number = 0
    while number != signal.SIGTERM:
        number = signal.sigwait(HEARD)
        os.write(1, f"got {signal.Signals(number).name}\n".encode())
    raise SystemExit(7)


if __name__ == "__main__":
    main()
