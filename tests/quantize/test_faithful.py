"""Float graphs of the refined network: those that compute something else are not quantized."""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from edgewise.models.errors import ParityError
from edgewise.models.spec import Tensor32
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.faithful import _largest_difference, first_faithful
from edgewise.quantize.onnx import quantizer as onnx_quantizer
from edgewise.quantize.onnx import refined_graph
from edgewise.quantize.openvino import quantizer as openvino_quantizer
from edgewise.quantize.recipe import Recipe
from edgewise.quantize.refine import Refined
from edgewise.quantize.tflite import quantizer as tflite_quantizer
from edgewise.quantize.tflite import refined_file
from edgewise.runtime import runtime
from edgewise.runtime.judge.stats import agreement
from edgewise.runtime.reference import TorchSession


def test_the_first_graph_that_answers_as_the_network_is_taken(
    tiny_refined: Refined, tiny_calibration: Calibration
) -> None:
    right = TorchSession(tiny_refined.network)
    tried: list[float] = []

    def answers(factor: float, batch: Tensor32) -> Tensor32:
        tried.append(factor)
        return right(batch) * np.float32(factor)

    assert first_faithful([0.9, 1.0001, 1], answers, tiny_refined, tiny_calibration) == 1.0001
    assert tried == [0.9, 1.0001]


@pytest.mark.parametrize("factor", [0.99, float("nan")])
def test_none_that_does_is_an_error_of_ours(
    tiny_refined: Refined, tiny_calibration: Calibration, factor: float
) -> None:
    right = TorchSession(tiny_refined.network)
    with pytest.raises(
        ParityError, match=r"prepared for INT8 differs by a relative .*, in float already.*report"
    ):
        first_faithful([factor], lambda it, batch: right(batch) * it, tiny_refined, tiny_calibration)


def test_a_graph_that_cannot_be_run_is_passed_over(
    tiny_refined: Refined, tiny_calibration: Calibration
) -> None:
    right = TorchSession(tiny_refined.network)

    def answers(runs: bool, batch: Tensor32) -> Tensor32:
        if not runs:
            raise RuntimeError("no such operator")
        return right(batch)

    assert first_faithful([False, True], answers, tiny_refined, tiny_calibration)
    with pytest.raises(ParityError, match=r"cannot be run \(no such operator\)"):
        first_faithful([False], answers, tiny_refined, tiny_calibration)


def nothing(*_: Any) -> bool:
    """A patch that claims to have changed the graph."""
    return True


@pytest.mark.parametrize(
    ("target", "module", "patching"),
    [
        ("tflite", tflite_quantizer, refined_file),
        ("onnx", onnx_quantizer, onnx_quantizer),
        ("openvino", openvino_quantizer, refined_graph),
    ],
)
def test_a_graph_that_was_patched_wrong_is_converted_again(
    request: pytest.FixtureRequest,
    target: str,
    module: ModuleType,
    patching: ModuleType,
    tiny_refined: Refined,
    tiny_calibration: Calibration,
    tiny_pictures: Tensor32,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = {"tflite": "tiny_float", "onnx": "onnx_float", "openvino": "openvino_float"}
    exact = request.getfixturevalue(names[target])
    recipe = Recipe().weights_alone()  # whatever the processor, its arithmetic is exact
    out = tmp_path / f"right{exact.path.suffix}"
    made = module.quantize(exact, tiny_refined, tiny_calibration, recipe, out)
    monkeypatch.setattr(patching, "patch", nothing)
    again = module.quantize(
        exact, tiny_refined, tiny_calibration, recipe, tmp_path / f"again{exact.path.suffix}"
    )
    first, second = (runtime(target).open_session(file.path, 1)(tiny_pictures) for file in (made, again))
    assert agreement(first, second).sqnr_db > 60


def test_a_single_logit_near_zero_is_measured_on_the_scale_of_the_others() -> None:
    wanted = np.array([[1e-6], [2.0]], np.float32)
    assert _largest_difference(wanted, wanted + np.float32(1e-6)) < 1e-6
    assert _largest_difference(wanted, -wanted) == 2
