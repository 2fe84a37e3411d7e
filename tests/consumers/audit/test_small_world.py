"""A consistent backbone adds up, and the balance says what happened on it."""

from __future__ import annotations

from kruispunt_consumers.audit.balance import ParticipantBalance

from tests.consumers.audit.world import small_world


def test_everything_adds_up():
    verdict = small_world().verdict()
    assert [(item.rule, item.subject, item.sentence) for item in verdict.findings] == []
    assert verdict.adds_up


def test_every_rule_was_put_to_use():
    verdict = small_world().verdict()
    unused = {rule for rule, count in verdict.rules.items() if not count.checked}
    assert unused == set()


def test_the_balance_is_exact():
    verdict = small_world().verdict()
    assert verdict.participants["federal-police"] == ParticipantBalance(5, 2, 2, 1, 0, 0, 0)
    assert verdict.participants["vsse"] == ParticipantBalance(2, 1, 0, 1, 0, 0, 0)
    assert verdict.participants["ltf-gent"] == ParticipantBalance(2, 0, 0, 0, 2, 0, 0)
    assert verdict.refusals() == {"signature": 1, "wire-format": 1}
    assert verdict.duplicates() == {"SAME_SIGNAL": 1, "SAME_CONTENT": 1}
