from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from kruispunt_schemas import keys, signing
from kruispunt_schemas.failures import ConfigurationError

PEM = serialization.Encoding.PEM
PKCS8 = serialization.PrivateFormat.PKCS8


def test_only_the_owner_can_read_them(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        keys.create_participant(tmp_path, "ocad")
        keys.create_backbone(tmp_path)
    finally:
        os.umask(old)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 2 + 5
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    folders = [tmp_path / "keys" / name for name in ("ocad", "backbone")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}


def test_they_are_made_once(tmp_path: Path) -> None:
    participant, backbone = keys.create_participant(tmp_path, "ocad"), keys.create_backbone(tmp_path)
    again = keys.create_participant(tmp_path, "ocad")
    assert again.secret == participant.secret
    assert again.signer.public_key() == participant.signer.public_key()
    assert keys.create_backbone(tmp_path) == keys.read_backbone(tmp_path) == backbone
    assert keys.read_participant(tmp_path, "ocad").secret == participant.secret
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 2 + 5


def test_each_principal_has_its_own(tmp_path: Path) -> None:
    one, other = (keys.create_participant(tmp_path, name) for name in ("ocad", "vsse"))
    assert one.secret != other.secret
    proof = one.signer.sign("Status", b"header")
    assert proof.key_id == "ocad-1"
    assert signing.genuine(one.signer.public_key(), "Status", b"header", proof.signature)
    assert not signing.genuine(other.signer.public_key(), "Status", b"header", proof.signature)
    backbone = keys.create_backbone(tmp_path)
    first = backbone.persons[1]
    found = {backbone.case, backbone.content, first.blocking, backbone.pseudonym, first.sealing}
    assert sorted(len(key) for key in found) == [32, 32, 32, 32, 64]


def test_a_half_made_set_is_completed(tmp_path: Path) -> None:
    first = keys.create_participant(tmp_path, "ocad")
    (tmp_path / "keys" / "ocad" / "agency.secret").unlink()
    with pytest.raises(ConfigurationError, match="no keys of ocad"):
        keys.read_participant(tmp_path, "ocad")
    again = keys.create_participant(tmp_path, "ocad")
    assert again.signer.public_key() == first.signer.public_key()
    assert again.secret != first.secret


def test_what_a_killed_process_left_is_no_hindrance(tmp_path: Path) -> None:
    folder = tmp_path / "keys" / "ocad"
    folder.mkdir(parents=True)
    (folder / "agency.new").write_bytes(b"half")
    assert len(keys.create_participant(tmp_path, "ocad").secret) == 32
    assert stat.S_IMODE((folder / "agency.secret").stat().st_mode) == 0o600


def test_processes_that_make_them_at_the_same_time_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: keys.create_participant(tmp_path, "ocad"), range(16)))
    assert len({item.secret for item in found}) == 1
    assert len({item.signer.public_key() for item in found}) == 1


def test_missing_keys_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no keys of ocad in .*: run `kruispunt provision`"):
        keys.read_participant(tmp_path, "ocad")
    with pytest.raises(ConfigurationError, match=r"case\.key is missing: run `kruispunt provision`"):
        keys.read_backbone(tmp_path)


OTHER_KEYS = {
    "nothing": b"",
    "no key": b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    "another algorithm": generate_private_key(SECP256R1()).private_bytes(
        PEM, PKCS8, serialization.NoEncryption()
    ),
    "encrypted": Ed25519PrivateKey.generate().private_bytes(
        PEM, PKCS8, serialization.BestAvailableEncryption(b"secret")
    ),
}


@pytest.mark.parametrize("what", OTHER_KEYS)
def test_a_damaged_signing_key(tmp_path: Path, what: str) -> None:
    keys.create_participant(tmp_path, "ocad")
    (tmp_path / "keys" / "ocad" / "signing.pem").write_bytes(OTHER_KEYS[what])
    with pytest.raises(ConfigurationError, match=r"the keys in .* are damaged"):
        keys.read_participant(tmp_path, "ocad")


@pytest.mark.parametrize("content", [b"", bytes(31), bytes(33)])
def test_a_damaged_secret(tmp_path: Path, content: bytes) -> None:
    keys.create_participant(tmp_path, "ocad")
    (tmp_path / "keys" / "ocad" / "agency.secret").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"the keys in .* are damaged"):
        keys.read_participant(tmp_path, "ocad")


@pytest.mark.parametrize("name", ["case", "content", "person", "pseudonym", "sealing"])
def test_a_damaged_key_of_the_backbone(tmp_path: Path, name: str) -> None:
    keys.create_backbone(tmp_path)
    path = tmp_path / "keys" / "backbone" / f"{name}.key"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ConfigurationError, match=rf"{name}\.key is damaged: it is not (32|64) bytes"):
        keys.read_backbone(tmp_path)


def test_keys_of_persons_are_renewed_and_older_ones_stay(tmp_path: Path) -> None:
    first = keys.create_backbone(tmp_path)
    second = keys.create_persons(tmp_path, 2)
    assert list(first.persons) == [1]
    assert list(second.persons) == [1, 2]
    assert second.persons[1] == first.persons[1] != second.persons[2]
    assert keys.create_persons(tmp_path, 2) == second == keys.create_backbone(tmp_path)
    (tmp_path / "keys" / "backbone" / "person-3.key").write_bytes(bytes(32))  # killed before the second file
    assert keys.read_backbone(tmp_path) == second
    assert list(keys.create_persons(tmp_path, 3).persons) == [1, 2, 3]
    with pytest.raises(ConfigurationError, match="1 to 255"):
        keys.create_persons(tmp_path, 256)


def test_they_are_never_shown(tmp_path: Path) -> None:
    participant, backbone = keys.create_participant(tmp_path, "ocad"), keys.create_backbone(tmp_path)
    shown = f"{participant!r}{backbone!r}{participant}{backbone}"
    for secret in (participant.secret, backbone.case, backbone.persons[1].sealing):
        assert secret.hex() not in shown
        assert repr(secret) not in shown
