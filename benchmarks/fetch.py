"""`fetch`: one connection, 64 and 1,000, on SQLite and DynamoDB, beside handlers that decide nothing."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks import bare, load
from benchmarks.product import Product
from benchmarks.report import Row, above, compared, ratio, row
from benchmarks.site import PROFILE, Site, dynamodb_local, on_dynamodb, seeded
from sentinel_server.provisioning.desired import BLOCK_PREFIX, sessions_table

MANY = 64
CROWD = 1000

_ALONE = 100
_TOGETHER = {"bare": 3000, "raw": 1000, "sqlite": 1500, "dynamodb": 1000}
"""Requests of one turn, which takes less than a second."""

_TURNS_ALONE, _TURNS_TOGETHER = 10, 4
"""How often the servers take turns in a round: what slows the machine for a while then slows all of them."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One server to measure."""

    name: str
    server: Product | bare.Bare
    together: int
    crowded: bool = False
    """Whether it is measured with a thousand connections too."""


Measured = Mapping[str, Mapping[str, list[float]]]
"""Server → number (`p50`, `p99`, `rate`) → its value in each round."""


def run(rounds: int) -> list[Row]:
    """Measure, every server once a round, in turning order."""
    with ExitStack() as stack:
        site = stack.enter_context(seeded())
        client = stack.enter_context(load.Load())
        subjects = list(_subjects(site, client, stack))
        measured: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for number in range(rounds):
            turn = number % len(subjects)
            for name, numbers in _round(client, subjects[turn:] + subjects[:turn]).items():
                for number_of, value in numbers.items():
                    measured[name][number_of].append(value)
        return list(_rows(measured))


def _round(client: load.Load, subjects: Sequence[Subject]) -> dict[str, dict[str, float]]:
    """The numbers of each server, by its name."""
    found = {subject.name: _Found() for subject in subjects}
    for _ in range(_TURNS_ALONE):
        for subject in subjects:
            order = replace(_together(subject), connections=1, requests=_ALONE, warm=10)
            found[subject.name].alone += client.run(order).times
    for _ in range(_TURNS_TOGETHER):
        for subject in subjects:
            found[subject.name].ask_together(client, subject)
    return {subject.name: found[subject.name].numbers() | _crowded(client, subject) for subject in subjects}


@dataclass(slots=True)
class _Found:
    """What was measured of one server in one round."""

    alone: list[float] = field(default_factory=list)
    asked: int = 0
    served: int = 0
    seconds: float = 0.0
    computed: float = 0.0
    memory: float = 0.0

    def ask_together(self, client: load.Load, subject: Subject) -> None:
        order, before = _together(subject), _cpu(subject.server.pid)
        rate = client.run(order).rate
        self.computed += _cpu(subject.server.pid) - before
        self.asked += order.warm + order.requests
        self.served += order.requests
        self.seconds += order.requests / rate
        self.memory = _memory(subject.server.pid)

    def numbers(self) -> dict[str, float]:
        times = sorted(self.alone)
        return {
            "p50": times[len(times) // 2],
            "p99": times[int(len(times) * 0.99)],
            "rate": self.served / self.seconds,
            "cpu": 1e6 * self.computed / self.asked,
            "memory": self.memory,
        }


def _together(subject: Subject) -> load.Order:
    port, token = subject.server.port, subject.server.token
    return load.Order(port=port, token=token, connections=MANY, requests=subject.together, warm=MANY * 2)


def _crowded(client: load.Load, subject: Subject) -> dict[str, float]:
    if not subject.crowded:
        return {}
    order = replace(_together(subject), requests=4 * subject.together)
    held = replace(order, connections=CROWD, asking=MANY, warm=MANY)
    all_asking = replace(order, connections=CROWD, warm=CROWD)
    rates = {"held": client.run(held).rate, "crowd": client.run(all_asking).rate}
    return rates | {"crowd memory": _memory(subject.server.pid)}


def _memory(pid: int) -> float:
    """Megabytes of a process in memory; 0 where the system does not tell in Linux's way."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def _cpu(pid: int) -> float:
    """Seconds that a process has computed; 0 where the system does not tell in Linux's way."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _subjects(site: Site, client: load.Load, stack: ExitStack) -> Iterator[Subject]:
    product = stack.enter_context(Product(site.environment, PROFILE))
    yield Subject("sqlite", product, _TOGETHER["sqlite"], crowded=True)
    body = client.run(load.Order(port=product.port, token=product.token)).body
    yield Subject(
        "bare", stack.enter_context(bare.Bare(bare.Order(kind="bare", body=body))), _TOGETHER["bare"]
    )
    ids = (product.session_id, *site.block_keys())
    raw = bare.Order(kind="sqlite", body=body, where=str(site.database), ids=ids)
    yield Subject("raw sqlite", stack.enter_context(bare.Bare(raw)), _TOGETHER["raw"])
    url = dynamodb_local()
    if url is not None:
        yield from _on_dynamodb(site, url, body, stack)


def _on_dynamodb(site: Site, url: str, body: str, stack: ExitStack) -> Iterator[Subject]:
    environment = on_dynamodb(site, url)
    product = stack.enter_context(Product(environment, PROFILE))
    yield Subject("dynamodb", product, _TOGETHER["dynamodb"], crowded=True)
    ids = (product.session_id, *(BLOCK_PREFIX + key for key in site.block_keys()))
    order = bare.Order(kind="dynamodb", body=body, where=url, table=sessions_table().name, ids=ids)
    yield Subject("raw dynamodb", stack.enter_context(bare.Bare(order, environment)), _TOGETHER["raw"])


def _rows(measured: Measured) -> Iterator[Row]:
    plain = measured["bare"]
    yield row("bare: 64 connections", plain["rate"], "/s")
    yield row("bare: server's CPU per fetch", plain["cpu"], "µs")
    yield row("bare: one connection, p50", plain["p50"], "ms")
    yield row("bare: memory", plain["memory"], "MB")
    for store, least in (("sqlite", 60.0), ("dynamodb", 35.0)):
        if store in measured:
            yield from _against(store, measured[store], plain, measured[f"raw {store}"], least)


def _against(
    store: str,
    ours: Mapping[str, list[float]],
    plain: Mapping[str, list[float]],
    raw: Mapping[str, list[float]],
    least: float,
) -> Iterator[Row]:
    yield row(f"{store}: 64 connections", ours["rate"], "/s")
    yield row(f"{store}: raw read, 64 connections", raw["rate"], "/s")
    of_bare = tuple(100 * part for part in compared(ours["rate"], plain["rate"], ratio))
    yield row(f"{store}: 64 connections, of bare", of_bare, "%", least=least)
    yield row(f"{store}: 64 connections, of raw read", _percent(ours["rate"], raw["rate"]), "%")
    yield row(f"{store}: server's CPU per fetch", ours["cpu"], "µs")
    yield row(f"{store}: one connection, p50", ours["p50"], "ms")
    yield row(f"{store}: p50 above bare", compared(ours["p50"], plain["p50"], above), "ms")
    yield row(f"{store}: p50 above raw read", compared(ours["p50"], raw["p50"], above), "ms", most=0.4)
    yield row(f"{store}: one connection, p99", ours["p99"], "ms")
    yield row(f"{store}: p99 above bare", compared(ours["p99"], plain["p99"], above), "ms")
    yield row(f"{store}: p99 above raw read", compared(ours["p99"], raw["p99"], above), "ms", most=2.0)
    yield row(f"{store}: 1,000 held open, of 64", _percent(ours["held"], ours["rate"]), "%", least=70.0)
    yield row(f"{store}: 1,000 asking, of 64", _percent(ours["crowd"], ours["rate"]), "%")
    yield row(f"{store}: memory after 1,000", ours["crowd memory"], "MB", most=120.0)
    over = compared(ours["memory"][:1], plain["memory"][:1], above)
    yield row(f"{store}: memory above bare", over, "MB", most=32.0)


def _percent(one: list[float], other: list[float]) -> tuple[float, ...]:
    return tuple(100 * part for part in compared(one, other, ratio))
