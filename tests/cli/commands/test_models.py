"""The list of networks, and what one of them costs."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from edgewise.models.zoo import architectures, find

Run = Callable[..., Any]

_NET = """
from torch import nn

def make(num_classes):
    convolution = nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8)
    return nn.Sequential(*convolution, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, num_classes))
"""


_SAVED = (
    "17 depthwise separable convolutions; with standard convolutions instead, it would have 11,146,248 "
    "parameters (3.2 times as many) and 1,224,972,288 MACs (4.1 times as many)."
)

_FIRST = (
    "The first has K² = 9, Cin = 32, Cout = 16: 288 + 512 MACs per position, instead of K²·Cin·Cout = 4,608."
)


def words(text: str) -> list[str]:
    """The lines, with one space where there are many."""
    return [" ".join(line.split()) for line in text.splitlines()]


def test_each_network_has_a_line(edgewise: Run) -> None:
    ended = edgewise("models")
    assert (ended.code, ended.stderr) == (0, "")
    headings, *lines = words(ended.stdout)
    assert headings == "name library arXiv year pixels M parameters GMACs top-1"
    assert [line.split()[0] for line in lines] == [row.name for row in architectures()]
    assert "mobilenetv2 torchvision 1801.04381 2018 224 3.5 0.3 72.0 %" in lines
    assert "efficientnetlite0 timm - 2020 224 4.7 0.385 75.1 %" in lines


def test_the_list_in_json_has_every_field(edgewise: Run) -> None:
    document = edgewise("models", "--json").document
    assert (document["schema"], document["schema_version"]) == ("edgewise.networks", 1)
    assert document["networks"] == json.loads(json.dumps([asdict(row) for row in architectures()]))


def test_one_network_by_any_spelling_in_words(edgewise: Run) -> None:
    ended = edgewise("models", "MobileNet-V2")
    assert (ended.code, ended.left) == (0, ())
    assert ended.stderr.startswith("✓ Count MobileNetV2 ")
    lines = words(ended.stdout)
    for line in (
        "network MobileNetV2, 2018",
        "paper https://arxiv.org/abs/1801.04381",
        "top-1 72.0 % of ImageNet, as published",
        "builder torchvision:mobilenet_v2",
        "weights torchvision MobileNet_V2_Weights.IMAGENET1K_V2",
        "preprocessing resize 232 (bilinear), crop 224, mean 0.485/0.456/0.406, std 0.229/0.224/0.225",
        "224 pixels, 1000 classes counted published deviation",
        "parameters 3,504,872 3.5 M +0.1 %",
        "MACs 300,774,272 0.3 G +0.3 %",
        "depthwise convolution 64,224 1.8 % 20,716,416 6.9 %",
        _SAVED,
        _FIRST,
    ):
        assert line in lines


def test_another_size_is_not_compared_and_auxiliary_heads_are_told(edgewise: Run) -> None:
    ended = edgewise("models", "inception-v3", "--imgsz", 224)
    assert ended.code == 0
    lines = words(ended.stdout)
    for line in (
        "224 pixels, 1000 classes counted",
        "parameters 23,834,568",
        "published for 299 pixels and 1000 classes, so not comparable",
        "with the auxiliary heads that only training needs: 27,161,264 parameters",
    ):
        assert line in lines
    assert "depthwise" not in ended.stdout


def test_one_network_in_json(edgewise: Run) -> None:
    ended = edgewise("models", "densenet121", "--json")
    assert (ended.notices, ended.left) == ([], ())
    found = ended.document
    assert (found["schema"], found["schema_version"]) == ("edgewise.network", 1)
    assert found["architecture"] == json.loads(json.dumps(asdict(find("densenet121"))))
    counted = found["counted"]
    assert (counted["size"], counted["classes"], counted["parameters"]) == (224, 1000, 7_978_856)
    assert counted["kinds"]["batch norm that stays"] == {"parameters": 68_672, "macs": 10_549_504}
    assert counted["savings"] is None
    assert found["deviation_percent"]["parameters"] == pytest.approx(-0.264, abs=1e-3)
    assert found["deviation_percent"]["macs"] == pytest.approx(-1.91, abs=1e-2)
    assert found["preprocess"]["size"] == 224
    assert found["weights"].startswith("torchvision DenseNet121")
    assert found["parameters_in_training"] is None


def test_a_network_of_one_s_own(edgewise: Run, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(_NET)
    ended = edgewise("models", f"{tmp_path / 'net.py'}:make", "--imgsz", 10, "--classes", 7, "--json")
    assert ended.notices == []
    found = ended.document
    assert found["counted"] == {
        "size": 10,
        "classes": 7,
        "parameters": 3 * 8 * 9 + 2 * 8 + 7 * 9,
        "macs": 64 * 3 * 8 * 9 + 7 * 8,
        "kinds": {
            "standard convolution": {"parameters": 3 * 8 * 9, "macs": 64 * 3 * 8 * 9},
            "linear": {"parameters": 7 * 9, "macs": 7 * 8},
            "batch norm that folds": {"parameters": 2 * 8, "macs": 0},
        },
        "savings": None,
    }
    assert (found["weights"], found["deviation_percent"]) == (None, None)


def test_a_library_that_is_not_installed_is_named(edgewise: Run, tmp_path: Path) -> None:
    (tmp_path / "timm.py").write_text("raise ModuleNotFoundError('no timm here', name='timm')\n")
    ended = edgewise("models", "mobilenetv1", PYTHONPATH=str(tmp_path))
    assert (ended.code, ended.stdout) == (6, "")
    assert "needs timm, which is not installed. Run: pip install 'timm" in ended.complaint


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["mobilnet_v2"], "no model is called 'mobilnet_v2'; did you mean mobilenetv2"),
        (["--imgsz", 64], "--imgsz and --classes are for one network: add its NAME"),
        (["vitb16", "--imgsz", 225], "the network cannot take a picture of 225 pixels: Wrong image height!"),
    ],
)
def test_what_cannot_be_counted_is_refused(edgewise: Run, arguments: list[object], complaint: str) -> None:
    ended = edgewise("models", *arguments)
    assert (ended.code, ended.stdout) == (2, "")
    assert ended.complaint.startswith(f"edgewise: {complaint}")
