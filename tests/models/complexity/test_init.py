"""The cost of networks, compared with published figures, torch's own counter and manual arithmetic."""

from collections.abc import Callable
from math import isclose
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from edgewise.models.complexity import Complexity, Cost, Kind, complexity, with_auxiliary_heads
from edgewise.models.errors import UsageError
from edgewise.models.sizes import both, planes
from edgewise.models.zoo import Architecture, architectures, find, skeleton

# Together they have every layer type.
VARIED = ("densenet121", "mobilenetv3small", "regnetx400mf", "deittiny", "convnexttiny", "efficientnetlite0")
varied = pytest.mark.parametrize("name", VARIED)


def count(name: str, size: int | None = None) -> Complexity:
    row = find(name)
    return complexity(skeleton(row, 1000), size or row.size)


@pytest.mark.parametrize("row", architectures(), ids=lambda row: row.name)
def test_published_figures_agree_within_2_percent(row: Architecture) -> None:
    found = count(row.name)
    assert row.parameters is not None
    assert row.macs is not None
    assert isclose(found.parameters, row.parameters, rel_tol=0.02)
    assert isclose(found.macs, row.macs, rel_tol=0.02)
    assert found.classes == 1000


@pytest.mark.parametrize(
    ("name", "size", "millions", "thousand_millions"),
    [
        ("vgg16", 224, 138, 15.5),
        ("resnet50", 224, 25.6, 4.1),
        ("resnet152", 224, 60.2, 11.6),
        ("inceptionv3", 299, 24, 5.7),
        ("densenet121", 224, 8.0, 2.9),
        ("mobilenetv2", 224, 3.5, 0.30),
        ("efficientnetb0", 224, 5.3, 0.39),
        ("efficientnetb7", 600, 66, 37),
        ("convnexttiny", 224, 29, 4.5),
    ],
)
def test_known_costs_of_reference_networks(
    name: str, size: int, millions: float, thousand_millions: float
) -> None:
    found = count(name, size)
    assert isclose(found.parameters / 1e6, millions, rel_tol=0.02)
    assert isclose(found.macs / 1e9, thousand_millions, rel_tol=0.02)


@varied
def test_parameters_and_macs_add_up_over_the_types(name: str) -> None:
    network = skeleton(find(name), 1000)
    found = complexity(network, find(name).size)
    kinds = found.kinds.values()
    assert sum(kind.parameters for kind in kinds) == found.parameters
    assert sum(kind.macs for kind in kinds) == found.macs
    assert found.parameters == sum(parameter.numel() for parameter in network.parameters())


@varied
def test_torch_counts_the_same_except_for_batch_norms_that_do_not_fold(name: str) -> None:
    network, size = skeleton(find(name), 1000), find(name).size
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.empty(planes((*both(size), 3), 1), device="meta"))
    found = complexity(network, size)
    staying = found.kinds.get(Kind.NORM, Cost(0, 0)).macs
    assert 2 * (found.macs - staying) == counter.get_total_flops()


def test_batch_norms_before_convolutions_cost_one_mac_per_element() -> None:
    network, elements = skeleton(find("densenet121"), 1000), []

    def measure(norm: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        del norm, inputs
        elements.append(output.numel())

    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d) and not name.endswith(("norm0", "norm2")):  # these follow one
            module.register_forward_hook(measure)
    network(torch.empty(1, 3, 224, 224, device="meta"))
    by_hand = sum(elements)
    assert complexity(network, 224).kinds[Kind.NORM].macs == by_hand


@pytest.mark.parametrize(
    "name", ["resnet18", "inceptionv3", "mobilenetv2", "seresnet50", "efficientnetlite0"]
)
def test_batch_norms_after_convolutions_fold(name: str) -> None:
    network = skeleton(find(name), 1000)
    kinds = complexity(network, find(name).size).kinds
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert kinds[Kind.FOLDED] == Cost(sum(2 * norm.num_features for norm in norms), 0)
    assert Kind.NORM not in kinds


class Small(nn.Module):
    """A convolution and a batch norm with `between` in the middle."""

    def __init__(self, between: Callable[[Tensor], Tensor], norm: nn.Module) -> None:
        super().__init__()
        self.conv, self.between, self.norm = nn.Conv2d(3, 4, 3, bias=False), between, norm

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(self.between(self.conv(x)))
        return y.mean((2, 3))


@pytest.mark.parametrize(
    ("between", "norm", "kind"),
    [
        (nn.Identity(), nn.BatchNorm2d(4), Kind.FOLDED),
        (nn.ReLU(), nn.BatchNorm2d(4), Kind.NORM),
        (nn.ReLU(inplace=True), nn.BatchNorm2d(4), Kind.NORM),
        (torch.clone, nn.BatchNorm2d(4), Kind.NORM),
        (nn.Identity(), nn.BatchNorm2d(4, track_running_stats=False), Kind.NORM),
    ],
    ids=["directly", "after an activation", "after an in-place one", "of a copy", "without statistics"],
)
def test_a_batch_norm_only_folds_into_the_layer_it_reads_directly(
    between: Callable[[Tensor], Tensor], norm: nn.Module, kind: Kind
) -> None:
    kinds = complexity(Small(between, norm).eval(), 8).kinds
    assert kinds.pop(Kind.STANDARD) == Cost(3 * 4 * 9, 3 * 4 * 9 * 36)
    assert kinds == {kind: Cost(8, 4 * 36 if kind is Kind.NORM else 0)}


class Shared(nn.Module):
    """A convolution with two readers of its output."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        y: Tensor = x + self.norm(x)
        return y.mean((2, 3))


def test_a_batch_norm_does_not_fold_if_the_convolution_has_another_reader() -> None:
    assert Kind.NORM in complexity(Shared().eval(), 8).kinds


def test_a_batch_norm_folds_into_a_linear_layer() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.BatchNorm1d(5)).eval()
    assert complexity(network, 2).kinds == {Kind.LINEAR: Cost(65, 60), Kind.FOLDED: Cost(10, 0)}


class Standardised(nn.Conv2d):
    """Standardises its weight on every call, as some networks without batch norm do."""

    def forward(self, x: Tensor) -> Tensor:
        weight = nn.functional.batch_norm(self.weight.flatten(1)[None], None, None, training=True)
        return nn.functional.conv2d(x, weight.view_as(self.weight), self.bias).mean((2, 3))


def test_values_computed_from_parameters_only_cost_nothing() -> None:
    assert complexity(Standardised(3, 4, 3), 8).kinds == {Kind.STANDARD: Cost(112, 3 * 4 * 9 * 36)}


class Attention(nn.Module):
    """Self-attention over all pixels, with a position embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.zeros(1, 16, 6))
        self.project = nn.Linear(3, 6)
        self.attend = nn.MultiheadAttention(6, 2, batch_first=True)
        self.spare = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.project(x.flatten(2).transpose(1, 2)) + self.places
        y: Tensor = self.attend(x, x, x)[0]
        return y[:, 0]


def test_attention_is_counted_on_pytorchs_fast_path() -> None:
    positions, width = 16, 6
    projections = 3 * width + 4 * width * width
    assert complexity(Attention().eval(), 4).kinds == {
        Kind.LINEAR: Cost(projections + 5 * width, positions * projections),
        Kind.PRODUCT: Cost(0, 2 * positions * positions * width),
        Kind.OTHER: Cost(positions * width, 0),
        Kind.UNUSED: Cost(6, 0),
    }


def test_types_of_convolutions_are_distinguished() -> None:
    layers = [
        nn.Conv2d(3, 6, 3, groups=3),
        nn.Conv2d(6, 4, 3, groups=2),
        nn.Conv2d(4, 5, 1),
        nn.Conv2d(5, 2, 4),
    ]
    kinds = complexity(nn.Sequential(*layers, nn.Flatten()), 8).kinds
    assert kinds == {
        Kind.STANDARD: Cost(162, 160),
        Kind.POINTWISE: Cost(25, 20 * 16),
        Kind.DEPTHWISE: Cost(60, 54 * 36),
        Kind.GROUPED: Cost(112, 108 * 16),
    }


def test_a_mobilenetv2_block_matches_the_formula() -> None:
    savings = count("mobilenetv2").savings
    assert savings is not None
    assert len(savings.blocks) == 17
    block = savings.blocks[1]  # 96 expanded channels at stride 2, to 24
    assert (block.area, block.inputs, block.outputs, block.positions) == (3 * 3, 96, 24, 56 * 56)
    assert block.weights == 9 * 96 + 96 * 24
    assert block.standard_weights == 9 * 96 * 24


def test_savings_match_the_network_built_with_standard_convolutions() -> None:
    network: Any = skeleton(find("mobilenetv2"), 1000)
    found = complexity(network, 224)
    for block in network.features[1:18]:
        *before, (depthwise, _, _), pointwise, norm = block.conv
        standard = nn.Conv2d(
            depthwise.in_channels, pointwise.out_channels, 3, depthwise.stride, 1, bias=False, device="meta"
        )
        block.conv = nn.Sequential(*before, standard, norm)
    other = complexity(network, 224)
    assert found.savings is not None
    assert found.savings.macs == other.macs
    lost = 2 * sum(block.channels for block in found.savings.blocks)  # the norms in between
    assert found.savings.parameters == other.parameters + lost
    assert other.savings is None


def test_squeeze_and_excitation_is_not_mistaken_for_the_pointwise_convolution() -> None:
    blocks = [count("mobilenetv3small", size).savings for size in (224, 32)]  # at 32, the last maps are 1x1
    large, small = (
        [(found.area, found.channels, found.outputs) for found in saved.blocks] for saved in blocks if saved
    )
    assert large == small
    assert small[-1] == (25, 576, 96)


def test_a_linear_layer_mixes_the_channels_of_convnext() -> None:
    savings = count("convnexttiny").savings
    assert savings is not None
    assert [block.outputs for block in savings.blocks] == [384] * 3 + [768] * 3 + [1536] * 9 + [3072] * 3


def test_without_depthwise_convolutions_nothing_is_saved() -> None:
    assert count("resnet18").savings is None
    assert count("regnetx400mf").savings is None  # grouped ones are not depthwise


def test_a_network_with_weights_counts_the_same_and_is_not_changed() -> None:
    network = torchvision.models.mobilenet_v3_small().eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    assert complexity(network, 64) == complexity(skeleton(find("mobilenetv3small"), 1000), 64)
    after = network.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_auxiliary_heads_are_added_in_training() -> None:
    row = find("inceptionv3")
    trained = with_auxiliary_heads(row, skeleton(row, 1000), 1000)
    assert trained is not None
    assert isclose(trained / 1e6, 27.2, rel_tol=0.02)
    assert with_auxiliary_heads(find("resnet18"), skeleton(find("resnet18"), 1000), 1000) is None


class Pair(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x


@pytest.mark.parametrize(
    ("network", "complaint"),
    [
        (nn.Conv2d(3, 4, 9), r"cannot take a picture of 8 pixels: .*; try another --imgsz"),
        (Pair(), r"returns a tuple; make it return only the logits"),
    ],
)
def test_a_network_that_cannot_be_counted_is_an_error(network: nn.Module, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        complexity(network, 8)
