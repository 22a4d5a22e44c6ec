"""`sentinel policy`: write, check, test, sign and ship policies."""

from __future__ import annotations

import click

from cli.lazy import Lazy, LazyGroup

COMMANDS = {
    "diff": Lazy("cli.policies.diff:diff", "Compare policies as text and by meaning."),
    "explain": Lazy("cli.policies.explain:explain", "Say which rule decides and why earlier ones do not."),
    "fmt": Lazy("cli.policies.fmt:fmt", "Print policies in the one canonical form."),
    "history": Lazy("cli.policies.history:history", "List the versions of a policy, newest first."),
    "keys": Lazy("cli.policies.keys:keys", "Make keys, and keep the set of those that count."),
    "lint": Lazy(
        "cli.policies.lint:lint",
        "Find rules that cannot be reached and other mistakes in valid policies (- is stdin).",
    ),
    "pull": Lazy("cli.policies.pull:pull", "Print the stored policy of a profile, byte for byte."),
    "push": Lazy(
        "cli.policies.push:push", "Check a policy, show what changes, ask, sign it, and put it into force."
    ),
    "rollback": Lazy("cli.policies.rollback:rollback", "Push the bytes of an earlier version again."),
    "sign": Lazy("cli.policies.sign:sign", "Sign a policy of any kind, in a file, for one place."),
    "test": Lazy("cli.policies.test:test", "Run tests of decisions on a policy file."),
    "validate": Lazy(
        "cli.policies.validate:validate", "Check policy files (- is stdin) and list every problem."
    ),
    "verify": Lazy(
        "cli.policies.verify:verify", "Check the signature of a profile's stored policy, or of a file."
    ),
}
"""Every command of the group; a test holds the summaries to what the commands say of themselves."""


@click.group(cls=LazyGroup, table=COMMANDS)
def policy() -> None:
    """Check, test, sign and ship policies."""
