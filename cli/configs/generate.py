"""`sentinel config generate`: documents to start from."""

from __future__ import annotations

import json
from pathlib import Path

import click

from cli.options import own_option

TEMPLATES = ("basic", "approvals", "full")
"""The templates, here so that `--help` need not import them; a test holds them together."""


@click.command("generate")
@own_option(
    "GENERATE", "-t", "--template", type=click.Choice(TEMPLATES), required=True, help="How much of it."
)
@own_option(
    "GENERATE",
    "-p",
    "--profile",
    "profiles",
    multiple=True,
    required=True,
    metavar="NAME",
    help="Repeatable.",
)
@own_option(
    "GENERATE",
    "-u",
    "--user",
    "users",
    multiple=True,
    required=True,
    metavar="USER",
    help="Name or ARN; repeatable.",
)
@own_option(
    "GENERATE",
    "--approver",
    "approvers",
    multiple=True,
    metavar="USER",
    help="Who agrees to requests; the users if not given.",
)
@own_option(
    "GENERATE", "-o", "--output-dir", metavar="DIR", help="Write files there instead of printing them."
)
@own_option("GENERATE", "-f", "--force", is_flag=True, help="Replace files that are there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, the texts by file name.")
def generate(
    template: str,
    profiles: tuple[str, ...],
    users: tuple[str, ...],
    approvers: tuple[str, ...],
    output_dir: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write documents to start from.

    basic allows, approvals makes requests, full adds emergencies and their limits. Only those you name get
    anything. A file that is there stays as it is unless --force is given.
    """
    from cli.configs.templates import Cast, documents

    texts = documents(template, Cast(profiles=profiles, users=users, approvers=approvers))
    if output_dir is not None:
        _write(Path(output_dir), texts, force)
    if as_json:
        click.echo(json.dumps(texts, indent=2, ensure_ascii=False))
    elif output_dir is None:
        click.echo("---\n".join(f"# {file}\n{text}" for file, text in texts.items()), nl=False)


def _write(directory: Path, texts: dict[str, str], force: bool) -> None:
    from cli.output import note
    from sentinel_server.errors import AlreadyExists, BadInput

    there = [file for file in texts if (directory / file).exists() or (directory / file).is_symlink()]
    if there and not force:
        raise AlreadyExists(
            f"{directory} has {', '.join(there)} already, and nothing was written",
            hint="replace them: --force",
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for file, text in texts.items():
            with (directory / file).open("w" if force else "x", encoding="utf-8") as stream:
                stream.write(text)
            note(f"wrote {directory / file}")
    except OSError as error:
        raise BadInput(f"cannot write {error.filename}: {error.strerror}") from error
