"""Generates pictures from a seed, for calibration when no photographs are available.

The dead-leaves model (A. B. Lee, D. Mumford and J. Huang, "Occlusion models for natural images", IJCV 41,
2001) stacks discs with radius density r^-3. Unlike noise, the result has edges and flat patches at every
scale, as photographs do.

As in photographs, no patch is perfectly flat. In a flat patch the rounding errors of INT8 are the same
everywhere and do not average out, so means taken from it are those of no photograph. Calibrated by leaves
without grain, MobileNetV2's INT8 TFLite file keeps a logit cosine of .9934 on 400 photographs, with grain
.9963, and calibrated by 100 other photographs .9965 (`benchmarks/fidelity.md`).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from .sizes import Size, both
from .spec import Pixels

_COUNTS = (8, 500)  # leaves per picture
_SMALLEST = (1 / 85, 1 / 4)  # smallest radius, as a fraction of the picture's side
_GRAIN = (4, 16)  # standard deviation of the noise, in 8-bit levels
_BLURS = (1 / 850, 1 / 85)  # standard deviation of the blur, as a fraction of the picture's side


@dataclass(frozen=True, slots=True)
class Style:
    """The look of the leaves: radii and blur as fractions of the picture's side, contrast in 8-bit levels."""

    smallest: float = 1 / 48
    largest: float = 1 / 2
    blur: float = 1 / 400
    contrast: tuple[float, float] = (12, 160)  # bounds for half the range of the colours
    saturation: tuple[float, float] = (0.1, 1.0)


def generator(seed: int, index: int) -> np.random.Generator:
    """The random stream of picture `index`, independent of the pictures generated before it."""
    return np.random.default_rng([seed, index])


def dead_leaves(size: Size, seed: int, index: int) -> Pixels:
    """Picture `index` of the endless set `seed`: (H, W, 3) uint8, cut from a square.

    Pictures differ in the number, size, sharpness, contrast and grain of their leaves. In MobileNetV2 this
    variety covers the range of every layer as photographs do; 1,000 uniformly small leaves only cover half
    the range of the last layers.
    """
    rng = generator(seed, index)
    style = Style(_between(rng, *_SMALLEST), 1.0, _between(rng, *_BLURS), (60, 250), (0.5, 1.0))
    height, width = both(size)
    picture = leaves(rng, max(height, width), round(_between(rng, *_COUNTS)), style)[:height, :width]
    grain = rng.normal(0, _between(rng, *_GRAIN), picture.shape)
    return np.clip(picture + grain, 0, 255).round().astype(np.uint8)


def leaves(rng: np.random.Generator, size: int, count: int, style: Style = Style()) -> Pixels:
    """`count` overlapping discs on a `size` by `size` canvas, blurred: (size, size, 3) uint8.

    Each picture has its own brightness, contrast and saturation.
    """
    reach = style.largest * size
    radius = radii(rng, count, style.smallest * size, reach)
    # Centres may be outside the canvas; otherwise its border would be covered less than its middle.
    margin = np.minimum(radius, reach / 2)[:, None]
    centre = -margin + rng.random((count, 2)) * (size + 2 * margin)
    boxes = np.hstack([centre - radius[:, None], centre + radius[:, None]]).tolist()
    ground, *colours = map(tuple, _colours(rng, count + 1, style).tolist())
    canvas = Image.new("RGB", (size, size), ground)
    draw = ImageDraw.Draw(canvas)
    for box, colour in zip(boxes, colours, strict=True):
        draw.ellipse(box, fill=colour)
    return np.asarray(canvas.filter(ImageFilter.GaussianBlur(style.blur * size)), np.uint8)


def radii(rng: np.random.Generator, count: int, smallest: float, largest: float) -> NDArray[np.float64]:
    """(count,) radii with density proportional to r^-3 between two bounds, by inversion."""
    near, far = smallest**-2, largest**-2
    return (near - rng.random(count) * (near - far)) ** -0.5


def _colours(rng: np.random.Generator, count: int, style: Style) -> NDArray[np.uint8]:
    """(count, 3) colours that share one brightness, contrast and saturation."""
    contrast = _between(rng, *style.contrast)
    saturation = rng.uniform(*style.saturation)
    grey = rng.uniform(60, 196) + contrast * rng.uniform(-1, 1, (count, 1))
    tint = rng.uniform(-24, 24, 3) + contrast * saturation * rng.uniform(-1, 1, (count, 3))
    return np.clip(grey + tint, 0, 255).astype(np.uint8)


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    """A log-uniform number between two bounds."""
    return math.exp(rng.uniform(math.log(low), math.log(high)))
