"""The bundles that were ever announced, read from ``audit.bundles``: the only source of policies and public keys.

Rules
-----
1. The whole topic is read to its end as it was when asked; later reads go on from there.
2. A bundle counts once its bytes and an activation of it have been read; its bytes must hash to its name.
3. A record that cannot be read is an error that names its offset: it is never skipped.

Must not: decide which bundle is in force.
"""

from __future__ import annotations

from dataclasses import replace

from kruispunt_schemas import codec, topics, wire
from kruispunt_schemas.failures import ContractError, PolicyError
from kruispunt_schemas.needtoknow import bundle as bundles
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.records.backbone import BundleActivation, BundleContent

from kruispunt_consumers.broker import TopicMissingError
from kruispunt_consumers.topic_reader import TopicReader
from kruispunt_consumers.topic_record import TopicRecord


class AnnouncedBundles:
    """The bundles of one backbone; `read` brings them up to date."""

    def __init__(self, reader: TopicReader) -> None:
        self._reader = reader
        self._next = 0
        self._contents: dict[str, Bundle] = {}
        self._activated: set[str] = set()

    def get(self, name: str) -> Bundle | None:
        """Return an announced bundle by its name, None when there is none so far."""
        return self._contents.get(name) if name in self._activated else None

    def read(self) -> None:
        """Read to the end of the topic; raise ContractError or PolicyError for a record that is damaged."""
        extents = self._reader.extents([topics.BUNDLES.name])
        if not extents:
            raise TopicMissingError(f"there is no topic {topics.BUNDLES.name}: run `kruispunt provision`")
        extent = extents[0]
        for record in self._reader.read([replace(extent, start=max(extent.start, self._next))]):
            self._take(record)
            self._next = record.offset + 1

    def _take(self, record: TopicRecord) -> None:
        try:
            self._keep(record)
        except ContractError as error:
            raise ContractError(error.reason, error.field, record.place) from None
        except PolicyError as error:
            raise PolicyError(f"{record.place}: {error}") from None

    def _keep(self, record: TopicRecord) -> None:
        schema = codec.schema_of(wire.fingerprint_of(wire.header_map(record.headers)))
        payload = wire.unwrapped(record.value)
        if schema.name == "BundleContent":
            content = codec.decode(schema, payload, BundleContent)
            self._contents[content.bundle] = bundles.load(content.content, content.bundle)
        elif schema.name == "BundleActivation":
            self._activated.add(codec.decode(schema, payload, BundleActivation).bundle)
        else:
            raise ContractError("foreign-record", "", f"a {schema.name}")
