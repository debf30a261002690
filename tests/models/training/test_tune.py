"""Layer groups and freezing, in networks from both libraries."""

import pytest
import torch
from torch import nn

from edgewise.models.training.recipe import TrainingRecipe
from edgewise.models.training.tune import first_learning, layer_groups, let_learn
from edgewise.models.weights.fitting import head
from edgewise.models.zoo import build, find

SMALL = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2)]
NAMES = [
    "mobilenetv3small",
    "torchvision:squeezenet1_1",
    "torchvision:densenet121",
    "torchvision:vit_b_16",
    "timm:efficientnet_lite0",
    "timm:deit_tiny_patch16_224",
]


@pytest.mark.parametrize("name", NAMES)
def test_groups_are_ordered_from_the_input_to_the_last_layer(name: str) -> None:
    pytest.importorskip(name.partition(":")[0] if ":" in name else "torchvision")
    architecture = find(name)
    with torch.device("meta"):
        network = build(architecture, 10)
    groups = layer_groups(network, head(architecture))
    assert list(groups) == [name for name, _ in network.named_parameters()]
    assert set(groups.values()) == {0, 1, 2, 3, 4}
    assert list(groups.values()) == sorted(groups.values())
    assert {name for name, group in groups.items() if group == 4} <= {
        f"{head(architecture)}.weight",
        f"{head(architecture)}.bias",
    }
    layers = [sum(group == one for group in groups.values()) for one in range(4)]
    assert max(layers) < 3 * min(layers)


def test_a_norm_belongs_to_the_layer_that_it_follows() -> None:
    assert list(layer_groups(nn.Sequential(*SMALL), "4").values()) == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("tune", "expected"),
    [("all", [0] * 7), ("head", [4] * 7), ("gradual", [4, 4, 3, 3, 2, 2, 1])],
)
def test_groups_are_unfrozen_from_the_last_to_the_first(tune: str, expected: list[int]) -> None:
    recipe = TrainingRecipe(epochs=7, tune=tune, unfreeze_epochs=2)  # type: ignore[arg-type]
    assert [first_learning(recipe, epoch, last=4) for epoch in range(7)] == expected
    assert tune == "head" or first_learning(recipe, 99, last=4) == 0


def test_frozen_layers_keep_their_weights_and_statistics() -> None:
    network = nn.Sequential(*SMALL).train()
    groups = layer_groups(network, "4")
    let_learn(network, groups, 1)
    assert [parameter.requires_grad for parameter in network.parameters()] == [False] * 4 + [True] * 6
    assert [network[place].training for place in (1, 3)] == [False, True]
    let_learn(network, groups, 0)
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert network[1].training
