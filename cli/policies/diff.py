"""`sentinel policy diff`: what would change, to the letter and in meaning?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from cli.context import run, settings_from
from cli.options import control_option, flags_of, output_option, own_option, policy_options, region_option
from cli.policies.files import read_or_fail
from cli.policies.shelf import kind_of, open_shelf
from sentinel_server.frozen import frozen

if TYPE_CHECKING:
    from sentinel_server.policy.comparing import Comparison
    from sentinel_server.policy.kinds import DocumentKind
    from sentinel_server.policy.schema import Policy
    from sentinel_server.policy.stored import Stored


@frozen
class _Side:
    """One policy to compare; `data` is None where nothing is stored."""

    name: str
    data: bytes | None
    profile: str | None = None
    kind: DocumentKind | None = None
    account: str | None = None


@click.command("diff")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@own_option("DIFF", "--text-only", is_flag=True, help="Compare the texts alone; they may be anything.")
@own_option("DIFF", "--meaning-only", is_flag=True, help="Compare only what they decide.")
@policy_options
@region_option
@control_option
@output_option("human", "json")
@click.pass_context
def diff(
    ctx: click.Context, /, old: str, new: str, text_only: bool, meaning_only: bool, output: str, **flags: Any
) -> None:
    """Compare policies as text and by meaning.

    OLD is a file (with a / or ending in .yaml or .yml, - for stdin) or the profile whose stored policy is
    meant; NEW is a file. Exits 0 when they are the same, 1 when they differ, 2 when NEW is not a policy, 6
    when one cannot be read.
    """
    from cli.output import note
    from cli.unified import unified
    from sentinel_server.errors import BadInput

    if text_only and meaning_only:
        raise BadInput("--text-only and --meaning-only leave nothing to compare", hint="give one of them")
    if old == new == "-":
        raise BadInput("stdin cannot be both policies", hint="name a file or a profile for OLD")
    after = _Side(name=new, data=read_or_fail(new))
    before = _file(old) if _is_file(old) else _stored(old, flags)
    found = None if text_only else _meaning(before, after, must=meaning_only)
    lines = unified(before.data, after.data or b"", before.name, after.name)
    differs = bool(found and found.changes) if meaning_only else before.data != after.data
    if output == "json":
        _show_json(before, after, lines, found, differs)
    elif differs:
        _show([] if meaning_only else lines, found)
    else:
        note("they mean the same" if before.data != after.data else "no difference")
    ctx.exit(1 if differs else 0)


def _is_file(text: str) -> bool:
    return text == "-" or "/" in text or "\\" in text or text.endswith((".yaml", ".yml"))


def _file(name: str) -> _Side:
    return _Side(name=name, data=read_or_fail(name))


def _stored(profile: str, flags: dict[str, Any]) -> _Side:
    from cli.output import note

    settings = settings_from(flags_of(flags))

    async def read() -> Stored:
        async with open_shelf(settings, profile) as shelf:
            return await shelf.store.read(profile)

    found = run(read())
    if found.data is None:
        note(f"nothing is stored at {found.name} yet")
    name = found.name if found.data is None else f"{found.name} (version {found.version})"
    account = found.place.account or None
    return _Side(name=name, data=found.data, profile=profile, kind=kind_of(profile), account=account)


def _meaning(before: _Side, after: _Side, *, must: bool) -> Comparison | None:
    """What changes for whom; None, and said why, when the old text has no meaning or one is of another kind.

    Raises InvalidPolicy for the new text, and when it `must` compare PolicyUnavailable for the old one.
    """
    from cli.output import note, progress
    from sentinel_server.clock import SystemClock
    from sentinel_server.errors import InvalidPolicy, PolicyUnavailable
    from sentinel_server.policy.comparing import compare

    new = _policy(replace(after, kind=before.kind))
    try:
        old = _policy(before)
    except InvalidPolicy as error:
        why = f"{before.name} is not a policy, so its meaning cannot be compared: {error.problems[0]}"
        if must:
            raise PolicyUnavailable(why, hint="compare the texts: --text-only") from error
        note(why)
        return None
    if old is None or new is None:
        note("only the meaning of access policies is compared")
        return None
    now = SystemClock().now().replace(second=0, microsecond=0)
    profiles = (before.profile,) if before.profile else ()
    with progress("comparing"):
        return compare(old, new, since=now, home_account=before.account, profiles=profiles)


def _policy(side: _Side) -> Policy | None:
    from sentinel_server.policy.comparing import NOTHING
    from sentinel_server.policy.documents import parse_document
    from sentinel_server.policy.schema import Policy

    if side.data is None:
        return NOTHING
    document = parse_document(side.data, file=side.name, kind=side.kind)
    return document if isinstance(document, Policy) else None


def _show(lines: list[str], found: Comparison | None) -> None:
    from cli.compared import meaning_lines
    from cli.unified import coloured

    colour = None if _colour_wanted() else False
    for index, line in enumerate(lines):
        click.echo(coloured(line, heading=index < 2), color=colour)
    if found is not None:
        for line in ([""] if lines else []) + list(meaning_lines(found)):
            click.echo(line)


def _colour_wanted() -> bool:
    from sentinel_server.settings.environ import process_environ

    return not process_environ().get("NO_COLOR")


def _show_json(
    before: _Side, after: _Side, lines: list[str], found: Comparison | None, differs: bool
) -> None:
    from cli.compared import meaning_fields
    from cli.output import show_json

    show_json(
        {
            "old": before.name,
            "new": after.name,
            "differs": differs,
            "text": lines,
            "meaning": None if found is None else meaning_fields(found),
        }
    )
