"""The picture size by epoch, and networks that do not support it."""

import pytest
import torch

from edgewise.models.errors import UsageError
from edgewise.models.training.progressive import check, shrunk, side, sides
from edgewise.models.training.recipe import TrainingRecipe
from edgewise.models.zoo import build, find


def test_pictures_grow_to_their_full_size_by_the_last_quarter() -> None:
    recipe = TrainingRecipe(epochs=12, progressive=0.5)
    found = [side(recipe, epoch, 96) for epoch in range(12)]
    assert found[0] == 48
    assert found == sorted(found)
    assert found[9:] == [96, 96, 96]
    assert all(one % 16 == 0 for one in found)


def test_without_it_every_epoch_uses_the_full_size() -> None:
    assert {side(TrainingRecipe(epochs=5), epoch, 100) for epoch in range(5)} == {100}


def test_a_single_epoch_and_odd_sizes_stay_within_bounds() -> None:
    assert side(TrainingRecipe(epochs=1, progressive=0.1), 0, 40) == 16
    assert side(TrainingRecipe(epochs=9, progressive=0.99), 0, 75) == 75


def test_both_sides_of_a_strip_grow() -> None:
    recipe = TrainingRecipe(epochs=4, progressive=0.5)
    assert sides(recipe, 0, (64, 96)) == (32, 48)
    assert sides(recipe, 3, (64, 96)) == (64, 96)
    strip = torch.rand(1, 1, 64, 96)
    assert shrunk(strip, (32, 48)).shape == (1, 1, 32, 48)
    grey = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    check(grey, recipe, (64, 96, 1))


def test_shrinking_keeps_the_mean_of_a_picture() -> None:
    images = torch.rand(2, 3, 32, 32)
    assert shrunk(images, (32, 32)) is images
    small = shrunk(images, (16, 16))
    assert small.shape == (2, 3, 16, 16)
    torch.testing.assert_close(small.mean(dim=(2, 3)), images.mean(dim=(2, 3)), atol=0.01, rtol=0)


def test_a_network_with_a_fixed_input_size_is_refused_before_training() -> None:
    recipe = TrainingRecipe(epochs=4, progressive=0.5)
    with pytest.raises(
        UsageError, match=r"--progressive 0\.5: this network does not accept pictures of 112 x 112 pixels"
    ):
        check(build(find("deittiny"), 3), recipe, (224, 224, 3))
    network = build(find("mobilenetv2"), 3).train()
    check(network, recipe, (96, 96, 3))
    assert network.training
