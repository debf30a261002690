"""Untrained networks respond to differences between pictures."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from edgewise.models.spec import Preprocess
from edgewise.models.synthetic import dead_leaves
from edgewise.models.weights.untrained import digest, seeded, stabilise
from edgewise.models.zoo import Architecture, find

SMALL = Preprocess(64, 72)


def pictures(preprocess: Preprocess, count: int = 8, seed: int = 7) -> Tensor:
    """Pictures other than those used for the batch norm statistics."""
    found = [Image.fromarray(dead_leaves(preprocess.resize, seed, index)) for index in range(count)]
    return torch.from_numpy(np.stack([preprocess(image) for image in found])).permute(0, 3, 1, 2)


def untrained(architecture: Architecture, classes: int, preprocess: Preprocess) -> nn.Module:
    network = seeded(architecture, classes)
    stabilise(network, architecture, preprocess)
    return network


@pytest.mark.parametrize(
    ("name", "preprocess"),
    [
        ("mobilenetv2_035", SMALL),
        ("squeezenet1_1", SMALL),
        ("alexnet", SMALL),
        ("regnetx400mf", SMALL),
        ("mobilenetv4small", SMALL),
        ("deittiny", Preprocess()),  # has a fixed input size
    ],
)
def test_different_pictures_get_different_logits(name: str, preprocess: Preprocess) -> None:
    network = untrained(find(name), 10, preprocess)
    assert not any(module.training for module in network.modules())
    with torch.inference_mode():
        logits = network(pictures(preprocess))
    assert logits.std(0).mean() > 0.1 * logits.std() > 0


@pytest.mark.parametrize("name", ["mobilenetv2", "efficientnetb0", "regnety400mf"])
def test_small_input_changes_cause_small_output_changes(name: str) -> None:
    network = untrained(find(name), 10, SMALL)
    shown = pictures(SMALL)
    noise = torch.randn(shown.shape, generator=torch.Generator().manual_seed(0)) * shown.std() / 100
    with torch.inference_mode():
        logits, noisy = network(shown), network(shown + noise)
    signal = logits - logits.mean(0)
    assert signal.square().sum() > 20 * (noisy - logits).square().sum()  # 13 dB; without the shift 2 to 4
    assert len(set(logits.argmax(1).tolist())) > 1


def test_it_is_reproducible_and_does_not_affect_the_random_generator() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    one, other = (untrained(find("mobilenetv2_035"), 10, SMALL) for _ in range(2))
    assert torch.equal(torch.rand(1), expected)
    assert digest(one) == digest(other)
    with torch.no_grad():
        next(other.parameters())[0] += 1
    assert digest(one) != digest(other)


def test_batch_norm_statistics_come_from_pictures() -> None:
    network = untrained(find("mobilenetv2_035"), 10, SMALL)
    norm = network.get_submodule("features.0.1")
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.momentum == 0.1
    with torch.inference_mode():
        before = network.get_submodule("features.0.0")(pictures(SMALL, 32))
    ratio = before.var((0, 2, 3)) / norm.running_var
    assert 0.3 < ratio.min() < ratio.max() < 3


@pytest.mark.parametrize(
    ("name", "off"),
    [
        ("vitb16", "heads.head.weight"),
        ("seresnet50", "layer1.0.bn3.weight"),
        ("convnexttiny", "features.1.0.layer_scale"),
    ],
)
def test_branches_that_start_disabled_are_enabled(name: str, off: str) -> None:
    row = find(name)
    size = 64 if name != "vitb16" else 224
    assert seeded(row, 10).get_parameter(off).abs().max() < 1e-4
    assert untrained(row, 10, Preprocess(size, size)).get_parameter(off).std() > 0.01
