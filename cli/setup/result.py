"""The end of the wizard: files from answers, written after a look at them, and what people do next."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.layout import clean
from cli.prompt import somebody_there
from cli.setup.advice import Known, commands, iam
from cli.setup.answers import Answers
from cli.setup.documents import Places, policies, settings
from cli.setup.writing import Texts, to_write, write
from sentinel_server import wiring
from sentinel_server.policy.documents import read_document
from sentinel_server.policy.kinds import SIDE_NAMES
from sentinel_server.provisioning.trust import trusted_as
from sentinel_server.settings.editing import edited
from sentinel_server.settings.environ import config_path
from sentinel_server.settings.locations import FilePolicies

if TYPE_CHECKING:
    from sentinel_server.credentials.overview import Overview
    from sentinel_server.identity.principal import Principal
    from sentinel_server.settings.resolve import Settings


def finish(
    answers: Answers,
    current: Settings,
    choices: Sequence[Overview],
    principal: Principal | None,
    *,
    output: str,
    force: bool,
    yes: bool,
) -> None:
    """Write what comes of the answers, and print what is left to do. Raises SentinelError, click.Abort."""
    config, places = config_path(current.environ), places_of(current)
    written = policies(answers, places)
    texts: Texts = {path: text.encode() for path, text in written.items()}
    for path, data in texts.items():
        read_document(data, file=str(path))
    seen = {path: wiring.read_own_file(path) for path in (*texts, config)}
    if changes := settings(answers):
        old = (seen[config] or b"").decode()
        texts[config] = edited(old, changes, config, current.directories).encode()
    chosen = to_write(texts, seen, config, force=force, ask=somebody_there() and not yes)
    write(chosen, seen, yes=yes)
    own = [path for path in written if path.parent == places.policies and path not in places.sides.values()]
    sides = {name: path for name, path in places.sides.items() if path in written}
    _show(answers, known_of(answers, choices, principal), sorted(chosen), own, sides, output)


def places_of(current: Settings) -> Places:
    """Where files are, or where those lie that are to be pushed."""
    where = current.policies
    home = current.directories.config
    sides = {}
    for kind, name in SIDE_NAMES.items():
        side = current.sides[kind]
        file = isinstance(side, FilePolicies) and side.file
        sides[name] = (
            side.directory / file if isinstance(side, FilePolicies) and file else home / f"{name}.yaml"
        )
    directory = where.directory if isinstance(where, FilePolicies) else home / "policies"
    return Places(policies=directory, sides=sides)


def known_of(answers: Answers, choices: Sequence[Overview], principal: Principal | None) -> Known:
    """The roles of the profiles, and who uses them."""
    mine = [each for each in choices if each.name in (answers.profiles or ()) and each.role_arn]
    leaf = next((each.leaf for each in mine if each.leaf is not None), None)
    region = None if leaf is None else leaf.sso_region
    return Known(
        roles={each.name: each.role_arn for each in mine},
        trusted=None if principal is None else trusted_as(principal, region),
        account=None if principal is None else principal.account,
    )


def _show(
    answers: Answers,
    known: Known,
    chosen: Sequence[Path],
    own: Sequence[Path],
    sides: Mapping[str, Path],
    output: str,
) -> None:
    documents, following = iam(answers, known), commands(answers, own, sides)
    if output == "json":
        from cli.output import show_json

        show_json({"files": [str(path) for path in chosen], "iam": documents, "next": following})
        return
    for path in chosen:
        click.echo(clean(f"wrote {path}"))
    click.echo("\nTo be attached in IAM:")
    for title, document in documents.items():
        click.echo("\n".join(["", f"# {clean(title)}", json.dumps(document, indent=2)]))
    click.echo("\nNext:")
    for line in following:
        click.echo(clean(f"  {line}"))
