"""Average pooling that counts its padding: the same values in float, and right ones in INT8."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edgewise.export.engines import importing
from edgewise.export.graph import trace
from edgewise.export.openvino.exporter import export
from edgewise.models.spec import ModelSpec, Tensor32
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.openvino.pooling import without_counted_padding
from edgewise.quantize.openvino.quantizer import quantize
from edgewise.quantize.recipe import Recipe
from edgewise.quantize.refine import refine
from edgewise.runtime.judge.stats import agreement
from edgewise.runtime.openvino.session import open_exact, open_session

with importing("Testing", "openvino"):
    import openvino as ov
    from openvino import opset8

PICTURE = np.random.default_rng(0).standard_normal((1, 2, 7, 8)).astype(np.float32)


def computed(model: "ov.Model") -> Tensor32:
    """What the model makes of `PICTURE`, in float."""
    compiled = ov.Core().compile_model(model.clone(), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.array(compiled(PICTURE)[0])


def kinds(model: "ov.Model") -> list[str]:
    """The types of all operators that compute."""
    found = [operation.get_type_name() for operation in model.get_ordered_ops()]
    return [kind for kind in found if kind not in {"Parameter", "Constant", "Result"}]


def pooling(factor: Tensor32 | None = None, rounding: str = "floor") -> "ov.Model":
    """A model with an average pooling that counts its padding, and a product with `factor`."""
    source = opset8.parameter([1, 2, 7, 8], np.float32)
    pooled = opset8.avg_pool(
        source, [2, 1], [1, 0], [0, 2], [3, 3], exclude_pad=False, rounding_type=rounding
    )
    pooled.set_friendly_name("pool")
    last = pooled if factor is None else opset8.multiply(pooled, opset8.constant(factor))
    return ov.Model([last.output(0)], [source])


@pytest.mark.parametrize("rounding", ["floor", "ceil"])
def test_values_stay_the_same(rounding: str) -> None:
    model = pooling(rounding=rounding)
    before = computed(model)
    without_counted_padding(model)
    assert kinds(model) == ["AvgPool", "Multiply"]
    (pool,) = [found for found in model.get_ops() if found.get_type_name() == "AvgPool"]
    assert (pool.get_friendly_name(), pool.get_attributes()["exclude-pad"]) == ("pool", True)
    assert np.allclose(computed(model), before, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("wrong", "left"), [(1, ["AvgPool"]), (1.01, ["AvgPool", "Multiply", "Multiply"])])
def test_a_constant_that_undoes_the_counting_goes(wrong: float, left: list[str]) -> None:
    ones = pooling()
    compiled = ov.Core().compile_model(ones, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    share = np.array(compiled(np.ones((1, 2, 7, 8), np.float32))[0])[:, :1]
    model = pooling((wrong / share).astype(np.float32))
    before = computed(model)
    without_counted_padding(model)
    assert kinds(model) == left
    assert np.allclose(computed(model), before, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("counted", [True, False])
def test_signed_values_are_pooled_right_in_int8(
    tiny_spec: ModelSpec,
    tiny_calibration: Calibration,
    tiny_pictures: Tensor32,
    tmp_path: Path,
    counted: bool,
) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1),
        nn.AvgPool2d(3, 1, 1, count_include_pad=counted),
        nn.Conv2d(16, 16, 1),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, 2),
        nn.Flatten(),
        nn.Linear(784, 6),
    ).eval()
    graph = trace(network, 32)
    exact = export(graph, tiny_spec, tmp_path / "float.xml")
    recipe = Recipe(no_overflow=True)  # or processors without VNNI compute something else
    refined = refine(graph, tiny_calibration, recipe)
    made = quantize(exact, refined, tiny_calibration, recipe, tmp_path / "int8.xml")
    answers = [opened(tiny_pictures) for opened in (open_session(exact.path, 1), open_session(made.path, 1))]
    assert agreement(*answers).sqnr_db > 20
    assert agreement(open_exact(made.path, 1)(tiny_pictures), answers[1]).sqnr_db > 30
