"""The initial weights of a training, for each value of `--weights`."""

from pathlib import Path

import pytest
import torch

from edgewise.models.checkpoint import save
from edgewise.models.errors import UsageError
from edgewise.models.overrides import Overrides
from edgewise.models.spec import Labels, ModelSpec, Origin, Preprocess
from edgewise.models.training.starting import starting_point
from edgewise.models.zoo import build, find


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """An edgewise checkpoint."""
    torch.manual_seed(0)
    network = build(find("squeezenet1_1"), 3)
    spec = ModelSpec(
        "squeezenet1_1", Preprocess(64, 64), Labels(("a", "b", "c")), Origin("trained", "here", "")
    )
    save(tmp_path / "own.safetensors", network.state_dict(), spec, {})
    return tmp_path / "own.safetensors"


@pytest.fixture
def said() -> list[str]:
    return []


def test_random_weights_use_the_librarys_initialisation(said: list[str]) -> None:
    found = starting_point("SqueezeNet 1.1", "random", Overrides(imgsz=64), said.append)
    assert (found.name, found.tensors, found.origin) == ("squeezenet1_1", None, "random weights")
    assert found.preprocess.size == 64
    assert said == []


def test_a_network_without_published_weights_starts_from_random_ones(said: list[str]) -> None:
    found = starting_point("mobilenetv2_050", "auto", Overrides(), said.append)
    assert found.tensors is None
    assert said == []


@pytest.mark.parametrize("by_name", [False, True])
def test_an_edgewise_checkpoint_keeps_its_preprocessing(own: Path, said: list[str], by_name: bool) -> None:
    name, source = ("squeezenet1_1", str(own)) if by_name else (str(own), "auto")
    found = starting_point(name, source, Overrides(), said.append)
    assert found.name == "squeezenet1_1"
    assert found.preprocess == Preprocess(64, 64)
    assert found.tensors is not None
    assert found.tensors["classifier.1.weight"].shape[0] == 3
    assert found.origin.startswith("own.safetensors (sha256 ")


def test_the_last_layer_follows_the_order_of_the_classes(own: Path, said: list[str]) -> None:
    found = starting_point(str(own), "auto", Overrides(), said.append)
    same, turned, others = (
        found.tensors_for(names) for names in (("a", "b", "c"), ("c", "a", "b"), ("a", "b", "d"))
    )
    assert found.tensors is not None
    assert turned is not None
    assert same is others is found.tensors
    for name, tensor in found.tensors.items():
        expected = tensor[[2, 0, 1]] if name.startswith("classifier.1.") else tensor
        assert torch.equal(turned[name], expected)


def test_a_network_of_ones_own_takes_what_it_takes(tmp_path: Path, said: list[str]) -> None:
    (tmp_path / "net.py").write_text(
        "from torch import nn\n\n"
        "def _net(*end):\n"
        "    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), *end)\n\n"
        "def grey():\n    return _net()\n\n"
        "def sure():\n    return _net(nn.Softmax(dim=1))\n"
    )
    found = starting_point(f"{tmp_path}/net.py:grey", "auto", Overrides(imgsz=(8, 24)), said.append)
    assert found.preprocess == Preprocess((8, 24), (8, 24), (0.5,), (0.5,))
    with pytest.raises(UsageError, match="ends in a softmax, but training needs logits; leave the"):
        starting_point(f"{tmp_path}/net.py:sure", "auto", Overrides(imgsz=8), said.append)


def test_a_missing_file_is_a_usage_error(said: list[str]) -> None:
    with pytest.raises(UsageError, match="no such file"):
        starting_point("squeezenet1_1", "nowhere.pth", Overrides(), said.append)


def test_random_weights_of_a_network_for_other_sizes_are_refused(said: list[str]) -> None:
    with pytest.raises(UsageError, match=r"^vitb16: does not accept RGB pictures of 64 x 64 pixels"):
        starting_point("vitb16", "random", Overrides(imgsz=64), said.append)
