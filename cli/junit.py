"""Test results as JUnit XML, the form that CI systems draw tables of."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from cli.layout import clean

if TYPE_CHECKING:
    from sentinel_server.policy.testing import CaseResult, TestReport


def junit_xml(report: TestReport) -> str:
    """One `testsuite` per test file, one `testcase` per test, one `failure` per test that failed."""
    root = ElementTree.Element("testsuites", _counts(report.results), name="sentinel policy test")
    for file, results in groupby(report.results, key=lambda result: result.file):
        found = list(results)
        suite = ElementTree.SubElement(root, "testsuite", _counts(found), name=clean(file))
        for result in found:
            _add(suite, result)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _add(suite: ElementTree.Element, result: CaseResult) -> None:
    from cli.tested import failure_lines

    file = clean(result.file)
    where = {"classname": file, "file": file, "line": str(result.case.line)}
    case = ElementTree.SubElement(suite, "testcase", where, name=result.case.name)
    if not result.passed:
        first = "; ".join(result.failures[0].faults)
        ElementTree.SubElement(case, "failure", message=first).text = "\n".join(failure_lines(result))


def _counts(results: list[CaseResult] | tuple[CaseResult, ...]) -> dict[str, str]:
    failed = sum(not result.passed for result in results)
    return {"tests": str(len(results)), "failures": str(failed), "errors": "0"}
