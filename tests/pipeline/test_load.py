"""Models as a program loads them."""

import re
from pathlib import Path

import pytest
from torch import nn

import edgewise
from edgewise.models.overrides import Overrides
from edgewise.models.spec import Preprocess
from edgewise.pipeline.load import loaded

NET = """
from torch import nn

def make(num_classes):
    return nn.Sequential(nn.Conv2d(3, num_classes, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
"""


@pytest.fixture
def net(tmp_path: Path) -> str:
    (tmp_path / "net.py").write_text(NET)
    return f"{tmp_path}/net.py:make"


def test_a_name_is_loaded_with_plain_keywords(net: str) -> None:
    model = edgewise.load_model(net, imgsz=20, mean=0.5, std=[0.1, 0.2, 0.3], labels=("a", "b"))
    assert model.spec.preprocess == Preprocess(20, 23, (0.5, 0.5, 0.5), (0.1, 0.2, 0.3))
    assert model.spec.labels.names == ("a", "b")
    (notice,) = model.notices
    assert re.search(r"weights that net\.py:make", notice)
    assert edgewise.load_model(Path(net), imgsz=20, labels=["a", "b"]).spec.labels == model.spec.labels


def test_what_was_assumed_is_said_again_where_the_model_is_used(net: str) -> None:
    model = edgewise.load_model(net, imgsz=20)
    told: list[str] = []
    assert loaded(model, "auto", Overrides(), told.append) is model
    assert tuple(told) == model.notices != ()


def test_a_module_has_the_name_that_it_is_given() -> None:
    module = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = edgewise.from_torch(module, name="mine", imgsz=16, resize=16, mean=0, std=1, labels=["a", "b"])
    assert (model.spec.name, model.notices) == ("mine", ())
    assert edgewise.from_torch(module, imgsz=16).spec.name == "sequential"


@pytest.mark.parametrize("name", ["nowhere.safetensors", "xyz", "no/net.py:make"])
def test_models_that_are_not_there(name: str) -> None:
    with pytest.raises(edgewise.UsageError):
        edgewise.load_model(name)
