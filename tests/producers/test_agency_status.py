"""What a person sees of a posting box, whatever a source held."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from kruispunt_producers.agency import agency
from kruispunt_producers.posting_box import PostingBox, RefusalEntry, box_path

TERMINAL = "\x1b[2J\x1b]0;owned\x07\u202egnp.exe[bold]x[/bold]\r\n"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = box_path(tmp_path, "vsse")
    path.parent.mkdir(parents=True, exist_ok=True)
    with PostingBox(path) as box, box.transaction() as work:
        for number in range(500):
            position = f"{number}: {TERMINAL}" + "x" * (10_000 if number == 0 else 0)
            refusal = RefusalEntry(
                source=TERMINAL,
                position=position,
                reason="text",
                field=TERMINAL,
                refused_at=datetime.now(UTC),
            )
            work.refuse(refusal)
    return tmp_path


def test_what_an_adapter_refused_can_do_nothing_to_a_terminal_and_has_an_end(data: Path) -> None:
    result = CliRunner().invoke(
        agency, ["status", "--as", "vsse", "--data", str(data)], env={"COLUMNS": "400"}
    )
    assert result.exit_code == 0, result.output
    assert all(character == "\n" or character.isprintable() for character in result.output)
    assert "[bold]x[/bold]" in result.output
    assert "and 450 more: --json has them" in result.output
    assert "more characters: --json" in result.output
    assert len(result.output.splitlines()) < 600
