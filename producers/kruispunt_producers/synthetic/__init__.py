"""Synthetic agencies: made-up persons, cases and traps, with the truth beside the data.

Every person is drawn from frequency lists; national numbers use serials that are never issued. One seed gives one
scenario, whatever the clock::

    scenario = generate(seed=1, signals=2_000)
    write_tables(url, scenario, "ocad", phase=1)          # a legacy table in a PostgreSQL database
    write_exports(folder, scenario, "police-gent", phase=1)
    send_raw(client, scenario.raw_messages(keys, published_at, wire_id))
    scenario.truth()                                       # what must become of every posting

Phase 1 is published first; phase 2 changes it (corrections, recalls). Must not: be imported by an agency's own code.
"""

from kruispunt_producers.synthetic.raw import RawMessage
from kruispunt_producers.synthetic.scenario import Scenario, generate
from kruispunt_producers.synthetic.stores import (
    send_raw,
    write_change,
    write_exports,
    write_files,
    write_tables,
    write_truth,
)
from kruispunt_producers.synthetic.truth import Expected, Outcome

__all__ = [
    "Expected",
    "Outcome",
    "RawMessage",
    "Scenario",
    "generate",
    "send_raw",
    "write_change",
    "write_exports",
    "write_files",
    "write_tables",
    "write_truth",
]
