"""What the benchmarks say is what they measured, and the smallest of them runs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from benchmarks.evaluating import SIZES, policy_of
from benchmarks.load import Load, Order, carry_out
from benchmarks.report import above, compared, row, save, table


def test_the_median_counts_and_a_missed_target_is_marked() -> None:
    rows = [row("good", [1.0, 3.0, 2.0], "ms", most=2.0), row("bad", [10.0], "%", least=40.0)]
    assert [each.verdict for each in rows] == ["yes", "no"]
    good, bad = table("title", rows).splitlines()[2:]
    assert good.endswith("≤ 2.00")
    assert bad.endswith("NO")


def test_the_table_fits_into_80_columns() -> None:
    rows = [row("x" * 90, [12345678.9, 0.0001, 99999.0], "ms", least=1e6)]
    assert max(map(len, table("title", rows).splitlines())) <= 80


def test_rounds_are_compared_one_by_one() -> None:
    assert compared([2.0, 10.0], [1.0, 8.0], above) == (1.0, 2.0)


def test_what_is_written_holds_every_round(tmp_path: Path) -> None:
    kept = save("try", [row("one", [1.0, 2.0], "ms", most=3.0)], tmp_path / "numbers.json")
    try:
        document = json.loads((tmp_path / "numbers.json").read_text())
        assert document == json.loads(kept.read_text())
        assert document["rows"][0]["rounds"] == [1.0, 2.0]
        assert document["rows"][0]["met"] is True
    finally:
        kept.unlink()


def test_only_the_last_rule_of_a_measured_policy_is_for_the_asker() -> None:
    assert [len(policy_of(size).rules) for size in SIZES[:3]] == list(SIZES[:3])


class _Server(BaseHTTPRequestHandler):
    """Answers `/credentials` with five bytes and refuses everything else."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/credentials" else 403)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), _Server) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_the_load_reads_whole_answers_and_returns_the_last(port: int) -> None:
    with Load() as load:
        outcome = load.run(Order(port=port, requests=20, warm=0))
    assert outcome.body == "hello"
    assert len(outcome.times) == 20
    assert min(outcome.times) > 0


def test_the_load_measures_no_refusals(port: int) -> None:
    with pytest.raises(RuntimeError, match="not served"):
        carry_out(Order(port=port, path="/other", requests=1, warm=0))
