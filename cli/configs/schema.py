"""`config schema`: what editors complete and check from."""

from __future__ import annotations

import json

import click

from cli.configs.kinds import KINDS


@click.command("schema")
@click.argument("kind", type=click.Choice(KINDS), metavar="KIND")
def schema(kind: str) -> None:
    """Print the JSON Schema of one kind of document.

    KIND is policy, approval, breakglass, ratelimit or bootstrap.
    """
    from sentinel_server.policy.json_schema import json_schema
    from sentinel_server.policy.kinds import DocumentKind

    click.echo(json.dumps(json_schema(DocumentKind(kind)), indent=2))
