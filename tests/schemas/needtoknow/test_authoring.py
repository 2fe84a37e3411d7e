from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from kruispunt_schemas import schema as schemas
from kruispunt_schemas import topics
from kruispunt_schemas.failures import PolicyError
from kruispunt_schemas.needtoknow import authoring
from kruispunt_schemas.needtoknow import bundle as bundles
from kruispunt_schemas.needtoknow.bundle import Participant, ParticipantKind, Regime, Role, Tier
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from kruispunt_schemas.places import municipalities
from kruispunt_schemas.records.frame import Classification
from kruispunt_schemas.records.sections import Nature, Purpose

from tests.schemas.needtoknow.bundles import KEY, PARTICIPANTS

EVERYTHING = authoring.read_participants(everything=True)
AREAS = {item.id: item for item in authoring.read_territories()}
DISTRICTS = {f"district-{name}" for name in (
    "antwerpen", "brabant-wallon", "brussel", "eupen", "hainaut", "leuven", "liege", "limburg", "luxembourg", "namur",
    "oost-vlaanderen", "west-vlaanderen",
)}  # fmt: skip


def of_kind(kind: ParticipantKind) -> list[Participant]:
    return [row for row in EVERYTHING if row.kind is kind]


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


class TestBundle:
    def test_the_reviewed_files_make_one(self) -> None:
        made = authoring.make({"ocad": (KEY,)})
        assert bundles.load(made.content, made.name) == made
        assert made.by_id["ocad"].keys == (KEY,)
        assert set(made.types) == set(schemas.POSTING_TYPES)
        assert made.valid_municipalities == frozenset(municipalities())
        assert tuple(made.by_id) == authoring.read_selection("demonstration")
        PolicyEngine(made.policies, made.policy_schema)

    def test_the_whole_chain_makes_one_that_fits_its_topic(self) -> None:
        made = authoring.make({}, EVERYTHING)
        assert bundles.load(made.content, made.name) == made
        assert len(made.content) < topics.BUNDLES.max_bytes // 2
        assert "airport-zaventem" in made.sites

    def test_it_holds_the_territories_that_its_rows_use(self) -> None:
        made = authoring.make({}, authoring.read_participants(["ocad", "livc-gent", "operator-nuclear-doel"]))
        assert [item.id for item in made.territories] == ["site-nuclear-doel", "town-gent"]
        assert made.sites == {"nuclear-doel"}

    def test_it_holds_the_groups_in_which_its_rows_take_part(self) -> None:
        (group,) = authoring.make({}).groups
        assert (group,) == authoring.read_groups()
        (cut,) = authoring.make({}, authoring.read_participants(["ocad", "livc-gent"])).groups
        assert (cut.id, cut.members) == (group.id, ("ocad",))
        assert not authoring.make({}, authoring.read_participants(["livc-gent"])).groups

    def test_a_mistake_between_rows_is_refused(self) -> None:
        with pytest.raises(PolicyError, match="there is the participant agency twice"):
            authoring.make({}, [PARTICIPANTS[0], PARTICIPANTS[0]])
        row = PARTICIPANTS[0].model_copy(update={"territory": "nowhere"})
        with pytest.raises(PolicyError, match="participant agency names an unknown territory: nowhere"):
            authoring.make({}, [row])


class TestTheWholeChain:
    def test_about_a_thousand_rows_and_forty_of_them_for_the_demonstration(self) -> None:
        assert 1_000 <= len(EVERYTHING) <= 1_100
        assert len(authoring.read_participants()) <= 40
        assert {row.id for row in authoring.read_participants()} == set(
            authoring.read_selection("demonstration")
        )
        assert [row.id for row in EVERYTHING] == sorted(row.id for row in EVERYTHING)

    def test_every_kind_role_tier_and_regime_has_a_row(self) -> None:
        assert {row.kind for row in EVERYTHING} == set(ParticipantKind)
        assert {role for row in EVERYTHING for role in row.roles} == set(Role)
        assert {row.tier for row in EVERYTHING} == set(Tier)
        assert {row.regime for row in EVERYTHING} == set(Regime)

    @pytest.mark.parametrize(
        ("kind", "count"),
        [
            (ParticipantKind.LOCAL_TASK_FORCE, 21),
            (ParticipantKind.LOCAL_SAFETY_CELL, 565),
            (ParticipantKind.LOCAL_POLICE, 178),
        ],
    )
    def test_each_municipality_is_in_one(self, kind: ParticipantKind, count: int) -> None:
        rows = of_kind(kind)
        assert len(rows) == count
        found = Counter(nis for row in rows for nis in AREAS[row.territory or ""].municipalities)
        assert found == dict.fromkeys(municipalities(), 1)

    def test_a_police_zone_is_what_the_reference_table_says(self) -> None:
        of_the_table = {
            item.municipalities
            for item in AREAS.values()
            if item.id.startswith("zone-") and item.municipalities
        }
        assert {
            AREAS[row.territory or ""].municipalities for row in of_kind(ParticipantKind.LOCAL_POLICE)
        } == of_the_table

    def test_each_task_force_has_an_information_officer(self) -> None:
        forces = {row.territory for row in of_kind(ParticipantKind.LOCAL_TASK_FORCE)}
        assert forces <= {row.territory for row in of_kind(ParticipantKind.INFORMATION_OFFICER)}

    def test_task_forces_are_not_the_judicial_districts(self) -> None:
        districts = {AREAS[name].municipalities for name in DISTRICTS}
        forces = {
            AREAS[row.territory or ""].municipalities for row in of_kind(ParticipantKind.LOCAL_TASK_FORCE)
        }
        assert len(forces - districts) > 12

    @pytest.mark.parametrize(
        ("prefix", "kind"),
        [
            ("prosecutor-", ParticipantKind.PROSECUTOR),
            ("jic-", ParticipantKind.DISTRICT_CENTRE),
            ("jdc-", ParticipantKind.DISTRICT_CENTRE),
            ("sicad-", ParticipantKind.INFORMATION_HUB),
        ],
    )
    def test_each_district_has_its_services(self, prefix: str, kind: ParticipantKind) -> None:
        rows = [row for row in of_kind(kind) if row.id.startswith(prefix)]
        assert {row.territory for row in rows} == DISTRICTS
        assert len(rows) == len(DISTRICTS)

    def test_a_safety_cell_holds_what_is_unclassified_and_administrative(self) -> None:
        for row in of_kind(ParticipantKind.LOCAL_SAFETY_CELL):
            assert (row.clearance, row.natures) == (Classification.UNCLASSIFIED, (Nature.ADMINISTRATIVE,))
            assert set(row.purposes) == {Purpose.PREVENTION, Purpose.CARE}
            assert row.roles == (Role.SHARES_SECRECY,)

    def test_one_screening_has_lapsed(self) -> None:
        assert {
            row.id: row.screened_until for row in EVERYTHING if row.screened_until != date(2031, 12, 31)
        } == {"worship-service": date(2025, 6, 30)}


class TestParticipants:
    FILE = """
participants = [
  {id = "first", name = "First", profile = "cell"},
  {id = "second", name = "Second", profile = "cell", clearance = "SECRET", publishes = []},
]

[profile.cell]
kind = "local-safety-cell"
publishes = ["FeedbackSheet"]
"""

    def test_a_row_wins_over_its_profile(self, tmp_path: Path) -> None:
        written(tmp_path / "b.toml", self.FILE)
        written(tmp_path / "a.toml", 'participants = [{id = "third", name = "Third", kind = "customs"}]')
        first, second, third = authoring.read_participants(everything=True, folder=tmp_path)
        assert (first.publishes, first.clearance) == (("FeedbackSheet",), Classification.UNCLASSIFIED)
        assert (second.publishes, second.clearance) == ((), Classification.SECRET)
        assert (third.id, third.kind) == ("third", ParticipantKind.CUSTOMS)

    def test_of_those_asked_for(self, tmp_path: Path) -> None:
        written(tmp_path / "a.toml", self.FILE)
        assert [row.id for row in authoring.read_participants(["second"], folder=tmp_path)] == ["second"]
        assert not authoring.read_participants([], folder=tmp_path)
        with pytest.raises(PolicyError, match="no participant is called nobody, other"):
            authoring.read_participants(["other", "first", "nobody"], folder=tmp_path)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (
                'participants = [{id = "ocad", name = "x", kind = "club"}]',
                r"a\.toml: ocad: kind: Input should be",
            ),
            ("participants = [", r"a\.toml: "),
            (
                'participants = [{id = "ocad", name = "x", profile = "zz"}]',
                r"a\.toml: ocad: profile: unknown: zz",
            ),
            (
                'participants = [{id = "ocad", name = "x", kind = "customs", natures = ["UNRECOGNISED"]}]',
                r"a\.toml: ocad: natures: Value error, a row says what is known",
            ),
            (
                'participants = [{id = "ocad", name = "x", kind = "customs", colour = "red"}]',
                r"a\.toml: ocad: colour: Extra inputs",
            ),
            ("[[participant]]", r"a\.toml: unknown: participant; it has profiles and participants"),
        ],
    )
    def test_a_mistake_names_file_row_and_field(self, text: str, expected: str, tmp_path: Path) -> None:
        written(tmp_path / "a.toml", text)
        with pytest.raises(PolicyError, match=expected):
            authoring.read_participants(everything=True, folder=tmp_path)

    def test_one_id_in_two_files(self, tmp_path: Path) -> None:
        written(tmp_path / "a.toml", self.FILE)
        written(tmp_path / "b.toml", self.FILE)
        with pytest.raises(
            PolicyError, match=r"b\.toml: first: id: there is the participant first in a\.toml already"
        ):
            authoring.read_participants(everything=True, folder=tmp_path)


class TestTerritories:
    def test_arrondissements_are_taken_whole(self) -> None:
        whole = {
            nis
            for nis, place in municipalities().items()
            if place.arrondissement in ("11000", "12000", "13000")
        }
        assert set(AREAS["antwerpen"].municipalities) == whole
        assert list(AREAS["antwerpen"].municipalities) == sorted(AREAS["antwerpen"].municipalities)

    def test_those_that_follow_from_the_reference_table(self) -> None:
        assert AREAS["municipality-11001"].municipalities == ("11001",)
        assert AREAS["zone-5345"].municipalities == AREAS["zone-antwerpen"].municipalities
        assert set(AREAS["country"].municipalities) == set(municipalities())
        assert len(AREAS["province-brussel"].municipalities) == 19
        assert set(AREAS["verviers"].municipalities) & set(AREAS["district-liege"].municipalities)
        assert not set(AREAS["district-eupen"].municipalities) & set(AREAS["district-liege"].municipalities)
        assert sum(len(AREAS[name].municipalities) for name in DISTRICTS) == len(municipalities())
        assert sum(name.startswith("municipality-") for name in AREAS) == 565
        assert sum(name.startswith("province-") for name in AREAS) == 11

    @pytest.mark.parametrize(
        ("row", "expected"),
        [
            ('id = "area-a"\nmunicipalities = ["1"]', "area-a: name: Field required; municipalities.0: "),
            ('id = "area-a"\nname = "A"\narrondissements = ["1"]', "area-a: arrondissements: unknown: 1"),
            ('id = "zone-5345"\nname = "A"', "zone-5345: id: there is the territory zone-5345 twice"),
        ],
    )
    def test_a_mistake_names_file_row_and_field(self, row: str, expected: str, tmp_path: Path) -> None:
        path = written(tmp_path / "territories.toml", f"[[territory]]\n{row}\n")
        with pytest.raises(PolicyError, match=f"territories.toml: {expected}"):
            authoring.read_territories(path)


class TestChain:
    GROUP = """
[[group]]
id = "team"
name = "Team"
members = ["ocad", "{member}"]
valid_from = 2026-11-20T00:00:00Z
valid_until = {until}
"""

    def test_groups(self, tmp_path: Path) -> None:
        path = written(
            tmp_path / "chain.toml", self.GROUP.format(member="vsse", until="2026-11-21T00:00:00Z")
        )
        (group,) = authoring.read_groups(path)
        assert group.members == ("ocad", "vsse")
        assert not authoring.read_restricted_sources(path)
        assert authoring.read_restricted_sources() == ("ANPR", "PNR")

    @pytest.mark.parametrize(
        ("member", "until", "expected"),
        [
            ("zz", "2026-11-21T00:00:00Z", "team: members: unknown: zz"),
            (
                "vsse",
                "2026-11-20T00:00:00Z",
                "team: bundle: Value error, valid_until is not after valid_from",
            ),
            ("vsse", "2026-11-21T00:00:00", "team: valid_until: Input should have timezone info"),
        ],
    )
    def test_a_mistake_names_file_row_and_field(
        self, member: str, until: str, expected: str, tmp_path: Path
    ) -> None:
        path = written(tmp_path / "chain.toml", self.GROUP.format(member=member, until=until))
        with pytest.raises(PolicyError, match=f"chain.toml: {expected}"):
            authoring.read_groups(path)

    def test_a_selection_that_is_not_there(self) -> None:
        with pytest.raises(PolicyError, match=r"selections\.toml: there is no selection zz"):
            authoring.read_selection("zz")
