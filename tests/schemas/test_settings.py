from __future__ import annotations

from pathlib import Path

import pytest
from kruispunt_schemas.failures import ConfigurationError
from kruispunt_schemas.settings import STACK_FILE, Addresses, Settings

REGISTRY = "http://127.0.0.1:8081/apis/ccompat/v7"
STACK = (
    f'{{"brokers": "127.0.0.1:9092", "registry": "{REGISTRY}", "database": "postgresql://k@h/k", "more": 1}}'
)


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("BROKERS", "REGISTRY", "DATABASE"):
        monkeypatch.delenv(f"KRUISPUNT_{name}", raising=False)
    monkeypatch.setenv("KRUISPUNT_DATA", str(tmp_path))


def test_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / STACK_FILE).write_text(STACK, encoding="utf-8")
    monkeypatch.setenv("KRUISPUNT_BROKERS", "elsewhere:9092")
    monkeypatch.setenv("KRUISPUNT_REGISTRY", "http://elsewhere")
    assert Settings().addresses() == Addresses(brokers="elsewhere:9092", registry="http://elsewhere")


@pytest.mark.parametrize(("given", "missing"), [("BROKERS", "REGISTRY"), ("REGISTRY", "BROKERS")])
def test_half_a_setting_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: str, missing: str
) -> None:
    (tmp_path / STACK_FILE).write_text(STACK, encoding="utf-8")
    monkeypatch.setenv(f"KRUISPUNT_{given}", "x")
    expected = f"KRUISPUNT_{given} is set but KRUISPUNT_{missing} is not: set both or neither"
    with pytest.raises(ConfigurationError, match=expected):
        Settings().addresses()
    monkeypatch.setenv(f"KRUISPUNT_{missing}", "")
    with pytest.raises(ConfigurationError, match=expected):
        Settings().addresses()


def test_a_running_stack_is_found(tmp_path: Path) -> None:
    (tmp_path / STACK_FILE).write_text(STACK, encoding="utf-8")
    found = Settings().addresses()
    assert found == Addresses(brokers="127.0.0.1:9092", registry=REGISTRY, database="postgresql://k@h/k")
    assert Settings().database_address() == "postgresql://k@h/k"


def test_another_database_beside_a_running_stack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / STACK_FILE).write_text(STACK, encoding="utf-8")
    monkeypatch.setenv("KRUISPUNT_DATABASE", "postgresql://other/k")
    assert Settings().addresses().brokers == "127.0.0.1:9092"
    assert Settings().database_address() == "postgresql://other/k"


def test_no_stack_runs() -> None:
    with pytest.raises(ConfigurationError, match=r"no local stack runs .* `kruispunt up --detach`"):
        Settings().addresses()


@pytest.mark.parametrize(
    ("content", "named"),
    [("", "not JSON"), ("[]", "not JSON"), ("{}", "brokers, registry"), ('{"brokers": "x"}', "registry")],
)
def test_a_damaged_file_names_the_field(tmp_path: Path, content: str, named: str) -> None:
    (tmp_path / STACK_FILE).write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=rf"is damaged \({named}\)"):
        Settings().addresses()


def test_a_process_that_needs_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRUISPUNT_BROKERS", "x:1")
    monkeypatch.setenv("KRUISPUNT_REGISTRY", "http://x")
    with pytest.raises(ConfigurationError, match="KRUISPUNT_DATABASE is not set"):
        Settings().database_address()
