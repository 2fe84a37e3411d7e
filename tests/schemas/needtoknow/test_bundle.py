from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.failures import PolicyError
from kruispunt_schemas.needtoknow import authoring
from kruispunt_schemas.needtoknow import bundle as bundles
from kruispunt_schemas.needtoknow.bundle import ORDINALS, VerificationKey
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from kruispunt_schemas.places import municipalities
from kruispunt_schemas.records.frame import Classification
from pydantic import ValidationError

from tests.schemas.needtoknow.bundles import ANTWERP, GHENT, KEY, PARTICIPANTS, bundle


def changed(path: tuple[str | int, ...], value: object) -> bytes:
    """Return the bytes of the bundle with one value changed, in canonical form."""
    data: Any = json.loads(bundle().content)
    inner = data
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def refusal(content: bytes) -> str:
    """Return what is said of a bundle that is refused."""
    with pytest.raises(PolicyError) as caught:
        bundles.load(content)
    return str(caught.value)


class TestBytes:
    def test_a_bundle_is_named_by_its_canonical_bytes(self) -> None:
        made = bundle()
        assert bundles.load(made.content, made.name) == made
        assert bundles.load(made.content).name == made.name
        assert hash(made) == hash(bundles.load(made.content))
        assert bundle().content == made.content

    def test_another_order_of_keys_or_a_space_is_refused(self) -> None:
        data = json.loads(bundle().content)
        assert "is not in canonical form" in refusal(json.dumps(data, sort_keys=True).encode())
        reversed_keys = json.dumps(dict(reversed(data.items())), separators=(",", ":")).encode()
        assert "is not in canonical form" in refusal(reversed_keys)

    def test_other_bytes_than_the_name_says(self) -> None:
        with pytest.raises(PolicyError, match="has other bytes than its name says"):
            bundles.load(bundle().content, "00" * 32)

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff"])
    def test_what_is_no_bundle(self, content: bytes) -> None:
        assert refusal(content)


class TestMistakesAreNamed:
    @pytest.mark.parametrize(
        ("path", "value", "expected"),
        [
            (("participants", 2, "kind"), "club", "participants.2.kind: Input should be"),
            (("participants", 2, "clearance"), "HIGH", "participants.2.clearance: Input should be"),
            (("participants", 2, "id"), "Force A", "participants.2.id: String should match pattern"),
            (("participants", 2, "id"), "force-a\n", "participants.2.id: String should match pattern"),
            (("participants", 2, "colour"), "red", "participants.2.colour: Extra inputs are not permitted"),
            (("participants", 0, "keys", 0, "public_key"), "abc", "participants.0.keys.0.public_key: String"),
            (
                ("participants", 0, "keys", 0, "valid_from"),
                "2025-01-01T00:00:00",
                "participants.0.keys.0.valid_from",
            ),
            (("participants", 2, "territory"), "zz", "participant force-a names an unknown territory: zz"),
            (
                ("participants", 2, "mandate"),
                ["Nonsense"],
                "participant force-a names unknown types: Nonsense",
            ),
            (
                ("participants", 0, "publishes"),
                ["Nonsense"],
                "participant agency names unknown types: Nonsense",
            ),
            (("participants", 3, "id"), "force-a", "there is the participant force-a twice"),
            (("participants", 3, "id"), "aa", "participant aa is out of order"),
            (
                ("territories", 0, "municipalities"),
                ["99999"],
                "territory area-a names unknown municipalities: 99999",
            ),
            (
                ("territories", 0, "municipalities"),
                ["110"],
                "territories.0.municipalities.0: String should match",
            ),
            (("territories", 1, "id"), "area-a", "there is the territory area-a twice"),
            (("types", "FeedbackSheet"), ["abc"], "types.FeedbackSheet.0: String should match pattern"),
            (("municipalities",), "all", "municipalities: Input should be"),
        ],
    )
    def test_with_row_and_field(self, path: tuple[str | int, ...], value: object, expected: str) -> None:
        assert expected in refusal(changed(path, value))

    def test_a_key_given_twice(self) -> None:
        keys = [KEY.model_dump(mode="json")] * 2
        assert "participant agency has the key agency-1 twice" in refusal(
            changed(("participants", 0, "keys"), keys)
        )

    def test_every_mistake_of_the_rows_is_told_at_once(self) -> None:
        data: Any = json.loads(changed(("participants", 1, "kind"), "club"))
        data["participants"][2]["clearance"] = "HIGH"
        told = refusal(json.dumps(data).encode())
        assert "participants.1.kind" in told
        assert "participants.2.clearance" in told

    def test_nothing_can_be_changed_afterwards(self) -> None:
        with pytest.raises(ValidationError):
            bundle().policies = ""  # type: ignore[misc]  # wrong on purpose


class TestLookUps:
    def test_a_key_counts_from_and_until(self) -> None:
        start, end = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 7, 1, tzinfo=UTC)
        ended = KEY.model_copy(update={"valid_until": end})
        following = VerificationKey(key_id="agency-2", public_key="cd" * 32, valid_from=end)
        rows = (PARTICIPANTS[0].model_copy(update={"keys": (ended, following)}), *PARTICIPANTS[1:])
        made = bundle(participants=rows)
        instant = timedelta.resolution
        assert made.key_of("agency", "agency-1", start) == bytes.fromhex("ab" * 32)
        assert made.key_of("agency", "agency-1", end - instant) == bytes.fromhex("ab" * 32)
        assert made.key_of("agency", "agency-1", start - instant) is None
        assert made.key_of("agency", "agency-1", end) is None
        assert made.key_of("agency", "agency-2", end) == bytes.fromhex("cd" * 32)
        assert made.key_of("agency", "agency-3", end) is None
        assert made.key_of("force-a", "agency-2", end) is None
        assert made.key_of("nobody", "agency-2", end) is None

    def test_places_in_the_bitmaps_follow_the_order(self) -> None:
        made = bundle()
        assert list(made.index) == sorted(made.index) == list(made.by_id)
        assert made.covering[ANTWERP] == sum(
            1 << made.index[name] for name in ("cell-a", "force-a", "officer-a", "police-a")
        )
        assert made.covering[GHENT] == 1 << made.index["force-b"]
        assert made.valid_municipalities == {ANTWERP, GHENT}

    def test_an_unrecognised_classification_lies_above_every_clearance(self) -> None:
        assert set(ORDINALS) == set(Classification)
        assert max(ORDINALS, key=lambda item: ORDINALS[item]) is Classification.UNRECOGNISED


class TestTheReviewedFiles:
    def test_they_make_a_bundle(self) -> None:
        made = authoring.make({"ocad": (KEY,)})
        assert bundles.load(made.content, made.name) == made
        assert made.by_id["ocad"].keys == (KEY,)
        assert set(made.types) == set(schemas.POSTING_TYPES)
        assert made.valid_municipalities == frozenset(municipalities())
        assert len(made.participants) >= 40
        PolicyEngine(made.policies, made.policy_schema)

    def test_arrondissements_are_taken_whole(self) -> None:
        found = {item.id: item for item in authoring.read_territories()}["antwerpen"]
        whole = {
            nis
            for nis, place in municipalities().items()
            if place.arrondissement in ("11000", "12000", "13000")
        }
        assert set(found.municipalities) == whole
        assert list(found.municipalities) == sorted(found.municipalities)

    def test_a_mistake_in_a_file_names_file_row_and_field(self, tmp_path: Any) -> None:
        path = tmp_path / "participants.toml"
        path.write_text('[[participant]]\nid = "ocad"\nname = "x"\nkind = "club"\n', encoding="utf-8")
        with pytest.raises(PolicyError, match=r"participants\.toml: ocad: kind: Input should be"):
            authoring.read_participants(path)
        path.write_text("[[participant]\n", encoding="utf-8")
        with pytest.raises(PolicyError, match=r"participants\.toml: .*line 1"):
            authoring.read_participants(path)
        path = tmp_path / "territories.toml"
        path.write_text('[[territory]]\nid = "area-a"\nmunicipalities = ["1"]\n', encoding="utf-8")
        with pytest.raises(
            PolicyError, match=r"territories\.toml: area-a: name: Field required; municipalities\.0: "
        ):
            authoring.read_territories(path)

    def test_a_mistake_between_rows_is_refused_when_the_bundle_is_made(self) -> None:
        with pytest.raises(PolicyError, match="there is the participant agency twice"):
            authoring.make({}, [PARTICIPANTS[0], PARTICIPANTS[0]])
