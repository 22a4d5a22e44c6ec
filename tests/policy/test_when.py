"""Parts of the week as people would say them."""

from __future__ import annotations

import pytest

from sentinel_server.policy.when import parts_words

DAY = 1440


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([], ""),
        ([(0, 7 * DAY)], "always"),
        ([(500, 500 + 7 * DAY)], "always"),
        ([(540, 1020)], "monday 09:00-17:00"),
        ([(day * DAY + 540, day * DAY + 1020) for day in range(5)], "monday-friday 09:00-17:00"),
        ([(day * DAY + 540, day * DAY + 1020) for day in range(7)], "09:00-17:00"),
        ([(day * DAY + 1320, day * DAY + 1800) for day in (4, 5)], "friday, saturday 22:00-06:00"),
        ([(5 * DAY, 7 * DAY)], "saturday, sunday"),
        ([(6 * DAY, 8 * DAY)], "monday, sunday"),
        ([(1020, DAY)], "monday 17:00-24:00"),
        ([(4 * DAY + 1020, 7 * DAY + 540)], "friday 17:00 to monday 09:00"),
        ([(600, 600 + DAY)], "monday 10:00 to tuesday 10:00"),
        ([(540, 600), (660, 700), (DAY, 2 * DAY)], "monday 09:00-10:00, monday 11:00-11:40, tuesday"),
    ],
)
def test_parts_of_a_week_in_words(parts: list[tuple[int, int]], words: str) -> None:
    assert parts_words(parts) == words
