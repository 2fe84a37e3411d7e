from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from kruispunt_deploy import provisioning
from kruispunt_deploy.provision_command import provision
from kruispunt_deploy.provisioning import Provisioned
from kruispunt_schemas.needtoknow.authoring import read_participants
from kruispunt_schemas.needtoknow.bundle import Participant
from kruispunt_schemas.settings import Settings


@pytest.mark.parametrize("everything", [False, True])
def test_the_demonstration_or_everything(
    everything: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(_: Settings, __: Callable[[str], None], participants: Sequence[Participant]) -> Provisioned:
        assert participants == read_participants(everything=everything)
        return Provisioned(len(participants), 0, 0, 0, "00" * 32, activated=True)

    monkeypatch.setattr(provisioning, "provision", run)
    arguments = ["--data", str(tmp_path), "--json", *(["--everything"] if everything else [])]
    result = CliRunner().invoke(provision, arguments, catch_exceptions=False)
    assert json.loads(result.stdout)["participants"] == len(read_participants(everything=everything))
