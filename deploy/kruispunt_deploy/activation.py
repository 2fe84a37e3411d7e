"""A new policy for a backbone that runs: made from the reviewed files, judged, compared with the past, announced ahead.

Rules
-----
1. The bundle has the participants of the one in force last, with the rows that the files have for them now and the keys
   that they had; whoever is new is provisioned, which makes topics and keys.
2. It is refused when the check finds a mistake or a case of the reviewed files fails under the whole chain.
3. It is announced as provisioning does: in force `ANNOUNCED_AHEAD` from now on, so that every worker has it in time.

Must not: ask a person (`activation_command` does).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kruispunt_consumers.audit.past import Past, Side, counted, differences
from kruispunt_schemas.failures import ConfigurationError
from kruispunt_schemas.jurist import soundness, trial
from kruispunt_schemas.jurist.case_files import read_cases
from kruispunt_schemas.jurist.options import bundle_of_files
from kruispunt_schemas.needtoknow.authoring import make, read_participants
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from kruispunt_schemas.needtoknow.comparison import Changed, Difference
from kruispunt_schemas.settings import Settings

from kruispunt_deploy.provisioning import announce, register


@dataclass(frozen=True, slots=True)
class Proposed:
    """The bundle that would be announced, the one in force last, and what would have been otherwise in the past."""

    bundle: Bundle
    last: Bundle
    difference: Difference
    changes: list[Changed]

    @property
    def same(self) -> bool:
        """Tell whether it is the one in force already."""
        return self.bundle.name == self.last.name


def propose(past: Past) -> Proposed:
    """Return the bundle of the files beside the one in force last (rule 1)."""
    last = past.latest()
    if last is None:
        raise ConfigurationError("no bundle is in force: run `kruispunt provision`")
    bundle = renewed(last)
    difference, changes = counted(differences(past, Side(bundle=last), Side(bundle=bundle)))
    return Proposed(bundle, last, difference, changes)


def renewed(last: Bundle) -> Bundle:
    """Return the bundle of the files for the participants of another, with their keys."""
    keys = {row.id: row.keys for row in last.participants}
    return make(keys, read_participants(only=sorted(keys)))


def objections() -> Iterator[str]:
    """Give why the reviewed policy may not be activated: mistakes of the check, cases that fail (rule 2)."""
    bundle = bundle_of_files()
    engine = PolicyEngine(bundle.policies, bundle.policy_schema)
    prepared = [trial.prepare(case, bundle) for found in read_cases().values() for case in found]
    for item in prepared:
        result = trial.judge(item, engine.evaluate, bundle)
        for judged in result.judged:
            for mistake in judged.mistakes:
                yield f"case {result.case.id}: {judged.participant}: {mistake}"
    for finding in soundness.check(bundle, prepared):
        if finding.weight is soundness.Weight.MISTAKE:
            yield f"{finding.subject}: {finding.text}"


def activate(settings: Settings, bundle: Bundle) -> bool:
    """Announce a bundle; return whether it was, for the one announced last is not announced again (rule 3)."""
    addresses = settings.addresses()
    return announce(addresses.brokers, bundle, register(addresses.registry, settings.data))
