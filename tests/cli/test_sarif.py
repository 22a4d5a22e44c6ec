"""SARIF: what code hosts read."""

from __future__ import annotations

import json
from pathlib import Path

from cli.sarif import Described, Result, sarif

CODES = {
    "P001": Described(name="UnreachableRule", text="No request reaches it.", help="Move it.", level="warning")
}


def a_result(**said: object) -> Result:
    """A finding, different in what is said."""
    given: dict[str, object] = {
        "code": "P001",
        "level": "warning",
        "message": "never",
        "file": "p.yaml",
        "line": 3,
    }
    return Result(**{**given, **said})  # type: ignore[arg-type]


def test_a_run_names_the_tool_its_codes_and_every_result() -> None:
    log = sarif([a_result(column=5)], CODES)
    run = log["runs"][0]
    assert log["version"] == "2.1.0"
    assert run["tool"]["driver"]["rules"] == [
        {
            "id": "P001",
            "name": "UnreachableRule",
            "shortDescription": {"text": "No request reaches it."},
            "help": {"text": "Move it."},
            "defaultConfiguration": {"level": "warning"},
        }
    ]
    (result,) = run["results"]
    assert (result["ruleId"], result["ruleIndex"], result["level"]) == ("P001", 0, "warning")
    place = result["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "p.yaml"}, "region": {"startLine": 3, "startColumn": 5}}


def test_a_code_nobody_described_is_listed_all_the_same() -> None:
    run = sarif([a_result(code="C9"), a_result()], CODES)["runs"][0]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["P001", "C9"]
    assert [result["ruleIndex"] for result in run["results"]] == [1, 0]


def test_no_findings_are_an_empty_list_and_not_an_absent_one() -> None:
    assert sarif([])["runs"][0]["results"] == []


def test_files_become_addresses(tmp_path: Path) -> None:
    files = ["a b/ü.yaml", "<stdin>", str(tmp_path / "x y.yaml")]
    results = sarif([a_result(file=file) for file in files])["runs"][0]["results"]
    uris = [result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in results]
    assert uris == ["a%20b/%C3%BC.yaml", "%3Cstdin%3E", (tmp_path / "x y.yaml").as_uri()]


def test_a_finding_that_moves_keeps_its_fingerprint_and_another_has_another() -> None:
    prints = [
        result["partialFingerprints"]["sentinel/v1"]
        for result in sarif([a_result(), a_result(line=9), a_result(identity="other")])["runs"][0]["results"]
    ]
    assert prints[0] == prints[1] != prints[2]


def test_it_is_json() -> None:
    log = sarif([a_result(message='a "quote"\n')], CODES)
    assert json.loads(json.dumps(log)) == log
