"""Values of `config.yaml` changed in its text: comments, order and all that is not asked for stay. Pure.

YAML's own composer says where each part of the text is, and only those places are edited. A text is handed
out only when it reads as the old one with exactly these values changed; what cannot be changed so is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from sentinel_server.errors import InvalidSetting
from sentinel_server.frozen import frozen
from sentinel_server.settings.config_file import parse_config
from sentinel_server.settings.resolve import ConfigFile, Directories

_PLAIN = re.compile(r"[A-Za-z0-9_/][A-Za-z0-9_./@+=~-]*", re.ASCII)
"""Texts that need no quotes anywhere; URLs get theirs because of the colon."""

_URL = re.compile(r"[a-z0-9+]+://[A-Za-z0-9_./@+=~-]*", re.ASCII)


def edited(text: str, changes: Mapping[str, str | None], path: Path, directories: Directories) -> str:
    """The text with each named setting at its new value, or without it for None.

    Raises InvalidSetting when the text is not a configuration to begin with, and when it is written in a way
    that cannot be edited.
    """
    for name, value in changes.items():
        before = parse_config(_bytes(text), path, directories)
        new = _changed(text, before, name, value)
        if new is None:
            raise _cannot(before, name)
        _require(_bytes(new), before, name, value, path, directories)
        text = new
    return text


def _bytes(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise InvalidSetting("a value that is not UTF-8 cannot be written") from None


def _require(
    new: bytes, before: ConfigFile, name: str, value: str | None, path: Path, directories: Directories
) -> None:
    wanted = {key: text for key, (text, _) in before.values.items() if key != name}
    if value is not None:
        wanted[name] = value
    try:
        after = parse_config(new, path, directories)
        said = {key: text for key, (text, _) in after.values.items()}
        if said == wanted and after.people == before.people:
            return
    except InvalidSetting:
        pass
    raise _cannot(before, name)


def _cannot(file: ConfigFile, name: str) -> InvalidSetting:
    where = f"{file.path}:{file.values[name][1]}" if name in file.values else str(file.path)
    return InvalidSetting(
        f"{where} is written in a way that {name} cannot be changed in", hint=f"edit it by hand: {file.path}"
    )


def _changed(text: str, before: ConfigFile, name: str, value: str | None) -> str | None:
    """The new text; None where the setting would come to stand beside a group of its name."""
    root = yaml.compose(text, Loader=yaml.BaseLoader)
    mapping = root if isinstance(root, yaml.MappingNode) else None
    spot = None if mapping is None else _find(mapping, name)
    if value is None:
        return text if spot is None or mapping is None else _without(text, spot, mapping)
    if spot is not None:
        return _replaced(text, spot.value, value)
    group, _, key = name.partition(".")
    inside = None if mapping is None or not key else _group(mapping, group)
    if inside is not None:
        return _added(text, inside, f"{key}: {_written(value)}")
    if mapping is not None and not key and _group(mapping, name) is not None:
        return None
    if mapping is not None and mapping.flow_style:
        return _added(text, mapping, f"{name}: {_written(value)}")
    return _appended(text, mapping, name, value, flat=not key or group in before.values)


@frozen
class _Spot:
    """Where a setting is: the pair `index` of `mapping`; `group` is the pair of the root that holds it."""

    mapping: yaml.MappingNode
    index: int
    group: int | None = None

    @property
    def key(self) -> yaml.Node:
        return self.mapping.value[self.index][0]  # type: ignore[no-any-return]  # stubs have no pairs

    @property
    def value(self) -> yaml.Node:
        return self.mapping.value[self.index][1]  # type: ignore[no-any-return]


def _find(root: yaml.MappingNode, name: str) -> _Spot | None:
    group, _, inner = name.partition(".")
    for index, (key, value) in enumerate(root.value):
        if key.value == name and not isinstance(value, yaml.MappingNode):
            return _Spot(mapping=root, index=index)
        if inner and key.value == group and isinstance(value, yaml.MappingNode):
            for place, (each, _) in enumerate(value.value):
                if each.value == inner:
                    return _Spot(mapping=value, index=place, group=index)
    return None


def _group(root: yaml.MappingNode, name: str) -> yaml.MappingNode | None:
    found = (value for key, value in root.value if key.value == name)
    return next((value for value in found if isinstance(value, yaml.MappingNode)), None)


def _written(value: str) -> str:
    """The value as YAML that means exactly this text, in blocks and between braces."""
    if _PLAIN.fullmatch(value) or _URL.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _replaced(text: str, node: yaml.Node, value: str) -> str:
    start, end = node.start_mark.index, node.end_mark.index
    if start == end:  # `name:` and nothing behind it
        return f"{text[:start]} {_written(value)}{text[end:]}"
    block = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")
    return text[:start] + _written(value) + (_line_end(text) if block else "") + text[end:]


def _added(text: str, mapping: yaml.MappingNode, entry: str) -> str:
    """The entry as the last one of a mapping."""
    if mapping.flow_style:
        at = mapping.value[-1][1].end_mark.index if mapping.value else mapping.start_mark.index + 1
        return text[:at] + (", " if mapping.value else "") + entry + text[at:]
    at = _end_of_line(text, mapping.value[-1][1].end_mark.index)
    indent = " " * mapping.start_mark.column
    ended = text[:at].endswith("\n") or not text[:at]
    return text[:at] + ("" if ended else _line_end(text)) + indent + entry + _line_end(text) + text[at:]


def _appended(text: str, root: yaml.MappingNode | None, name: str, value: str, *, flat: bool) -> str:
    indent = " " * (0 if root is None else root.start_mark.column)
    end = _line_end(text)
    group, _, key = name.partition(".")
    lines = [f"{name}: {_written(value)}"] if flat else [f"{group}:", f"  {key}: {_written(value)}"]
    gap = "" if not text or text.endswith("\n") else end
    return text + gap + "".join(indent + line + end for line in lines)


def _without(text: str, spot: _Spot, root: yaml.MappingNode) -> str:
    if spot.mapping.flow_style:
        return _without_in_braces(text, spot)
    alone = len(spot.mapping.value) == 1 and spot.group is not None
    text = _without_lines(text, spot.key.start_mark.index, spot.value.end_mark.index)
    if alone and spot.group is not None:
        key = root.value[spot.group][0]
        text = _without_lines(text, key.start_mark.index, key.end_mark.index)
    return text


def _without_in_braces(text: str, spot: _Spot) -> str:
    pairs = spot.mapping.value
    start, end = spot.key.start_mark.index, spot.value.end_mark.index
    if spot.index + 1 < len(pairs):
        end = pairs[spot.index + 1][0].start_mark.index
    elif spot.index:
        start = pairs[spot.index - 1][1].end_mark.index
    return text[:start] + text[end:]


def _without_lines(text: str, start: int, end: int) -> str:
    first = text.rfind("\n", 0, start) + 1
    return text[:first] + text[_end_of_line(text, end) :]


def _end_of_line(text: str, at: int) -> int:
    """Behind the end of the line that holds what ends at `at`; the mark of a block is there already."""
    if at and text[at - 1] == "\n":
        return at
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
