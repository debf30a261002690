"""Several networks in one, from a program."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import edgewise
from edgewise.models.model import Model
from edgewise.runtime.bundle import Bundle

Documented = Callable[[Any, str], dict[str, Any]]
NAMES = ("a", "b", "c")


def member(seed: int, name: str) -> Model:
    """A very small network with random weights."""
    torch.manual_seed(seed)
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)
    )
    return edgewise.from_torch(module, name=name, imgsz=32, resize=40, mean=0.5, std=0.5, labels=NAMES)


@pytest.mark.slow
def test_models_in_memory_become_one_bundle(tmp_path: Path, kept: Any, document_of: Documented) -> None:
    members = [member(0, "one"), member(1, "two")]
    made = edgewise.ensemble(members, weights=[3, 1], to="onnx", out=tmp_path / "out", progress=kept)
    (bundle,) = made.conversion.bundles
    assert bundle.folder == tmp_path / "out"
    assert (bundle.spec.origin.source, bundle.spec.labels.names) == ("ensemble", NAMES)
    assert [score.name for score in made.scores] == ["one", "two", "ensemble"]
    assert [score.weight for score in made.scores] == [0.75, 0.25, None]
    assert [(cost.name, cost.target) for cost in made.costs] == [
        ("one", "onnx"),
        ("two", "onnx"),
        ("ensemble", "onnx"),
    ]
    assert kept.titles[0] == "Load the members"
    document = document_of(made, "ensemble")
    assert document["bundles"][0]["manifest"] == Bundle.open(tmp_path / "out").manifest
    assert [model["name"] for model in document["ensemble"]["models"]] == ["one", "two", "ensemble"]
    assert repr(made).startswith("<Ensemble of 2 (probabilities)\n  one: no labels\n")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"members": "mobilenetv2"}, "mobilenetv2: is a single member; pass a list of at least two"),
        ({"members": []}, "at least two"),
        ({"members": ["mobilenetv2", "xyz"]}, "xyz"),
        ({"members": ["mobilenetv2", "resnet18=nowhere.pth"]}, r"nowhere\.pth"),
        ({"weights": "equal"}, "weights 'equal': must be one number per member, or 'fit'"),
        ({"weights": [1, 2, 3]}, "3 weights"),
        ({"fit": "nowhere"}, "--fit is only used with --weights fit"),
        ({"to": "tensorrt"}, "tensorrt"),
        ({"data": "nowhere"}, "nowhere"),
    ],
)
def test_options_that_cannot_be(options: Any, complaint: str) -> None:
    members = options.pop("members", ["mobilenetv2", "resnet18"])
    with pytest.raises(edgewise.UsageError, match=complaint):
        edgewise.ensemble(members, **options)


def test_an_option_that_is_unknown_is_a_type_error_as_everywhere() -> None:
    with pytest.raises(TypeError, match="int9"):
        edgewise.ensemble(["mobilenetv2", "resnet18"], int9=True)
