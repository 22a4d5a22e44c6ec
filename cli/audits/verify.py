"""`sentinel audit verify-logs`: is the log as it was written?"""

from __future__ import annotations

from pathlib import Path

import click

from cli.options import flags_of, output_option, own_option, setting_option


@click.command("verify-logs")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path, allow_dash=True))
@own_option(
    "AUDIT",
    "--key-file",
    "key_files",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Key that sealed the checkpoints; repeat it for older keys.  [the one beside the log]",
)
@own_option(
    "AUDIT",
    "--expect-head",
    "heads",
    multiple=True,
    metavar="HEAD",
    help="WRITER:SEQ:HASH of a line that must be there, or a file that --json was saved in.",
)
@setting_option("--keys", setting="audit.keys", metavar="FILE", help="Public keys, to check signatures with.")
@output_option("human", "json")
@click.pass_context
def verify_logs(
    ctx: click.Context,
    /,
    paths: tuple[Path, ...],
    key_files: tuple[Path, ...],
    heads: tuple[str, ...],
    output: str,
    **flags: str | None,
) -> None:
    """Tell whether log lines were changed, removed, reordered, repeated or cut.

    PATH is a log file, a directory of them, or - for stdin; without one it is the configured directory.
    Of a directory, missing files are noticed too. Changes nothing and asks nobody.

    Exits 0 when nothing is wrong, 1 when something is, 2 when used wrongly and 6 when not all could be
    checked: a last line without its end, an unreadable file, a key that is not here.
    """
    from cli.audits.evidence import Given, default_directory, expected, read_key, verified
    from cli.audits.report import as_json, exit_status, in_words
    from cli.context import settings_from

    settings = settings_from(flags_of(flags))
    given = Given(
        keys=tuple(map(read_key, key_files)), heads=tuple(head for text in heads for head in expected(text))
    )
    if settings.audit_keys is not None or settings.audit_signing_key is not None:
        from sentinel_server.wiring import log_public_keys, seal_key_of

        given = given._replace(public=log_public_keys(settings), usual=seal_key_of(settings))
    found = list(verified(paths or (default_directory(settings),), given))
    click.echo(as_json(found) if output == "json" else "\n".join(in_words(found)))
    status = exit_status(found)
    if status and output == "human":
        from cli.output import note

        note("what each finding means, and what to do now: docs/runbooks/audit-findings.md")
    ctx.exit(status)
