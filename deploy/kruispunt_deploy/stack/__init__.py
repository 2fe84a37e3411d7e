"""The local stack: Kafka, PostgreSQL and the schema registry as real servers, without a container.

In a test or the demonstration::

    from kruispunt_deploy.stack import LocalStack

    with LocalStack(Path(".kruispunt"), brokers=1) as stack:      # seconds; the first time it downloads 212 MB
        stack.addresses                                           # kruispunt_schemas.settings.Addresses
        stack.parts["kafka"].pid                                  # PartInfo: state, pid, address, restarts, log
        stack.kafka.listeners.client()                            # settings for confluent-kafka
        url = stack.postgres.create_database("agency", "agency")  # a database with a role of its own
        stack.spawn("worker", ["kruispunt", "worker"], env, ready=probe)  # supervised like a server
        pid = stack.kill("worker")                                # SIGKILL; it is started again
        stack.wait_ready("worker", within=30)
        stack.kill("kafka", restart=False); stack.start("kafka")  # dead until told otherwise

A program that ends with SIGTERM wraps this in ``ended_by_signals()``, so that the stop is a clean one.

From a terminal: ``kruispunt up --detach``, ``kruispunt status``, ``kruispunt down``. In pytest: the session fixture
``stack`` of tests/conftest.py.

The first stack that ends by itself makes archives for quicker starts, 162 MB in the cache; see `archives`.

Nothing survives its supervisor: not on a clean end, not on SIGKILL.
"""

from kruispunt_deploy.stack.processes import PartInfo
from kruispunt_deploy.stack.progress import Report, Step
from kruispunt_deploy.stack.supervisor import LocalStack, ended_by_signals

__all__ = ["LocalStack", "PartInfo", "Report", "Step", "ended_by_signals"]
