"""One full record of every type, with fixed test keys: what the vectors are made of.

The signals of the rest of the chain are in `chain_samples`.

Rules: every field of every section is filled at least once, with text that a sloppy codec gets wrong (diacritics,
empty strings, partial dates). Persons are invented, serials of national numbers lie outside the issued range. Must
not: be used as a key, a secret or a person by anything but a test.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kruispunt_schemas import disclosure, identity
from kruispunt_schemas.codec import Record, SignedBytes
from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.records import backbone, frame, postings, queries, sections
from kruispunt_schemas.signing import Signer

SECRET: Final = bytes(range(32))
SEED: Final = bytes(range(32, 64))
BACKBONE_KEY: Final = bytes(range(64, 96))
ORIGINATOR: Final = "federal-police"
RECIPIENT: Final = "ltf-antwerpen"
TIME: Final = datetime(2025, 3, 14, 9, 26, 53, 589793, tzinfo=UTC)
BUNDLE: Final = identity.digest(b"a bundle").hex()
POSTING: Final = frame.Posting(
    participant=ORIGINATOR, offset=1234567, appended_at=TIME + timedelta(seconds=1)
)
EARLIER: Final = frame.Posting(participant=ORIGINATOR, offset=7, appended_at=TIME - timedelta(days=2))


def signer() -> Signer:
    """Return the test key of the originator."""
    return Signer(f"{ORIGINATOR}-1", Ed25519PrivateKey.from_private_bytes(SEED))


CONTEXT: Final = sections.Context(
    reference="FP/2025/0042-é",
    phenomenon=sections.Phenomenon.RADICALISATION_EXTREMISM_TERRORISM,
    municipality="11002",
    legal_basis="Law on the police function, art. 44/1",
    purpose="Follow-up by the local task force",
    nature=sections.Nature.JUDICIAL,
    purposes=(sections.Purpose.INVESTIGATION, sections.Purpose.PREVENTION),
)
SUBJECT: Final = sections.Subject(
    kind=sections.SubjectKind.PERSON,
    data_subject=sections.DataSubject.SUSPECT,
    names=(
        sections.PersonName(family="Müller-Çelik", particle="van der", given="Zoë Amélie"),
        sections.PersonName(family="Абдулаев", particle="", given=""),
    ),
    birth=sections.PartialDate(year=1993, month=5, day=0),
    birth_place="Liège",
    sex=sections.Sex.FEMALE,
    nationality="BE",
    national_number="93051800090",
    enterprise_number="0417497106",
    description="Fiets, merk onbekend",
    categories=(sections.EntityCategory.HP, sections.EntityCategory.PVE),
)
FACT: Final = sections.Fact(
    statement="Seen at the station.", observed_on=date(2025, 3, 1), municipality="11002"
)
SOURCES: Final = sections.Sources(
    evaluations=(
        sections.Evaluation4x4(
            statement="Seen at the station.",
            source=sections.SourceReliability.B,
            information=sections.InformationReliability.TWO,
        ),
    )
)
MEASURES: Final = sections.Measures(
    measures=(
        sections.Measure(
            kind=sections.MeasureKind.PREVENTIVE,
            description="Talk with the family",
            from_on=date(2025, 3, 20),
            until_on=date(2025, 9, 20),
        ),
        sections.Measure(kind=sections.MeasureKind.REINTEGRATION, description=""),
    )
)
CONTACT: Final = sections.Contact(
    unit="DJSOC/Terro", function="Duty officer", telephone="+3225550100", email="duty@example.org"
)
DISTRIBUTION: Final = sections.Distribution(named=("vsse",), excluded=("livc-gent", "livc-mechelen"))

CASE: Final = Draft(
    signal_type="RadicalisationCase",
    version=1,
    lifecycle=frame.Lifecycle.ORIGINAL,
    observed_at=TIME - timedelta(days=1),
    classification=frame.Classification.UNCLASSIFIED,
    handling=(frame.Handling.TLP_AMBER, frame.Handling.THIRD_PARTY_RULE),
    sections=sections.Sections(
        context=CONTEXT,
        subject=SUBJECT,
        situation=sections.CaseSituation(facts=(FACT,), travel_planned_on=date(2026, 1, 2)),
        assessment=sections.CaseAssessment(
            summary="Growing isolation.",
            indicators=("broke with family", "new circle"),
            proposed_categories=(sections.EntityCategory.HP,),
        ),
        sources=SOURCES,
        measures=MEASURES,
        contact=CONTACT,
        distribution=DISTRIBUTION,
    ),
)
SHEET: Final = Draft(
    signal_type="FeedbackSheet",
    version=1,
    lifecycle=frame.Lifecycle.ORIGINAL,
    observed_at=TIME,
    classification=frame.Classification.UNCLASSIFIED,
    sections=sections.Sections(
        context=sections.Context(
            reference="LSC-7",
            phenomenon=sections.Phenomenon.DRUGS,
            legal_basis="Law of 30 July 2018",
            purpose="Feedback",
            nature=sections.Nature.ADMINISTRATIVE,
            purposes=(sections.Purpose.CARE, sections.Purpose.PREVENTION),
        ),
        situation=sections.SheetSituation(
            consensus=True, professional_secrecy=False, members_present=5, facts=(FACT,)
        ),
        assessment=sections.SheetAssessment(summary="Stable.", advice="Keep the talks going."),
        measures=MEASURES,
        contact=sections.Contact(unit="Safety cell", function="Coordinator"),
    ),
)
EVALUATION: Final = Draft(
    signal_type="ThreatEvaluation",
    version=2,
    lifecycle=frame.Lifecycle.CORRECTION,
    observed_at=TIME - timedelta(hours=3),
    classification=frame.Classification.CONFIDENTIAL,
    handling=(frame.Handling.DIFFUSION_RESTREINTE,),
    sections=sections.Sections(
        context=CONTEXT,
        subject=SUBJECT,
        situation=sections.EvaluationSituation(facts=(), review_due_on=date(2025, 9, 14)),
        assessment=sections.EvaluationAssessment(
            level=3,
            reasons_for_inclusion="Known to three services.",
            problem_points=("weapons",),
            intentions="Stated.",
            capacities="Limited.",
            antecedents="None.",
            psychological="",
        ),
        sources=SOURCES,
        measures=None,
        contact=CONTACT,
        distribution=DISTRIBUTION,
    ),
)
RECALL: Final = Draft(
    signal_type="RadicalisationCase",
    version=2,
    lifecycle=frame.Lifecycle.RECALL,
    observed_at=TIME - timedelta(days=1),
    classification=frame.Classification.UNCLASSIFIED,
    sections=sections.Sections(context=CONTEXT),
)
DRAFTS: Final = (CASE, SHEET, EVALUATION, RECALL)


def composed(draft: Draft) -> SignedBytes:
    """Return a draft as the test originator publishes it."""
    return disclosure.compose(draft, originator=ORIGINATOR, secret=SECRET, signer=signer(), published_at=TIME)


SIGNAL_ID: Final = identity.signal_id(SECRET, CONTEXT.reference, 1)
EARLIER_ID: Final = UUID("0e8a3c5e-2b6f-8d21-9c44-5d0f7a1b2c3d")
JUDGEMENT_ID: Final = UUID("a3d5b7c9-1e2f-4a6b-8c0d-9e8f7a6b5c4d")
DELIVERY_ID: Final = identity.delivery_id(ORIGINATOR, SIGNAL_ID, RECIPIENT)
CASE_KEY: Final = identity.case_key(BACKBONE_KEY, ORIGINATOR, CONTEXT.reference)
FOLLOWER: Final = frame.Follower(participant=RECIPIENT, event=identity.event_id(EARLIER))
PASSAGE: Final = frame.Passage(
    posting=POSTING,
    bundle=BUNDLE,
    case_key=CASE_KEY,
    resolution=frame.Resolution(
        persons=("person-1",),
        supersedes=(EARLIER_ID,),
        registered_as=identity.event_id(POSTING),
        followers=(FOLLOWER,),
        corroborates=(frame.SignalName(originator="vsse", signal_id=EARLIER_ID),),
    ),
    delivery=frame.Delivery(
        output_id=DELIVERY_ID,
        recipient=RECIPIENT,
        decision_id=identity.decision_id(ORIGINATOR, SIGNAL_ID),
        grounds=("ground-territory",),
        withheld=(frame.Withheld(section="distribution", rules=("guard-distribution",)),),
        replaces=(identity.delivery_id(ORIGINATOR, EARLIER_ID, RECIPIENT),),
        persons=(identity.pseudonym(BACKBONE_KEY, RECIPIENT, "person-1"),),
        corroborates=(identity.delivery_id("vsse", EARLIER_ID, RECIPIENT),),
    ),
)


def receipt() -> SignedBytes:
    """Return a signed receipt."""
    header = postings.ReceiptHeader(
        receipt_id=identity.receipt_id(RECIPIENT, DELIVERY_ID, "REJECTED"),
        participant=RECIPIENT,
        output_id=DELIVERY_ID,
        result=postings.ReceiptResult.REJECTED,
        reason="commitment-mismatch",
        stored_at=TIME,
    )
    return disclosure.compose_receipt(header, signer())


def consultation() -> SignedBytes:
    """Return a signed consultation."""
    header = postings.ConsultationHeader(
        consultation_id=UUID("5b1f0c1e-7d5a-4c39-8f6e-0a1b2c3d4e5f"),
        participant=RECIPIENT,
        user="analyst-17",
        output_id=DELIVERY_ID,
        signal_id=SIGNAL_ID,
        purpose="Preparing the meeting of 14 March",
        consulted_at=TIME,
    )
    return disclosure.compose_consultation(header, signer())


_SECTION_OUTCOMES: Final = (
    backbone.SectionOutcome(
        sections=("context",), released=True, grounds=("ground-territory",), guards=(), errors=0
    ),
    backbone.SectionOutcome(
        sections=("subject",),
        released=False,
        grounds=("ground-territory",),
        guards=("guard-minor",),
        errors=0,
    ),
)
RECORDS: Final[tuple[Record, ...]] = (
    backbone.BundleActivation(bundle=BUNDLE, in_force_from=TIME + timedelta(seconds=60), announced_at=TIME),
    backbone.BundleContent(bundle=BUNDLE, content=b"a bundle"),
    backbone.Decision(
        decision_id=identity.decision_id(ORIGINATOR, SIGNAL_ID),
        posting=POSTING,
        originator=ORIGINATOR,
        signal_type="RadicalisationCase",
        signal_id=SIGNAL_ID,
        version=1,
        lifecycle=frame.Lifecycle.ORIGINAL,
        case_key=CASE_KEY,
        bundle=BUNDLE,
        decided_at=TIME,
        supersedes=(EARLIER_ID,),
        sections=("context", "distribution", "subject"),
        classification=0,
        stated=(
            backbone.StatedFact(fact="is_minor", value="True"),
            backbone.StatedFact(fact="purposes", value="INVESTIGATION PREVENTION"),
        ),
        holders=(backbone.FactHolders(fact="in_territory", members=b"\x01\x01"),),
        evidence=(
            backbone.Evidence(
                source=backbone.EvidenceSource.SECTION,
                reference=f"context:{identity.digest(b'a section').hex()}",
            ),
            backbone.Evidence(source=backbone.EvidenceSource.REPERTORY, reference=str(DELIVERY_ID)),
        ),
        groups=(
            backbone.GroupOutcome(members=b"\x01\x01", size=1, sections=_SECTION_OUTCOMES),
            backbone.GroupOutcome(members=None, size=5, sections=()),
        ),
        outputs=(
            backbone.DecidedOutput(
                recipient=RECIPIENT,
                kind=backbone.OutputKind.VIEW,
                digest=identity.digest(b"a view"),
                replaces=(0,),
            ),
        ),
        judgement_id=JUDGEMENT_ID,
        rounds=(EARLIER_ID,),
    ),
    backbone.QuarantineEntry(
        entry_id=identity.quarantine_id("ADMIT", POSTING),
        stage=backbone.Stage.ADMIT,
        posting=POSTING,
        record_type="RadicalisationCase",
        reason="signature",
        field="proof.signature",
        detail="it does not verify under the key that it names",
        bundle=BUNDLE,
        value=b"\x00\x00\x00\x00\x07what came",
        headers=(backbone.RawHeader(name="content-type", value=b"application/avro"),),
    ),
    backbone.RepertoryEvent(
        event_id=identity.event_id(POSTING),
        kind=backbone.RepertoryKind.DUPLICATE,
        posting=POSTING,
        originator=ORIGINATOR,
        signal_type="RadicalisationCase",
        signal_id=SIGNAL_ID,
        version=1,
        case_key=CASE_KEY,
        canonical_case_key=identity.case_key(BACKBONE_KEY, ORIGINATOR, "FP/2024/9"),
        content_fingerprint=identity.digest(b"content"),
        bundle=BUNDLE,
        registered_at=TIME,
        duplicate_kind=backbone.DuplicateKind.SAME_CONTENT,
        duplicate_of=EARLIER,
        supersedes=(),
        persons=(
            backbone.PersonRegistered(
                reference="person-1",
                mention_id=identity.mention_id(POSTING),
                keys=(identity.digest(b"key"),),
                sealed_identity=b"sealed",
                match=backbone.MatchKind.PROVISIONAL,
                model="belgian-1",
                posterior=912_345,
                found_by=("name-and-birth", "number"),
                compared_with=identity.mention_id(EARLIER),
                runner_up="person-2",
                guards=("birth-conflict",),
            ),
        ),
        holdings=(
            backbone.HoldingRegistered(
                participant=ORIGINATOR, reference="person-1", capacity="RadicalisationCase", since=TIME
            ),
        ),
        followers=(FOLLOWER,),
        as_of=JUDGEMENT_ID,
        event_key=identity.digest(b"event"),
        corroborates=(frame.SignalName(originator="vsse", signal_id=EARLIER_ID),),
        entities=(
            queries.EntityRegistered(
                reference="person-1",
                status=sections.EntityStatus.VALIDATED,
                categories=(sections.EntityCategory.FTF, sections.EntityCategory.PCT),
                review_due_on=date(2028, 3, 14),
            ),
        ),
    ),
    backbone.Review(
        review_id=identity.review_id(POSTING),
        posting=POSTING,
        originator=ORIGINATOR,
        signal_id=SIGNAL_ID,
        question="same-person",
        provisional="person-1",
        candidates=("person-2", "person-3"),
        raised_at=TIME,
        mention_id=identity.mention_id(POSTING),
        model="belgian-1",
    ),
    backbone.Status(
        output_id=identity.status_id(POSTING, backbone.Verdict.REFUSED, "check-digits"),
        posting=POSTING,
        record_type="RadicalisationCase",
        signal_id=SIGNAL_ID,
        verdict=backbone.Verdict.REFUSED,
        reason="check-digits",
        field="subject.national_number",
    ),
    backbone.Withdrawal(
        output_id=identity.withdrawal_id(ORIGINATOR, SIGNAL_ID, RECIPIENT),
        recipient=RECIPIENT,
        decision_id=identity.decision_id(ORIGINATOR, SIGNAL_ID),
        originator=ORIGINATOR,
        withdraws=(identity.delivery_id(ORIGINATOR, EARLIER_ID, RECIPIENT),),
        withdrawn_at=TIME,
    ),
)
