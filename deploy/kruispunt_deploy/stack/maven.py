"""Maven repositories through jgo: the one module that knows jgo and its HTTP library.

Rules: `download` fetches one locked file and resolves nothing; `resolve_lock` reads POMs and writes the lock. No host is
named: jgo asks Maven's default repository, or the mirror in KRUISPUNT_MAVEN. To lock anew, after a root below was
changed: ``python -m kruispunt_deploy.stack.maven`` (about a minute).
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import requests
from jgo.maven import MavenContext, PythonResolver
from kruispunt_schemas.command import console

from kruispunt_deploy.stack.artifacts import LOCK_FILE, REGISTRY_GROUP, Locked, NotFetchedError, sha256_of

KAFKA_ROOTS = ("org.apache.kafka:kafka_2.13:4.3.1", "org.apache.kafka:kafka-tools:4.3.1")
# Kafka logs through SLF4J 1.7 and ships no backend.
LOGGING_ROOTS = (
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",
    "org.apache.logging.log4j:log4j-core:2.25.4",
)
REGISTRY_NAME, REGISTRY_VERSION = "apicurio-registry-app", "3.3.3"
NETWORK_SECONDS = 10  # bound of one read or connect


def _maven(folder: Path, resolver: PythonResolver | None = None) -> MavenContext:
    mirror = os.environ.get("KRUISPUNT_MAVEN")
    return MavenContext(
        resolver=resolver,
        repo_cache=folder,
        remote_repos={"mirror": mirror.rstrip("/")} if mirror else None,
        timeout=NETWORK_SECONDS,
    )


def download(item: Locked, folder: Path, count: Callable[[int], None]) -> Path:
    """Fetch one file under a folder and return its path; ``count`` gets the bytes as they come.

    Raise NotFetchedError when it does not come whole, and whatever ``count`` raises. Sums are the caller's concern.
    """

    @contextlib.contextmanager
    def shown(_name: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield count

    project = _maven(folder, PythonResolver(progress_callback=shown)).project(item.group, item.name)
    try:
        return Path(project.at_version(item.version).artifact(item.classifier, item.packaging).resolve())
    except (requests.RequestException, RuntimeError, OSError) as error:
        # jgo's own texts name hosts and folders.
        raise NotFetchedError(type(error).__name__) from None


def resolve_lock(lock_file: Path = LOCK_FILE) -> int:
    """Resolve the roots anew, fetch every file, write the lock; return the number of artifacts (about a minute)."""
    entries: dict[tuple[str, str, str], str] = {}
    with tempfile.TemporaryDirectory(prefix="kruispunt-lock-") as name:
        context = _maven(Path(name))
        registry = context.project(REGISTRY_GROUP, REGISTRY_NAME).at_version(REGISTRY_VERSION)
        found = [registry.artifact("all", "tar.gz")]
        # Apart, for jgo lets the dependency management of one root rule the versions of the others: together,
        # log4j's parent puts kafka-clients back to 3.9.
        for roots in (KAFKA_ROOTS, LOGGING_ROOTS):
            inputs, transitive = context.resolver.resolve([context.create_dependency(root) for root in roots])
            found += [item.artifact for item in inputs]
            found += [item.artifact for item in transitive if item.scope in {"compile", "runtime"}]
        for artifact in found:
            path = Path(artifact.resolve())
            lines = [
                "[[dependencies]]",
                f'groupId = "{artifact.groupId}"',
                f'artifactId = "{artifact.artifactId}"',
                f'version = "{artifact.version}"',
                f'packaging = "{artifact.packaging}"',
                *([f'classifier = "{artifact.classifier}"'] if artifact.classifier else []),
                f'sha256 = "{sha256_of(path)}"',
                f"size = {path.stat().st_size}",
            ]
            key = (artifact.groupId, artifact.artifactId, artifact.classifier)
            entries.setdefault(key, "\n".join(lines))
    header = "# Made by `python -m kruispunt_deploy.stack.maven`; sizes in bytes.\n"
    text = "\n\n".join(entry for _, entry in sorted(entries.items()))
    lock_file.write_text(f"{header}\n{text}\n", encoding="utf-8")
    return len(entries)


if __name__ == "__main__":
    console.print(f"locked {resolve_lock()} artifacts in {LOCK_FILE.name}")
