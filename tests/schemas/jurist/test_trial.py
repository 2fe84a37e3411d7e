from __future__ import annotations

import pytest
from kruispunt_schemas.failures import PolicyError
from kruispunt_schemas.jurist import trial
from kruispunt_schemas.jurist.case_files import read_cases
from kruispunt_schemas.jurist.options import bundle_of_files
from kruispunt_schemas.needtoknow.cedar import PolicyEngine

from tests.schemas.jurist.worlds import bundle, case, engine


def mistakes(text: str, *, above: str = "") -> dict[str, tuple[str, ...]]:
    """Return what is not as a case says, by participant."""
    found = case(text)
    if above:
        found = found.model_copy(update={"nobody_else": True})
    result = trial.run(found, bundle(), engine())
    assert result.passed == all(item.passed for item in result.judged)
    return {item.participant: item.mistakes for item in result.judged if item.mistakes}


def test_every_reviewed_case_passes_under_the_whole_chain() -> None:
    whole = bundle_of_files()
    judge = PolicyEngine(whole.policies, whole.policy_schema)
    results = [trial.run(item, whole, judge) for found in read_cases().values() for item in found]
    assert [item.case.id for item in results if not item.passed] == []


def test_what_is_as_the_case_says_passes() -> None:
    assert (
        mistakes(
            '[receives]\nforce-a = {sections = "all", by = "ground-territory"}\n'
            'police-a = ["context", "subject", "situation", "measures", "contact"]\n'
            '[refused]\nforce-b = "no-ground"\nagency = "no-ground"\n'
        )
        == {}
    )


def test_receives_is_exact() -> None:
    found = mistakes('[receives]\nforce-a = ["context"]\nforce-b = ["context"]\n')
    assert found["force-a"][0].startswith("it gets assessment, contact, measures")
    assert found["force-b"] == ("it does not get context: no-ground",)


def test_the_ground_counts_where_it_is_given() -> None:
    found = mistakes('[receives]\nforce-a = {sections = "all", by = "ground-named"}\n')
    assert found["force-a"] == ("not by ground-named but by ground-territory",)


def test_refused_is_everything_and_for_that_reason() -> None:
    assert mistakes('embargo = true\n[refused]\nforce-a = "guard-embargo"\n') == {}
    found = mistakes('embargo = true\n[refused]\nforce-a = "guard-recall"\nforce-b = "guard-embargo"\n')
    assert found["force-a"] == ("the reason is not guard-recall but guard-embargo",)
    assert found["force-b"] == ("the reason is not guard-embargo but no-ground",)
    assert mistakes('[refused]\nforce-a = "guard-embargo"\n')["force-a"][0].startswith("it gets")


def test_one_section_can_be_refused_and_the_rest_received() -> None:
    text = '[signal.subject]\nbirth = "2015"\n[refused]\nforce-a = {subject = "guard-minor", context = "guard-minor"}\n'
    assert mistakes(text)["force-a"] == (
        "it gets context",
        "the reason of context is not guard-minor but none",
    )
    assert mistakes('[refused]\npolice-a = {sources = "no-ground"}\n') == {}


def test_nobody_else_means_nobody() -> None:
    found = mistakes('[receives]\nforce-a = "all"\n', above="nobody else")
    assert set(found) == {"mandated", "police-a"}
    assert found["mandated"][0].endswith("by ground-national-mandate")
    assert mistakes('lifecycle = "RECALL"\n[refused]\nforce-a = "guard-recall"\n', above="nobody else") == {}


def test_a_section_without_a_subject_is_about_nobody() -> None:
    assert mistakes('subject = "none"\n[receives]\nforce-a = "all"\n') == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[refused]\nforce-x = "no-ground"\n', "plain: refused: no participant is called force-x"),
        ('[receives]\nforce-x = "all"\n', "plain: receives: no participant is called force-x"),
        (
            'named = ["x1"]\n[refused]\nforce-a = "no-ground"\n',
            "plain: signal.named: no participant is called x1",
        ),
        ('site = "x1"\n[refused]\nforce-a = "no-ground"\n', "plain: signal.site"),
        ('groups = ["x1"]\n[refused]\nforce-a = "no-ground"\n', "plain: signal.groups"),
        ('[refused]\nforce-a = "guard-x"\n', "plain: refused.force-a: there is no guard guard-x"),
        ('[refused]\nforce-a = "ground-named"\n', "there is no guard ground-named"),
        ('[receives]\nforce-a = {sections = "all", by = "ground-x"}\n', "there is no ground ground-x"),
    ],
)
def test_a_name_that_the_bundle_does_not_have_is_told(text: str, said: str) -> None:
    with pytest.raises(PolicyError) as caught:
        mistakes(text)
    assert said in str(caught.value)


def test_a_section_that_the_type_does_not_have_is_told() -> None:
    plain = 'id = "odd"\nwhy = "w"\n[signal]\ntype = "ThreatLevel"\nfrom = "agency"\n'
    found = case('[receives]\nforce-a = ["subject"]\n[refused]\nforce-b = {situation = "no-ground"}\n', plain)
    with pytest.raises(PolicyError) as caught:
        trial.prepare(found, bundle())
    assert "receives.force-a: a ThreatLevel has no subject" in str(caught.value)
    assert "refused.force-b: a ThreatLevel has no situation" in str(caught.value)


def test_an_unknown_type_and_place_are_told() -> None:
    plain = 'id = "odd"\nwhy = "w"\n[signal]\ntype = "Rumour"\nfrom = "agency"\nmunicipality = "Atlantis"\n'
    with pytest.raises(PolicyError, match="type: Rumour is none of") as caught:
        trial.prepare(case('[refused]\nforce-b = "no-ground"\n', plain), bundle())
    assert "municipality: Atlantis" in str(caught.value)


def test_a_municipality_may_be_named() -> None:
    plain = 'id = "odd"\nwhy = "w"\n[signal]\ntype = "RadicalisationCase"\nfrom = "agency"\nmunicipality = "Anvers"\n'
    assert trial.run(case('[receives]\nforce-a = "all"\n', plain), bundle(), engine()).passed
