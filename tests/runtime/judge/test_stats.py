"""The evaluation metrics: properties, published values and refusals."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from torchmetrics.classification import MulticlassCalibrationError

from edgewise.models.errors import EdgewiseError, ParityError, UsageError
from edgewise.runtime.judge.stats import (
    SQNR_LIMIT_DB,
    Interval,
    accuracy,
    agreement,
    calibration_error,
    correct,
    parity,
    softmax,
    top_k,
    wilson,
)

Float64 = NDArray[np.float64]

shapes = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=8)
logits = arrays(np.float32, shapes, elements=st.floats(-100, 100, width=32))
tied_logits = arrays(np.float32, shapes, elements=st.sampled_from([0.0, 1.0, 2.0]))
seeds = st.integers(0, 2**32 - 1)


def normal(seed: int, images: int = 20, classes: int = 10) -> Float64:
    return np.random.default_rng(seed).normal(size=(images, classes))


def centred(values: Float64) -> Float64:
    return np.asarray(values - values.mean(axis=1, keepdims=True))


# parity


@given(logits)
def test_a_model_is_at_parity_with_itself(values: Float64) -> None:
    found = parity(values, values)
    assert (found.max_abs, found.max_rel, found.top1, found.count) == (0, 0, 1, len(values))


def test_a_single_logit_near_zero_is_measured_on_the_scale_of_the_others() -> None:
    exact = np.array([[0, 3.0], [0, -2.0], [0, 1e-6]])
    found = parity(exact, exact + np.array([[0, 0], [0, 0], [0, 1e-6]]))
    assert found.max_rel == pytest.approx(5e-7)
    assert parity(exact[2:], exact[2:] * 2).max_rel == pytest.approx(1)


def test_parity_measures_each_image_on_its_own_scale() -> None:
    reference = np.array([[2e7, -1.0, 0.0], [1.0, -4.0, 0.0]])
    candidate = reference + np.array([[0.0, 12.0, 0.0], [0.0, 0.0, 2.0]])
    found = parity(reference, candidate)
    assert found.max_abs == 12
    assert found.max_rel == 2 / 4, "the small image's, not the large difference"
    assert found.top1 == 0.5, "the second image's answer moved from class 0 to class 2"


def test_a_large_difference_of_large_logits_is_relatively_small() -> None:
    reference = np.array([[2e7, 1e7]])
    assert parity(reference, reference + 12).max_rel == pytest.approx(6e-7)


def test_parity_of_an_image_of_zeros_is_a_finite_number() -> None:
    zeros = np.zeros((1, 3), np.float32)
    assert parity(zeros, zeros).max_rel == 0
    assert 1e30 < parity(zeros, zeros + 1).max_rel < np.inf


@pytest.mark.parametrize("compare", [parity, agreement])
@pytest.mark.parametrize(
    ("reference", "candidate", "message"),
    [
        (np.zeros((2, 3)), np.zeros((2, 4)), r"\(2, 3\).*\(2, 4\)"),
        (np.zeros((2, 3)), np.zeros((3, 3)), r"\(2, 3\).*\(3, 3\)"),
        (np.zeros((0, 3)), np.zeros((0, 3)), r"reference logits have shape \(0, 3\)"),
        (np.zeros(3), np.zeros(3), r"reference logits have shape \(3,\)"),
        (np.array([[0, np.nan, np.inf]]), np.zeros((1, 3)), "reference logits: 2 of 3 values"),
        (np.zeros((2, 2)), np.array([[0, 0], [0, -np.inf]]), "candidate logits: 1 of 4 .* image 1"),
        (np.zeros((1, 2)), np.array([[0, 1e300]]), "candidate logits: 1 of 2"),
    ],
)
def test_logits_that_cannot_be_compared_are_refused(compare, reference, candidate, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ParityError, match=message):
        compare(reference, candidate)


# agreement


@given(logits)
def test_a_model_agrees_with_itself(values: Float64) -> None:
    found = agreement(values, values)
    assert (found.top1, found.top1_interval.high, found.cosine, found.worst_cosine) == (1, 1, 1, 1)
    assert (found.sqnr_db, found.worst_image, found.count) == (SQNR_LIMIT_DB, 0, len(values))


@given(logits, logits)
def test_every_agreement_is_within_its_range(reference: Float64, candidate: Float64) -> None:
    candidate = np.resize(candidate, reference.shape)
    found = agreement(reference, candidate)
    low, high = found.top1_interval.low, found.top1_interval.high
    assert 0 <= low <= found.top1 <= high <= 1
    assert -1 <= found.worst_cosine <= 1
    assert -1 <= found.cosine <= 1
    assert abs(found.sqnr_db) <= SQNR_LIMIT_DB


@given(seeds, st.floats(1e-3, 1e3), st.floats(-50, 50))
def test_cosine_ignores_scale_and_a_shift_of_all_classes(seed: int, scale: float, shift: float) -> None:
    reference, candidate = normal(seed), normal(seed + 1)
    plain, moved = agreement(reference, candidate), agreement(reference, scale * candidate + shift)
    assert moved.cosine == pytest.approx(plain.cosine, abs=1e-9)
    assert moved.worst_image == plain.worst_image
    assert agreement(reference, -scale * reference).cosine == pytest.approx(-1)


@given(seeds, st.floats(-40, 120))
def test_sqnr_is_the_ratio_of_the_powers(seed: int, decibels: float) -> None:
    signal, noise = normal(seed), centred(normal(seed + 1))
    wanted = np.sum(centred(signal) ** 2) / 10 ** (decibels / 10)
    noise *= np.sqrt(wanted / np.sum(noise**2))
    assert agreement(signal, signal + noise).sqnr_db == pytest.approx(decibels, abs=1e-3)


def test_sqnr_of_a_uniform_quantizer_follows_the_step() -> None:
    """Rounding to a step s leaves noise of power s^2 / 12 on each logit (Bennett, 1948)."""
    signal = normal(0, 500, 200)
    for step in (0.1, 0.01):
        found = agreement(signal, np.round(signal / step) * step).sqnr_db
        assert found == pytest.approx(10 * np.log10(12 / step**2), abs=0.1)


def test_agreement_pools_over_images_and_names_the_worst() -> None:
    reference = np.array([[3.0, -3.0], [1.0, -1.0], [2.0, -2.0]])
    candidate = np.array([[3.0, -3.0], [-1.0, 1.0], [1.0, -1.0]])
    found = agreement(reference, candidate)
    r, c = reference.ravel(), candidate.ravel()
    assert found.cosine == pytest.approx(r @ c / np.sqrt((r @ r) * (c @ c)))
    assert found.sqnr_db == pytest.approx(10 * np.log10(r @ r / ((r - c) @ (r - c))))
    assert (found.worst_image, found.worst_cosine, found.count) == (1, -1, 3)
    assert found.top1 == pytest.approx(2 / 3)


@given(st.floats(-1e3, 1e3), st.integers(2, 1000))
@example(0.1, 10)  # the float64 mean of which is not 0.1
def test_a_constant_output_has_no_signal(value: float, classes: int) -> None:
    dead, alive = np.full((3, classes), value), normal(0, 3, classes)
    for reference, candidate, decibels in ((dead, alive, -SQNR_LIMIT_DB), (alive, dead, 0.0)):
        found = agreement(reference, candidate)
        assert (found.cosine, found.worst_cosine, found.worst_image) == (0, 0, 0)
        assert found.sqnr_db == pytest.approx(decibels)
    assert agreement(dead, dead + 1).cosine == 1
    assert agreement(dead, dead + 1).sqnr_db == SQNR_LIMIT_DB


def test_agreement_does_not_depend_on_blocks() -> None:
    reference, candidate = normal(0, 3000, 3), normal(1, 3000, 3)
    r, c = centred(reference), centred(candidate)
    found = agreement(reference, candidate)
    assert found.cosine == pytest.approx(np.sum(r * c) / np.sqrt(np.sum(r * r) * np.sum(c * c)))
    own = np.sum(r * c, axis=1) / np.sqrt(np.sum(r * r, axis=1) * np.sum(c * c, axis=1))
    assert found.worst_image == own.argmin()
    assert found.worst_cosine == pytest.approx(own.min())


# accuracy


def test_accuracy_counts_first_and_first_five() -> None:
    values = np.tile(np.arange(10.0), (4, 1))  # the ranking of every image is 9, 8, 7, 6, 5, 4, ...
    labels = [9, 5, 4, 9]
    found = accuracy(values, labels)
    assert (found.top1, found.top5, found.count) == (0.5, 0.75, 4)
    assert found.top1_interval == wilson(2, 4)
    assert correct(values, labels).tolist() == [True, False, False, True]


@given(tied_logits, seeds)
def test_accuracy_breaks_ties_as_top_k_does(values: Float64, seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, values.shape[1], len(values))
    order = top_k(values, 5)
    assert accuracy(values, labels).top5 == np.mean((order == labels[:, None]).any(axis=1))
    assert correct(values, labels).tolist() == (order[:, 0] == labels).tolist()
    assert order[:, 0].tolist() == values.argmax(axis=1).tolist()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0], "must be 2 class indices"),
        ([0.0, 1.0], "float64"),
        ([0, 3], "from 0 to 3 but .* 0 to 2"),
        ([-1, 0], "from -1 to 0"),
    ],
)
def test_labels_that_do_not_match_are_refused(labels: list[int], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        accuracy(np.zeros((2, 3)), labels)


def test_nan_logits_are_refused() -> None:
    with pytest.raises(EdgewiseError, match="logits: 3 of 6 values"):
        correct(np.array([[np.nan] * 3, [1.0, 0, 0]]), [0, 0])


# Wilson, softmax, top_k


@pytest.mark.parametrize(
    ("successes", "count", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_matches_the_published_intervals(successes: int, count: int, low: float, high: float) -> None:
    """Newcombe, Statistics in Medicine 17:857-872, 1998, table I, method 3."""
    found = wilson(successes, count)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@given(st.integers(1, 10**6), st.floats(0, 1))
@example(13, 1.0)  # its upper bound would be rounded to just below 1
def test_wilson_contains_the_proportion_and_is_symmetric(count: int, share: float) -> None:
    successes = round(share * count)
    found, mirrored = wilson(successes, count), wilson(count - successes, count)
    assert 0 <= found.low <= successes / count <= found.high <= 1
    assert (found.low, found.high) == pytest.approx((1 - mirrored.high, 1 - mirrored.low))


@given(logits, st.floats(-1e30, 1e30))
def test_softmax_is_a_distribution_invariant_to_shifts(values: Float64, shift: float) -> None:
    found = softmax(values)
    assert found.sum(axis=1) == pytest.approx(1)
    assert (found >= 0).all()
    assert np.isfinite(softmax(values + shift)).all()
    assert softmax(values + np.float32(8)) == pytest.approx(found, rel=1e-4, abs=1e-30)


def test_softmax_of_known_odds() -> None:
    assert softmax(np.log(np.array([1.0, 2.0, 5.0]))) == pytest.approx([0.125, 0.25, 0.625])


@given(tied_logits, st.integers(1, 10))
def test_top_k_sorts_by_logit_then_by_class(values: Float64, k: int) -> None:
    for row, found in zip(values, top_k(values, k), strict=True):
        assert found.tolist() == sorted(range(len(row)), key=lambda i: (-row[i], i))[:k]


@given(logits)
def test_every_record_is_json(values: Float64) -> None:
    other = np.zeros_like(values)
    labels = np.zeros(len(values), np.int64)
    for record in (parity(other, values), agreement(other, values), accuracy(values, labels)):
        text = json.dumps(asdict(record), allow_nan=False)
        assert json.loads(text)["count"] == len(values)
    assert asdict(Interval(0.0, 1.0)) == {"low": 0.0, "high": 1.0}


# calibration


@given(seeds, st.integers(1, 40), st.integers(2, 9))
def test_calibration_error_matches_torchmetrics(seed: int, images: int, classes: int) -> None:
    # A random half of the answers is more confident than the other half.
    values = normal(seed, images, classes) * np.where(np.arange(images) % 2, 1, 4)[:, None]
    labels = np.random.default_rng(seed).integers(0, classes, images)
    metric = MulticlassCalibrationError(num_classes=classes, n_bins=15, norm="l1")
    expected = metric(torch.from_numpy(softmax(values)), torch.from_numpy(labels))
    assert calibration_error(values, labels) == pytest.approx(expected.item(), abs=1e-6)


def test_an_overconfident_network_has_a_calibration_error() -> None:
    values = np.tile([[1000.0, 0.0]], (10, 1))
    assert calibration_error(values, [0, 1] * 5) == pytest.approx(0.5)
    assert calibration_error(values, [0] * 10) == 0


def test_a_calibrated_network_has_no_calibration_error() -> None:
    values = np.tile(np.log([[0.75, 0.25]]), (8, 1))
    assert calibration_error(values, [0, 0, 0, 1] * 2) == pytest.approx(0, abs=1e-12)


def test_errors_cancel_within_a_bin_but_not_across_bins() -> None:
    values = np.log([[0.7, 0.3], [0.9, 0.1]])
    assert calibration_error(values, [0, 0], bins=1) == pytest.approx(0.2)
    assert calibration_error(values, [1, 0], bins=1) == pytest.approx(0.3)
    assert calibration_error(values, [1, 0], bins=10) == pytest.approx((0.7 + 0.1) / 2)


def test_calibration_error_checks_the_labels() -> None:
    with pytest.raises(UsageError, match="labels run from 0 to 2"):
        calibration_error(np.zeros((2, 2)), [0, 2])
