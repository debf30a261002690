"""Generated pictures: reproducible, independent of each other, and with the documented statistics."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.models.shapes import (
    EVALUATION_SEED,
    FIELDS,
    SHAPES,
    TRAIN_SEED,
    coverage,
    shape_picture,
)
from edgewise.models.synthetic import dead_leaves, radii

SEEDS = st.integers(0, 2**63 - 1)
INDICES = st.integers(0, 2**31)


def _mask(name: str) -> np.ndarray:
    axis = np.linspace(-1.2, 1.2, 128, dtype=np.float32)
    return coverage(FIELDS[name](*np.meshgrid(axis, axis)))


@settings(max_examples=20, deadline=None)
@given(SEEDS, INDICES, st.integers(8, 64))
def test_a_picture_only_depends_on_its_seed_and_index(seed: int, index: int, size: int) -> None:
    leaves, (shape, label) = dead_leaves(size, seed, index), shape_picture(size, seed, index)
    dead_leaves(size, seed, index + 1)
    shape_picture(size, seed, index + 1)
    assert leaves.shape == shape.shape == (size, size, 3)
    assert leaves.dtype == shape.dtype == np.uint8
    np.testing.assert_array_equal(dead_leaves(size, seed, index), leaves)
    np.testing.assert_array_equal(shape_picture(size, seed, index)[0], shape)
    assert label == index % len(SHAPES)


@pytest.mark.parametrize("picture", [dead_leaves, lambda *key: shape_picture(*key)[0]])
def test_no_two_seeds_or_indices_share_a_picture(picture: object) -> None:
    assert callable(picture)
    made = {picture(32, seed, index).tobytes() for seed in range(5) for index in range(0, 120, 12)}
    assert len(made) == 50


def test_radii_follow_the_inverse_cube() -> None:
    smallest, largest, count = 2.0, 50.0, 20_000
    drawn = np.sort(radii(np.random.default_rng(0), count, smallest, largest))
    assert smallest <= drawn[0]
    assert drawn[-1] <= largest
    # The Kolmogorov-Smirnov distance to the integral of r^-3 stays below 1.95 / sqrt(n) at the 0.1 % level.
    expected = (smallest**-2 - drawn**-2) / (smallest**-2 - largest**-2)
    observed = np.arange(1, count + 1) / count
    assert np.abs(observed - expected).max() < 1.95 / np.sqrt(count)


def test_leaves_cover_the_canvas_to_its_border() -> None:
    pictures = np.stack([dead_leaves(128, 0, index) for index in range(16)]).astype(np.float64)
    tiles = pictures.reshape(16, 8, 16, 8, 16, 3).std(axis=(2, 4)).mean(axis=-1).mean(axis=0)
    border = np.concatenate([tiles[0], tiles[-1], tiles[1:-1, 0], tiles[1:-1, -1]])
    assert tiles.min() > 5
    assert border.mean() == pytest.approx(tiles[1:-1, 1:-1].mean(), rel=0.3)


def test_leaves_cover_low_and_high_contrast() -> None:
    spread = np.array([dead_leaves(64, 0, index).std(axis=(0, 1)).mean() for index in range(64)])
    assert spread.min() < 20
    assert spread.max() > 60


def test_no_patch_of_leaves_is_flat() -> None:
    """Where neighbours are equal, rounding errors of INT8 are equal, too."""
    for index in range(16):
        picture = dead_leaves(64, 0, index).astype(int)
        inside = (picture.min(axis=-1) > 0) & (picture.max(axis=-1) < 255)  # elsewhere grain is clipped
        steps = np.diff(picture, axis=0)[inside[1:] & inside[:-1]]
        assert np.mean(steps == 0) < 0.15


def test_leaves_have_the_power_spectrum_of_photographs() -> None:
    """Power falls roughly as f^-2 (D. J. Field, JOSA A 4, 1987); noise would have a slope of 0."""
    size = 128
    pictures = np.stack([dead_leaves(size, 0, index).mean(axis=-1) for index in range(32)])
    window = np.outer(np.hanning(size), np.hanning(size))
    power = np.abs(np.fft.fft2((pictures - pictures.mean(axis=(1, 2), keepdims=True)) * window)) ** 2
    axis = np.fft.fftfreq(size, 1 / size)
    frequency = np.hypot(*np.meshgrid(axis, axis)).round().astype(int)
    radial = np.bincount(frequency.ravel(), power.mean(axis=0).ravel()) / np.bincount(frequency.ravel())
    band = np.arange(3, size // 4)
    slope = np.polyfit(np.log(band), np.log(radial[band]), 1)[0]
    assert -3.2 < slope < -1.5


def test_labels_are_balanced() -> None:
    labels = [shape_picture(16, EVALUATION_SEED, index)[1] for index in range(5 * len(SHAPES))]
    assert np.bincount(labels).tolist() == [5] * len(SHAPES)


def test_training_and_evaluation_share_no_picture() -> None:
    learned, judged = (
        {shape_picture(16, seed, index)[0].tobytes() for index in range(240)}
        for seed in (TRAIN_SEED, EVALUATION_SEED)
    )
    assert not learned & judged


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_has_an_inside_an_outside_and_a_thin_outline(name: str) -> None:
    mask = _mask(name)
    assert 0.15 < mask.mean() < 0.5
    assert max(mask[0].max(), mask[-1].max(), mask[:, 0].max(), mask[:, -1].max()) == 0
    assert 0 < np.mean((mask > 0) & (mask < 1)) < 0.1


def test_no_shape_is_another_one_moved_scaled_and_rotated() -> None:
    """With equal areas and centres and the best rotation, any two still differ in part of their area."""
    turned = {name: _laid_out(name) for name in SHAPES}
    for one, other in itertools.combinations(SHAPES, 2):
        apart = np.abs(turned[one][0] - turned[other]).sum(axis=(1, 2)).min() / turned[one][0].sum()
        assert apart > 0.08, (one, other, apart)


def _laid_out(name: str, turns: int = 72, size: int = 64) -> np.ndarray:
    """(turns, size, size) masks of a shape around its centroid, covering a quarter of the canvas."""
    wide = _mask(name)
    axis = np.linspace(-1.2, 1.2, len(wide))
    centre = np.array([(wide * axis).sum(), (wide * axis[:, None]).sum()]) / wide.sum()
    scale = np.sqrt(wide.mean()) * 2.4
    x, y = np.meshgrid(*[np.linspace(-1, 1, size, dtype=np.float32) * scale] * 2)
    masks = []
    for angle in np.linspace(0, 2 * np.pi, turns, endpoint=False):
        u, v = x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)
        masks.append(coverage(FIELDS[name](u + centre[0], v + centre[1])))
    return np.stack(masks)
