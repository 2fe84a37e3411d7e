"""Where the servers are and where a process keeps its files: one typed object, read in one place.

Rules
-----
1. The environment wins (``KRUISPUNT_BROKERS``, ``KRUISPUNT_REGISTRY``, ``KRUISPUNT_DATABASE``, ``KRUISPUNT_DATA``).
2. Without addresses in the environment, the file ``stack.json`` that a running local stack leaves in the data
   directory is read.
3. Half a setting is refused: brokers without a registry, or the reverse, name what is missing.

4. ``KRUISPUNT_FAILPOINT`` makes a process kill itself at a chosen instant (`failpoints`); it is for tests.

Must not: open a connection, or hold a secret (keys are read by the rooms that sign).
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from kruispunt_schemas.failures import ConfigurationError

STACK_FILE = "stack.json"


class Addresses(BaseModel):
    """Addresses of the servers.

    brokers: ``host:port[,host:port]`` of Kafka. registry: base URL of the Confluent API, e.g.
    ``http://127.0.0.1:8081/apis/ccompat/v7``. database: ``postgresql://user@host:port/name`` of the common
    database, None for a process that never opens it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    brokers: str
    registry: str
    database: str | None = None


class Settings(BaseSettings):
    """What the environment says; see the module for the rules."""

    model_config = SettingsConfigDict(env_prefix="KRUISPUNT_", frozen=True)

    brokers: str | None = None
    registry: str | None = None
    database: str | None = None
    data: Path = Path(".kruispunt")
    failpoint: str | None = None

    @property
    def names_servers(self) -> bool:
        """Tell whether the environment names servers, so that those of a local stack do not matter."""
        return bool(self.brokers or self.registry)

    def addresses(self) -> Addresses:
        """Return the addresses in force; raise ConfigurationError when there are none or only half."""
        given = {name: value for name in ("brokers", "registry") if (value := getattr(self, name))}
        if len(given) == 1:
            present = next(iter(given))
            missing = "registry" if present == "brokers" else "brokers"
            raise ConfigurationError(
                f"KRUISPUNT_{present.upper()} is set but KRUISPUNT_{missing.upper()} is not: set both or neither"
            )
        if given:
            return Addresses(**given, database=self.database)
        try:
            found = Addresses.model_validate_json((self.data / STACK_FILE).read_bytes())
        except FileNotFoundError:
            raise ConfigurationError(
                f"no local stack runs in {self.data}: start one with `kruispunt up --detach`, "
                "or set KRUISPUNT_BROKERS and KRUISPUNT_REGISTRY"
            ) from None
        except ValidationError as error:
            fields = ", ".join(
                str(item["loc"][0]) for item in error.errors(include_input=False) if item["loc"]
            )
            raise ConfigurationError(
                f"{self.data / STACK_FILE} is damaged ({fields or 'not JSON'})"
            ) from None
        return found.model_copy(update={"database": self.database}) if self.database else found

    def database_address(self) -> str:
        """Return the address of the common database; raise ConfigurationError when none is known."""
        address = self.addresses().database
        if address is None:
            raise ConfigurationError("KRUISPUNT_DATABASE is not set: the common database's address is needed")
        return address
