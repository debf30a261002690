"""Augmentation: results only depend on the key, and each step does what its name says."""

import pickle
from dataclasses import replace
from typing import Literal, TypeAlias

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from edgewise.models.shapes import shape_picture
from edgewise.models.sizes import Size
from edgewise.models.spec import Preprocess
from edgewise.models.training.augment import Augmentation, drawing_from, mixing
from edgewise.models.training.recipe import TrainingRecipe

Way: TypeAlias = Literal["bilinear", "bicubic"]
OFF = TrainingRecipe(crop=1, flip=0)
PREPROCESS = Preprocess(size=24, resize=28)
KINDS = [
    replace(OFF, crop=0.35),
    replace(OFF, flip=0.5),
    replace(OFF, colour_jitter=0.4),
    replace(OFF, randaugment=9),
    replace(OFF, crop=0.35, flip=0.5, colour_jitter=0.4, randaugment=9),
]


def picture(index: int = 0, size: int = 40) -> Image.Image:
    return Image.fromarray(shape_picture(size, 1, index)[0])


@given(
    width=st.integers(20, 70),
    height=st.integers(20, 70),
    extra=st.integers(0, 9),
    way=st.sampled_from(["bilinear", "bicubic"]),
)
def test_with_everything_off_the_result_is_the_evaluation_crop(
    width: int, height: int, extra: int, way: Way
) -> None:
    preprocess = replace(PREPROCESS, resize=24 + extra, interpolation=way)
    image = picture(size=70).crop((0, 0, width, height))
    pixels = Augmentation(preprocess, OFF)(image, 5, 6)
    np.testing.assert_array_equal(pixels, preprocess.crop(image))
    np.testing.assert_array_equal(preprocess.normalise(pixels), preprocess(image))


@pytest.mark.parametrize("recipe", [OFF, *KINDS])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("resize", [40, (20, 44)])
def test_grey_strips_keep_their_shape(recipe: TrainingRecipe, channels: int, resize: Size) -> None:
    strip = Preprocess((16, 40), resize, (0.5,) * channels, (0.5,) * channels, "lanczos")
    made = Augmentation(strip, recipe)(picture(), 3)
    assert made.shape == (16, 40, channels)
    assert made.dtype == np.uint8
    assert made.std() > 0


def test_a_random_crop_of_a_squashed_picture_has_the_proportions_of_the_whole() -> None:
    ramp = Image.fromarray(np.tile(np.arange(0, 240, 2, dtype=np.uint8), (40, 1))).convert("RGB")
    strip = Preprocess((10, 60), (10, 60), interpolation="nearest")
    for key in range(20):
        made = Augmentation(strip, replace(OFF, crop=0.5))(ramp, key)[0, :, 0].astype(int)
        # Whole, a column of the input spans two of the picture's and thus 4 levels; a crop of half spans 2.
        assert 1.5 < np.abs(np.diff(made)).mean() < 4.1


@pytest.mark.parametrize("recipe", KINDS)
def test_the_result_only_depends_on_the_key(recipe: TrainingRecipe) -> None:
    augment, image = Augmentation(PREPROCESS, recipe), picture()
    first = [augment(image, 1, index) for index in range(20)]
    torch.manual_seed(7)
    again = [augment(image, 1, index) for index in reversed(range(20))][::-1]
    np.testing.assert_array_equal(first, again)
    assert np.shape(first) == (20, 24, 24, 3)
    assert np.asarray(first).dtype == np.uint8
    assert len({made.tobytes() for made in first}) > 1
    assert any((augment(image, 2, index) != first[index]).any() for index in range(20))


def test_torchs_generator_is_restored() -> None:
    augment = Augmentation(PREPROCESS, KINDS[-1])
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    augment(picture(), 1, 2)
    assert torch.equal(torch.rand(4), expected)


def test_flips_happen_with_their_probability() -> None:
    plain, mirrored = PREPROCESS.crop(picture()), PREPROCESS.crop(picture())[:, ::-1]
    certain, half = (Augmentation(PREPROCESS, replace(OFF, flip=flip)) for flip in (1, 0.5))
    for index in range(10):
        np.testing.assert_array_equal(certain(picture(), index), mirrored)
    made = [half(picture(), index) for index in range(200)]
    flipped = sum(np.array_equal(one, mirrored) for one in made)
    assert flipped + sum(np.array_equal(one, plain) for one in made) == 200
    assert 70 < flipped < 130  # more than four standard deviations on either side


def test_a_crop_stays_within_the_limits_for_area_and_aspect_ratio() -> None:
    """The picture encodes its coordinates as colours, which shows the part that was cropped."""
    down, right = np.mgrid[0:200, 0:200].astype(np.uint8)
    image = Image.fromarray(np.dstack([down, right, right]))
    augment = Augmentation(Preprocess(size=50, resize=50), replace(OFF, crop=0.4))
    areas = []
    for index in range(200):
        made = augment(image, index).astype(float)
        # Measured from the middle of the first row to the middle of the last: all but a fiftieth.
        height = (made[-1, 25, 0] - made[0, 25, 0]) * 50 / 49
        width = (made[25, -1, 1] - made[25, 0, 1]) * 50 / 49
        areas.append(height * width / 200**2)
        assert 3 / 4 * 0.95 < width / height < 4 / 3 * 1.05
    assert 0.38 < min(areas) < 0.45
    assert 0.85 < max(areas) < 1.02


@pytest.mark.parametrize("way", ["bilinear", "bicubic"])
def test_randaugment_accepts_every_magnitude(way: Way) -> None:
    preprocess = replace(PREPROCESS, interpolation=way)
    plain, changed = preprocess.crop(picture()), []
    for magnitude in range(1, 31):
        augment = Augmentation(preprocess, replace(OFF, randaugment=magnitude))
        made = np.array([augment(picture(), magnitude, index) for index in range(6)], float)
        changed.append(np.abs(made - plain).mean())
    assert np.mean(changed[20:]) > np.mean(changed[:10]) > 0


def test_areas_uncovered_by_rotation_have_the_mean_colour() -> None:
    preprocess = replace(PREPROCESS, mean=(0.2, 0.4, 0.6))
    augment = Augmentation(preprocess, replace(OFF, randaugment=30))
    black = Image.new("RGB", (28, 28))
    corners = {tuple(augment(black, index)[0, 0].tolist()) for index in range(60)}
    assert (51, 102, 153) in corners


def test_jitter_changes_colours_but_not_positions() -> None:
    augment = Augmentation(PREPROCESS, replace(OFF, colour_jitter=0.5))
    left = Image.new("RGB", (28, 28), (200, 90, 30))
    left.paste((30, 90, 200), (14, 0, 28, 28))
    made = [augment(left, index) for index in range(20)]
    assert len({tuple(one[0, 0].tolist()) for one in made}) > 15
    for one in made:
        assert (one[:, :12] == one[0, 0]).all()
        assert (one[:, 12:] == one[0, -1]).all()


def test_without_mixup_and_cutmix_nothing_is_mixed() -> None:
    assert mixing(OFF, 10) is None


def mixed(recipe: TrainingRecipe, key: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A batch of three plain pictures, the mixed batch, and its targets for four classes."""
    images = torch.tensor([1.0, 10.0, 100.0]).reshape(3, 1, 1, 1).expand(3, 3, 8, 8).contiguous()
    mix = mixing(recipe, 4)
    assert mix is not None
    with drawing_from(key):
        made, targets = mix(images, torch.tensor([0, 1, 3]))
    assert targets.dtype == torch.float32
    assert targets.shape == (3, 4)
    torch.testing.assert_close(targets.sum(1), torch.ones(3))
    return images, made, targets


@pytest.mark.parametrize("key", range(5))
def test_mixup_weights_pictures_and_classes_equally(key: int) -> None:
    images, made, targets = mixed(replace(OFF, mixup=1.0), key)
    own = targets[torch.arange(3), torch.tensor([0, 1, 3])].reshape(3, 1, 1, 1)
    torch.testing.assert_close(made, own * images + (1 - own) * images.roll(1, 0))


@pytest.mark.parametrize("key", range(5))
def test_cutmix_weights_classes_by_their_pixels(key: int) -> None:
    images, made, targets = mixed(replace(OFF, cutmix=1.0), key)
    own = made == images
    assert (own | (made == images.roll(1, 0))).all()
    torch.testing.assert_close(own.float().mean((1, 2, 3)), targets[torch.arange(3), torch.tensor([0, 1, 3])])


def test_with_both_on_each_is_used() -> None:
    recipe = replace(OFF, mixup=1.0, cutmix=1.0)
    cut = [set(mixed(recipe, key)[1].flatten().tolist()) <= {1.0, 10.0, 100.0} for key in range(40)]
    assert 8 < sum(cut) < 32


def test_augmentation_and_mixing_can_be_pickled_for_workers() -> None:
    recipe = replace(KINDS[-1], mixup=0.2, cutmix=1.0)
    for each in (Augmentation(PREPROCESS, recipe), Augmentation(PREPROCESS, OFF), mixing(recipe, 4)):
        assert pickle.loads(pickle.dumps(each)) is not None  # noqa: S301 - our own
