"""A network with one output is a two-class classifier: its sign decides, wherever the file runs."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

import edgewise
from edgewise.models.spec import Tensor32
from edgewise.runtime import checked
from edgewise.runtime.judge.golden import sample
from edgewise.runtime.judge.stats import softmax

NAMES = ("dark", "light")


class Light(nn.Module):
    """Tells light pictures from dark ones, as trained with a binary cross entropy, and ends in a sigmoid."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        conv = nn.Conv2d(3, 8, 3, 2, 1, bias=False)
        self.body = nn.Sequential(conv, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(8, 1)
        with torch.no_grad():
            conv.weight.abs_()
            self.head.weight.fill_(0.8)
            self.head.bias.zero_().sub_(self.head(self.body(torch.full((1, 3, 32, 32), 0.5)))[0])

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.head(self.body(x)))


def picture(seed: int, *, light: bool) -> NDArray[np.uint8]:
    levels = np.random.default_rng(seed).integers(0, 80, (40, 40, 3)) + (150 if light else 20)
    return levels.astype(np.uint8)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty labelled pictures, two of which lie in the wrong folder."""
    folder = tmp_path_factory.mktemp("photos")
    for index in range(40):
        wrong = index in {4, 7}
        place = folder / NAMES[(index % 2) ^ wrong]
        place.mkdir(exist_ok=True)
        Image.fromarray(picture(index, light=index % 2 == 1)).save(place / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def conversion(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> edgewise.Conversion:
    model = edgewise.from_torch(Light(), imgsz=32, resize=32, mean=0, std=1, labels=NAMES)
    assert model.notices == (
        "the module Light ends in a sigmoid: removing it, so that the exported model returns logits",
        "the module Light has one output: taking it as a logit, positive for 'light' and negative for 'dark'",
    )
    return edgewise.convert(
        model, to="all", int8=True, calib_count=8, data=photos, out=tmp_path_factory.mktemp("one")
    )


def test_it_is_judged_by_its_sign(conversion: edgewise.Conversion) -> None:
    for product in conversion.products:
        judged = product.verification
        assert judged is not None
        assert judged.float_accuracy is not None
        assert judged.float_accuracy.top1 == 38 / 40  # of the two that lie wrongly, not even the float model
        assert judged.drop is not None
        assert (judged.drop.lost, judged.drop.gained) == (0, 0)
        assert judged.agreement.top1 == 1
        assert judged.agreement.cosine > 0.95


@pytest.mark.parametrize("target", ["onnx", "openvino", "tflite"])
def test_its_probabilities_are_those_of_its_sigmoid(conversion: edgewise.Conversion, target: str) -> None:
    (bundle,) = (bundle for bundle in conversion.bundles if bundle.target == target)
    edgewise.verify(bundle.folder)
    classifier = edgewise.open_bundle(bundle.folder)
    for light in (False, True):
        pixels = picture(99, light=light)
        with torch.no_grad():
            given = torch.from_numpy(bundle.spec.preprocess(Image.fromarray(pixels))).permute(2, 0, 1)[None]
            expected = Light()(given).item()
        logits = classifier.logits(pixels)
        assert logits.shape == (1, 2)
        assert logits[0, 0] == 0
        assert softmax(logits)[0, 1] == pytest.approx(expected, abs=0.1)
        (best, _), *_ = classifier.predict(pixels)
        assert best.label == NAMES[light]


def test_the_files_keep_their_single_output(conversion: edgewise.Conversion) -> None:
    for bundle in conversion.bundles:
        shape = json.loads((bundle.folder / "manifest.json").read_text())["structure"]["outputs"][0]["shape"]
        assert shape[-1] == 1
        assert bundle.golden().logits.shape == bundle.golden().output.shape == (1, 2)
    (tflite,) = (bundle for bundle in conversion.bundles if bundle.target == "tflite")
    assert edgewise.inspect(tflite.folder).structure.metadata["labels"] == "labels.txt"
    assert b"Before sigmoid: positive for light, negative for dark" in tflite.model.read_bytes()


def test_its_golden_picture_is_a_decided_one(conversion: edgewise.Conversion) -> None:
    def near(batch: Tensor32) -> Tensor32:
        return checked(batch.mean(axis=(1, 2))[:, :1] - 0.4, len(batch))

    preprocess = conversion.bundles[0].spec.preprocess
    first = sample(replace(preprocess, size=1), lambda batch: batch[:, 0, 0], near)
    best = sample(replace(preprocess, size=1), near, near)
    assert abs(best.logits[0, 1]) > abs(near(first.input)[0, 1])


def test_labels_are_those_of_both_signs() -> None:
    with pytest.raises(
        edgewise.UsageError, match="names 3 classes, but the network has one output, which tells two"
    ):
        edgewise.from_torch(Light(), imgsz=32, labels=["a", "b", "c"])
    assert edgewise.from_torch(Light(), imgsz=32).spec.labels.names == ("class 0", "class 1")
