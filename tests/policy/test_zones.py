"""Zones are those of the tzdata package, whatever this machine has."""

from __future__ import annotations

from sentinel_server.policy.zones import find_zone, zone_names


def test_every_zone_a_policy_may_name_can_be_found() -> None:
    assert len(zone_names()) > 400
    assert [name for name in zone_names() if find_zone(name) is None] == []


def test_what_only_some_systems_have_is_no_zone() -> None:
    assert [name for name in ("localtime", "Factory", "right/UTC", "../tzdata", "") if find_zone(name)] == []
