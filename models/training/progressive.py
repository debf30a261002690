"""Progressive resizing: the first epochs see small pictures, which cost a fraction and teach nearly as much.

From M. Tan and Q. Le, "EfficientNetV2: Smaller models and faster training", arXiv:2104.00298, section 4.2.
"""

from typing import TYPE_CHECKING

from ..errors import UsageError
from .recipe import TrainingRecipe

if TYPE_CHECKING:
    from torch import Tensor, nn

_MULTIPLE = 16  # pixels: most networks halve their pictures four or five times
_GROWING = 0.75  # part of the epochs; the rest, at full size, also settles the batch statistics


def side(recipe: TrainingRecipe, epoch: int, full: int) -> int:
    """The side in pixels of what is seen in an epoch, counted from 0, of a training at `full` pixels."""
    growing = recipe.epochs * _GROWING
    share = recipe.progressive + (1 - recipe.progressive) * epoch / growing
    if epoch >= growing or share >= 1:
        return full
    return min(full, max(_MULTIPLE, round(share * full / _MULTIPLE) * _MULTIPLE))


def shrunk(images: "Tensor", to: int) -> "Tensor":
    """(N, 3, S, S) pictures with sides of `to` pixels."""
    from torch.nn import functional

    if images.shape[-1] == to:
        return images
    return functional.interpolate(images, (to, to), mode="bilinear", antialias=True)


def check(network: "nn.Module", recipe: TrainingRecipe, full: int) -> None:
    """Try the smallest pictures on the network.

    Raises:
        UsageError: it does not take them, as most transformers do not.
    """
    import torch

    smallest, training = side(recipe, 0, full), network.training
    try:
        with torch.inference_mode():
            network.eval()(torch.zeros(1, 3, smallest, smallest))
    except (RuntimeError, AssertionError, ValueError) as error:
        raise UsageError(
            f"--progressive {recipe.progressive:g}: this network takes no pictures of {smallest} pixels "
            f"({str(error).splitlines()[0]}); give a larger part, or leave the option out"
        ) from error
    finally:
        network.train(training)
