from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kruispunt_schemas.failures import PolicyError
from kruispunt_schemas.needtoknow import bundle as bundles
from kruispunt_schemas.needtoknow.bundle import (
    ORDINALS,
    Group,
    Participant,
    ParticipantKind,
    Territory,
    VerificationKey,
)
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


def group(**changes: object) -> dict[str, object]:
    """Return a sound group as data, with changes."""
    whole = {"valid_from": "2026-01-01T00:00:00Z", "valid_until": "2026-02-01T00:00:00Z"}
    return {"id": "team", "name": "Team", "members": ["agency", "force-a"], **whole, **changes}


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
            (
                ("participants", 2, "clearance"),
                "UNRECOGNISED",
                "participants.2.clearance: Value error, it is no",
            ),
            (("participants", 2, "channel"), "UNRECOGNISED", "participants.2.channel: Value error, it is no"),
            (
                ("participants", 2, "clusters"),
                ["UNRECOGNISED"],
                "participants.2.clusters: Value error, a row says",
            ),
            (
                ("participants", 2, "purposes"),
                ["UNRECOGNISED"],
                "participants.2.purposes: Value error, a row says",
            ),
            (
                ("participants", 2, "natures"),
                ["UNRECOGNISED"],
                "participants.2.natures: Value error, a row says",
            ),
            (
                ("participants", 2, "natures"),
                ["JUDICIAL"] * 2,
                "participants.2.natures: Value error, it has JUDICIAL",
            ),
            (("participants", 2, "roles"), ["chairs"], "participants.2.roles.0: Input should be"),
            (
                ("participants", 2, "roles"),
                ["hub", "hub"],
                "participants.2.roles: Value error, there is the role hub",
            ),
            (
                ("participants", 2, "roles"),
                ["hub", "hinge"],
                "participants.2.roles: Value error, role hinge is out",
            ),
            (("participants", 2, "tier"), "all", "participants.2.tier: Input should be"),
            (("participants", 2, "regime"), "abroad", "participants.2.regime: Input should be"),
            (("participants", 2, "screened_until"), "ever", "participants.2.screened_until: Input should be"),
            (
                ("participants", 2, "agreements"),
                ["ANPR"],
                "participant force-a has agreements for no restricted source: ANPR",
            ),
            (("restricted_sources",), ["PNR", "ANPR"], "restricted source ANPR is out of order"),
            (("territories", 0, "sites"), ["Site"], "territories.0.sites.0: String should match"),
            (("territories", 0, "sites"), ["site-a"] * 2, "territory area-a has the site site-a twice"),
            (("groups",), [group(members=["nobody"])], "group team names unknown members: nobody"),
            (("groups",), [group(), group()], "there is the group team twice"),
            (
                ("groups",),
                [group(members=["force-a", "agency"])],
                "groups.0.members: Value error, member agency is out of order",
            ),
            (
                ("groups",),
                [group(valid_until="2026-01-01T00:00:00Z")],
                "groups.0: Value error, valid_until is not after valid_from",
            ),
            (
                ("groups",),
                [group(valid_from="2026-01-01T00:00:00")],
                "groups.0.valid_from: Input should have",
            ),
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

    def test_sites_are_looked_up_as_municipalities_are(self) -> None:
        harbour = Territory(id="harbour", name="Harbour", sites=("dock", "quay"))
        quay = Territory(id="quay", name="Quay", sites=("quay",))
        rows = (
            *PARTICIPANTS,
            Participant(
                id="x-harbour", name="Harbour", kind=ParticipantKind.SECTOR_AUTHORITY, territory="harbour"
            ),
            Participant(id="x-quay", name="Quay", kind=ParticipantKind.SITE_OPERATOR, territory="quay"),
        )
        made = bundle(participants=rows, territories=(*bundle().territories, harbour, quay))
        first, second = (1 << made.index[name] for name in ("x-harbour", "x-quay"))
        assert made.sites == {"dock", "quay"}
        assert made.by_site == {"dock": first, "quay": first | second}
        assert made.covering == bundle().covering
        assert bundle().sites == frozenset()

    def test_what_a_row_does_not_say_it_may_not(self) -> None:
        row = Participant(id="newcomer", name="Newcomer", kind=ParticipantKind.PARTNER_SERVICE)
        assert not any(
            (row.roles, row.publishes, row.mandate, row.clusters, row.purposes, row.natures, row.agreements)
        )
        assert (row.tier, row.regime, row.channel, row.screened_until) == ("none", "domestic", None, None)

    def test_groups_are_in_the_bytes(self) -> None:
        made = bundle(groups=(Group.model_validate(group()),))
        assert bundles.load(made.content, made.name).groups == made.groups
        assert made.groups[0].valid_from == datetime(2026, 1, 1, tzinfo=UTC)

    def test_an_unrecognised_classification_lies_above_every_clearance(self) -> None:
        assert set(ORDINALS) == set(Classification)
        assert max(ORDINALS, key=lambda item: ORDINALS[item]) is Classification.UNRECOGNISED
