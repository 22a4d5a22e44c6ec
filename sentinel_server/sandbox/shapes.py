"""What STS accepts: every parameter is checked against botocore's own model of the service.

The model keeps `pattern`, `min` and `max` in the words of the service (Java's regex dialect, in which `\\w`
and `\\d` are ASCII). Violations are reported in the words STS uses.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Any

Form = Mapping[str, str]
Shape = Any
"""A `botocore.model.Shape`; the library's types are optional here."""


@cache
def operation_input(service: str, operation: str) -> Shape | None:
    """The input shape of an operation, None when it takes nothing. Raises KeyError for no operation."""
    return _operations(service)[operation]


def violations(shape: Shape, form: Form) -> list[str]:
    """Every rule of the model that a query-protocol form breaks, in STS's words and the model's order."""
    return list(_structure(shape, form, prefix="", path=""))


def parameters(shape: Shape, form: Form) -> dict[str, Any]:
    """The form's values as the nested parameters a client was given."""
    found = _value(shape, form, prefix="")
    return found if isinstance(found, dict) else {}


def to_python(pattern: str) -> re.Pattern[str]:
    """A pattern of the service's model as a Python one, to be matched as a whole."""
    text = re.sub(r"\\p\{([A-Z])\}", lambda found: _category(found[1]), pattern)
    return _compile(text)


@cache
def _operations(service: str) -> dict[str, Shape]:
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    model = ServiceModel(Loader().load_service_model(service, "service-2"), service)
    return {name: model.operation_model(name).input_shape for name in model.operation_names}


@lru_cache(maxsize=256)
def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)


@cache
def _category(letter: str) -> str:
    """The inside of a character class with every code point of a Unicode category."""
    ranges: list[list[int]] = []
    for point in range(sys.maxunicode + 1):
        if not unicodedata.category(chr(point)).startswith(letter):
            continue
        if ranges and ranges[-1][1] == point - 1:
            ranges[-1][1] = point
        else:
            ranges.append([point, point])
    return "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in ranges)


def _structure(shape: Shape, form: Form, *, prefix: str, path: str) -> Iterator[str]:
    for name, member in shape.members.items():
        inner = f"{prefix}{name}"
        where = f"{path}{name[0].lower()}{name[1:]}"
        if not _present(form, inner):
            if name in shape.required_members:
                yield f"Value null at '{where}' failed to satisfy constraint: Member must not be null"
        elif member.type_name == "structure":
            yield from _structure(member, form, prefix=f"{inner}.", path=f"{where}.")
        elif member.type_name == "list":
            yield from _list(member, form, prefix=inner, path=where)
        else:
            yield from _scalar(member, form[inner], where)


def _list(shape: Shape, form: Form, *, prefix: str, path: str) -> Iterator[str]:
    prefixes = list(_items(form, prefix))
    limit = shape.metadata.get("max")
    if limit is not None and len(prefixes) > limit:
        yield (
            f"Value '[...]' at '{path}' failed to satisfy constraint: "
            f"Member must have length less than or equal to {limit}"
        )
    for number, item in enumerate(prefixes, start=1):
        where = f"{path}.{number}.member"
        if shape.member.type_name == "structure":
            yield from _structure(shape.member, form, prefix=f"{item}.", path=f"{where}.")
        else:
            yield from _scalar(shape.member, form[item], where)


def _scalar(shape: Shape, text: str, where: str) -> Iterator[str]:
    said = f"Value at '{where}'" if shape.metadata.get("sensitive") else f"Value '{text}' at '{where}'"
    for rule in _broken(shape, text):
        yield f"{said} failed to satisfy constraint: Member must {rule}"


def _broken(shape: Shape, text: str) -> Iterator[str]:
    rules = shape.metadata
    number = shape.type_name in ("integer", "long")
    if number and not re.fullmatch(r"-?\d+", text, re.ASCII):
        yield "be a number"
        return
    size, what = (int(text), "value") if number else (len(text), "length")
    if "min" in rules and size < rules["min"]:
        yield f"have {what} greater than or equal to {rules['min']}"
    if "max" in rules and size > rules["max"]:
        yield f"have {what} less than or equal to {rules['max']}"
    if "pattern" in rules and not to_python(rules["pattern"]).fullmatch(text):
        yield f"satisfy regular expression pattern: {rules['pattern']}"


def _value(shape: Shape, form: Form, *, prefix: str) -> Any:
    if shape.type_name == "structure":
        dotted = f"{prefix}." if prefix else ""
        return {
            name: _value(member, form, prefix=f"{dotted}{name}")
            for name, member in shape.members.items()
            if _present(form, f"{dotted}{name}")
        }
    if shape.type_name == "list":
        return [_value(shape.member, form, prefix=item) for item in _items(form, prefix)]
    text = form[prefix]
    return int(text) if shape.type_name in ("integer", "long") else text


def _present(form: Form, name: str) -> bool:
    return name in form or any(key.startswith(f"{name}.") for key in form)


def _items(form: Form, prefix: str) -> Iterator[str]:
    number = 1
    while _present(form, f"{prefix}.member.{number}"):
        yield f"{prefix}.member.{number}"
        number += 1
