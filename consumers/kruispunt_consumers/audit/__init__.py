"""The audit: replays the topics and accounts for everything, without trusting the programs that wrote them.

It reads topics only. Its rules, by the numbers that findings carry:

Every posting
    A1  ended in exactly one of: decided, duplicate, quarantine, access record; after a retry the last one counts
    A2  has an outcome, or is under way for less than the stated bound; no offset of ``out.*`` is missing
    A3  exists: no record of the backbone speaks of one that nobody posted
    A4  went through every stage that its outcome supposes
    A5  has one content on each topic of the backbone, and every record there can be read

Every delivery
    B1  of a decision lies on the recipient's topic
    B2  on a recipient's topic was decided, for that recipient
    B3  has one content for its output id; the same bytes again are a harmless replay
    B4  meets the digest that its decision holds

Every decision
    C1  and every other record cites the broker's append time and the bundle in force at it
    C2  concerns a posting that was to be admitted: signed, committed, permitted, without a broken invariant
    C3  cites the evidence that its facts are rebuilt from; who follows the subject is read from the repertory
    C4  has the facts rebuilt for every participant, each in exactly one group
    C5  has the section outcomes that the policy gives for these facts
    C6  sends what follows, and nothing else
    C7  speaks of the signal that lies at its posting, and supersedes what was registered
    C8  rests on bundles whose bytes were announced under their hash

Every view
    D1  has the header and proof that were posted
    D2  holds the released sections byte for byte
    D3  holds null for every other section
    D4  says why it was delivered as it was decided, and nothing else

Every repeat, refusal and access record
    E1  a duplicate names a kept posting of the same originator
    E2  the same signal has the same id
    E3  what was admitted or resolved has the signed bytes that were posted
    F1  quarantine holds the very bytes that were refused
    F2  under a known stage, with a reason and the id that follows
    F3  the owner of the topic was told, once
    F4  and what it was told is so
    F5  the reason follows from the bytes (at the door; later stages are attested)
    G1  an access record is genuine and forwarded unchanged
    G2  a receipt names an output sent to the one that acknowledges (a warning: it is the participant's doing)

Every repertory event
    H1  has the id of its posting; registers holdings of its originator alone, of the persons it names; a duplicate none
    H2  cites as follower who holds a person of its signal, by the event that registered the first such holding
    H3  leaves out no follower: the events of a person stand in one order, and each cites all first holdings before it

Content that has expired is not missing: what rests on it is counted as attested, not derived again.
"""

from kruispunt_consumers.audit.balance import Verdict
from kruispunt_consumers.audit.endings import Ended, Ending
from kruispunt_consumers.audit.findings import Finding, Rule, Severity
from kruispunt_consumers.audit.ledger import Scope
from kruispunt_consumers.audit.replay import replay

__all__ = ["Ended", "Ending", "Finding", "Rule", "Scope", "Severity", "Verdict", "replay"]
