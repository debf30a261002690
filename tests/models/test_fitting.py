"""Which weights go into a network, and what is said of those that do not."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torchvision import models

from edgewise.models._fitting import fit
from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.models.zoo import find

ROW, PATH = find("mobilenetv2"), Path("net.pth")


def test_the_number_of_classes_is_the_weights(ten: dict[str, Tensor], thousand: dict[str, Tensor]) -> None:
    for tensors, count in ((ten, 10), (thousand, 1000)):
        network, classes = fit(ROW, tensors, PATH)
        assert classes == count
        assert not network.training
        found = network.state_dict()
        assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())


def test_counters_of_the_training_may_be_missing(ten: dict[str, Tensor]) -> None:
    old = {name: tensor for name, tensor in ten.items() if not name.endswith("num_batches_tracked")}
    assert len(old) < len(ten)
    picture = torch.rand(1, 3, 32, 32)
    assert torch.equal(fit(ROW, old, PATH)[0](picture), fit(ROW, ten, PATH)[0](picture))


@pytest.mark.parametrize(
    ("builder", "said"),
    [
        ("resnet18", r"missing .*unexpected \(conv1\.weight, .*another network's"),
        ("mobilenet_v3_small", r"missing .*unexpected .*another network's"),
    ],
)
def test_another_network_is_named_as_such(builder: str, said: str) -> None:
    tensors = getattr(models, builder)().state_dict()
    with pytest.raises(UsageError, match=rf"net\.pth: does not fit mobilenetv2, tensors .*{said}"):
        fit(ROW, tensors, PATH)


def test_another_width_is_named_with_both_shapes() -> None:
    wide = models.mobilenet_v2(width_mult=1.4, num_classes=10).state_dict()
    first = r"features\.0\.0\.weight is \(48, 3, 3, 3\) float instead of \(32, 3, 3, 3\) float"
    with pytest.raises(UsageError, match=rf"different \({first}, .*, \.\.\.\); .*a wider or narrower one"):
        fit(ROW, wide, PATH)


def test_at_most_three_names_of_a_kind_are_shown(ten: dict[str, Tensor]) -> None:
    extra = {f"extra.{index}": torch.zeros(1) for index in range(4)}
    with pytest.raises(
        UsageError, match=r"4 unexpected \(extra\.0, extra\.1, extra\.2, \.\.\.\); save the state dict"
    ):
        fit(ROW, {**ten, **extra}, PATH)


def test_a_backbone_lacks_its_last_layer(ten: dict[str, Tensor]) -> None:
    backbone = {name: tensor for name, tensor in ten.items() if not name.startswith("classifier.")}
    said = r"2 missing \(classifier\.1\.weight, classifier\.1\.bias\); the last layer is not among them"
    with pytest.raises(UsageError, match=said):
        fit(ROW, backbone, PATH)


@pytest.mark.parametrize("shape", [(), (7,), (7, 1280, 1, 1)])
def test_a_last_layer_of_another_rank_is_refused(ten: dict[str, Tensor], shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match=r"classifier\.1\.weight is \("):
        fit(ROW, {**ten, "classifier.1.weight": torch.zeros(shape)}, PATH)


def test_integers_are_no_weights(ten: dict[str, Tensor]) -> None:
    name = "features.0.0.weight"
    with pytest.raises(
        UsageError, match=rf"{name} is \(32, 3, 3, 3\) torch\.int8 instead of \(32, 3, 3, 3\) float"
    ):
        fit(ROW, {**ten, name: ten[name].to(torch.int8)}, PATH)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_no_numbers_are_refused(ten: dict[str, Tensor], value: float) -> None:
    name = "features.1.conv.1.weight"
    broken = ten[name].clone()
    broken.view(-1)[5] = value
    with pytest.raises(EdgewiseError, match=rf"net\.pth: {name} holds NaN or infinite weights"):
        fit(ROW, {**ten, name: broken}, PATH)
