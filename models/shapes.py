"""The labelled pictures for training and validating the bundled checkpoint: twelve shapes in clutter.

A shape is a function on the plane, negative inside and zero on the outline. Each picture shows one shape with
random pose, colour and exposure on a random background, partly hidden, blurred and noisy. These are not
photographs, but a task that needs no download and no licence, on which a small network reaches about 99 %,
and 96 % on its most cluttered quarter.
"""

# numpy's stubs let most functions called here return Any.
# mypy: disable-error-code=no-any-return

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from .spec import Pixels
from .synthetic import generator, leaves

Plane: TypeAlias = NDArray[np.floating[Any]]  # (S, S), one value per pixel; float32 in, float32 out
Field: TypeAlias = Callable[[Plane, Plane], Plane]
Levels: TypeAlias = NDArray[np.floating[Any]]  # (..., 3), colours from 0 to 255

# Different random streams, so that training and validation never share a picture.
TRAIN_SEED = 1
EVALUATION_SEED = 2
EVALUATION_CLUTTER = 0.75  # validate on the most cluttered quarter only: the rest is nearly always correct


def _disc(x: Plane, y: Plane) -> Plane:
    return np.hypot(x, y) - 0.8


def _ring(x: Plane, y: Plane) -> Plane:
    return np.abs(np.hypot(x, y) - 0.62) - 0.22


def _half(x: Plane, y: Plane) -> Plane:
    return np.maximum(np.hypot(x, y - 0.4) - 0.95, y - 0.4)


def _crescent(x: Plane, y: Plane) -> Plane:
    return np.maximum(np.hypot(x, y) - 0.9, 0.75 - np.hypot(x - 0.5, y))


def _drop(x: Plane, y: Plane) -> Plane:
    ball = np.hypot(x, y - 0.35) - 0.55
    cone = np.maximum(0.906 * np.abs(x) - 0.423 * (y + 0.95), y - 0.117)  # touches the ball at y = 0.117
    return np.minimum(ball, cone)


def _heart(x: Plane, y: Plane) -> Plane:
    return np.hypot(x, y + 0.25 - 0.75 * np.sqrt(np.abs(x))) - 0.8


def _polygon(corners: int) -> Field:
    sector = 2 * np.pi / corners

    def field(x: Plane, y: Plane) -> Plane:
        folded = np.arctan2(x, y) % sector - sector / 2
        return np.hypot(x, y) * np.cos(folded) - 0.95 * np.cos(sector / 2)

    return field


def _star(x: Plane, y: Plane) -> Plane:
    half = np.pi / 5
    radius, folded = np.hypot(x, y), np.abs(np.arctan2(x, y) % (2 * half) - half)
    along, across = radius * np.cos(folded), radius * np.sin(folded)
    # The edge from the tip, half a sector away, to the inner corner straight ahead.
    inner, tip = np.array([0.42, 0.0]), np.array([np.cos(half), np.sin(half)])
    edge = (tip - inner) / np.hypot(*(tip - inner))
    return (along - inner[0]) * edge[1] - across * edge[0]


def _cross(x: Plane, y: Plane) -> Plane:
    wide, high = np.abs(x), np.abs(y)
    return np.maximum(np.minimum(wide, high) - 0.28, np.maximum(wide, high) - 0.9)


def _arrow(x: Plane, y: Plane) -> Plane:
    wide = np.abs(x)
    head = np.maximum(0.75 * wide + 0.6 * (y - 0.9), -y)
    shaft = np.maximum(wide - 0.24, np.abs(y + 0.4) - 0.5)
    return np.minimum(head, shaft)


FIELDS: dict[str, Field] = {
    "disc": _disc,
    "ring": _ring,
    "half disc": _half,
    "crescent": _crescent,
    "drop": _drop,
    "heart": _heart,
    "triangle": _polygon(3),
    "square": _polygon(4),
    "pentagon": _polygon(5),
    "star": _star,
    "cross": _cross,
    "arrow": _arrow,
}
SHAPES = tuple(FIELDS)


def shape_picture(size: int, seed: int, index: int, least_clutter: float = 0.0) -> tuple[Pixels, int]:
    """Picture `index` of the endless set `seed`, (size, size, 3) uint8, and its label.

    Labels cycle through the classes, so that any whole number of cycles is balanced. Clutter is uniform
    between `least_clutter` and 1: easy pictures help a network to start learning, hard ones show its limits.
    """
    rng, label = generator(seed, index), index % len(SHAPES)
    clutter = least_clutter + (1 - least_clutter) * rng.random()
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    ground = rng.uniform(0, 255, 3).astype(np.float32)
    # Modulo 256, an offset between d and 128 keeps the two levels at least d apart.
    turn = rng.uniform(90 - 65 * clutter, 128, 3).astype(np.float32)
    paint = (ground + turn) % 256
    inside = coverage(FIELDS[SHAPES[label]](*_pose(rng, x, y, clutter)))[..., None]
    picture = _texture(rng, x, y, ground, clutter)
    picture += inside * (_texture(rng, x, y, paint, clutter) - picture)
    canvas = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    _scribble(rng, canvas, clutter)
    canvas = canvas.filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.015) * clutter * size))
    return _expose(rng, np.asarray(canvas, np.float32), clutter), label


def coverage(field: Plane) -> Plane:
    """The share of each pixel that is inside, 0 to 1: field divided by slope is the distance in pixels."""
    slope = np.hypot(*np.gradient(field))
    return np.clip(0.5 - field / np.maximum(slope, 1e-6), 0, 1).astype(np.float32)


def _pose(rng: np.random.Generator, x: Plane, y: Plane, clutter: float) -> tuple[Plane, Plane]:
    """Map picture coordinates to the shape's plane: scale, rotation, shear, shift, perspective."""
    scale, turn = rng.uniform(0.4, 0.8), rng.uniform(0, 2 * np.pi)
    shift = rng.uniform(-1, 1, 2) * (1 - 0.85 * scale)
    shear = np.eye(2) + clutter * rng.uniform(-0.2, 0.2, (2, 2))
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    (a, b), (c, d) = (shear @ rotation / scale).astype(np.float32)
    u, v = x - np.float32(shift[0]), y - np.float32(shift[1])
    p, q = (clutter * rng.uniform(-0.25, 0.25, 2) / scale).astype(np.float32)
    depth = np.maximum(1 + p * u + q * v, 0.2)
    return (a * u + b * v) / depth, (c * u + d * v) / depth


def _texture(rng: np.random.Generator, x: Plane, y: Plane, colour: Levels, clutter: float) -> Levels:
    """(S, S, 3) levels around `colour`: plain, a gradient, stripes, clouds or dead leaves."""
    size = len(x)
    kind = rng.choice(["gradient", "stripes", "clouds", "leaves"]) if rng.random() < clutter else "plain"
    strength, turn = rng.uniform(0.2, 1) * clutter, rng.uniform(0, 2 * np.pi)
    if kind == "leaves":
        mottle = leaves(rng, size, 150).astype(np.float32)
        return colour + np.float32(0.7 * strength) * (mottle - mottle.mean(axis=(0, 1)))
    along = x * np.float32(np.cos(turn)) + y * np.float32(np.sin(turn))
    if kind == "stripes":
        pattern = np.clip(rng.uniform(1, 4) * np.sin(np.float32(rng.uniform(8, 40)) * along), -1, 1)
    elif kind == "clouds":
        coarse = rng.normal(0, 0.7, (rng.integers(4, 24),) * 2).astype(np.float32)
        pattern = np.asarray(Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC))
    else:
        pattern = along if kind == "gradient" else np.zeros_like(x)
    return colour + pattern[..., None] * (60 * strength * rng.uniform(-1, 1, 3)).astype(np.float32)


def _scribble(rng: np.random.Generator, canvas: Image.Image, clutter: float) -> None:
    """Draw strokes and blobs on top, which may hide a part of the shape."""
    draw, size = ImageDraw.Draw(canvas), canvas.width
    for _ in range(rng.binomial(7, 0.8 * clutter)):
        colour = tuple(rng.integers(0, 256, 3).tolist())
        x, y, dx, dy = (rng.random(4) * (size, size, 0.5 * size, 0.5 * size)).tolist()
        if rng.random() < 0.5:
            draw.line((x - dx, y - dy, x + dx, y + dy), colour, int(rng.integers(1, 2 + size // 32)))
        else:
            draw.ellipse((x, y, x + dx / 3, y + dy / 3), colour)


def _expose(rng: np.random.Generator, levels: Levels, clutter: float) -> Pixels:
    """Apply contrast, brightness and sensor noise."""
    gain = np.float32(1 + clutter * rng.uniform(-0.5, 0.2))
    offset = np.float32(128 * (1 - gain) + clutter * rng.uniform(-40, 40))
    grain = np.float32(clutter * rng.uniform(0, 20)) * rng.standard_normal(levels.shape, np.float32)
    return np.clip(gain * levels + offset + grain, 0, 255).astype(np.uint8)
