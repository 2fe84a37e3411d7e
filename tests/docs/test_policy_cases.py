"""The examples of docs/policy-cases.md are read and hold."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from kruispunt_schemas.jurist import trial
from kruispunt_schemas.jurist.case import Case, Receives, Refused, SignalTable
from kruispunt_schemas.jurist.options import bundle_of_files
from kruispunt_schemas.needtoknow.cedar import PolicyEngine

TEXT = (Path(__file__).parents[2] / "docs" / "policy-cases.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```toml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def test_the_example_passes() -> None:
    bundle = bundle_of_files()
    (case,) = tomllib.loads(BLOCKS[0])["case"]
    result = trial.run(Case.model_validate(case), bundle, PolicyEngine(bundle.policies, bundle.policy_schema))
    assert result.passed


@pytest.mark.parametrize(("place", "cls"), [(1, Receives), (2, Refused)])
def test_the_forms_are_read(place: int, cls: type[Receives | Refused]) -> None:
    for value in tomllib.loads(BLOCKS[place]).values():
        cls.model_validate(value)


def test_every_field_of_a_signal_is_explained() -> None:
    for name, field in SignalTable.model_fields.items():
        assert f"`{field.alias or name}`" in TEXT
