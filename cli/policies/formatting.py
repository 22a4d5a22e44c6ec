"""The canonical text of a document with the comments of the one it was made from, where they have a place.

A comment has a place when it stands on lines of its own and above the document, `rules:` (`profiles:` in a
bootstrap configuration), or one of its entries. Any other would have to move or go, so it is refused instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sentinel_server.errors import BadInput, SentinelError
from sentinel_server.policy.documents import parse_document, read_document
from sentinel_server.policy.events import Entries, Items, Node, Scalar, read_tree
from sentinel_server.policy.kinds import DocumentKind
from sentinel_server.policy.printing import print_document

_COMMENT = re.compile(r"(?:^|(?<=\s))#")


@dataclass(frozen=True, slots=True)
class _Comment:
    """One comment: its line counted from 1, its text, and whether it has the line to itself."""

    line: int
    text: str
    alone: bool


def formatted(data: bytes, file: str, *, drop: bool = False) -> bytes:
    """`data` in the canonical form. Raises InvalidPolicy, BadInput for a comment without a place."""
    kind, document = read_document(data, file=file)
    text = data.decode("utf-8")
    plain = print_document(document)
    listing = "profiles" if kind is DocumentKind.BOOTSTRAP else "rules"
    comments = list(_comments(text, blocks=kind is DocumentKind.BOOTSTRAP))
    kept = {} if drop else _placed(comments, _anchors(text, listing), file)
    new = _woven(plain, kept, listing).encode("utf-8")
    if parse_document(new, file=file, kind=kind) != document:
        raise SentinelError(f"{file} cannot be written in the canonical form; nothing was changed")
    return new


def _comments(text: str, *, blocks: bool) -> Iterator[_Comment]:
    """Every comment: what begins with # outside of any scalar."""
    import yaml

    spans = [
        _content(text, token, blocks=blocks)
        for token in yaml.scan(text, Loader=yaml.SafeLoader)
        if isinstance(token, yaml.ScalarToken)
    ]
    offset = 0
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        for found in _COMMENT.finditer(line):
            at = offset + found.start()
            if not any(start <= at < end for start, end in spans):
                yield _Comment(number, line[found.start() :].rstrip(), not line[: found.start()].strip())
                break
        offset += len(line)


def _content(text: str, token: object, *, blocks: bool) -> tuple[int, int]:
    """Where a scalar begins and ends; a block's header line is not part of it: it may hold a comment."""
    start, end = token.start_mark.index, token.end_mark.index  # type: ignore[attr-defined]
    if text[start] in "|>" and not token.plain:  # type: ignore[attr-defined]
        if not blocks:
            line = text.count("\n", 0, start) + 1
            raise BadInput(
                f"line {line} begins a block of text, which has no canonical form",
                hint="write it on one line, in quotes",
            )
        start = text.find("\n", start)
    return int(start), int(end)


def _anchors(text: str, listing: str) -> list[tuple[int, str]]:
    """The lines above which a comment has a place, with the start of the canonical line it belongs to."""
    tree = read_tree(text)
    found: list[tuple[int, str]] = []
    pairs = tree.pairs if isinstance(tree, Entries) else ()
    if pairs:
        found.append((pairs[0][0].mark.line, "top"))
    for key, value in pairs:
        if isinstance(key, Scalar) and key.text == listing and isinstance(value, Items):
            found.append((key.mark.line, listing))
            found += [(_line_of(text, node), f"entry {index}") for index, node in enumerate(value.nodes)]
    return found


def _line_of(text: str, node: Node) -> int:
    """The line of a rule's dash, which may be above its first key."""
    lines = text.splitlines()
    line = node.mark.line
    while line > 1 and "-" not in lines[line - 1][: node.mark.column]:
        line -= 1
    return line


def _placed(comments: list[_Comment], anchors: list[tuple[int, str]], file: str) -> Mapping[str, list[str]]:
    """Comments by the canonical line that they stand above."""
    occupied = {comment.line for comment in comments if comment.alone}
    kept: dict[str, list[str]] = {}
    for comment in comments:
        below = comment.line + 1
        while below in occupied:
            below += 1
        name = next((name for line, name in anchors if line == below), None)
        if name is None and comment.alone and comment.line < (anchors[0][0] if anchors else 0):
            name = "top"  # blank lines may part the heading from the document
        if not comment.alone or name is None:
            raise BadInput(
                f"{file}:{comment.line}: this comment would be lost: {comment.text[:60]}",
                hint="put it on a line of its own above the rule, or say --drop-comments",
            )
        kept.setdefault(name, []).append(comment.text)
    return kept


def _woven(plain: str, kept: Mapping[str, list[str]], listing: str) -> str:
    """The canonical text with the comments put above their lines."""
    lines: list[str] = list(kept.get("top", ()))
    entry = 0
    for line in plain.splitlines():
        if line == f"{listing}:":
            lines += kept.get(listing, ())
        if line.startswith("  - ") and f"{listing}:" in lines:
            lines += [f"  {comment}" for comment in kept.get(f"entry {entry}", ())]
            entry += 1
        lines.append(line)
    return "\n".join(lines) + "\n"
