"""The demo app's assets, created with the command in its README; a real browser runs the same files.

Without a phone, another runtime on another architecture, LiteRT.js on WebAssembly, must match the outputs of
the exporting machine.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from edgewise.models.images import sha256_of
from edgewise.runtime.bundle import Bundle
from edgewise.runtime.devices import _chromium as chromium

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
ASSETS = "android_demo/app/src/main/assets"
_PROGRAM = "from edgewise.cli.main import main; main()"

Run: TypeAlias = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like a fresh clone to the README's command."""
    folder = tmp_path_factory.mktemp("clone")
    (folder / ASSETS).parent.mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def run(clone: Path) -> Run:
    """Run `edgewise` there, with a separate cache."""

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-c", _PROGRAM, *arguments],
            cwd=clone,
            env=os.environ | {"XDG_CACHE_HOME": str(clone / "cache")},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture(scope="module")
def exported(run: Run) -> dict[str, Any]:
    """The JSON output of the README's command."""
    text = (ROOT / "android_demo" / "README.md").read_text("utf-8")
    (command,) = re.findall(r"^ +uv run edgewise (export .* --android .*)$", text, re.MULTILINE)
    done = run(*shlex.split(command), "--json")
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_the_readmes_command_writes_the_assets(clone: Path, exported: dict[str, Any]) -> None:
    bundle, told = Bundle.open(clone / ASSETS / "edgewise"), exported["android"]
    (product,) = exported["bundles"]
    assert (told["bundle"], told["manifest"]) == (product["bundle"], product["manifest"])
    assert bundle.manifest == told["manifest"]
    assert (bundle.target, bundle.precision, bundle.io) == ("tflite", "w8a8", "float32")
    assert bundle.spec.origin.source == "bundled"
    assert len(bundle.spec.labels) == 12
    assert bundle.reference is not None
    assert told["golden"]["max_lsb"] == 0


@pytest.mark.usefixtures("exported")
def test_the_models_give_the_same_outputs_in_a_browser(clone: Path, run: Run) -> None:
    if chromium.find() is None:
        pytest.skip("Chromium is not installed (apt install chromium)")
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed (apt install npm)")
    folder = f"{ASSETS}/edgewise"
    quickly = ("--runs", "5", "--seconds", "0", "--launches", "1", "--no-save", "--json")
    done = run("bench", folder, "--device", "browser:headless", *quickly)
    if "cannot reach" in done.stderr:
        pytest.skip(f"no network: {done.stderr}")
    assert done.returncode == 0, done.stderr
    bundle = Bundle.open(clone / folder)
    twin, model = json.loads(done.stdout)["records"]
    assert bundle.reference is not None
    for record, file in ((twin, bundle.reference), (model, bundle.model)):
        assert record["engine"]["name"] == "LiteRT.js"
        assert record["model"]["sha256"] == sha256_of(file)
    assert twin["golden"]["max_rel"] < 1e-5
    assert model["golden"]["max_lsb"] <= 1
