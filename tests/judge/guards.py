"""The guards, written again from their sentences: what holds back, from whom, and which sections.

Rules: one function for each guard, named as the rule is; it tells when the guard holds back. Its docstring is the rule's
sentence. Must not: import anything of the backbone's.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.judge.grounds import Rule
from tests.judge.seen import Service, Signal, Tie, Ties

GUARDS: dict[str, tuple[Rule, frozenset[str] | None]] = {}
"""Each guard by its name, with the sections that it holds back, None for all."""
OF_THE_PERSON = ("subject", "situation", "assessment", "sources", "measures")
JUSTICE = ("enforces-law", "magistrate")
"""Police and justice, as roles."""


def guard(*sections: str) -> Callable[[Rule], Rule]:
    """List a function as the guard of its name."""

    def listed(rule: Rule) -> Rule:
        GUARDS[rule.__name__.replace("_", "-")] = (rule, frozenset(sections) or None)
        return rule

    return listed


@guard()
def guard_own_signal(it: Signal, to: Service, ties: Ties) -> bool:
    """The originator has this signal itself."""
    return Tie.SENDER in ties


@guard()
def guard_recall(it: Signal, to: Service, ties: Ties) -> bool:
    """The originator has recalled this; no content is spread any more."""
    return it.recalled


@guard()
def guard_excluded(it: Signal, to: Service, ties: Ties) -> bool:
    """The originator has excluded this service."""
    return Tie.EXCLUDED in ties


@guard()
def guard_clearance(it: Signal, to: Service, ties: Ties) -> bool:
    """The classification lies above this service's clearance."""
    return it.classification > to.clearance


@guard()
def guard_channel(it: Signal, to: Service, ties: Ties) -> bool:
    """The classification lies above what this channel may carry; use the secured network."""
    return it.classification > to.channel


@guard()
def guard_unclassified_only(it: Signal, to: Service, ties: Ties) -> bool:
    """The common database and the safety cells hold unclassified data only."""
    return it.classification > 0 and to.kind in ("common-database", "local-safety-cell")


@guard()
def guard_third_party_rule(it: Signal, to: Service, ties: Ties) -> bool:
    """The third-party rule applies and the owner's consent is not on record."""
    return "THIRD_PARTY_RULE" in it.markings and Tie.CONSENTED not in ties


@guard()
def guard_embargo(it: Signal, to: Service, ties: Ties) -> bool:
    """The magistrate has deferred this while there is danger to the prosecution or to a person."""
    return it.embargo and not to.has_role("magistrate")


@guard()
def guard_europol_h0(it: Signal, to: Service, ties: Ties) -> bool:
    """Handling code H0: for preventing and fighting crime only."""
    return "EUROPOL_H0" in it.markings and not to.has_role(*JUSTICE)


@guard()
def guard_europol_h1(it: Signal, to: Service, ties: Ties) -> bool:
    """Handling code H1: not to be used in judicial proceedings without permission."""
    return "EUROPOL_H1" in it.markings and to.has_role("magistrate") and Tie.CONSENTED not in ties


@guard()
def guard_europol_h2(it: Signal, to: Service, ties: Ties) -> bool:
    """Handling code H2: not to be disseminated without permission."""
    return "EUROPOL_H2" in it.markings and Tie.CONSENTED not in ties


@guard()
def guard_europol_h3(it: Signal, to: Service, ties: Ties) -> bool:
    """Handling code H3: only for those whom the originator expressly names."""
    return "EUROPOL_H3" in it.markings and Tie.NAMED not in ties


@guard()
def guard_tlp_red(it: Signal, to: Service, ties: Ties) -> bool:
    """TLP:RED: only for those whom the originator expressly names."""
    return "TLP_RED" in it.markings and Tie.NAMED not in ties


@guard()
def guard_tlp_amber_strict(it: Signal, to: Service, ties: Ties) -> bool:
    """TLP:AMBER+STRICT: only for those named or with a mandate for the whole country."""
    meant = Tie.NAMED in ties or it.type in to.mandate
    return "TLP_AMBER_STRICT" in it.markings and not meant


@guard()
def guard_tlp_amber(it: Signal, to: Service, ties: Ties) -> bool:
    """TLP:AMBER: not outside the Belgian security chain, save for those named."""
    return "TLP_AMBER" in it.markings and to.regime != "domestic" and Tie.NAMED not in ties


@guard()
def guard_tlp_green(it: Signal, to: Service, ties: Ties) -> bool:
    """TLP:GREEN: only within the community of security services, not for operators of sites."""
    return "TLP_GREEN" in it.markings and to.kind == "site-operator" and Tie.NAMED not in ties


@guard()
def guard_diffusion_restreinte(it: Signal, to: Service, ties: Ties) -> bool:
    """Limited distribution: not outside the Belgian services."""
    return "DIFFUSION_RESTREINTE" in it.markings and to.regime != "domestic"


@guard()
def guard_professional_secrecy(it: Signal, to: Service, ties: Ties) -> bool:
    """This is covered by professional secrecy and stays within the case consultation."""
    return it.secrecy and not to.has_role("shares-secrecy")


@guard()
def guard_consensus(it: Signal, to: Service, ties: Ties) -> bool:
    """Not all members who took part have agreed to share this."""
    return not it.consented


@guard()
def guard_purpose(it: Signal, to: Service, ties: Ties) -> bool:
    """The purpose for which this is shared is no task of this service."""
    return it.purposes.isdisjoint(to.purposes)


@guard()
def guard_nature(it: Signal, to: Service, ties: Ties) -> bool:
    """This service may not hold information of this nature (judicial, administrative, intelligence)."""
    return it.nature not in to.natures


@guard(*OF_THE_PERSON)
def guard_minor(it: Signal, to: Service, ties: Ties) -> bool:
    """This is about a minor: only for police, justice, youth protection and those who evaluate the threat."""
    among_them = to.has_role(*JUSTICE, "protects-minors") or to.kind in ("threat-analysis", "intelligence")
    return it.minor and not among_them


@guard(*OF_THE_PERSON)
def guard_victim(it: Signal, to: Service, ties: Ties) -> bool:
    """This is about a victim: only for police, justice and victim care."""
    return it.about == "VICTIM" and not to.has_role(*JUSTICE, "protects-victims")


@guard(*OF_THE_PERSON)
def guard_witness(it: Signal, to: Service, ties: Ties) -> bool:
    """This is about a witness: only for police and justice."""
    return it.about == "WITNESS" and not to.has_role(*JUSTICE)


@guard()
def guard_aggregates_only(it: Signal, to: Service, ties: Ties) -> bool:
    """This body works on aggregates and pictures, not on files of persons."""
    return it.about != "NONE" and to.has_role("works-on-aggregates")


@guard()
def guard_group(it: Signal, to: Service, ties: Ties) -> bool:
    """The log of an incident is only for the group that works on it now, and for the crisis centre."""
    return it.type == "IncidentLogEntry" and Tie.GROUP not in ties and to.kind != "crisis-centre"


@guard()
def guard_unrecognised(it: Signal, to: Service, ties: Ties) -> bool:
    """This signal bears a mark that is not known yet; in doubt nothing is released."""
    said = {*it.markings, *it.measures, it.about}
    return "UNRECOGNISED" in said


@guard()
def guard_oversight(it: Signal, to: Service, ties: Ties) -> bool:
    """Oversight reads the records itself and is no recipient."""
    return to.has_role("oversees")


@guard()
def guard_third_country(it: Signal, to: Service, ties: Ties) -> bool:
    """This is a third country with a regime of its own: nothing goes there without the originator's consent."""
    return to.regime == "third-country" and Tie.CONSENTED not in ties


@guard()
def guard_agreement(it: Signal, to: Service, ties: Ties) -> bool:
    """Data from this source need a registered agreement, and there is none."""
    return it.source != "" and it.source not in to.agreements


@guard()
def guard_screening(it: Signal, to: Service, ties: Ties) -> bool:
    """This service's screening has lapsed."""
    return to.screened_until is None or it.day > to.screened_until


@guard("measures")
def guard_repressive_measure(it: Signal, to: Service, ties: Ties) -> bool:
    """Repressive measures are for police, justice and the task force only."""
    among_them = to.has_role(*JUSTICE) or to.kind in ("threat-analysis", "intelligence")
    return "REPRESSIVE" in it.measures and not among_them
