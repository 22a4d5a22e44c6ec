"""Findings as SARIF 2.1.0, which code hosts show beside the lines of a pull request. Pure.

The shape is that of https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any, Literal
from urllib.parse import quote

from sentinel_server import __version__
from sentinel_server.frozen import frozen

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
"""Where the shape is published for machines."""

Level = Literal["error", "warning", "note"]
"""How bad a result is, in SARIF's words, which are ours too."""


@frozen
class Result:
    """One finding at a line and column counted from 1; `code` names what sort of finding it is.

    `identity` is what stays the same when lines move (a rule's name, a path); the message if empty.
    """

    code: str
    level: Level
    message: str
    file: str
    line: int = 1
    column: int = 1
    identity: str = ""


@frozen
class Described:
    """What a code means: a name without spaces, a sentence, and what to do."""

    name: str
    text: str
    help: str
    level: Level


def sarif(results: Iterable[Result], codes: Mapping[str, Described] | None = None) -> dict[str, Any]:
    """One run of this tool as a JSON object; `codes` describes the codes, at least those not obvious."""
    found = list(results)
    known = dict(codes or {})
    order = [*known, *sorted({result.code for result in found} - known.keys())]
    driver = {
        "name": "sentinel",
        "semanticVersion": __version__,
        "rules": [_described(code, known.get(code)) for code in order],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(result, order) for result in found],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _described(code: str, what: Described | None) -> dict[str, Any]:
    if what is None:
        return {"id": code}
    return {
        "id": code,
        "name": what.name,
        "shortDescription": {"text": what.text},
        "help": {"text": what.help},
        "defaultConfiguration": {"level": what.level},
    }


def _result(result: Result, order: Sequence[str]) -> dict[str, Any]:
    region = {"startLine": result.line, "startColumn": result.column}
    place = {"artifactLocation": {"uri": _uri(result.file)}, "region": region}
    same = "\0".join((result.code, result.file, result.identity or result.message))
    return {
        "ruleId": result.code,
        "ruleIndex": order.index(result.code),
        "level": result.level,
        "message": {"text": result.message},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"sentinel/v1": hashlib.sha256(same.encode()).hexdigest()[:32]},
    }


def _uri(file: str) -> str:
    """A relative file stays relative, as code hosts want it; stdin and parameters become paths like any."""
    path = PurePath(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix(), safe="/:@")
