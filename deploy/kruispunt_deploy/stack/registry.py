"""Apicurio Registry, which keeps its schemas in PostgreSQL and speaks Confluent's API under ``/apis/ccompat/v7``.

The registry is a convenience for tools: programs carry their schemas. After PostgreSQL fell it answers with errors for
up to ten seconds, until its pool of connections notices. Must not: register anything.
"""

from __future__ import annotations

import http.client
from pathlib import Path
from urllib.parse import urlsplit

from kruispunt_deploy.stack.datafolder import LOOPBACK, DataFolder
from kruispunt_deploy.stack.java import Java
from kruispunt_deploy.stack.processes import Spec

STARTER = "quarkus-run.jar"  # in the unpacked folder
API = "/apis/ccompat/v7"
FLAGS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx384m", "-XX:+ExitOnOutOfMemoryError")


class Registry:
    """One registry server."""

    def __init__(self, data: DataFolder) -> None:
        self._data = data
        self._ports = data.ports(["registry", "registry-management"])
        self.url = f"http://{LOOPBACK}:{self._ports['registry']}{API}"

    def spec(self, java: Java, folder: Path, database: str, *quicker: str) -> Spec:
        """Return how to run it from the unpacked folder, on a database given as ``postgresql://user:secret@host/name``.

        ``quicker``: further flags of Java, about its start.
        """
        where = urlsplit(database)
        environment = {
            "QUARKUS_HTTP_HOST": LOOPBACK,
            "QUARKUS_HTTP_PORT": str(self._ports["registry"]),
            # Built in and not to be turned off: left alone it listens on port 9000 of every address.
            "QUARKUS_MANAGEMENT_HOST": LOOPBACK,
            "QUARKUS_MANAGEMENT_PORT": str(self._ports["registry-management"]),
            "QUARKUS_BANNER_ENABLED": "false",
            "APICURIO_STORAGE_KIND": "sql",
            "APICURIO_STORAGE_SQL_KIND": "postgresql",
            "APICURIO_DATASOURCE_URL": f"jdbc:postgresql://{where.hostname}:{where.port}{where.path}",
            "APICURIO_DATASOURCE_USERNAME": where.username or "",
            "APICURIO_DATASOURCE_PASSWORD": where.password or "",
        }
        return Spec(
            name="registry",
            argv=[str(java.executable), *FLAGS, *quicker, "-jar", str(folder / STARTER)],
            log=self._data.logs / "registry.log",
            ready=lambda: answers(self.url),
            environment=environment,
            folder=self._data.path,
            address=self.url,
            tier=1,
            ready_within=120,
        )


def answers(url: str, *, within: float = 2.0) -> bool:
    """Tell whether a registry lists its subjects at the base URL; bounded by ``within`` seconds."""
    where = urlsplit(url)
    kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
    connection = kind(where.hostname or "", where.port, timeout=within)
    try:
        connection.request("GET", f"{where.path}/subjects")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
