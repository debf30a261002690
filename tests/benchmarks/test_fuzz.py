"""A part of the fuzz run, made again: nothing ends otherwise than well or with an error that says why."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import fuzz_children
import fuzz_mutations
import pytest
import torch
from PIL import Image
from torch import nn

from edgewise.models.checkpoint import save
from edgewise.models.errors import EdgewiseError
from edgewise.models.spec import ModelSpec
from edgewise.models.synthetic import dead_leaves

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "fuzz.py"
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")


@pytest.fixture(scope="module")
def sources(
    tiny_bundles: dict[str, Path],
    tiny_spec: ModelSpec,
    tiny_network: nn.Module,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    for target, bundle in tiny_bundles.items():
        shutil.copytree(bundle, folder / target)
    save(folder / "network.safetensors", tiny_network.state_dict(), tiny_spec, {"epochs": 1})
    torch.save(tiny_network.state_dict(), folder / "network.pth")
    for suffix in ("png", "jpg", "webp", "tif", "gif"):
        Image.fromarray(dead_leaves(48, 1, 1)).save(folder / f"picture.{suffix}")
    return folder


@pytest.mark.slow
def test_mutants_end_well_or_with_an_error_that_says_why(sources: Path, tmp_path: Path) -> None:
    counts = ("--bundles", "20", "--checkpoints", "8", "--pictures", "30", "--seeds", "1000,1001")
    command = [sys.executable, str(SCRIPT), str(sources), *counts, "--results", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "| all | | 116 |" in done.stdout
    assert "| of them by the program | | 6 |" in done.stdout
    found = [json.loads(line) for line in (tmp_path / "1001.jsonl").read_text().splitlines()]
    assert len(found) == 58
    assert {mutant["kind"] for mutant in found} == {"success", "clean error"}
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.stdout == done.stdout
    assert len((tmp_path / "1001.jsonl").read_text().splitlines()) == 58  # nothing was made again


def clean() -> None:
    raise EdgewiseError("what is wrong")


def wrong() -> None:
    raise fuzz_children.EndError("wrong answer", "another answer")


def hungry() -> None:
    content = bytearray(1 << 26)
    assert len(content) == 1 << 26


CASES = {
    "success": lambda: None,
    "clean error": clean,
    "wrong answer": wrong,
    "traceback": lambda: 1 // 0,
    "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "hang": lambda: time.sleep(60),
    "memory": hungry,
}


SAID = {
    "success": "",
    "clean error": "EdgewiseError: what is wrong",
    "wrong answer": "another answer",
    "traceback": "ZeroDivisionError",
    "crash": "Segmentation fault",
    "hang": "in <lambda>",  # where it was
    "memory": "GiB",
}


@pytest.mark.parametrize("kind", fuzz_children.KINDS)
def test_every_end_is_told_from_the_others(
    kind: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    if kind == "hang":
        monkeypatch.setattr(fuzz_children, "LIMIT_S", 1.0)
    if kind == "memory":
        monkeypatch.setattr(fuzz_children, "MOST_BYTES", 1 << 26)
    found, told = fuzz_children.forked(CASES[kind])
    assert found == kind, told
    assert SAID[kind] in told
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("change", fuzz_mutations.BUNDLES)
def test_a_mutant_is_the_same_each_time_and_another_each_number(
    sources: Path, tmp_path: Path, change: fuzz_mutations.Change
) -> None:
    def mutant(name: str, number: int) -> dict[str, bytes]:
        folder = Path(shutil.copytree(sources / "tflite", tmp_path / name))
        change(folder, random.Random(f"0 bundles {number}"))  # noqa: S311 - as the script draws
        files = (path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}

    first = mutant("first", 1)
    assert mutant("again", 1) == first
    assert any(mutant(f"other {number}", number) != first for number in range(2, 5))
