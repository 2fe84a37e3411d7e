from __future__ import annotations

import json

import pytest
from kruispunt_schemas.failures import PolicyError
from kruispunt_schemas.jurist import preview

from tests.schemas.jurist.worlds import PLAIN, bundle, case, engine

TABLE = '[signal]\ntype = "RadicalisationCase"\nfrom = "agency"\nmunicipality = "11002"\n'
DRAFT = {
    "signal_type": "FeedbackSheet",
    "originator": "cell-a",
    "handling": ["TLP_AMBER"],
    "sections": {
        "context": {
            "reference": "r",
            "municipality": "11002",
            "purposes": ["PREVENTION"],
            "nature": "ADMINISTRATIVE",
        },
        "situation": {"consensus": False, "facts": []},
        "measures": {"measures": [{"kind": "PREVENTIVE", "description": "secret words"}]},
        "distribution": {"named": ["police-a"]},
    },
}


def test_it_shows_who_would_receive_and_by_which_rules_not_the_rest() -> None:
    found = preview.preview(preview.read(TABLE, "x.toml"), bundle(), engine())
    by_name = {name: item for item in found.foreseen for name in item.participants}
    assert set(by_name) >= {"force-a", "police-a", "mandated"}
    assert "sources" not in by_name["police-a"].released
    assert by_name["force-a"].released["sources"] == ("ground-territory",)
    assert found.groundless == len(bundle().participants) - len(by_name)


def test_followers_are_never_consulted() -> None:
    """Else an agency could ask who follows somebody."""
    text = TABLE + 'followers = ["force-b"]\n'
    with_followers = preview.preview(preview.read(text, "x.toml"), bundle(), engine())
    without = preview.preview(preview.read(TABLE, "x.toml"), bundle(), engine())
    assert with_followers == without


def test_a_draft_is_read_with_its_sections() -> None:
    table = preview.read(json.dumps(DRAFT), "draft.json")
    assert table.type == "FeedbackSheet"
    assert table.subject == "none"
    assert table.named == ("police-a",)
    assert [item.value for item in table.measures] == ["PREVENTIVE"]
    assert not table.consensus
    found = preview.preview(table, bundle(), engine())
    assert all(not item.released for item in found.foreseen)


def test_one_case_will_do_and_two_will_not() -> None:
    one = f"[[case]]\n{PLAIN}".replace("[signal]", "[case.signal]")
    assert preview.read(one, "x.toml") == case('[refused]\nforce-a = "no-ground"').signal
    with pytest.raises(PolicyError, match="it has 2 cases"):
        preview.read(one + one, "x.toml")


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("{", "x.json", r"x\.json: "),
        ("[]", "x.json", "not a table of a signal"),
        ("type = ", "x.toml", r"x\.toml: "),
        ('type = "RadicalisationCase"', "x.toml", r"x\.toml: from"),
        ('{"signal_type": "ThreatLevel", "sections": {"context": {"nature": "x"}}}', "x.json", r"x\.json: "),
    ],
)
def test_a_mistake_names_the_file_and_the_field(text: str, name: str, said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        preview.read(text, name)


def test_a_name_that_the_bundle_does_not_have_is_told() -> None:
    with pytest.raises(PolicyError, match="municipality: 99999"):
        preview.preview(preview.read(TABLE.replace("11002", "99999"), "x.toml"), bundle(), engine())
