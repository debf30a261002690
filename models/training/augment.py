"""Augmentation: random crops, flips, colour changes and mixing, each draw seeded by its own key.

The transforms are torchvision's, on Pillow images: the same arithmetic as the evaluation crop, with bicubic
rotation, which tensors lack, and at these sizes faster than on 8-bit tensors.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from PIL import Image

from ..spec import Pixels, Preprocess
from .recipe import TrainingRecipe

if TYPE_CHECKING:
    from torch import Tensor

    Mixing: TypeAlias = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

_TURNING = ("nearest", "bilinear", "bicubic")  # Pillow's filters that rotate and shear
_RATIOS = (3 / 4, 4 / 3)  # width to height of a random crop, relative to the network's input; the usual ones


class Augmentation:
    """Augments pictures for training; with every augmentation off, this is the evaluation crop."""

    def __init__(self, preprocess: Preprocess, recipe: TrainingRecipe) -> None:
        from torchvision.transforms import v2

        self._steps = v2.Compose(list(_steps(preprocess, recipe)))
        self._shape = preprocess.shape

    def __call__(self, image: Image.Image, *key: int) -> Pixels:
        """Turn an RGB picture into uint8 of `Preprocess.shape`; the result only depends on `key`."""
        with drawing_from(*key):
            return np.asarray(self._steps(image), np.uint8).reshape(self._shape)


def mixing(recipe: TrainingRecipe, classes: int) -> "Mixing | None":
    """Mixup or cutmix for a batch, chosen with equal probability if both are on; None if neither is.

    It maps (N, C, H, W) pictures and (N,) classes to pictures and (N, classes) targets that sum to one, and
    draws from torch's generator.
    """
    from torchvision.transforms import v2

    kinds = {v2.MixUp: recipe.mixup, v2.CutMix: recipe.cutmix}
    chosen = [kind(alpha=alpha, num_classes=classes) for kind, alpha in kinds.items() if alpha]
    return v2.RandomChoice(chosen) if chosen else None


@contextmanager
def drawing_from(*key: int) -> Iterator[None]:
    """Seed torch's CPU generator, which torchvision draws from, with `key`, and restore it afterwards."""
    import torch

    with torch.random.fork_rng(devices=[]):
        # torch.manual_seed would also reset the GPU generators, and dropout would repeat itself.
        torch.default_generator.manual_seed(int(np.random.SeedSequence(key).generate_state(1)[0]))
        yield


def _steps(preprocess: Preprocess, recipe: TrainingRecipe) -> Iterator[Any]:
    """The transforms that `recipe` enables, in order."""
    from torchvision.transforms import v2

    way, strength = v2.InterpolationMode(preprocess.interpolation), recipe.colour_jitter
    if preprocess.channels == 1:
        yield v2.Grayscale()
    if recipe.crop < 1:
        if not isinstance(preprocess.resize, int):
            yield v2.Resize(preprocess.resize, way)
        height, width, _ = preprocess.shape
        ratios = [ratio * width / height for ratio in _RATIOS]
        yield v2.RandomResizedCrop((height, width), (recipe.crop, 1.0), ratios, way)
    else:
        yield v2.Lambda(partial(_evaluation_crop, preprocess))
    if recipe.flip:
        yield v2.RandomHorizontalFlip(recipe.flip)
    if strength:
        yield v2.ColorJitter(brightness=strength, contrast=strength, saturation=strength)
    if recipe.randaugment:
        # Areas uncovered by rotation and shear get the mean colour: zero after normalisation, like padding.
        fill = [round(255 * mean) for mean in preprocess.mean]
        turning = way if way.value in _TURNING else v2.InterpolationMode.BILINEAR
        yield v2.RandAugment(magnitude=recipe.randaugment, interpolation=turning, fill=fill)


def _evaluation_crop(preprocess: Preprocess, image: Image.Image) -> Image.Image:
    pixels = preprocess.crop(image)
    return Image.fromarray(pixels[..., 0] if preprocess.channels == 1 else pixels)
