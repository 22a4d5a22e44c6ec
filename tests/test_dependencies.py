"""What the product is installed with: one set of versions, all of it with hashes, and said in every wheel."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
REQUIREMENTS = (ROOT / "requirements.txt").read_text()
PINNED = dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", REQUIREMENTS, re.MULTILINE))
CONSTRAINED = dict(
    re.findall(r"^([a-z0-9-]+)==([^\s;]+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
)


@pytest.fixture(scope="module")
def sbom() -> ModuleType:
    """The module of the build that writes the SBOM."""
    spec = importlib.util.spec_from_file_location("sbom", ROOT / "build_backend" / "sbom.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def names(requirements: list[str]) -> set[str]:
    """The distributions named, without those of an extra."""
    plain = [text for text in requirements if "extra ==" not in text]
    found = [re.match(r"[A-Za-z0-9._-]+", text) for text in plain]
    return {re.sub(r"[-_.]+", "-", match[0]).lower() for match in found if match is not None}


def needed() -> set[str]:
    """Everything that is installed here because the product needs it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found: set[str] = set()
    left = names(project["dependencies"])
    while left:
        name = left.pop()
        found.add(name)
        try:
            more = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:  # wanted on other platforms alone
            found.discard(name)
            continue
        left |= names(more) - found
    return found


def test_whatever_is_needed_at_run_time_is_pinned() -> None:
    assert needed() - PINNED.keys() == set()
    assert {"aiohttp", "aioboto3", "botocore", "cryptography"} <= needed()


def test_the_pinned_versions_are_those_that_are_tested() -> None:
    assert {name: CONSTRAINED.get(name) for name in PINNED} == PINNED


def test_every_version_has_the_hashes_of_its_files() -> None:
    parts = re.split(r"^(?=[a-z0-9-]+==)", REQUIREMENTS, flags=re.MULTILINE)[1:]
    assert len(parts) == len(PINNED)
    assert [part.split()[0] for part in parts if "--hash=sha256:" not in part] == []
    assert "://" not in REQUIREMENTS


def test_the_sbom_says_what_is_pinned(sbom: ModuleType) -> None:
    made = json.loads(sbom.sbom(ROOT))
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    assert {part["name"]: part["version"] for part in made["components"]} == PINNED
    hashes = {
        each["hashes"][0]["content"] for part in made["components"] for each in part["externalReferences"]
    }
    assert hashes == set(re.findall(r"sha256:([0-9a-f]{64})", REQUIREMENTS))
    assert made["dependencies"][0]["dependsOn"] == [part["bom-ref"] for part in made["components"]]
    assert sbom.sbom(ROOT) == sbom.sbom(ROOT)


def test_a_marker_is_kept(sbom: ModuleType) -> None:
    parts: list[dict[str, Any]] = json.loads(sbom.sbom(ROOT))["components"]
    marked = {part["name"]: part["properties"][0]["value"] for part in parts if "properties" in part}
    assert marked["pywin32-ctypes"] == "sys_platform == 'win32'"
    assert "aiohttp" not in marked


def test_a_wheel_has_the_sbom_in_it_and_in_its_record(sbom: ModuleType, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet"]
    copy = tmp_path / "source"
    copied = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, copied.decode().split("\0")):
        if name.startswith(("sentinel_server/__init__", "cli/__init__", "build_backend/")) or "/" not in name:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    ran = subprocess.run([*argv, "--wheel-dir", str(tmp_path), str(copy)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        (path,) = [name for name in file.namelist() if name.endswith(f"sboms/{sbom.SBOM}")]
        content = file.read(path)
        record = file.read(path.partition("/")[0] + "/RECORD").decode().splitlines()
    assert content == sbom.sbom(ROOT)
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    assert f"{path},sha256={digest},{len(content)}" in record
    assert path.partition("/")[0].endswith(".dist-info")
