"""The grounds, written again from their sentences: who needs to know, and which sections that opens.

Rules: one function for each ground, named as the rule is; its docstring is the rule's sentence. What a sentence leaves open
(which types, which services) stands in the function. Must not: import anything of the backbone's.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.judge.seen import Service, Signal, Tie, Ties

Rule = Callable[[Signal, Service, Ties], bool]

GROUNDS: dict[str, tuple[Rule, frozenset[str]]] = {}
"""Each ground by its name, with the sections that it opens."""
CARD = ("context", "subject", "measures", "contact")
"""What an extract or a card holds: whom to contact and what to do, no account of what happened."""
OUTLINE = ("context", "subject", "situation", "contact")
FACTS = (*OUTLINE, "measures")
ALL = (*FACTS, "assessment", "sources")


def ground(*sections: str) -> Callable[[Rule], Rule]:
    """List a function as the ground of its name."""

    def listed(rule: Rule) -> Rule:
        GROUNDS[rule.__name__.replace("_", "-")] = (rule, frozenset(sections))
        return rule

    return listed


@ground(*ALL)
def ground_territory(it: Signal, to: Service, ties: Ties) -> bool:
    """The task force, the prosecutor or a centre of the district is competent for the territory that this concerns."""
    if Tie.TERRITORY not in ties:
        return False
    if it.type == "FeedbackSheet":
        return to.kind == "local-task-force"
    on_persons = (
        "Alert",
        "EntityChange",
        "MeasureReport",
        "RadicalisationCase",
        "ThreatEvaluation",
        "TravelHit",
    )
    of_the_district = ("prosecutor", "district-centre", "information-hub")
    return it.type in on_persons and to.kind in ("local-task-force", *of_the_district)


@ground(*FACTS)
def ground_territory_police(it: Signal, to: Service, ties: Ties) -> bool:
    """The police on the spot gets the facts about its own territory, without assessments or sources."""
    of_the_field = (
        "Alert",
        "EnforcementCase",
        "FeedbackSheet",
        "MeasureReport",
        "RadicalisationCase",
        "ThreatEvaluation",
        "TravelHit",
    )
    judicial = to.kind == "federal-police" and to.has_role("investigates")
    on_the_spot = (to.kind == "local-police" or judicial) and Tie.TERRITORY in ties
    return on_the_spot and it.type in of_the_field


@ground(*FACTS, "assessment")
def ground_hinge(it: Signal, to: Service, ties: Ties) -> bool:
    """The information officer is the hinge between the local safety cell and the task force."""
    return it.type == "FeedbackSheet" and to.kind == "information-officer" and Tie.TERRITORY in ties


@ground(*FACTS)
def ground_hinge_back(it: Signal, to: Service, ties: Ties) -> bool:
    """The information officer reports back to the safety cell of the municipality: facts and measures."""
    from_the_hinge = it.type == "FeedbackSheet" and it.sender_kind == "information-officer"
    return from_the_hinge and to.kind == "local-safety-cell" and Tie.TERRITORY in ties


@ground(*CARD)
def ground_livc_extract(it: Signal, to: Service, ties: Ties) -> bool:
    """The safety cell gets the extract of the sample card of whoever is followed on its territory."""
    return it.type == "ThreatEvaluation" and to.kind == "local-safety-cell" and Tie.TERRITORY in ties


@ground(*ALL)
def ground_national_mandate(it: Signal, to: Service, ties: Ties) -> bool:
    """The service has a mandate for this kind of signal for the whole country."""
    return it.type in to.mandate


@ground(*FACTS)
def ground_competence(it: Signal, to: Service, ties: Ties) -> bool:
    """The service acts against this phenomenon, on its territory or in the whole country."""
    calls_for_action = it.type in ("Alert", "EnforcementCase", "MeasureReport")
    administers = to.kind in ("municipality", "province-governor") and it.type == "EnforcementCase"
    acts = to.has_role("enforces-law", "magistrate") or administers
    reaches = to.everywhere or Tie.TERRITORY in ties
    return calls_for_action and acts and it.phenomenon in to.clusters and reaches


@ground(*OUTLINE)
def ground_named(it: Signal, to: Service, ties: Ties) -> bool:
    """The originator has expressly named this service as a recipient."""
    gets_otherwise = to.kind in ("oversight", "local-safety-cell")
    return Tie.NAMED in ties and not gets_otherwise


@ground(*OUTLINE)
def ground_follows_subject(it: Signal, to: Service, ties: Ties) -> bool:
    """The service already follows this subject, and this is no judicial information."""
    works_on_persons = (
        "threat-analysis",
        "intelligence",
        "federal-police",
        "local-police",
        "local-task-force",
        "prosecutor",
        "district-centre",
        "partner-service",
    )
    if it.nature == "JUDICIAL" or to.tier == "hit" or it.type == "InformationAnswer":
        return False
    return Tie.FOLLOWS in ties and to.kind in works_on_persons


@ground("contact")
def ground_deconfliction(it: Signal, to: Service, ties: Ties) -> bool:
    """This service already works on this target and learns whom to contact, without content."""
    return Tie.FOLLOWS in ties and to.has_role("investigates") and it.type != "InformationAnswer"


@ground(*OUTLINE)
def ground_tier(it: Signal, to: Service, ties: Ties) -> bool:
    """The service has access to the common database, for the country, its territory or whom it follows."""
    touches = to.everywhere or Tie.TERRITORY in ties or Tie.FOLLOWS in ties
    return it.type == "EntityChange" and to.tier in ("consult", "feed") and touches


@ground("assessment")
def ground_duty_to_feed(it: Signal, to: Service, ties: Ties) -> bool:
    """The service has a duty to feed the common database about this person and therefore sees the assessment too."""
    touches = Tie.TERRITORY in ties or Tie.FOLLOWS in ties
    return it.type == "EntityChange" and to.tier == "feed" and touches


@ground("contact")
def ground_hit(it: Signal, to: Service, ties: Ties) -> bool:
    """The service sees only that there is a hit, and whom to contact."""
    in_the_database = it.type in ("EntityChange", "ThreatEvaluation")
    return in_the_database and to.tier == "hit" and Tie.FOLLOWS in ties


@ground("context", "subject", "contact")
def ground_security_verification(it: Signal, to: Service, ties: Ties) -> bool:
    """The security authority is verifying this person and gets hits about it."""
    weighs = it.type in ("EntityChange", "RadicalisationCase", "ThreatEvaluation")
    return weighs and to.kind == "security-authority" and Tie.FOLLOWS in ties


@ground(*FACTS, "assessment")
def ground_group(it: Signal, to: Service, ties: Ties) -> bool:
    """The service is a member of the ad-hoc group that this is meant for, as long as that group lasts."""
    return Tie.GROUP in ties


@ground("context", "measures", "contact")
def ground_site(it: Signal, to: Service, ties: Ties) -> bool:
    """The operator or sector authority gets what concerns the security of its site, without persons."""
    guards_it = to.kind in ("site-operator", "sector-authority", "nuclear-expert")
    return guards_it and Tie.TERRITORY in ties and it.type in ("Alert", "MeasureReport", "ThreatLevel")


@ground("context", "subject", "contact")
def ground_information_card(it: Signal, to: Service, ties: Ties) -> bool:
    """The mayor or governor gets the information card of whoever is followed on the territory."""
    administers = to.kind in ("municipality", "province-governor")
    return it.type == "EntityChange" and administers and Tie.TERRITORY in ties


@ground("assessment")
def ground_answer(it: Signal, to: Service, ties: Ties) -> bool:
    """The service has asked for this and gets the answer with its assessment."""
    gets_otherwise = to.kind in ("oversight", "local-safety-cell")
    return it.type == "InformationAnswer" and Tie.NAMED in ties and not gets_otherwise


@ground(*CARD)
def ground_socio_preventive(it: Signal, to: Service, ties: Ties) -> bool:
    """The measure is preventive or meant to reintegrate: the cell and the care on the spot follow it up."""
    gentle = not it.measures.isdisjoint({"PREVENTIVE", "REINTEGRATION"})
    cares = to.kind in (
        "care-service",
        "education-service",
        "local-safety-cell",
        "partner-service",
        "victim-care",
        "youth-service",
    )
    on_the_spot = cares and Tie.TERRITORY in ties and it.phenomenon in to.clusters
    return it.type == "MeasureReport" and gentle and on_the_spot
