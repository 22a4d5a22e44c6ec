"""The INI format of `~/.aws/config` and `~/.aws/credentials`, read as botocore reads it.

Messages name the file and the line and never quote it: a line may hold a secret.
"""

from __future__ import annotations

import configparser
import shlex
from collections.abc import Mapping
from dataclasses import field

from sentinel_server.errors import InvalidSetting
from sentinel_server.frozen import frozen

Section = Mapping[str, str | Mapping[str, str]]
"""Keys in lower case to a value, or to an indented block of `key = value` lines."""


@frozen
class FileText:
    """A file's text and where it came from. The text is kept out of the repr."""

    path: str
    text: str = field(repr=False)


def parse_sections(file: FileText) -> dict[str, Section]:
    """Section titles as written, to their contents. Raises InvalidSetting with the file and the line."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(file.text, source=file.path)
    except (
        configparser.ParsingError,
        configparser.DuplicateSectionError,
        configparser.DuplicateOptionError,
    ) as error:
        raise InvalidSetting(f"cannot read {file.path}: {_why(error)}", hint="edit it there") from None
    return {
        title: {key: _value(file, title, key, parser.get(title, key)) for key in parser.options(title)}
        for title in parser.sections()
    }


def titled(title: str, kind: str) -> str | None:
    """The name in a title such as `profile x` or `sso-session "two words"`; None for other titles."""
    try:
        words = shlex.split(title)
    except ValueError:
        return None
    return words[1] if len(words) == 2 and words[0] == kind else None


def render(sections: Mapping[str, Section]) -> str:
    """The text that `parse_sections` reads back as `sections`."""
    lines: list[str] = []
    for title, section in sections.items():
        lines.append(f"[{title}]")
        for key, value in section.items():
            if isinstance(value, str):
                lines.append(f"{key} = {value}")
            else:
                lines += [f"{key} =", *(f"    {inner} = {text}" for inner, text in value.items())]
        lines.append("")
    return "\n".join(lines)


def _value(file: FileText, title: str, key: str, value: str) -> str | Mapping[str, str]:
    if not value.startswith("\n"):
        return value
    block: dict[str, str] = {}
    for line in filter(None, map(str.strip, value.splitlines())):
        inner, equals, text = line.partition("=")
        if not equals:
            raise InvalidSetting(f"cannot read {file.path}: a line under {key} in [{title}] has no '='")
        block[inner.strip()] = text.strip()
    return block


_Broken = configparser.ParsingError | configparser.DuplicateSectionError | configparser.DuplicateOptionError


def _why(error: _Broken) -> str:
    if isinstance(error, configparser.MissingSectionHeaderError):
        return f"line {error.lineno} stands before the first [section]"
    if isinstance(error, configparser.ParsingError):
        return f"line {error.errors[0][0]} is neither a [section] nor key = value"
    if isinstance(error, configparser.DuplicateSectionError):
        return f"line {error.lineno}: [{error.section}] is there twice"
    return f"line {error.lineno}: {error.option} is twice in [{error.section}]"
