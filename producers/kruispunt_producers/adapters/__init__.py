"""Adapters: pure functions from a source record to a draft or a refusal, and the stores that they read."""

from kruispunt_producers.adapters.discovery import choose, installed, open_source
from kruispunt_producers.adapters.export_folder import ExportFolder
from kruispunt_producers.adapters.protocol import Adapter, Batch, Located, Source
from kruispunt_producers.adapters.row import Refusal, Row, adapting

__all__ = [
    "Adapter",
    "Batch",
    "ExportFolder",
    "Located",
    "Refusal",
    "Row",
    "Source",
    "adapting",
    "choose",
    "installed",
    "open_source",
]
