"""The README's commands run as they stand, extracted from the file."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_every_path_that_the_readme_links_to_exists() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_make_knows_the_two_commands() -> None:
    for target in ("demo", "test"):
        found = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stderr


@pytest.mark.timeout(600)
def test_the_commands_run_as_they_stand(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """All blocks as one script, in a folder that is this checkout but for the data it makes."""
    if request.config.getoption("--stack") != "embedded":
        pytest.skip("only with --stack=embedded: the README starts servers of its own")
    tmp_path.chmod(0o711)
    for entry in ROOT.iterdir():
        if entry.name not in {".kruispunt", ".git"}:
            (tmp_path / entry.name).symlink_to(entry)
    script = "\n".join(["set -euo pipefail", *BLOCK.findall(README)])
    assert "make demo" in script
    assert "kruispunt audit replay" in script
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KRUISPUNT_DATA")}
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env={**environment, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        subprocess.run([ROOT / ".venv/bin/kruispunt", "down"], cwd=tmp_path, check=False, capture_output=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "ADDS UP" in done.stdout
    assert "verified under key" in done.stdout
    assert "recorded for analyst-1" in done.stdout
