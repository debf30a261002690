"""Sessions found by target, and inputs and outputs that every session refuses."""

from pathlib import Path

import numpy as np
import pytest

from edgewise.export.artifact import Artifact
from edgewise.models.errors import EdgewiseError, ParityError
from edgewise.models.spec import Tensor32
from edgewise.runtime import accepted, checked, open_session
from edgewise.runtime.tflite.session import TfliteSession


def test_one_logit_is_that_of_the_second_of_two_classes() -> None:
    found = checked(np.array([[1.5], [-2]], np.float32), 2)
    assert found.tolist() == [[0, 1.5], [0, -2]]
    assert found.dtype == np.float32


def test_a_session_is_opened_by_its_target(tiny_float: Artifact, tiny_pictures: Tensor32) -> None:
    session = open_session(tiny_float.path, "tflite")
    assert isinstance(session, TfliteSession)
    assert session(tiny_pictures[:2]).shape == (2, 6)


def test_an_unknown_target_names_the_file_to_add() -> None:
    with pytest.raises(EdgewiseError, match=r"add runtime/tensorrt\.py"):
        open_session(Path("model"), "tensorrt")


@pytest.mark.parametrize("shape", [(3,), (2, 4), (3, 0), (3, 4, 1)])
def test_logits_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ParityError, match="for 3 pictures"):
        checked(np.zeros(shape, np.float32), 3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_finite_are_refused(value: float) -> None:
    logits = np.zeros((3, 4), np.float32)
    assert checked(logits, 3) is logits
    logits[1, 2] = value
    with pytest.raises(ParityError, match="NaN or infinity"):
        checked(logits, 3)


def test_valid_pictures_are_accepted(tiny_pictures: Tensor32) -> None:
    assert accepted(tiny_pictures, (32, 32, 3)) is tiny_pictures


@pytest.mark.parametrize(
    ("batch", "found"),
    [
        (np.zeros((2, 3, 32, 32), np.float32), r"float32 \(2, 3, 32, 32\)"),
        (np.zeros((2, 32, 32, 3), np.float64), r"float64 \(2, 32, 32, 3\)"),
        (np.zeros((2, 32, 32, 3), np.uint8), r"uint8 \(2, 32, 32, 3\)"),
        (np.zeros((32, 32, 3), np.float32), r"float32 \(32, 32, 3\)"),
        (np.zeros((0, 32, 32, 3), np.float32), r"float32 \(0, 32, 32, 3\)"),
    ],
)
def test_pictures_of_another_shape_or_type_are_refused(batch: Tensor32, found: str) -> None:
    with pytest.raises(EdgewiseError, match=rf"float32 pictures of shape \(N, 32, 32, 3\), not {found}"):
        accepted(batch, (32, 32, 3))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_pictures_that_are_not_finite_are_refused(value: float, tiny_pictures: Tensor32) -> None:
    batch = tiny_pictures[:2].copy()
    batch[1, 3, 4, 2] = value
    with pytest.raises(EdgewiseError, match="NaN or infinity"):
        accepted(batch, (32, 32, 3))
