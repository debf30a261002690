"""Augmentation: pictures cut, flipped, recoloured and mixed at random, each draw from a stream of its own.

The steps are torchvision's, on Pillow's pictures: that is the arithmetic of the evaluation crop, offers
bicubic rotation, which tensors lack, and at these sizes is faster than 8-bit tensors.
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


class Augmentation:
    """Makes what the network is taught of a picture; with everything off, that is the evaluation's crop."""

    def __init__(self, preprocess: Preprocess, recipe: TrainingRecipe) -> None:
        from torchvision.transforms import v2

        self._steps = v2.Compose(list(_steps(preprocess, recipe)))

    def __call__(self, image: Image.Image, *key: int) -> Pixels:
        """An RGB picture of any size to (size, size, 3) uint8; the same `key` draws the same."""
        with drawing_from(*key):
            return np.asarray(self._steps(image), np.uint8)


def mixing(recipe: TrainingRecipe, classes: int) -> "Mixing | None":
    """Mixup or cutmix of a batch, either as often where both are on; None where neither is.

    It takes (N, 3, S, S) pictures and (N,) classes, gives pictures and (N, classes) shares that sum to one,
    and draws from torch's generator.
    """
    from torchvision.transforms import v2

    kinds = {v2.MixUp: recipe.mixup, v2.CutMix: recipe.cutmix}
    chosen = [kind(alpha=alpha, num_classes=classes) for kind, alpha in kinds.items() if alpha]
    return v2.RandomChoice(chosen) if chosen else None


@contextmanager
def drawing_from(*key: int) -> Iterator[None]:
    """Let torch's CPU generator, from which torchvision draws, begin at `key`; afterwards it is as before."""
    import torch

    with torch.random.fork_rng(devices=[]):
        # Not torch.manual_seed: that would reach for the GPUs, whose dropout would then repeat itself.
        torch.default_generator.manual_seed(int(np.random.SeedSequence(key).generate_state(1)[0]))
        yield


def _steps(preprocess: Preprocess, recipe: TrainingRecipe) -> Iterator[Any]:
    """The transforms that `recipe` turns on, in their order."""
    from torchvision.transforms import v2

    way, strength = preprocess.interpolation, recipe.colour_jitter
    if recipe.crop < 1:
        yield v2.RandomResizedCrop(preprocess.size, (recipe.crop, 1.0), interpolation=way)
    else:
        yield v2.Lambda(partial(_evaluation_crop, preprocess))
    if recipe.flip:
        yield v2.RandomHorizontalFlip(recipe.flip)
    if strength:
        yield v2.ColorJitter(brightness=strength, contrast=strength, saturation=strength)
    if recipe.randaugment:
        # What turns and shears lay bare is then nought to the network, as its own padding is.
        fill = [round(255 * mean) for mean in preprocess.mean]
        yield v2.RandAugment(magnitude=recipe.randaugment, interpolation=way, fill=fill)


def _evaluation_crop(preprocess: Preprocess, image: Image.Image) -> Image.Image:
    return Image.fromarray(preprocess.crop(image))
