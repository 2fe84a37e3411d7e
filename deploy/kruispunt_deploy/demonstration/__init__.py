"""The demonstration: synthetic agencies publish, a worker is killed, task forces receive, the audit accounts.

The same steps serve ``kruispunt demo`` and the end-to-end tests, which count against the generator's truth.
"""

from kruispunt_deploy.demonstration.road import Road
from kruispunt_deploy.demonstration.steps import Demonstration, Kill
from kruispunt_deploy.demonstration.truth import Difference, differences

__all__ = ["Demonstration", "Difference", "Kill", "Road", "differences"]
