"""Sessions on real files: rounding at the ends, refusals, and what a file says of itself."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewise.export._artifact import IOS, Artifact
from edgewise.models.errors import EdgewiseError
from edgewise.models.spec import Tensor32
from edgewise.runtime.tflite import (
    TfliteSession,
    _to_float,
    _to_type,
    layer_outputs,
    open_session,
    structure,
)

integers = st.sampled_from([np.int8, np.uint8])


@given(integers, st.floats(1e-3, 1e3), st.integers(0, 127), st.lists(st.floats(-1e5, 1e5, width=32)))
def test_values_are_rounded_to_steps(kind: type, scale: float, zero: int, values: list[float]) -> None:
    tensor: dict[str, Any] = {"dtype": kind, "quantization": (scale, zero)}
    array = np.array(values, np.float32)
    steps = _to_type(array, tensor)
    assert steps.dtype == kind
    limits = np.iinfo(kind)
    inside = (array > (limits.min - zero) * scale) & (array < (limits.max - zero) * scale)
    back = _to_float(steps, tensor)
    assert back.dtype == np.float32
    assert (np.abs(back - array)[inside] <= 0.501 * scale).all()
    assert np.isin(steps[~inside], (limits.min, limits.min + 1, limits.max - 1, limits.max)).all()


@given(integers, st.floats(1e-3, 1e3), st.integers(0, 127))
def test_every_step_survives_the_way_back(kind: type, scale: float, zero: int) -> None:
    tensor: dict[str, Any] = {"dtype": kind, "quantization": (scale, zero)}
    limits = np.iinfo(kind)
    steps: Any = np.arange(limits.min, limits.max + 1).astype(kind)
    assert np.array_equal(_to_type(_to_float(steps, tensor), tensor), steps)


def test_an_integer_file_gets_what_its_own_casts_would_give(
    tiny_int8: dict[str, Artifact], tiny_pictures: Tensor32
) -> None:
    answers = [TfliteSession(tiny_int8[io].path, 1)(tiny_pictures) for io in IOS]
    step = structure(tiny_int8["int8"].path).output["scale"]
    for answer in answers[1:]:
        assert np.abs(answer - answers[0]).max() <= 1.01 * step  # a tie may be rounded up or to even


def test_pictures_go_through_one_by_one(tiny_int8: dict[str, Artifact], tiny_pictures: Tensor32) -> None:
    session = open_session(tiny_int8["int8"].path, 1)
    together = session(tiny_pictures[:5])
    assert together.shape == (5, 6)
    assert together.dtype == np.float32
    assert np.array_equal(together, np.concatenate([session(tiny_pictures[i : i + 1]) for i in range(5)]))
    assert np.array_equal(together, TfliteSession(tiny_int8["int8"].path, 2)(tiny_pictures[:5]))


@pytest.mark.parametrize("shape", [(1, 3, 32, 32), (1, 31, 32, 3), (32, 32, 3), (2, 32, 32)])
def test_pictures_of_another_shape_are_refused(tiny_float: Artifact, shape: tuple[int, ...]) -> None:
    with pytest.raises(EdgewiseError, match=r"takes pictures of shape \(32, 32, 3\)"):
        TfliteSession(tiny_float.path, 1)(np.zeros(shape, np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("io", IOS)
def test_pictures_that_are_no_numbers_are_refused(
    tiny_int8: dict[str, Artifact], io: str, value: float
) -> None:
    picture = np.zeros((1, 32, 32, 3), np.float32)
    picture[0, 3, 4, 1] = value
    with pytest.raises(EdgewiseError, match="NaN or infinity"):
        TfliteSession(tiny_int8[io].path, 1)(picture)


@pytest.mark.parametrize("part", [0, 7, 0.5, 0.9])
def test_a_truncated_file_is_refused(tiny_float: Artifact, tmp_path: Path, part: float) -> None:
    content = tiny_float.path.read_bytes()
    path = tmp_path / "cut.tflite"
    path.write_bytes(content[: int(part * len(content)) if part < 1 else int(part)])
    for read in (lambda: TfliteSession(path, 1), lambda: structure(path)):
        with pytest.raises(EdgewiseError, match=r"cut\.tflite: LiteRT cannot open it") as error:
            read()
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["", "not a model", "<html>" * 1000])
def test_a_text_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "page.tflite"
    path.write_text(text)
    with pytest.raises(EdgewiseError, match=r"page\.tflite: LiteRT cannot open it"):
        open_session(path, 1)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EdgewiseError, match="nowhere"):
        open_session(tmp_path / "nowhere.tflite", 1)


def test_the_step_is_that_of_the_logits(
    tiny_float: Artifact, tiny_int8: dict[str, Artifact], tiny_pictures: Tensor32
) -> None:
    assert TfliteSession(tiny_float.path, 1).output_step == 0
    for io in IOS:
        session = TfliteSession(tiny_int8[io].path, 1)
        steps = session(tiny_pictures) / session.output_step
        assert session.output_step > 0
        assert np.abs(steps - np.round(steps)).max() < 1e-3
        assert len(np.unique(np.round(steps))) > 50  # a fraction of the step would be whole too


def test_a_float_file_is_all_float(tiny_float: Artifact) -> None:
    found = structure(tiny_float.path)
    assert found.float_operators == sum(found.operators.values()) > 10
    assert (found.partitions, found.whole) == (1, True)
    assert found.input == {"dtype": "float32", "shape": [1, 32, 32, 3], "scale": 0, "zero_point": 0}


def test_layers_are_read_in_real_values(
    tiny_float: Artifact, tiny_int8: dict[str, Artifact], tiny_pictures: Tensor32
) -> None:
    exact = layer_outputs(tiny_float.path, tiny_pictures[:1])
    rounded = layer_outputs(tiny_int8["uint8"].source or Path(), tiny_pictures[:1])
    quantized = layer_outputs(tiny_int8["float32"].path, tiny_pictures[:1])
    assert exact.keys() == rounded.keys()
    assert exact["0"][0] == "CONV_2D"
    assert exact["0"][1].shape == (1, 16, 16, 8)
    assert exact["0"][1].min() >= 0
    assert exact["0"][1].max() <= 6
    operator, values = quantized["0"]
    assert operator == "CONV_2D"
    assert values.dtype == np.float32
    assert np.abs(values - exact["0"][1]).max() < 0.3
    last = list(exact.values())[-1][1]
    assert np.array_equal(last, TfliteSession(tiny_float.path, 1)(tiny_pictures[:1]))
