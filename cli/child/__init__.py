"""The command that runs with our credentials: started, signalled and awaited as a shell would.

`run_child` serves `exec --server`, where we live on beside it; `exec_replace` serves `exec`, where we do not.
"""

from cli.child.end import ChildEnd, ChildRunner
from cli.child.run import (
    default_command,
    exec_replace,
    exit_as,
    leave_signals_to_the_main_thread,
    run_child,
)

__all__ = [
    "ChildEnd",
    "ChildRunner",
    "default_command",
    "exec_replace",
    "exit_as",
    "leave_signals_to_the_main_thread",
    "run_child",
]
