"""Builds with setuptools, and puts an SBOM into every wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sbom import add_sbom, sbom
from setuptools import build_meta
from setuptools.build_meta import (
    build_editable,
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]


def build_wheel(
    wheel_directory: str,
    config_settings: dict[str, Any] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """The wheel of setuptools with the SBOM in its `.dist-info/sboms`; its file name."""
    name = str(build_meta.build_wheel(wheel_directory, config_settings, metadata_directory))
    add_sbom(Path(wheel_directory) / name, sbom(Path.cwd()))
    return name
