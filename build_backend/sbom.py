"""What a wheel of ours needs at run time, as an SBOM (CycloneDX 1.6, JSON) in it, where PEP 770 wants it.

It says what `requirements.txt` says: the versions that are tested, each with the hashes of its files. It has
no time and no serial number in it, so that the same source gives the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import tomllib
import zipfile
from pathlib import Path
from typing import Any

SBOM = "sbom.cdx.json"
_PINNED = re.compile(r"^([a-z0-9-]+)==([^\s;]+)(?: ; ([^\\]+?))? \\$", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def sbom(project: Path) -> bytes:
    """The SBOM of the project in this directory."""
    about = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = (project / "requirements.txt").read_text(encoding="utf-8")
    found = list(_PINNED.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    root = {
        "type": "application",
        "bom-ref": about["name"],
        "name": about["name"],
        "version": about["version"],
    }
    parts = [_component(match, text[match.end() : end]) for match, end in zip(found, ends, strict=True)]
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": root | {"licenses": [{"license": {"id": about["license"]}}]}},
        "components": parts,
        "dependencies": [{"ref": about["name"], "dependsOn": [part["bom-ref"] for part in parts]}],
    }
    return json.dumps(document, indent=2).encode() + b"\n"


def _component(pinned: re.Match[str], hashes: str) -> dict[str, Any]:
    name, version, marker = pinned.groups()
    reference = f"pkg:pypi/{name}@{version}"
    files = [{"type": "distribution", "url": reference, "hashes": [{"alg": "SHA-256", "content": found}]}
             for found in sorted(_HASH.findall(hashes))]  # fmt: skip
    made: dict[str, Any] = {"type": "library", "bom-ref": reference, "name": name, "version": version}
    made |= {"purl": reference, "externalReferences": files}
    return made | ({"properties": [{"name": "python:marker", "value": marker}]} if marker else {})


def add_sbom(wheel: Path, content: bytes) -> None:
    """Put the SBOM into a wheel, and into its RECORD."""
    with zipfile.ZipFile(wheel) as old:
        members = [(info, old.read(info)) for info in old.infolist()]
    record = next(info for info, _ in members if info.filename.endswith(".dist-info/RECORD"))
    path = f"{record.filename.removesuffix('RECORD')}sboms/{SBOM}"
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    line = f"{path},sha256={digest},{len(content)}\n".encode()
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as new:
        for info, data in members:
            if info is record:
                like = zipfile.ZipInfo(path, record.date_time)
                like.external_attr, like.compress_type = record.external_attr, zipfile.ZIP_DEFLATED
                new.writestr(like, content)
                data = line + data
            new.writestr(info, data)
