"""`sweep`: what time has done to requests and emergencies, written down by the security team's cron."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from cli.context import run, settings_from
from cli.layout import clean
from cli.options import (
    breakglass_options,
    control_option,
    flags_of,
    output_option,
    own_option,
    region_option,
    setting_option,
)
from cli.types import span

if TYPE_CHECKING:
    from sentinel_server.auditlog.event import AuditEvent
    from sentinel_server.records.model import Ledger
    from sentinel_server.requests.desk import Desk
    from sentinel_server.settings.resolve import Settings


@click.command("sweep")
@own_option(
    "SWEEP",
    "--look-back",
    type=span,
    default="30d",
    show_default=True,
    metavar="SPAN",
    help="How old requests may be that are looked at.",
)
@output_option("human", "json")
@setting_option(
    "--request-table", setting="request_table", help="DynamoDB table of requests.", metavar="TABLE"
)
@breakglass_options
@region_option
@control_option
def sweep(look_back: timedelta, output: str, **flags: Any) -> None:
    """Write down what has expired, for cron.

    Requests that nobody decided about and emergencies that are over are marked and told of; requests are kept
    for 400 days from their end. Nothing depends on it: what has expired gives no access, swept or not.
    For the security team, as only they may let rows be forgotten.
    """
    run(_sweep(settings_from(flags_of(flags)), look_back, output))


@dataclass(slots=True)
class _Swept:
    """What one sweep came to."""

    requests: int = 0
    emergencies: int = 0
    kept: int = 0
    failures: list[str] = field(default_factory=list)
    audit: list[AuditEvent] = field(default_factory=list)
    deliveries: dict[Ledger, list[str]] = field(default_factory=dict)


async def _sweep(settings: Settings, look_back: timedelta, output: str) -> None:
    from cli.audited import write_down
    from cli.notices import deliver_now
    from cli.output import note, progress, show_json
    from sentinel_server.errors import SentinelError
    from sentinel_server.wiring import open_deciding

    swept = _Swept()
    with progress("asking the store"):
        async with open_deciding(settings) as desk:
            await _requests(desk, look_back, swept)
            await _emergencies(desk, swept)
            failed = await write_down(settings, swept.audit)
            for ledger, deliveries in swept.deliveries.items():
                untold = await deliver_now(settings, desk.records, ledger, deliveries)
                failed = await write_down(settings, untold) or failed
    if output == "json":
        told = {"requests_expired": swept.requests, "emergencies_expired": swept.emergencies}
        show_json({**told, "requests_kept_until_set": swept.kept, "failures": swept.failures})
    else:
        click.echo(clean(f"expired: {swept.requests} requests, {swept.emergencies} emergencies"))
    for failure in swept.failures:
        note(failure)
    if swept.failures:
        raise SentinelError(f"{len(swept.failures)} rows could not be swept", hint="see above; then again")
    if failed is not None:
        raise failed


async def _requests(desk: Desk, look_back: timedelta, swept: _Swept) -> None:
    from sentinel_server.errors import SentinelError
    from sentinel_server.records.model import Ledger
    from sentinel_server.requests.deeds import audit_line
    from sentinel_server.requests.sweeping import sweep

    async for each in sweep(desk, look_back):
        if isinstance(each, SentinelError):
            swept.failures.append(each.message)
            continue
        swept.kept += 1
        swept.requests += bool(each.deeds)
        swept.audit += [audit_line(deed) for deed in each.deeds]
        swept.deliveries.setdefault(Ledger.REQUESTS, []).extend(each.deliveries)


async def _emergencies(desk: Desk, swept: _Swept) -> None:
    from sentinel_server.breakglass.deeds import audit_line
    from sentinel_server.breakglass.ending import sweep
    from sentinel_server.breakglass.opening import Desk as Emergencies
    from sentinel_server.errors import SentinelError
    from sentinel_server.records.model import Ledger

    emergencies = Emergencies(records=desk.records, clock=desk.clock, ids=desk.ids, rest=desk.rest)
    async for each in sweep(emergencies):
        if isinstance(each, SentinelError):
            swept.failures.append(each.message)
            continue
        swept.emergencies += bool(each.deeds)
        swept.audit += [audit_line(deed) for deed in each.deeds]
        swept.deliveries.setdefault(Ledger.BREAKGLASS, []).extend(each.deliveries)
