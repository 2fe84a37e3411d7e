"""Keys on disk: one folder for each principal, made once, read by that principal alone.

Layout: ``keys/<participant>/signing.pem`` (Ed25519, PKCS#8) and ``agency.secret``; ``keys/backbone/*.key``. Files are
readable by their owner only. The keys of persons are renewed: ``person.key`` and ``sealing.key`` are the first ones,
``person-2.key`` and ``sealing-2.key`` the second. Older ones stay, to open with what they sealed.
Must not: log or show a key; hold more than one principal's keys at a time.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kruispunt_schemas.failures import ConfigurationError
from kruispunt_schemas.identity import SECRET_BYTES
from kruispunt_schemas.signing import Signer

KEYS: Final = "keys"
BACKBONE: Final = "backbone"
_SIGNING: Final = "signing.pem"
_AGENCY: Final = "agency.secret"


@dataclass(frozen=True, slots=True)
class ParticipantKeys:
    """What a participant signs with, and the secret that its ids and salts are derived from."""

    participant: str
    signer: Signer
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PersonKeys:
    """What persons are found by (32 bytes of HMAC key) and sealed with (64 bytes, AES-SIV)."""

    blocking: bytes = field(repr=False)
    sealing: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class BackboneKeys:
    """Keys of the keyed hashes, 32 bytes each, and every generation of the keys of persons by its id (1 to 255)."""

    case: bytes = field(repr=False)
    content: bytes = field(repr=False)
    pseudonym: bytes = field(repr=False)
    persons: Mapping[int, PersonKeys]


_HASH_BYTES: Final = 32
_HASHES: Final = ("case", "content", "pseudonym")
_PERSON_SIZES: Final = {"person": 32, "sealing": 64}
_GENERATIONS: Final = 255


def create_participant(data: Path, participant: str) -> ParticipantKeys:
    """Make the keys of a participant unless they exist, and return them."""
    folder = _folder(data, participant)
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write_once(folder / _SIGNING, pem)
    _write_once(folder / _AGENCY, secrets.token_bytes(SECRET_BYTES))
    return read_participant(data, participant)


def read_participant(data: Path, participant: str) -> ParticipantKeys:
    """Return the keys of a participant; raise ConfigurationError when they are missing or damaged."""
    folder = data / KEYS / participant
    try:
        key = serialization.load_pem_private_key((folder / _SIGNING).read_bytes(), None)
        secret = (folder / _AGENCY).read_bytes()
    except FileNotFoundError:
        raise ConfigurationError(f"no keys of {participant} in {folder}: run `kruispunt provision`") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # TypeError: the key is encrypted, which ours never are.
        raise ConfigurationError(f"the keys in {folder} are damaged") from None
    if not isinstance(key, Ed25519PrivateKey) or len(secret) != SECRET_BYTES:
        raise ConfigurationError(f"the keys in {folder} are damaged")
    return ParticipantKeys(participant, Signer(f"{participant}-1", key), secret)


def create_backbone(data: Path) -> BackboneKeys:
    """Make the backbone's keys unless they exist, and return them."""
    folder = _folder(data, BACKBONE)
    for name in _HASHES:
        _write_once(folder / f"{name}.key", secrets.token_bytes(_HASH_BYTES))
    _create_persons(folder, 1)
    return read_backbone(data)


def create_persons(data: Path, key_id: int) -> BackboneKeys:
    """Make the keys of persons with that id unless they exist, and return all of the backbone's keys."""
    if not 1 <= key_id <= _GENERATIONS:
        raise ConfigurationError(f"keys of persons have an id of 1 to {_GENERATIONS}")
    _create_persons(data / KEYS / BACKBONE, key_id)
    return read_backbone(data)


def read_backbone(data: Path) -> BackboneKeys:
    """Return the backbone's keys; raise ConfigurationError when one is missing or damaged."""
    folder = data / KEYS / BACKBONE
    hashes = {name: _read_key(folder / f"{name}.key", _HASH_BYTES) for name in _HASHES}
    persons: dict[int, PersonKeys] = {}
    for key_id in range(1, _GENERATIONS + 1):
        paths = [folder / f"{_generation(name, key_id)}.key" for name in _PERSON_SIZES]
        # The first must be there; a later one counts from when both of its files are.
        if key_id > 1 and not all(path.is_file() for path in paths):
            break
        found = [_read_key(path, size) for path, size in zip(paths, _PERSON_SIZES.values(), strict=True)]
        persons[key_id] = PersonKeys(*found)
    return BackboneKeys(persons=persons, **hashes)


def _create_persons(folder: Path, key_id: int) -> None:
    for name, size in _PERSON_SIZES.items():
        _write_once(folder / f"{_generation(name, key_id)}.key", secrets.token_bytes(size))


def _generation(name: str, key_id: int) -> str:
    return name if key_id == 1 else f"{name}-{key_id}"


def _read_key(path: Path, size: int) -> bytes:
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        raise ConfigurationError(f"{path} is missing: run `kruispunt provision`") from None
    if len(found) != size:
        raise ConfigurationError(f"{path} is damaged: it is not {size} bytes")
    return found


def _folder(data: Path, principal: str) -> Path:
    folder = data / KEYS / principal
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _write_once(path: Path, content: bytes) -> None:
    if path.exists():
        return
    # Readable by the owner from the first byte; linked, not moved, so that of two processes the first one's stays.
    descriptor, temporary = tempfile.mkstemp(prefix=".", suffix=".new", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(temporary)
    finally:
        Path(temporary).unlink()
