"""Initial weights for a training, and a new last layer if the classes differ."""

import pytest
import torch
from torch import Tensor, nn

from edgewise.models.errors import UsageError
from edgewise.models.training.start import begin, set_dropout
from edgewise.models.zoo import build, find

SMALL = find("mobilenetv3small")
HEAD = ("classifier.3.weight", "classifier.3.bias")


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    """Of 10 classes."""
    torch.manual_seed(0)
    return dict(build(SMALL, 10).state_dict())


def test_weights_with_the_same_number_of_classes_are_loaded_completely(weights: dict[str, Tensor]) -> None:
    found = begin(SMALL, 10, weights, "a file").state_dict()
    assert all(torch.equal(found[name], weights[name]) for name in found)


def test_the_last_layer_is_new_if_the_classes_differ(weights: dict[str, Tensor]) -> None:
    found = begin(SMALL, 3, weights, "a file").state_dict()
    assert found[HEAD[0]].shape == (3, 1024)
    assert found[HEAD[0]].abs().max() < 0.1  # torchvision initialises with a standard deviation of 0.01
    assert all(torch.equal(found[name], weights[name]) for name in found if name not in HEAD)


@pytest.mark.parametrize("left", [(), HEAD[:1], HEAD[1:]])
def test_the_rest_is_loaded_from_a_file_with_an_incomplete_last_layer(
    weights: dict[str, Tensor], left: tuple[str, ...]
) -> None:
    torch.manual_seed(1)
    new = build(SMALL, 10).state_dict()
    torch.manual_seed(1)
    body = {name: tensor for name, tensor in weights.items() if name not in HEAD or name in left}
    found = begin(SMALL, 10, body, "a file").state_dict()
    assert all(torch.equal(found[name], new[name]) for name in HEAD)
    assert torch.equal(found["features.0.0.weight"], weights["features.0.0.weight"])


def test_old_files_without_batch_counters_are_accepted(weights: dict[str, Tensor]) -> None:
    old = {name: tensor for name, tensor in weights.items() if not name.endswith("num_batches_tracked")}
    begin(SMALL, 10, old, "a file")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"features.0.0.weight": None}, r"1 tensors differ \(features.0.0.weight\)"),
        ({"features.0.0.weight": torch.zeros(16, 3, 5, 5)}, r"1 tensors differ \(features.0.0.weight\)"),
        ({"stem.weight": torch.zeros(1)}, r"1 tensors differ \(stem.weight\)"),
        ({"classifier.3.scale": torch.zeros(1)}, r"1 tensors differ \(classifier.3.scale\)"),
    ],
)
def test_weights_of_another_network_are_refused(
    weights: dict[str, Tensor], change: dict[str, Tensor | None], named: str
) -> None:
    wrong = {name: tensor for name, tensor in {**weights, **change}.items() if tensor is not None}
    with pytest.raises(UsageError, match=f"a file: does not fit mobilenetv3small, {named}; pass weights"):
        begin(SMALL, 10, wrong, "a file")


def test_the_rate_of_every_dropout_layer_is_set() -> None:
    network = nn.Sequential(nn.Dropout(0.5), nn.Conv2d(3, 4, 3), nn.Dropout2d(0.1))
    set_dropout(network, 0.25)
    assert [network[place].p for place in (0, 2)] == [0.25, 0.25]


def test_timms_dropout_attribute_is_set() -> None:
    timm = pytest.importorskip("timm")
    network = timm.create_model("resnet10t", num_classes=3)
    set_dropout(network, 0.25)
    assert network.drop_rate == 0.25


def test_a_network_without_dropout_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"--dropout 0.2: this network has no dropout layer; omit"):
        set_dropout(nn.Sequential(nn.Linear(2, 2)), 0.2)
