"""`config.yaml`, read as strictly as a policy: an unknown key is an error with its line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sentinel_server.errors import InvalidSetting
from sentinel_server.policy.events import Entries, Items, Mark, Node, Scalar, Unreadable, read_tree
from sentinel_server.policy.fields import closest
from sentinel_server.settings.resolve import ConfigFile, Directories
from sentinel_server.settings.table import settings_table


def parse_config(data: bytes, path: Path, directories: Directories) -> ConfigFile:
    """What the file says. Raises InvalidSetting with file, line and column for the first thing wrong."""
    try:
        tree = read_tree(data)
    except Unreadable as error:
        raise _wrong(path, error.mark, error.message) from error
    known = set(settings_table(directories.state, directories.config)) | {"people"}
    values: dict[str, tuple[str, int]] = {}
    people: dict[str, list[str]] = {}
    for name, key, node in _pairs(tree, path, known):
        if name == "people":
            _add_people(people, node, path)
        elif name in values:
            raise _wrong(path, key, f"{name} is there twice")
        else:
            values[name] = (_text(node, path), key.line)
    return ConfigFile(path=path, values=values, people=people)


def _pairs(tree: Node | None, path: Path, known: set[str]) -> Iterator[tuple[str, Mark, Node]]:
    """Every setting, groups such as `audit:` opened. A name may be that of a setting and of a group."""
    groups = {name.partition(".")[0] for name in known if "." in name}
    for key, node in () if tree is None or _says_nothing(tree) else _entries(tree, path):
        if key.text in groups and not (key.text in known and isinstance(node, Scalar)):
            for inner, value in _entries(node, path):
                yield _known(f"{key.text}.{inner.text}", inner.mark, path, known), inner.mark, value
        else:
            yield _known(key.text, key.mark, path, known), key.mark, node


def _says_nothing(tree: Node) -> bool:
    return isinstance(tree, Scalar) and tree.plain and not tree.text


def _known(name: str, mark: Mark, path: Path, known: set[str]) -> str:
    if name not in known:
        guess = closest(name, known)
        raise _wrong(path, mark, f"unknown setting {name!r}; {guess}".rstrip("; "))
    return name


def _add_people(people: dict[str, list[str]], node: Node, path: Path) -> None:
    for key, value in _entries(node, path):
        if key.text in people:
            raise _wrong(path, key.mark, f"people: {key.text} is there twice")
        if not isinstance(value, Items):
            raise _wrong(path, value.mark, f"people: {key.text} needs a list of person keys")
        people[key.text] = [_text(item, path) for item in value.nodes]


def _entries(node: Node, path: Path) -> Iterator[tuple[Scalar, Node]]:
    if not isinstance(node, Entries):
        raise _wrong(path, node.mark, "settings are written as `name: value`")
    for key, value in node.pairs:
        if not isinstance(key, Scalar):
            raise _wrong(path, key.mark, "a name must be text")
        yield key, value


def _text(node: Node, path: Path) -> str:
    if not isinstance(node, Scalar):
        raise _wrong(path, node.mark, "one value is wanted, not a list or a mapping")
    return node.text


def _wrong(path: Path, mark: Mark, what: str) -> InvalidSetting:
    return InvalidSetting(f"{path}:{mark.line}:{mark.column}: {what}", hint="see docs/settings.md")
