"""Other orders of labels and scales of pixels are found where they are right, and only there."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from edgewise.models.errors import EdgewiseError
from edgewise.models.spec import Pixels, Preprocess, Tensor32
from edgewise.runtime.judge.evaluation import Answers, Pictures, given
from edgewise.runtime.judge.readings import better_order, better_pixels
from edgewise.runtime.judge.stats import Logits
from edgewise.runtime.judge.tally import Side, Tally

CLASSES = 12
LABELS = np.arange(120) % CLASSES
ORDER = tuple(sorted((str(index), index) for index in range(CLASSES)))  # 0, 1, 10, 11, 2, ...
IMAGENET = Preprocess(4, 4)
HALF = replace(IMAGENET, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))


def pictures(order: tuple[tuple[str, int], ...] = ORDER) -> Pictures:
    return replace(given(np.zeros((120, 4, 4, 3), np.uint8), "val"), text_order=order)


def sure(answers: Logits) -> Tensor32:
    logits: Tensor32 = 4 * np.eye(CLASSES, dtype=np.float32)[answers]
    return logits


def of_image_folder() -> Tensor32:
    """Right logits of a network that was trained on folders in the order of their names as text."""
    place = {label: place for place, (_, label) in enumerate(ORDER)}
    return sure(np.asarray([place[label] for label in LABELS.tolist()]))


def side(exact: Tensor32, labels: NDArray[np.int64] | None) -> Side:
    return Tally.of(Answers((exact,), np.arange(120), labels, 0)).side(0)


def ordered(exact: Tensor32, order: tuple[tuple[str, int], ...] = ORDER) -> str | None:
    return better_order(side(exact, LABELS), pictures(order))


def test_labels_in_the_order_of_text_are_found_with_the_figures() -> None:
    line = ordered(of_image_folder())
    assert line is not None
    assert "(0, 1, 10, 11, 2, ...)" in line
    assert "has a top-1 of 100.00 % (95 % interval 96.90 to 100.00) instead of 16.67 %" in line
    assert "pass it with --labels" in line


def test_labels_that_are_right_are_left_alone() -> None:
    assert ordered(sure(LABELS)) is None
    assert ordered(of_image_folder(), ()) is None, "there is no other order"
    assert ordered(sure(np.zeros(120, int))) is None, "both orders are wrong"
    assert better_order(side(sure(LABELS), None), pictures()) is None


def coloured() -> Pictures:
    """Pictures of three colours; the class is the colour's channel and how bright it is, in three steps."""
    pixels = np.zeros((120, 4, 4, 3), np.uint8)
    pixels[np.arange(120), ..., np.arange(120) % 3] = (20 + 8 * (np.arange(120) // 6))[:, None, None]
    steps = pixels.max(axis=(1, 2, 3)) // 64
    return replace(given(pixels, "val"), labels=tuple((np.arange(120) % 3 + 3 * steps).tolist()))


def network(wanted: Preprocess, *, reverse: bool = False) -> "Trained":
    return Trained(wanted, reverse=reverse)


class Trained:
    """Is right about `coloured` if pixels come as `wanted`."""

    def __init__(self, wanted: Preprocess, *, reverse: bool) -> None:
        self.wanted, self.reverse = wanted, reverse

    def __call__(self, batch: Tensor32) -> Tensor32:
        pixels = batch * np.asarray(self.wanted.std, np.float32) + np.asarray(self.wanted.mean, np.float32)
        means = pixels.mean(axis=(1, 2))[:, ::-1] if self.reverse else pixels.mean(axis=(1, 2))
        steps = np.clip(255 * means.max(axis=1) // 64, 0, 3).astype(int)
        return sure(means.argmax(axis=1) + 3 * steps)


@pytest.mark.parametrize(
    ("wanted", "title", "fix"),
    [
        (HALF, "pixels on a scale from -1 to 1", "pass --mean 0.5,0.5,0.5 --std 0.5,0.5,0.5"),
        (
            replace(IMAGENET, mean=(0.0,) * 3, std=(1 / 255,) * 3),
            "pixels on a scale from 0 to 255",
            "pass --mean 0,0,0 --std 0.00392157,0.00392157,0.00392157",
        ),
        (
            replace(IMAGENET, mean=(0.0,) * 3, std=(1.0,) * 3),
            "pixels on a scale from 0 to 1",
            "pass --mean 0,0,0 --std 1,1,1",
        ),
    ],
)
def test_the_scale_that_a_network_was_trained_with_is_found(wanted: Preprocess, title: str, fix: str) -> None:
    counts = []
    line = better_pixels(network(wanted), coloured(), IMAGENET, lambda *count: counts.append(count))
    assert line is not None
    assert line.startswith(f"With {title}, the float model has a top-1 of 100.00 %")
    assert line.endswith(f"on 100 of these pictures; if it was trained so, {fix}")
    assert counts[-1] == (4, 4)


def test_the_scale_of_imagenet_is_found_where_another_was_given() -> None:
    line = better_pixels(network(IMAGENET), coloured(), HALF, lambda *_: None)
    assert line is not None
    assert line.startswith("With pixels normalised by ImageNet's mean and std, the float model has")


def test_reversed_channels_are_found() -> None:
    line = better_pixels(network(IMAGENET, reverse=True), coloured(), IMAGENET, lambda *_: None)
    assert line is not None
    assert line.startswith(
        "With channels in the order blue, green, red, the float model has a top-1 of 100.00 %"
    )


def test_where_nothing_is_better_nothing_is_said() -> None:
    assert better_pixels(network(HALF), coloured(), HALF, lambda *_: None) is None
    constant = sure(np.zeros(1, int))
    assert (
        better_pixels(lambda batch: constant.repeat(len(batch), 0), coloured(), HALF, lambda *_: None) is None
    )


def test_a_scale_that_a_network_cannot_take_is_left_out() -> None:
    right = network(HALF)

    def careful(batch: Tensor32) -> Tensor32:
        if np.abs(batch).max() > 2:
            raise EdgewiseError("logits are not finite")
        return right(batch)

    line = better_pixels(
        careful, coloured(), replace(IMAGENET, mean=(0.0,) * 3, std=(1.0,) * 3), lambda *_: None
    )
    assert line is not None
    assert line.startswith("With pixels on a scale from -1 to 1, the float model has a top-1 of 100.00 %")


def test_the_pictures_that_are_tried_are_of_all_classes() -> None:
    """A folder has them class by class, and there are more than are tried."""
    all_of_them = coloured()
    ordered_by_class = sorted(range(all_of_them.count), key=lambda index: (all_of_them.labels or ())[index])
    seen: list[int] = []

    def read(index: int, preprocess: Preprocess) -> Pixels:
        seen.append(ordered_by_class[index])
        return all_of_them.read(ordered_by_class[index], preprocess)

    shown = replace(
        all_of_them, read=read, labels=tuple((all_of_them.labels or ())[index] for index in ordered_by_class)
    )
    better_pixels(network(HALF), shown, HALF, lambda *_: None)
    assert len({*seen}) == 100
    assert {(all_of_them.labels or ())[index] for index in seen} == {*(all_of_them.labels or ())}
