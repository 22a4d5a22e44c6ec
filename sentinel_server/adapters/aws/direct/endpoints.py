"""Where a service is asked directly: AWS's regional endpoints, or the one URL that was configured."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import botocore

from sentinel_server.frozen import frozen

_HOST = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)*/?")
"""Whatever else a URL may hold, its signature needs rules that botocore knows."""


@frozen
class Endpoint:
    """A service, by its signing name, in a region, and where it is asked."""

    service: str
    region: str
    url: str

    @property
    def host(self) -> str:
        """What the `Host` header says: the port only where it is not the scheme's own."""
        parts = urlsplit(self.url)
        name = self.url.partition("//")[2].partition("/")[0]
        own = {"http": ":80", "https": ":443"}[parts.scheme]
        return name.removesuffix(own).lower()

    @property
    def path(self) -> str:
        """What is asked for there."""
        return urlsplit(self.url).path or "/"


def endpoint(service: str, region: str, url: str | None) -> Endpoint | None:
    """Where `service` is in `region`, or at `url`; None for what botocore has to find out."""
    if url is None:
        suffix = _suffix(region)
        url = f"https://{service}.{region}.{suffix}" if suffix else ""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    if scheme not in ("http", "https") or not (_HOST.fullmatch(host) and _PATH.fullmatch(slash + path)):
        return None
    url = f"{scheme}://{rest}"
    if not 0 < int(host.rpartition("]")[2].partition(":")[2] or 1) < 65536:  # nor is there such a port
        return None
    return Endpoint(service=service, region=region, url=url)


def _suffix(region: str) -> str | None:
    """The end of host names in a region's partition, by the list that comes with botocore."""
    for partition in _partitions():
        if region in partition["regions"] and not region.endswith("-global"):
            return str(partition["outputs"]["dnsSuffix"])
    for partition in _partitions():
        if re.fullmatch(partition["regionRegex"], region):
            return str(partition["outputs"]["dnsSuffix"])
    return None


@cache
def _partitions() -> tuple[Mapping[str, Any], ...]:
    place = Path(botocore.__file__).parent / "data" / "partitions.json"
    return tuple(json.loads(place.read_text(encoding="utf-8"))["partitions"])
