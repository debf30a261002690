"""The archive that a board runs."""

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from edgewise.runtime.bench.request import BenchRequest, Contender
from edgewise.runtime.devices._package import _ROOT, package


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "edgewise.zip"
    path.write_bytes(package())
    return path


def run(archive: Path, *command: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    """Run a command with the archive before the installed edgewise on the path."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(archive)}
    return subprocess.run(
        [sys.executable, "-P", *command],
        input=stdin,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_is_small_and_contains_all_modules() -> None:
    with zipfile.ZipFile(io.BytesIO(package())) as archive:
        names = archive.namelist()
        assert (
            archive.read("edgewise/runtime/judge/golden.py")
            == (_ROOT / "runtime/judge/golden.py").read_bytes()
        )
    assert len(package()) < 500_000
    assert all(name.endswith((".py", "edgewise/")) for name in names)
    assert not [
        name for name in names if name.startswith(("edgewise/cli", "edgewise/quantize", "edgewise/tests"))
    ]


def test_every_module_of_the_runner_comes_from_it(archive: Path) -> None:
    program = (
        "import sys, edgewise.runtime.bench.runner, edgewise.runtime.bench.worker, edgewise.runtime.tflite\n"
        "found = [module for name, module in sys.modules.items() if name.startswith('edgewise.')]\n"
        f"assert all(module.__file__.startswith({str(archive)!r}) for module in found)\n"
        "assert not {'torch', 'click', 'rich'} & sys.modules.keys()\n"
        "print(len(found))"
    )
    done = run(archive, "-c", program)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20


def test_it_measures(archive: Path, tiny_bundle: Path) -> None:
    request = BenchRequest((Contender(str(tiny_bundle)),), runs=2, seconds=0, warm_up_seconds=0, end_to_end=1)
    done = run(archive, "-m", "edgewise.runtime.bench.runner", stdin=json.dumps(request.to_json()))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"event": "done"}
