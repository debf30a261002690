"""Bad days on which the store is written, made again: nothing is damaged, lost or left behind."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import kills_days
import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "kills.py"
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="sends SIGKILL")


@pytest.fixture(scope="module")
def with_disks() -> tuple[str, ...]:
    """A command that lets another one mount disks."""
    command = ("unshare", "-rm")
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare of util-linux")
    done = subprocess.run(
        (*command, "mount", "-t", "tmpfs", "tmpfs", "/mnt"), capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"nothing may be mounted here: {done.stderr.strip()}")
    return command


@pytest.mark.slow
def test_the_store_survives_bad_days(
    with_disks: tuple[str, ...], tiny_bundles: dict[str, Path], tmp_path: Path
) -> None:
    sources = tmp_path / "sources"
    shutil.copytree(tiny_bundles["onnx"], sources / "onnx")
    options = ("--commands", "store", "--kills", "4", "--times", "2", "--results", str(tmp_path / "results"))
    table = tmp_path / "table.md"
    done = subprocess.run(
        (*with_disks, sys.executable, str(SCRIPT), str(sources), *options, "--table", str(table)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line for line in table.read_text().splitlines() if line.startswith("| store |")]
    assert len(rows) == len(kills_days.DAYS)
    found = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "results").iterdir()}
    assert len(found["store, a kill"]["moments"]) == 4
    for day in found.values():
        assert not any(day["counts"][column] for column in kills_days.BAD)
    assert found["store, a read-only folder"]["counts"]["clean error"] == 2
    assert found["store, two processes at once"]["counts"]["ended well"] == 4
