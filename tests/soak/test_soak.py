"""A minute of everything at once. `python -m tests.soak` goes on for longer."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.faults.guest import Answer
from tests.soak.accounts import differences
from tests.soak.model import POLICY_AGE, Asked, Model, Span
from tests.soak.resident import lateness
from tests.soak.run import SLOTS, soak


@pytest.mark.timeout(420)
def test_under_load_and_fire_no_answer_contradicts_what_was_true_and_the_log_has_every_one() -> None:
    report = soak(60, pace=3.0)  # other tests keep the machine busy
    assert list(report.wrong) == []
    assert report.said["Success"] > 0
    assert report.sessions > SLOTS
    assert min(report.revoked, report.faults, report.denials) > 0


def heard(model: Model, code: str, at: float, revocation: Span | None = None) -> bool:
    """Whether the model takes such an answer to a fetch of that time."""
    model.wrong.clear()
    model.hear(Asked(began=at, ended=at + 0.1, code=code), revocation)
    return model.wrong == []


def test_the_model_lets_nobody_be_served_after_the_revocation_was_acknowledged() -> None:
    model, cut = Model(), Span(what="revocation", began=1.0, ended=2.0)
    assert heard(model, "Success", 1.5, cut)
    assert not heard(model, "Success", 2.5, cut)
    assert heard(model, "SessionRevoked", 2.5, cut)
    assert not heard(model, "SessionRevoked", 2.5)


def test_the_model_knows_how_old_a_policy_may_be() -> None:
    model = Model(denials=[Span(what="denial", began=10.0, ending=30.0, ended=34.0)])
    assert heard(model, "Success", 10.0 + POLICY_AGE - 1)
    assert not heard(model, "Success", 10.0 + POLICY_AGE + 1)
    assert heard(model, "Success", 31.0)
    assert heard(model, "PolicyDenied", 31.0)
    assert not heard(model, "PolicyDenied", 9.0)
    assert heard(model, "PolicyDenied", 39.0)
    assert not heard(model, "PolicyDenied", 45.0)


def test_the_model_counts_who_was_late_without_a_fault() -> None:
    model = Model(faults=[Span(what="ssm", began=10.0, ended=11.0)])
    for at in (5.0, 10.5, 16.0, 18.0):
        assert heard(model, "late", at)
    assert model.slow == 2
    model.hear(Asked(began=10.5, ended=12.0, code="Success"), None)
    model.hear(Asked(began=10.5, ended=12.0, code="Success", stalled=0.6), None)
    assert model.slow == 3


def test_the_model_takes_no_excuse_without_a_fault() -> None:
    model = Model(faults=[Span(what="dynamodb", began=10.0, ended=11.0)])
    assert heard(model, "StoreUnavailable", 10.5)
    assert not heard(model, "PolicyUnavailable", 10.5)
    assert not heard(model, "StoreUnavailable", 20.0)
    assert not heard(model, "KeyError", 10.5)


@pytest.mark.parametrize(
    ("code", "message", "heard_as"),
    [
        ("StoreUnavailable", "could not reach it: Connect timeout on endpoint URL", "late"),
        ("PolicyUnavailable", "the policy of prod did not arrive within 1 s", "late"),
        ("StoreUnavailable", "AccessDeniedException", "StoreUnavailable"),
        ("Success", "", "Success"),
    ],
)
def test_who_lacked_nothing_but_time_is_late_to_the_model(code: str, message: str, heard_as: str) -> None:
    assert lateness(Answer(code=code, message=message)) == heard_as


@pytest.mark.parametrize(
    ("served", "refused", "right"),
    [(6, 3, True), (5, 3, False), (6, 2, False), (7, 3, True), (8, 3, False), (6, 5, False)],
)
def test_the_log_has_what_was_answered_and_at_most_what_came_late_besides(
    served: int, refused: int, right: bool
) -> None:
    logged = {"s": Counter({"Success": served, "refused": refused})}
    answered = {"s": Counter({"Success": 5, "PolicyDenied": 2, "late": 1})}
    assert (differences(logged, answered) == []) is right
