"""Devices: what a condition cannot hold without, and nothing that is only likely."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given

from sentinel_server.policy.linting.postures import postures, satisfies
from sentinel_server.policy.schema import DeviceCondition
from tests.strategies import device_conditions

DAY = timedelta(days=1)


@given(device_conditions())
def test_a_device_that_satisfies_a_condition_satisfies_it(condition: DeviceCondition) -> None:
    assert all(satisfies(posture, condition) for posture in postures([condition]))


@given(device_conditions(), device_conditions())
def test_a_device_that_satisfies_two_conditions_satisfies_each(
    one: DeviceCondition, two: DeviceCondition
) -> None:
    for posture in postures([one, two]):
        assert satisfies(posture, one)
        assert satisfies(posture, two)


@given(device_conditions())
def test_nothing_known_satisfies_nothing(condition: DeviceCondition) -> None:
    assert not satisfies((), condition)


@pytest.mark.parametrize(
    ("asked", "without", "holds"),
    [
        (DeviceCondition(require_mdm=True, require_firewall=True), DeviceCondition(require_mdm=True), True),
        (DeviceCondition(require_mdm_compliant=True), DeviceCondition(require_mdm=True), False),
        (DeviceCondition(min_os_version="14.10"), DeviceCondition(min_os_version="14.9"), True),
        (DeviceCondition(min_os_version="14.9"), DeviceCondition(min_os_version="14.10"), False),
        (DeviceCondition(min_os_version="14"), DeviceCondition(min_os_version="14.0.0"), True),
        (DeviceCondition(min_os_version="14.2-beta"), DeviceCondition(min_os_version="14.2-beta"), True),
        (DeviceCondition(min_os_version="14.2-beta"), DeviceCondition(min_os_version="14.1"), False),
        (DeviceCondition(max_posture_age=DAY), DeviceCondition(max_posture_age=2 * DAY), True),
        (DeviceCondition(max_posture_age=2 * DAY), DeviceCondition(max_posture_age=DAY), False),
    ],
)
def test_one_condition_may_imply_another(
    asked: DeviceCondition, without: DeviceCondition, holds: bool
) -> None:
    (posture,) = postures([asked])
    assert satisfies(posture, without) is holds


def test_a_device_has_one_operating_system() -> None:
    either = DeviceCondition(allowed_os_types=("darwin", "linux"))
    linux, windows = (DeviceCondition(allowed_os_types=(each,)) for each in ("linux", "windows"))
    assert [satisfies(each, linux) for each in postures([either])] == [False, True]
    assert [satisfies(each, either) for each in postures([linux])] == [True]
    assert list(postures([either, windows])) == []
