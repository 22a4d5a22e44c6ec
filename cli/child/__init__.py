"""The command that runs with our credentials: started, signalled and awaited as a shell would.

`start_child` and `run_child` serve `exec --server`, where we live on beside it; `exec_replace` serves `exec`,
where we do not.
"""

from cli.child.end import Child, ChildEnd, ChildStarter
from cli.child.run import (
    default_command,
    exec_replace,
    exit_as,
    leave_signals_to_the_main_thread,
    run_child,
    start_child,
)

__all__ = [
    "Child",
    "ChildEnd",
    "ChildStarter",
    "default_command",
    "exec_replace",
    "exit_as",
    "leave_signals_to_the_main_thread",
    "run_child",
    "start_child",
]
