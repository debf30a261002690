"""The GitHub Action: it fits GitHub's schema, and its script runs."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
FILES = {"action.yml": "vendor.github-actions", "docs/examples/model-gate.yml": "vendor.github-workflows"}


def action() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    return found


@pytest.mark.parametrize("name", FILES)
def test_it_fits_the_schema(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", FILES[name], ROOT / name],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_example_passes_inputs_that_there_are() -> None:
    text = (ROOT / "docs/examples/model-gate.yml").read_text("utf-8")
    workflow = yaml.safe_load(text)
    step = workflow["jobs"]["gate"]["steps"][-1]
    assert set(step["with"]) <= set(action()["inputs"])
    required = {name for name, given in action()["inputs"].items() if given.get("required")}
    assert required <= set(step["with"])


def ran(folder: Path, **inputs: object) -> subprocess.CompletedProcess[str]:
    """The last step as GitHub runs it, in `folder`."""
    step = action()["runs"]["steps"][-1]
    variables = {
        name: str(inputs[text.removeprefix("${{ inputs.").removesuffix(" }}")])
        for name, text in step["env"].items()
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", step["run"]],
        env=os.environ | variables | {"PATH": path, "GITHUB_STEP_SUMMARY": str(folder / "summary.md")},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("options", ["--no-latency", "--no-latency --max-drop 0.5"])
def test_its_script_runs(tiny_bundle: Path, tmp_path: Path, options: str) -> None:
    done = ran(
        tmp_path, bundle=tiny_bundle, baseline=tiny_bundle, data="", options=options, junit="junit.xml"
    )
    assert done.returncode == 0, done.stderr
    assert "2 checks passed" in (tmp_path / "summary.md").read_text("utf-8")
    assert (tmp_path / "junit.xml").exists()


def test_a_name_is_never_a_command(tmp_path: Path) -> None:
    for step in action()["runs"]["steps"]:
        assert "${{" not in step["run"]
    evil = f"$(touch {tmp_path}/evil)"
    done = ran(tmp_path, bundle=evil, baseline=evil, data=evil, options="", junit="junit.xml")
    assert done.returncode == 2
    assert not (tmp_path / "evil").exists()
