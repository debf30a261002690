"""Ensembles by the real program: members, what they gain, what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from edgewise.models.checkpoint import save
from edgewise.models.images import sha256_of
from edgewise.models.shapes import SHAPES
from edgewise.models.spec import Labels, ModelSpec, Origin, Preprocess
from edgewise.models.weights import load_model
from edgewise.runtime import open_session
from edgewise.runtime.bundle import Bundle

Run = Callable[..., Any]
Arguments = tuple[object, ...]

_FACTORY = """
from torch import nn

def small(num_classes):
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, num_classes)
    )
"""
_COLOURS = {"circle": (230, 60, 60), "square": (60, 200, 60), "cross": (60, 60, 230), "star": (128, 128, 128)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A factory `net.py:small`, and two files of weights that answer by the colour of a picture."""
    folder = tmp_path_factory.mktemp("nets")
    (folder / "net.py").write_text(_FACTORY)
    scope: dict[str, Any] = {}
    exec(_FACTORY, scope)  # noqa: S102 - as the program will
    for seed in (1, 2):
        torch.manual_seed(seed)
        network: nn.Module = scope["small"](len(_COLOURS))
        optimizer = torch.optim.Adam(network.parameters(), 0.01)
        for _ in range(60):
            labels = torch.randint(0, len(_COLOURS), (32,))
            colours = torch.tensor(list(_COLOURS.values()))[labels] / 255
            pictures = colours[:, :, None, None] + 0.3 * torch.randn(32, 3, 32, 32)
            loss = nn.functional.cross_entropy(network((pictures - 0.5) / 0.5), labels)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        torch.save(network.state_dict(), folder / f"{seed}.pth")
    return folder


@pytest.fixture(scope="module")
def coloured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of these colours, so noisy that some are mistaken, in folders called by the classes."""
    return painted(tmp_path_factory.mktemp("coloured") / "val", 40, seed=0)


def painted(folder: Path, count: int, seed: int) -> Path:
    draws = np.random.default_rng(seed)
    for index in range(count):
        name = list(_COLOURS)[index % len(_COLOURS)]
        pixels = np.asarray(_COLOURS[name]) * 0.3 + 128 * 0.7 + draws.normal(size=3) * 25
        noise = draws.normal(size=(48, 48, 3)) * 20
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8)).save(folder / name / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def two(folder: Path, labels: Path) -> Arguments:
    """The arguments that name both."""
    members = [f"{folder / 'net.py'}:small={folder / f'{seed}.pth'}" for seed in (1, 2)]
    ends = "--mean", 0.5, "--std", 0.5, "--imgsz", 32, "--resize", 40, "--labels", labels
    return *members, *ends, "--to", "onnx", "--calib-count", 16


def test_one_int8_graph_beside_its_members(
    edgewise: Run, two: Arguments, coloured: Path, tmp_path: Path
) -> None:
    out = tmp_path / "bundle"
    options = "--weights", "3,1", "--int8", "--data", coloured, "--force", "--out", out
    ended = edgewise("ensemble", *two, *options, "--json")
    assert ended.code == 0, ended.stderr
    assert ended.left == ()
    found = ended.document["ensemble"]
    assert found["average"] == "probabilities"
    assert found["fitted_on"] is None
    assert found["judged_on"] == {"pictures": "val", "count": 40}
    first, second, both = found["models"]
    assert [row["weight"] for row in found["models"]] == [0.75, 0.25, None]
    assert (first["name"], both["name"]) == (str(two[0]), "ensemble")
    for row in (first, second):
        gained = both["accuracy"]["top1"] - row["accuracy"]["top1"]
        assert row["gain"]["points"] == pytest.approx(100 * gained)
        assert row["gain"]["interval"]["low"] <= 100 * gained <= row["gain"]["interval"]["high"]
        assert 0 < row["ece"] < 1
        (file,) = row["files"]
        assert file["target"] == "onnx"
        assert file["latency"]["p50_ms"] > 0
        assert file["ratio"]["ratio"] > 0
    assert both["files"][0]["size_bytes"] > first["files"][0]["size_bytes"] + 1000
    bundle = Bundle.open(out)
    assert (bundle.name, bundle.precision) == ("ensemble-net-smallx2", "w8a8")
    assert [part["weight"] for part in bundle.manifest["training"]["members"]] == [0.75, 0.25]
    assert bundle.spec.origin.source == "ensemble"
    # The file's accuracy is the network's, which the table shows.
    assert bundle.verification is not None
    assert bundle.verification["float_accuracy"]["top1"] == both["accuracy"]["top1"]
    assert open_session(bundle.model, "onnx")(np.zeros((1, 32, 32, 3), np.float32)).shape == (1, 4)


def test_fitted_weights_and_a_table(edgewise: Run, two: Arguments, coloured: Path, tmp_path: Path) -> None:
    fit = painted(tmp_path / "fit", 60, seed=1)
    options = "--weights", "fit", "--fit", fit, "--average", "logits", "--data", coloured
    ended = edgewise("ensemble", *two, *options, "--out", tmp_path / "bundle")
    assert ended.code == 0, ended.stderr
    lines = [" ".join(line.split()) for line in ended.stdout.splitlines()]
    assert "top-1 ECE ensemble gains latency size" in lines
    rows = [line for line in lines if line.startswith(("member 1 ", "member 2 ", "ensemble "))]
    assert len(rows) == 3
    assert all(" onnx " in row and row.endswith("MB") for row in rows)
    assert f"✓ Answer 60 {fit.name}" in ended.stderr
    assert "top-1 ECE" not in ended.stderr
    weights = [float(line.rpartition(" weight ")[2]) for line in lines if " weight " in line]
    assert sum(weights) == pytest.approx(1, abs=2e-3)
    (conclusion,) = [line for line in lines if line.startswith("the ensemble gains")]
    assert f"on 40 {coloured.name} over {folder_of(two)}" in conclusion
    training = Bundle.open(tmp_path / "bundle").manifest["training"]
    assert training["fitted_on"] == {"pictures": "fit", "count": 60}
    assert training["average"] == "logits"


def folder_of(two: Arguments) -> str:
    return str(two[0]).partition(":")[0]


def test_checkpoints_of_one_run_without_labelled_pictures(
    edgewise: Run, folder: Path, tmp_path: Path
) -> None:
    name = f"{folder / 'net.py'}:small"
    for seed in (1, 2):
        network = load_model(name, str(folder / f"{seed}.pth"), announce=lambda _: None).network
        spec = ModelSpec(name, Preprocess(32, 40), Labels(tuple("abcd")), Origin("file", "mine", ""))
        save(tmp_path / f"snapshot-{seed}.safetensors", network.state_dict(), spec, {"top1": 0.5})
    files = [tmp_path / f"snapshot-{number}.safetensors" for number in (1, 2)]
    members = [f"{name}={file}" for file in files]
    ended = edgewise(
        "ensemble", *members, "--to", "onnx", "--calib-count", 8, "--out", tmp_path / "b", "--json"
    )
    assert ended.code == 0, ended.stderr
    *rows, both = ended.document["ensemble"]["models"]
    assert [row["name"] for row in rows] == members
    assert [(row["accuracy"], row["ece"], row["gain"]) for row in rows] == [(None, None, None)] * 2
    assert both["agreement"] == 1
    record = Bundle.open(tmp_path / "b").manifest["training"]
    assert [part["sha256"] for part in record["members"]] == [sha256_of(file) for file in files]
    assert [part["top1"] for part in record["members"]] == [0.5, 0.5]


# What is refused.


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["mobilenetv2"], "needs at least two members, found 1"),
        (["mobilenetv2", "resnet18", "--weights", "1,2,3"], "3 weights for 2 members"),
        (["mobilenetv2", "resnet18", "--weights", "1,0"], "must be positive numbers"),
        (["mobilenetv2", "resnet18", "--fit", "somewhere"], "--fit is only used with --weights fit; add it"),
        (["mobilenetv2", "resnet18", "--io", "int8"], "add --int8"),
        (["mobilenetv2", "mobilnetv2"], "did you mean mobilenetv2"),
        (["mobilenetv2=bundled", "mobilenetv2=bundled"], "is listed twice"),
    ],
)
def test_options_that_cannot_be(edgewise: Run, arguments: list[str], complaint: str) -> None:
    ended = edgewise("ensemble", *arguments)
    assert (ended.code, ended.stdout) == (2, "")
    assert complaint in ended.complaint


def test_weights_that_are_neither_numbers_nor_a_word(edgewise: Run) -> None:
    ended = edgewise("ensemble", "mobilenetv2", "resnet18", "--weights", "best")
    assert ended.code == 2
    assert "'best' is neither numbers like 2,1,1 nor the word fit" in ended.stderr


def test_a_fit_without_labels(edgewise: Run, two: Arguments) -> None:
    ended = edgewise("ensemble", *two, "--weights", "fit")
    assert ended.code == 2
    assert "--weights fit needs labelled pictures; pass --data DIR" in ended.complaint


def test_a_fit_on_what_judges(edgewise: Run, two: Arguments, coloured: Path) -> None:
    ended = edgewise("ensemble", *two, "--weights", "fit", "--fit", coloured, "--data", coloured)
    assert ended.code == 2
    assert "40 pictures of --fit are also in --data" in ended.complaint


def test_members_of_other_sizes(edgewise: Run, tmp_path: Path) -> None:
    spec = ModelSpec("mobilenetv2", Preprocess(64, 72), Labels(SHAPES), Origin("file", "mine", ""))
    from torchvision.models import mobilenet_v2

    save(tmp_path / "a.safetensors", mobilenet_v2(num_classes=len(SHAPES)).state_dict(), spec, {})
    ended = edgewise("ensemble", "mobilenetv2=bundled", tmp_path / "a.safetensors")
    assert ended.code == 2
    assert "mobilenetv2 crops 64 pixels from 72, mobilenetv2 " in ended.complaint
    assert "--imgsz" in ended.complaint
