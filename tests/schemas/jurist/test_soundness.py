from __future__ import annotations

from kruispunt_schemas.jurist import trial
from kruispunt_schemas.jurist.soundness import Weight, check
from kruispunt_schemas.needtoknow.bundle import Bundle

from tests.schemas.jurist.worlds import bundle, case
from tests.schemas.needtoknow import bundles
from tests.schemas.needtoknow.bundles import worded

CASE = case('[receives]\nforce-a = "all"\n[refused]\nforce-b = "no-ground"\n')


def found(policies: str = "", **changes: object) -> dict[str, list[tuple[Weight, str]]]:
    made: Bundle = bundles.bundle(**({"policies": policies} if policies else {}), **changes)
    result: dict[str, list[tuple[Weight, str]]] = {}
    for item in check(made, [trial.prepare(CASE, made)]):
        result.setdefault(item.subject, []).append((item.weight, item.text))
    return result


def test_a_policy_that_does_not_validate_is_looked_at_no_further() -> None:
    bad = bundle().policies.replace("context.is_named &&", "context.is_nmaed &&")
    made = bundles.bundle(policies=bad)
    findings = check(made, [])
    assert {item.weight for item in findings} == {Weight.MISTAKE}
    assert "is_nmaed" in str(findings)


def test_a_rule_without_its_words_is_named() -> None:
    bad = bundle().policies.replace('@confidence("read")', "", 1)
    assert "@confidence" in str(check(bundles.bundle(policies=bad), []))


def test_a_rule_that_is_at_work_is_not_found() -> None:
    assert "ground-territory" not in found()


def test_a_ground_that_reaches_nobody_and_one_that_is_always_overruled() -> None:
    own = worded("ground-a", "permit (principal, action in Action::\"release\", resource);")  # fmt: skip
    never = worded(
        "ground-b",
        'permit (principal, action, resource) when { context.tier == "hit" && context.tier == "feed" };',
    )
    always = worded("guard-c", "forbid (principal, action, resource);")
    assert (Weight.MISTAKE, "this ground applies to nobody: it never releases anything") in found(
        own + never
    )["ground-b"]
    overruled = found(own + always)["ground-a"]
    assert any("always overruled by a guard" in text for _, text in overruled)


def test_a_guard_that_overrules_nothing() -> None:
    assert any("overrules no ground" in text for _, text in found()["guard-europol-h0"])


def test_a_guard_on_what_no_ground_gives_is_a_remark() -> None:
    own = worded("ground-a", 'permit (principal, action == Action::"context", resource);')
    belt = worded("guard-b", 'forbid (principal, action == Action::"subject", resource);')
    assert found(own + belt)["guard-b"] == [
        (Weight.REMARK, "no ground gives what this guard withholds: belt and braces")
    ]


def test_a_rule_that_no_case_exercises_is_named() -> None:
    assert (Weight.MISTAKE, "no participant that a case names is refused by this guard") in found()[
        "guard-embargo"
    ]
    assert (Weight.MISTAKE, "no participant that a case names gives a section by this ground") in found()[
        "ground-hit"
    ]


def test_who_oversees_is_sent_nothing_on_purpose() -> None:
    assert {weight for weight, _ in found()["watch"]} == {Weight.REMARK}


def test_a_participant_that_no_ground_reaches_is_a_mistake() -> None:
    own = worded(
        "ground-a",
        'permit (principal, action, resource) when { context.recipient_kind == "local-task-force" };',
    )
    assert (Weight.MISTAKE, "no ground can reach this participant under any case's signal") in found(own)[
        "police-a"
    ]
    assert "force-a" not in found(own)


def test_mistakes_come_first() -> None:
    weights = [item.weight for item in check(bundle(), [trial.prepare(CASE, bundle())])]
    assert weights == sorted(weights)
