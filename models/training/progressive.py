"""Progressive resizing: the first epochs use small pictures, which are cheaper and nearly as effective.

From M. Tan and Q. Le, "EfficientNetV2: Smaller models and faster training", arXiv:2104.00298, section 4.2.
"""

from typing import TYPE_CHECKING

from ..errors import UsageError
from ..sizes import Shape, planes
from .recipe import TrainingRecipe

if TYPE_CHECKING:
    from torch import Tensor, nn

_MULTIPLE = 16  # pixels: most networks halve their input four or five times
_GROWING = 0.75  # fraction of the epochs; the rest, at full size, also adapts the batch statistics


def sides(recipe: TrainingRecipe, epoch: int, full: tuple[int, int]) -> tuple[int, int]:
    """The height and width of the pictures in an epoch (from 0) of a training with pictures of `full`."""
    height, width = (side(recipe, epoch, length) for length in full)
    return height, width


def side(recipe: TrainingRecipe, epoch: int, full: int) -> int:
    """One of the `sides`."""
    growing = recipe.epochs * _GROWING
    share = recipe.progressive + (1 - recipe.progressive) * epoch / growing
    if epoch >= growing or share >= 1:
        return full
    return min(full, max(_MULTIPLE, round(share * full / _MULTIPLE) * _MULTIPLE))


def shrunk(images: "Tensor", to: tuple[int, int]) -> "Tensor":
    """Resize (N, C, H, W) pictures to the height and width `to`."""
    from torch.nn import functional

    if tuple(images.shape[-2:]) == to:
        return images
    return functional.interpolate(images, to, mode="bilinear", antialias=True)


def check(network: "nn.Module", recipe: TrainingRecipe, full: Shape) -> None:
    """Run the network on the smallest pictures of a training with pictures of the shape `full`.

    Raises:
        UsageError: it does not accept them, as with most transformers.
    """
    import torch

    (height, width), training = sides(recipe, 0, full[:2]), network.training
    try:
        with torch.inference_mode():
            network.eval()(torch.zeros(planes((height, width, full[2]), 1)))
    except (RuntimeError, AssertionError, ValueError) as error:
        raise UsageError(
            f"--progressive {recipe.progressive:g}: this network does not accept pictures of {height} x "
            f"{width} pixels ({str(error).splitlines()[0]}); increase the value or omit the option"
        ) from error
    finally:
        network.train(training)
