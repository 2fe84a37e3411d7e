from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from kruispunt_processors.route import routing
from kruispunt_processors.route.routing import DivergentOutputError, Output, Resolved
from kruispunt_schemas import codec, disclosure, identity
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.needtoknow import decisions
from kruispunt_schemas.records.backbone import Decision, OutputKind, Withdrawal
from kruispunt_schemas.records.frame import Classification, Lifecycle, Passage, Resolution

from tests import drafts
from tests.drafts import ANTWERPEN, BACKBONE, GENT, LTF, MONDAY, OCAD, VSSE, composed, draft

NOW = MONDAY + timedelta(seconds=5)
KEY = BACKBONE.pseudonym
Held = Mapping[str, tuple[UUID, ...]]


EARLIER = tuple(sorted((composed().read_header().signal_id, UUID(int=9)), key=str))
"""What a second version supersedes."""


def resolved(signed: SignedBytes, offset: int = 0, *, persons: tuple[str, ...] = ("p1",)) -> Resolved:
    """Return a signal as resolve hands it on; a later version supersedes the first and one more."""
    header = signed.read_header()
    supersedes = EARLIER if header.version > 1 else ()
    at = drafts.posting(header.originator, offset)
    resolution = Resolution(persons=persons, supersedes=supersedes, registered_as=identity.event_id(at))
    case_key = identity.case_key(BACKBONE.case, header.originator, "2026/118")
    passage = Passage(posting=at, bundle=drafts.bundle().name, case_key=case_key, resolution=resolution)
    return Resolved(
        posting=at,
        signed=signed.with_passage(passage),
        header=header,
        sections=signed.read_sections(),
        bundle=drafts.bundle().name,
        case_key=case_key,
        resolution=resolution,
    )


def decision(item: Resolved, held: Held | None = None) -> Decision:
    groups = routing.outcomes(drafts.bundle(), drafts.policies(), item)
    record, made = routing.decision(
        drafts.bundle(), groups, item, held=held or {}, now=NOW, pseudonym_key=KEY
    )
    assert made == routing.outputs(drafts.bundle(), record, item, KEY)
    return record


def sent(item: Resolved, held: Held | None = None) -> dict[str, Output]:
    made = routing.outputs(drafts.bundle(), decision(item, held), item, KEY)
    assert [output.recipient for output in made] == sorted({output.recipient for output in made})
    return {output.recipient: output for output in made}


def view(output: Output) -> SignedBytes:
    return codec.decode_signed(output.schema, output.payload)


def held_of(recipient: str, signals: tuple[UUID, ...]) -> tuple[UUID, ...]:
    """Return the ids of the views that a recipient holds of these signals."""
    return tuple(sorted(identity.delivery_id(VSSE, signal, recipient) for signal in signals))


def is_withdrawal(output: Output) -> bool:
    return output.schema.name == "Withdrawal"


def holding(outputs: Mapping[str, Output]) -> dict[str, tuple[UUID, ...]]:
    return {name: (output.output_id,) for name, output in outputs.items()}


CASE = resolved(composed())


def test_the_claimed_decision_gives_the_same_outputs_again() -> None:
    claimed = decision(CASE)
    stored = codec.decode(schemas.load("Decision"), codec.encode(claimed), Decision)
    assert stored == claimed
    first, again = (routing.outputs(drafts.bundle(), record, CASE, KEY) for record in (claimed, stored))
    assert first == again
    digests = {decisions.output_id(claimed, output): output.digest for output in claimed.outputs}
    assert {output.output_id: identity.digest(output.payload) for output in first} == digests
    assert len(digests) > 5


def test_the_same_again_with_withdrawals_and_replaced_views() -> None:
    one, both = EARLIER[:1], EARLIER
    held = {
        VSSE: held_of(VSSE, one),
        OCAD: held_of(OCAD, both),
        "gone-participant": held_of("gone-participant", one),
    }
    item = resolved(composed(draft(version=2)), 9)
    claimed = decision(item, held)
    made = {output.recipient: output for output in routing.outputs(drafts.bundle(), claimed, item, KEY)}
    assert is_withdrawal(made[VSSE])
    assert is_withdrawal(made["gone-participant"])
    passage = view(made[OCAD]).read_passage()
    assert passage is not None
    assert passage.delivery is not None
    assert passage.delivery.replaces == held[OCAD]
    recorded = {output.recipient: output.replaces for output in claimed.outputs if output.replaces}
    assert recorded == {VSSE: (0,), OCAD: (0, 1), "gone-participant": (0,)}


@pytest.mark.parametrize(
    "other",
    [
        resolved(composed(draft(statement="Something else."))),
        resolved(composed(), persons=("p2",)),
        resolved(composed(draft("RadicalisationCase", classification=Classification.RESTRICTED))),
    ],
)
def test_divergent_input_is_refused(other: Resolved) -> None:
    with pytest.raises(DivergentOutputError) as raised:
        routing.outputs(drafts.bundle(), decision(CASE), other, KEY)
    assert "else" not in str(raised.value)


def test_another_pseudonym_key_than_the_claimed_one_is_refused() -> None:
    with pytest.raises(DivergentOutputError):
        routing.outputs(drafts.bundle(), decision(CASE), CASE, b"z" * 32)


def test_a_claim_that_lost_a_recipient_is_refused() -> None:
    claimed = decision(CASE)
    with pytest.raises(DivergentOutputError):
        routing.outputs(drafts.bundle(), replace(claimed, outputs=claimed.outputs[1:]), CASE, KEY)


def test_a_view_is_provably_the_originators_and_holds_only_what_is_released() -> None:
    for recipient, output in sent(CASE).items():
        found = view(output)
        disclosure.verify(found, found.read_header(), drafts.signer_of(VSSE).public_key())
        passage = found.read_passage()
        assert passage is not None
        assert passage.delivery is not None
        withheld = {item.section for item in passage.delivery.withheld}
        assert {name for name, raw in found.sections if raw is None} == withheld
        assert "distribution" in withheld
        # What the recipient gets says nothing about where it was posted, whose case it is, or who the person is.
        assert (passage.posting, passage.case_key, passage.resolution) == (None, None, None)
        assert b"p1" not in output.payload
        assert passage.delivery.recipient == recipient


def test_nothing_that_is_sent_follows_from_the_posting() -> None:
    held = {"gone-participant": held_of("gone-participant", EARLIER)}
    first, elsewhere = (sent(resolved(composed(draft(version=2)), offset), held) for offset in (0, 1234))
    assert first == elsewhere
    assert is_withdrawal(first["gone-participant"])


def test_pseudonyms_differ_for_each_recipient_and_stay() -> None:
    def pseudonyms(item: Resolved) -> dict[str, tuple[str, ...]]:
        found = {}
        for recipient, output in sent(item).items():
            passage = view(output).read_passage()
            assert passage is not None
            assert passage.delivery is not None
            found[recipient] = passage.delivery.persons
        return found

    first, later = pseudonyms(CASE), pseudonyms(resolved(composed(draft(statement="Another day.")), 7))
    assert len(set(first.values())) == len(first) > 5
    assert first == later
    assert all(persons != ("p1",) for persons in first.values())


def test_who_gets_a_case_of_antwerpen() -> None:
    recipients = set(sent(CASE))
    assert {LTF, OCAD, "prosecutor-antwerpen", "federal-police", "adiv"} <= recipients
    assert not recipients & {VSSE, "ltf-gent", "police-antwerpen", "livc-antwerpen", "comite-r", "nccn"}


def test_a_recall_reaches_holders_only_and_carries_no_section() -> None:
    held = holding(sent(CASE))
    del held["adiv"]
    recall = resolved(composed(draft(version=2, lifecycle=Lifecycle.RECALL)), 4)
    outputs = sent(recall, held)
    assert set(outputs) == set(held)
    for recipient, output in outputs.items():
        assert all(raw is None for _, raw in view(output).sections)
        passage = view(output).read_passage()
        assert passage is not None
        assert passage.delivery is not None
        assert passage.delivery.replaces == held[recipient]


def test_a_recall_that_nobody_holds_is_decided_and_sent_to_nobody() -> None:
    recall = resolved(composed(draft(version=2, lifecycle=Lifecycle.RECALL)), 4)
    assert decision(recall).outputs == ()
    assert sum(group.size for group in decision(recall).groups) == len(drafts.bundle().participants)


def test_a_correction_that_narrows_withdraws() -> None:
    held = holding(sent(CASE))
    narrowed = resolved(composed(draft(version=2, municipality=GENT, excluded=("adiv",))), 4)
    outputs = sent(narrowed, held)
    withdrawn = {
        name: codec.decode(output.schema, output.payload, Withdrawal)
        for name, output in outputs.items()
        if is_withdrawal(output)
    }
    assert {LTF, "prosecutor-antwerpen", "adiv"} <= set(withdrawn)
    assert "ltf-gent" in set(outputs) - set(withdrawn)
    for name, record in withdrawn.items():
        assert record.withdraws == held[name]
        assert record.output_id == identity.withdrawal_id(VSSE, narrowed.header.signal_id, name)
        assert record.withdrawn_at == NOW


def test_a_classification_raised_withdraws_from_those_not_cleared() -> None:
    held = holding(sent(CASE))
    raised = resolved(composed(draft(version=2, classification=Classification.TOP_SECRET)), 4)
    outputs = sent(raised, held)
    assert is_withdrawal(outputs[LTF])
    assert not is_withdrawal(outputs["adiv"])


def test_a_signal_for_nobody_is_a_decision_too() -> None:
    nowhere: Any = draft("FeedbackSheet", municipality=None, classification=Classification.TOP_SECRET)
    record = decision(resolved(composed(nowhere)))
    assert {output.recipient for output in record.outputs} == {OCAD}
    excluded = draft("FeedbackSheet", municipality=None, excluded=(OCAD, "federal-police"))
    record = decision(resolved(composed(excluded)))
    assert record.outputs == ()
    assert any(section.guards for group in record.groups for section in group.sections)


def test_who_is_named_gets_it_wherever_it_lies_and_who_is_excluded_does_not() -> None:
    item = resolved(composed(draft(municipality=ANTWERPEN, named=("nccn",), excluded=("ltf-antwerpen",))))
    outputs = sent(item)
    assert "nccn" in outputs
    assert LTF not in outputs


def test_every_output_id_follows_from_signal_and_recipient() -> None:
    signal_id = CASE.header.signal_id
    record = decision(CASE)
    assert record.decision_id == identity.decision_id(VSSE, signal_id)
    for output in record.outputs:
        assert output.kind is OutputKind.VIEW
        assert decisions.output_id(record, output) == identity.delivery_id(VSSE, signal_id, output.recipient)


def test_an_output_that_replaces_what_is_not_superseded_is_no_output() -> None:
    record = decision(CASE)
    output = replace(record.outputs[0], replaces=(0,))
    with pytest.raises(ContractError, match=r"outputs\.replaces"):
        decisions.replaced(record, output)
