"""The console script: garbage is searched for seldom before click is loaded, which is most of a start."""

from __future__ import annotations

from cli.collecting import search_seldom


def main() -> None:
    """Run one command and exit with its status."""
    search_seldom()
    from cli.main import main as run_and_exit

    run_and_exit()
