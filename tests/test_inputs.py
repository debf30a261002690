"""A network that takes grey strips, from the module to what a device does with the bundle."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import edgewise
from edgewise.models.spec import Preprocess

if TYPE_CHECKING:
    from edgewise.models.spec import Tensor32

STRIP = Preprocess((16, 48), (20, 60), (0.25,), (0.5,), "lanczos")
NAMES = ("ant", "bee", "cat")


class Reader(nn.Module):
    """Reads strips in grey; its last layer accepts no other size."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.body = nn.Sequential(nn.Conv2d(1, 6, 3, 2, 1), nn.ReLU(), nn.Conv2d(6, 8, 3, 2, 1), nn.ReLU())
        self.head = nn.Linear(8 * 4 * 12, len(NAMES))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.body(x).flatten(1))
        return out


@pytest.fixture(scope="module")
def photograph() -> Image.Image:
    """A picture in colours, of other proportions than the network's input."""
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (80, 90, 3), np.uint8))


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, edgewise.Bundle]:
    """INT8 bundles of it for every target."""
    made = edgewise.convert(
        Reader(),
        to="all",
        int8=True,
        imgsz=(16, 48),
        resize=(20, 60),
        mean=0.25,
        std=0.5,
        interpolation="lanczos",
        labels=NAMES,
        calib_count=8,
        force=True,
        out=tmp_path_factory.mktemp("grey"),
    )
    return {bundle.target: bundle for bundle in made.bundles}


@pytest.mark.parametrize("target", ["onnx", "openvino", "tflite"])
def test_a_bundle_of_grey_strips_proves_itself(bundles: dict[str, edgewise.Bundle], target: str) -> None:
    bundle = bundles[target]
    assert bundle.spec.preprocess == STRIP
    assert json.loads((bundle.folder / "manifest.json").read_text())["spec"]["preprocess"] == {
        "size": [16, 48],
        "resize": [20, 60],
        "mean": [0.25],
        "std": [0.5],
        "interpolation": "lanczos",
    }
    assert bundle.golden().input.shape == (1, 16, 48, 1)
    edgewise.verify(bundle.folder)


@pytest.mark.parametrize("target", ["onnx", "openvino", "tflite"])
def test_a_device_answers_as_the_network_does(
    bundles: dict[str, edgewise.Bundle], photograph: Image.Image, target: str
) -> None:
    given: Tensor32 = STRIP(photograph)[None]
    with torch.inference_mode():
        expected = Reader()(torch.from_numpy(given).permute(0, 3, 1, 2)).numpy()
    classifier = edgewise.open_bundle(bundles[target].folder)
    found = classifier.logits(photograph)
    np.testing.assert_allclose(found, expected, atol=0.15 * np.ptp(expected) + 0.02)
    grey = np.asarray(photograph.convert("L"))
    assert np.array_equal(classifier.logits(grey), found)
    assert np.array_equal(classifier.logits(grey[..., None]), found)


def test_the_files_say_what_they_take(bundles: dict[str, edgewise.Bundle]) -> None:
    import onnx
    import openvino as ov

    found = edgewise.inspect(bundles["tflite"].folder).structure.metadata
    assert found["normalisation"] == "(pixel - 63.75) / 127.5"
    model = onnx.load(bundles["onnx"].model)
    (source,) = model.graph.input
    assert [side.dim_value for side in source.type.tensor_type.shape.dim[1:]] == [1, 16, 48]
    told = {prop.key: prop.value for prop in model.metadata_props}
    assert json.loads(told["preprocess"])["size"] == [16, 48]
    network = ov.Core().read_model(bundles["openvino"].model)
    assert network.get_rt_info(["model_info", "reverse_input_channels"]).astype(str) == "False"
    assert network.get_rt_info(["model_info", "resize_type"]).astype(str) == "standard"


@pytest.mark.slow
def test_a_network_for_grey_strips_is_trained_and_converted(tmp_path: Path) -> None:
    net = tmp_path / "net.py"
    net.write_text(
        "from torch import nn\n\n"
        "def make(num_classes):\n"
        "    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1),"
        " nn.Flatten(), nn.Linear(4, num_classes))\n"
    )
    rng = np.random.default_rng(1)
    for index in range(16):
        place = tmp_path / "photos" / ("dark", "light")[index % 2]
        place.mkdir(parents=True, exist_ok=True)
        levels = rng.integers(0, 120, (30, 50, 3)) + 130 * (index % 2)
        Image.fromarray(levels.astype(np.uint8)).save(place / f"{index}.png")
    trained = edgewise.train(
        f"{net}:make",
        tmp_path / "photos",
        imgsz=(16, 48),
        out=tmp_path / "run",
        epochs=2,
        batch=4,
        crop=0.5,
        progressive=0.5,
    )
    spec = edgewise.load_model(f"{net}:make", weights=trained.path).spec
    assert spec.preprocess == Preprocess((16, 48), (16, 48), (0.5,), (0.5,))
    made = edgewise.convert(f"{net}:make", weights=trained.path, to="onnx", out=tmp_path / "bundle")
    (answers,) = edgewise.open_bundle(made.bundles[0].folder).predict(np.full((9, 9), 250, np.uint8))
    assert {answer.label for answer in answers} == {"dark", "light"}
