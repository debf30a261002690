"""The real program in child processes, with a network, pictures, and one real export to work on."""

import json
import os
import pty
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
import pytest
import schemas
from PIL import Image

from edgewise.models.spec import Preprocess
from edgewise.models.synthetic import dead_leaves

ROOT = Path(__file__).parents[2]
LABELS = ("circle", "square", "cross", "star")
PREPROCESS = Preprocess(size=32, resize=40)
# What would change the child's behaviour and is none of a user's terminal.
_OURS = ("PYTHON", "COLUMNS", "COV_", "FORCE_COLOR", "NO_COLOR", "TTY_")
_PROGRAM = "from edgewise.cli.main import main; main()"
_PHOTOS = 24
# Answer by the mean colour of a picture. `outlier` carries a channel that is a thousand times as large as
# the others through the same tensor: with one INT8 scale for it nothing of the colours is left. `pairs` adds
# red and green with the same weight, the products of which exceed 16 bits where a picture is bright.
_FACTORY = """
import torch
from torch import nn

class Colours(nn.Module):
    def __init__(self, classes, size):
        super().__init__()
        self.colours, self.large, self.last = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 1, 1), nn.Conv2d(4, classes, 1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        with torch.no_grad():
            self.colours.weight.copy_(torch.eye(3)[:, :, None, None])
            self.colours.bias.fill_(3)
            self.large.bias.fill_(size)
            self.last.weight.zero_()
            self.last.weight[:3, :3] = 50 * (torch.eye(3) - 1 / 3)[:, :, None, None]
            self.last.bias.zero_()

    def forward(self, x):
        both = torch.cat([self.colours(x).relu(), self.large(x).relu()], 1)
        return self.last(self.pool(both)).flatten(1)

def colours(num_classes):
    return Colours(num_classes, 3.0)

def outlier(num_classes):
    return Colours(num_classes, 3000.0)

def pairs(num_classes):
    network = Colours(num_classes, 3.0)
    with torch.no_grad():
        network.colours.weight[0, 1] = 1
        network.large.weight[0] = torch.tensor([1.0, -1.0, 0.0])[:, None, None]
    return network
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run of the program ended; `left` are the temporary files that it left behind."""

    code: int
    stdout: str
    stderr: str
    left: tuple[str, ...]

    @property
    def document(self) -> Any:
        """Standard output as the one JSON document that it must be, which fits its schema."""
        found = json.loads(self.stdout)
        assert not schemas.misfits(found)
        return found

    @property
    def notices(self) -> list[str]:
        """The notices on stderr of a run that succeeded; whatever else is there must be finished stages."""
        assert self.code == 0, self.stderr
        return _notices(self.stderr.splitlines())

    @property
    def complaint(self) -> str:
        """The one line that says what went wrong; whatever else is on stderr must be stages and notices."""
        *before, last = self.stderr.splitlines()
        _notices(before)
        assert last.startswith("edgewise: "), self.stderr
        assert self.left == ()
        return last

    @property
    def error(self) -> dict[str, Any]:
        """The error of the one JSON document on stdout, which says what stderr and the exit code say."""
        found: dict[str, Any] = self.document["error"]
        assert found["exit_code"] == self.code
        assert self.stderr.splitlines()[-1] == f"edgewise: {found['message']}"
        assert self.left == ()
        return found


def _notices(lines: list[str]) -> list[str]:
    assert all(line.startswith(("✓ ", "! ")) for line in lines), lines
    return [line.removeprefix("! ") for line in lines if line.startswith("! ")]


def _left_in(temporary: Path) -> list[str]:
    """What lies in a folder for temporary files, but for the cache folder that torch makes when imported."""
    return sorted(path.name for path in temporary.rglob("*") if not path.name.startswith("torchinductor_"))


Edgewise: TypeAlias = Callable[..., Ended]
Start: TypeAlias = Callable[..., "subprocess.Popen[str]"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark whatever waits for a whole export."""
    for item in items:
        if "exported" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def left_in() -> Callable[[Path], list[str]]:
    return _left_in


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}


@pytest.fixture(scope="session")
def start(environment: dict[str, str]) -> Start:
    """Start the program with `temporary` as its folder for temporary files."""

    def start(
        *arguments: object, temporary: Path, stdout: int | IO[str] = subprocess.PIPE, **variables: str
    ) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, *map(str, arguments)],
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=environment | {"TMPDIR": str(temporary)} | variables,
            cwd=temporary.parent,
        )

    return start


@pytest.fixture(scope="session")
def edgewise(start: Start, tmp_path_factory: pytest.TempPathFactory) -> Edgewise:
    """Run the program to its end."""

    def edgewise(*arguments: object, **variables: str) -> Ended:
        temporary = tmp_path_factory.mktemp("run") / "tmp"
        temporary.mkdir()
        with start(*arguments, temporary=temporary, **variables) as child:
            stdout, stderr = child.communicate()
        return Ended(child.returncode, stdout, stderr, tuple(_left_in(temporary)))

    return edgewise


@pytest.fixture(scope="session")
def on_a_terminal(environment: dict[str, str]) -> Callable[..., tuple[int, str]]:
    """Run Python with a pseudo-terminal as stdout and stderr: the exit code, and all that appears there."""

    def on_a_terminal(*command: object, **variables: str) -> tuple[int, str]:
        ours, theirs = pty.openpty()
        words = [sys.executable, *map(str, command)]
        variables = environment | {"TERM": "xterm"} | variables
        with subprocess.Popen(words, env=variables, stdout=theirs, stderr=theirs) as child:
            os.close(theirs)
            seen = b""
            try:
                while part := os.read(ours, 65536):
                    seen += part
            except OSError:  # Linux says so when the other side is closed
                pass
        os.close(ours)
        return child.returncode, seen.decode()

    return on_a_terminal


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures to calibrate with."""
    folder = tmp_path_factory.mktemp("pictures") / "photos"
    folder.mkdir()
    for index in range(_PHOTOS):
        Image.fromarray(dead_leaves(48, 5, index)).save(folder / f"{index:02}.png")
    return folder


@pytest.fixture(scope="session")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other pictures in folders that are called by the classes, five each."""
    folder = tmp_path_factory.mktemp("labelled") / "val"
    for index in range(5 * len(LABELS)):
        place = folder / LABELS[index % len(LABELS)]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(dead_leaves(48, 6, index)).save(place / f"{index:02}.png")
    return folder


@pytest.fixture(scope="session")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("labels") / "labels.txt"
    file.write_text("".join(f"{name}\n" for name in LABELS))
    return file


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A MobileNetV2 that was never trained, but whose batch-norm statistics fit: its layers have signal."""
    import torch
    from torchvision.models import mobilenet_v2

    torch.manual_seed(0)
    network = mobilenet_v2(num_classes=len(LABELS))
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # the mean over all that it sees
    crops = [PREPROCESS(Image.fromarray(dead_leaves(48, 7, index))) for index in range(40)]
    with torch.no_grad():
        network.train()(torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2))
    file = tmp_path_factory.mktemp("weights") / "mine.pth"
    torch.save(network.state_dict(), file)
    return file


@pytest.fixture(scope="session")
def network(weights: Path, labels: Path) -> tuple[object, ...]:
    """The arguments that name the network."""
    return "mobilenetv2", "--weights", weights, "--imgsz", 32, "--resize", 40, "--labels", labels


@pytest.fixture(scope="session")
def nets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file whose `colours`, `outlier` and `pairs` make networks that are converted in no time."""
    file = tmp_path_factory.mktemp("nets") / "net.py"
    file.write_text(_FACTORY)
    return file


@pytest.fixture(scope="session")
def small(labels: Path) -> tuple[object, ...]:
    """The arguments with which a network of `nets` is exported, but for the network and the place."""
    return "--to", "onnx", "--labels", labels, "--imgsz", 32, "--resize", 40, "--calib-count", 8


@pytest.fixture(scope="session")
def made_for(
    edgewise: Edgewise, nets: Path, small: tuple[object, ...], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Ended]:
    """Exports of `pairs` with --json, by what --for was."""
    return {
        asked: edgewise(
            "export",
            f"{nets}:pairs",
            *small,
            "--int8",
            "--for",
            asked,
            "--min-agreement",
            0,
            "--json",
            "--out",
            tmp_path_factory.mktemp("for") / asked,
        )
        for asked in ("any", "pi5")
    }


@pytest.fixture(scope="session")
def int8(network: tuple[object, ...], pictures: Path) -> tuple[object, ...]:
    """The arguments of the session's export, but for the gate and the place."""
    return *network, "--int8", "--calib", pictures, "--calib-count", 16


@pytest.fixture(scope="session")
def exported(edgewise: Edgewise, int8: tuple[object, ...], tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """One export with --json, whose gate lets an untrained network pass."""
    out = tmp_path_factory.mktemp("out") / "bundle"
    ended = edgewise("export", *int8, "--min-agreement", 0, "--json", "--out", out)
    assert ended.code == 0, ended.stderr
    return ended


@pytest.fixture(scope="session")
def bundle(exported: Ended) -> Path:
    """The bundle of that export; not to be changed."""
    (product,) = exported.document["bundles"]
    return Path(product["bundle"])


@pytest.fixture(scope="session")
def without_anything_heavy(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables with which the program fails as soon as it imports a framework, a converter or an engine."""
    folder = tmp_path_factory.mktemp("light")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ruff"]["lint"]
    heavy = settings["flake8-tidy-imports"]["banned-module-level-imports"]
    assert {"torch", "tensorflow", "lightning", "ai_edge_litert", "onnxruntime"} <= set(heavy)
    for name in heavy:
        (folder / f"{name}.py").write_text(f"raise AssertionError('{name} is imported')\n")
    return {"PYTHONPATH": str(folder)}


@pytest.fixture(scope="session")
def without_torch(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables with which the program runs where only numpy, Pillow and the engine are installed."""
    folder = tmp_path_factory.mktemp("bare")
    for name in ("ai_edge_quantizer", "lightning", "litert_torch", "safetensors", "torch", "torchvision"):
        (folder / f"{name}.py").write_text(f"raise ModuleNotFoundError('no {name} here', name={name!r})\n")
    return {"PYTHONPATH": str(folder)}
