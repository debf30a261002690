"""Pictures made from nothing but a seed, for calibration where no photographs are at hand.

The dead-leaves model (A. B. Lee, D. Mumford and J. Huang, "Occlusion models for natural images",
IJCV 41, 2001) drops discs with radius density r^-3 on top of each other. What remains visible has
edges and flat patches at every scale, as photographs have, and noise has not.
"""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from .spec import Pixels

_LEAVES = 1000
_SMALLEST, _LARGEST = 1 / 48, 1 / 2  # disc radius as a part of the picture's side
_BLUR = 1 / 400  # standard deviation, likewise


def generator(seed: int, index: int) -> np.random.Generator:
    """The random stream of picture `index` alone, whatever was made before it."""
    return np.random.default_rng([seed, index])


def dead_leaves(size: int, seed: int, index: int) -> Pixels:
    """Picture `index` of the endless set `seed`: (size, size, 3) uint8."""
    return leaves(generator(seed, index), size)


def leaves(rng: np.random.Generator, size: int, count: int = _LEAVES) -> Pixels:
    """`count` overlapping discs on a `size` by `size` canvas, lightly blurred.

    The default count covers the canvas about nine times over; what is left shows one more leaf, the
    ground. Each picture has its own brightness, contrast and saturation.
    """
    reach = _LARGEST * size
    radius = radii(rng, count, _SMALLEST * size, reach)
    # Centres may lie outside, or else the border would be covered less than the middle.
    margin = np.minimum(radius, reach / 2)[:, None]
    centre = -margin + rng.random((count, 2)) * (size + 2 * margin)
    boxes = np.hstack([centre - radius[:, None], centre + radius[:, None]]).tolist()
    ground, *colours = map(tuple, _colours(rng, count + 1).tolist())
    canvas = Image.new("RGB", (size, size), ground)
    draw = ImageDraw.Draw(canvas)
    for box, colour in zip(boxes, colours, strict=True):
        draw.ellipse(box, fill=colour)
    return np.asarray(canvas.filter(ImageFilter.GaussianBlur(_BLUR * size)), np.uint8)


def radii(rng: np.random.Generator, count: int, smallest: float, largest: float) -> NDArray[np.float64]:
    """(count,) radii with density proportional to r^-3 between two bounds, by inversion."""
    near, far = smallest**-2, largest**-2
    return (near - rng.random(count) * (near - far)) ** -0.5


def _colours(rng: np.random.Generator, count: int) -> NDArray[np.uint8]:
    """(count, 3) colours that share one brightness, contrast and saturation."""
    contrast = math.exp(rng.uniform(math.log(12), math.log(160)))  # half width, in levels of 256
    saturation = rng.uniform(0.1, 1.0)
    grey = rng.uniform(60, 196) + contrast * rng.uniform(-1, 1, (count, 1))
    tint = rng.uniform(-24, 24, 3) + contrast * saturation * rng.uniform(-1, 1, (count, 3))
    return np.clip(grey + tint, 0, 255).astype(np.uint8)
