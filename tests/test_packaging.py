"""What is shipped: pinned requirements in step, nothing of this machine in the repository, a whole wheel."""

import json
import os
import re
import shutil
import subprocess
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("cli", "export", "models", "pipeline", "quantize", "runtime")
EXPORT = ("export", "--no-emit-project", "--extra", "all", "--no-dev")
PIN = "run `uv run .ci/pin.py`"

# In pieces, so that this file does not hold what it looks for.
HOSTS = "py" + r"pi\.org|pythonhos" + r"ted|registry\.npm" + r"js|repo1?\.mav" + r"en|deb\.deb" + "ian"
PATHS = r"(^|[^A-Za-z0-9_.-])/(work|root|home|Users|farm|opt/wheels)" + "/"


def run(*command: str, folder: Path = ROOT) -> str:
    """What a command that must succeed prints."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture
def uv() -> str:
    """The uv that runs these tests, or one on the path."""
    found = os.environ.get("UV") or shutil.which("uv")
    if not found:
        pytest.skip("uv is not installed")
    return found


@pytest.fixture
def git() -> str:
    """The path of git, where these files are in a repository of their own."""
    found = shutil.which("git")
    if not found or not (ROOT / ".git").exists():
        pytest.skip("this is not a clone, or git is not installed")
    return found


def pinned(requirements: str) -> list[str]:
    return [line for line in requirements.splitlines() if not line.lstrip().startswith("#")]


def test_requirements_txt_is_what_uv_resolves(uv: str) -> None:
    if not (ROOT / "uv.lock").exists():
        pytest.skip("there is no uv.lock: run `uv lock`")
    exported = run(uv, *EXPORT, "--locked", "--offline", "--quiet")
    kept = (ROOT / "requirements.txt").read_text("utf-8")
    assert pinned(kept) == pinned(exported), PIN


def uv_settings() -> dict[str, Any]:
    settings: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["uv"]
    return settings


def versions(requirements: list[str]) -> dict[str, set[str]]:
    """The exact versions of each package: several, where they depend on the version of Python."""
    found: dict[str, set[str]] = {}
    for requirement in requirements:
        if match := re.match(r"([\w.-]+)==([\w.+!-]+)", requirement):
            found.setdefault(match[1], set()).add(match[2])
    return found


def locked(lock: Path) -> dict[str, set[str]]:
    """The same of a lock file, without the project itself."""
    packages = tomllib.loads(lock.read_text("utf-8"))["package"]
    registered = [package for package in packages if "registry" in package["source"]]
    return versions([f"{package['name']}=={package['version']}" for package in registered])


def test_the_constraints_pin_what_requirements_txt_does_and_the_development_tools() -> None:
    constraints = uv_settings()["constraint-dependencies"]
    here, kept = versions(constraints), versions((ROOT / "requirements.txt").read_text("utf-8").splitlines())
    assert sum(map(len, here.values())) == len(constraints), "a constraint is not an exact version"
    assert {name: here.get(name) for name in kept} == kept, PIN
    assert here.keys() - kept.keys() >= {"hypothesis", "mypy", "pytest", "ruff"}


def test_the_project_is_built_by_the_setuptools_that_is_pinned() -> None:
    settings = uv_settings()
    (build,) = settings["build-constraint-dependencies"]
    assert build.startswith("setuptools==")
    assert build in settings["constraint-dependencies"], PIN


def test_nothing_is_locked_that_is_not_pinned() -> None:
    lock = ROOT / "uv.lock"
    if not lock.exists():
        pytest.skip("there is no uv.lock: run `uv lock`")
    assert locked(lock) == versions(uv_settings()["constraint-dependencies"]), PIN


@pytest.mark.slow
def test_a_new_clone_resolves_to_what_was_tested_whatever_is_released_later(uv: str, tmp_path: Path) -> None:
    """No date bounds this resolution: what was released since then stands for what registries will add."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    run(uv, "lock", "--quiet", "--exclude-newer", "2100-01-01", folder=tmp_path)
    assert locked(tmp_path / "uv.lock") == versions(uv_settings()["constraint-dependencies"])


def test_every_requirement_is_pinned_with_its_hashes_and_no_address() -> None:
    text = "\n".join(pinned((ROOT / "requirements.txt").read_text("utf-8")))
    requirements = [line.split() for line in text.replace("\\\n", " ").splitlines()]
    assert {"numpy", "torch", "click"} <= {words[0].partition("==")[0] for words in requirements}
    for name, *rest in requirements:
        assert re.fullmatch(r"[\w.-]+==[\w.+!-]+", name)
        assert any(word.startswith("--hash=sha256:") for word in rest), name
    assert "://" not in text


def test_the_lock_file_stays_out(git: str) -> None:
    assert run(git, "check-ignore", "uv.lock").strip() == "uv.lock"
    assert not run(git, "ls-files", "uv.lock")


@pytest.mark.parametrize("pattern", [HOSTS, PATHS], ids=["hosts", "paths"])
def test_no_committed_file_names_a_registry_or_a_machine(git: str, pattern: str) -> None:
    found = subprocess.run(
        [git, "grep", "-nIE", "-e", pattern], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 1, f"1 is no match: {found.stdout[:2000]}{found.stderr}"


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (HOSTS, 'url = "https://files.python' + 'hosted.org/x"'),
        (HOSTS, "https://py" + "pi.org/simple"),
        (PATHS, "open('/home" + "/ann/model.tflite')"),
        (PATHS, "/work" + "/main"),
    ],
)
def test_what_it_looks_for_is_found(pattern: str, line: str) -> None:
    assert re.search(pattern, line)
    assert not re.search(pattern, "pip install edgewise, see docs/home/ and python.org")


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_packages(uv: str, tmp_path: Path) -> None:
    run(uv, "build", "--quiet", "--offline", "--out-dir", str(tmp_path))
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    info = {name for name in names if ".dist-info/" in name}
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file()]
    files += [ROOT / "__init__.py", ROOT / "py.typed"]
    ours = {f"edgewise/{path.relative_to(ROOT).as_posix()}" for path in files if path.suffix != ".pyc"}
    assert names - info == ours
    assert any(name.endswith("licenses/LICENSE") for name in info)


@pytest.mark.slow
def test_a_device_needs_the_wheel_and_one_engine(uv: str, tiny_bundle: Path, tmp_path: Path) -> None:
    """In an environment of its own: small, and able to predict, to verify and to measure."""
    run(uv, "build", "--quiet", "--offline", "--out-dir", str(tmp_path))
    (wheel,), venv = tmp_path.glob("*.whl"), tmp_path / "venv"
    run(uv, "venv", "--quiet", "--offline", str(venv))
    python, edgewise = (str(venv / "bin" / name) for name in ("python", "edgewise"))
    run(uv, "pip", "install", "--quiet", "--python", python, f"{wheel}[tflite]")
    listed = json.loads(run(uv, "pip", "list", "--python", python, "--format", "json"))
    installed = {distribution["name"] for distribution in listed}
    assert "ai-edge-litert" in installed
    assert not installed & {"torch", "onnx", "onnxruntime", "openvino", "tensorflow"}
    assert sum(path.stat().st_size for path in venv.rglob("*") if path.is_file()) < 150 * 2**20
    picture = str(tiny_bundle / "golden" / "image.png")
    assert "%" in run(edgewise, "predict", str(tiny_bundle), picture)
    verified = json.loads(run(edgewise, "verify", str(tiny_bundle), "--min-agreement", "0", "--json"))
    assert verified["golden"]["max_lsb"] is not None
    measured = run(
        edgewise,
        "bench",
        str(tiny_bundle),
        "--runs",
        "5",
        "--seconds",
        "0",
        "--launches",
        "1",
        "--no-save",
        "--json",
    )
    assert [record["model"]["part"] for record in json.loads(measured)["records"]] == ["reference", "model"]
