"""The structure of .onnx files, from edgewise and from others."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantFormat, QuantType, quantize_dynamic, quantize_static

from edgewise.export.artifact import Artifact
from edgewise.models.errors import MissingDependencyError
from edgewise.models.spec import Tensor32
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.onnx.quantizer import quantize
from edgewise.quantize.recipe import Recipe
from edgewise.quantize.refine import Refined
from edgewise.runtime.onnx.session import OnnxSession, read_structure
from edgewise.runtime.structure import Operator, Structure, Tensor

# 3x3 stem; three blocks of 1x1, depthwise 3x3 and 1x1; 1x1; linear.
CONVOLUTIONS, LINEAR = 8 * 27 + 3 * (8 * 16 + 16 * 9 + 16 * 8) + 8 * 32, 32 * 6
WEIGHTS, CHANNELS = CONVOLUTIONS + LINEAR, 8 + 3 * (16 + 16 + 8) + 32 + 6
MACS = 16 * 16 * CONVOLUTIONS + LINEAR


def arithmetic(found: Structure) -> dict[str, str]:
    return {operator.type: operator.arithmetic for operator in found.operators}


def written(path: Path, nodes: list[onnx.NodeProto], shape: list[Any], weights: dict[str, Any]) -> Path:
    """A model from `x`, of shape `shape`, to `y`."""
    graph = helper.make_graph(
        nodes,
        "foreign",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * len(shape))],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), path)
    return path


class Pictures:
    """A calibration reader."""

    def __init__(self, calibration: Calibration) -> None:
        self._pictures = calibration.inputs()

    def get_next(self) -> dict[str, Tensor32] | None:
        picture = next(self._pictures, None)
        return None if picture is None else {"input": picture.transpose(0, 3, 1, 2)}


def test_a_float_file(onnx_float: Artifact) -> None:
    found = read_structure(onnx_float.path)
    assert found.precision == "fp32"
    assert set(arithmetic(found).values()) == {"float32"}
    assert sum(operator.count for operator in found.operators if operator.layer) == 12
    assert found.inputs == (Tensor("input", "float32", (-1, 3, 32, 32)),)
    assert found.outputs == (Tensor("logits", "float32", (-1, 6)),)
    assert found.macs == MACS
    assert found.size_bytes == onnx_float.path.stat().st_size
    assert found.output_step is None
    assert (found.partitions, found.whole) == (None, None)
    assert (found.metadata["producer"], found.metadata["opset"]) == ("edgewise", "20")


def test_an_integer_file(
    onnx_float: Artifact,
    tiny_refined: Refined,
    tiny_calibration: Calibration,
    tiny_pictures: Tensor32,
    tmp_path: Path,
) -> None:
    file = quantize(onnx_float, tiny_refined, tiny_calibration, Recipe(), tmp_path / "int8.onnx")
    found = read_structure(file.path)
    assert (found.precision, found.macs) == ("w8a8", MACS)
    assert Operator("QLinearConv", "int8", layer=True, count=11) in found.operators
    assert arithmetic(found)["Reshape"] == "int8"
    assert found.weights["int8"] == WEIGHTS + CHANNELS  # plus one zero point per channel
    assert found.weights["int32"] == 2 * CHANNELS
    assert found.output_step is not None
    steps = OnnxSession(file.path, 1)(tiny_pictures) / found.output_step
    assert np.abs(steps - np.round(steps)).max() < 1e-3
    assert len(np.unique(np.round(steps))) > 50  # otherwise a fraction of the step would pass too


def test_a_file_with_integer_operators(
    onnx_float: Artifact, tiny_calibration: Calibration, tmp_path: Path
) -> None:
    path = tmp_path / "operators.onnx"
    quantize_static(
        onnx_float.path,
        path,
        Pictures(tiny_calibration),
        quant_format=QuantFormat.QOperator,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    found = read_structure(path)
    assert found.precision == "w8a8"
    assert found.islands == {}


def test_a_dynamically_quantized_file(onnx_float: Artifact, tmp_path: Path) -> None:
    path = tmp_path / "dynamic.onnx"
    quantize_dynamic(onnx_float.path, path, weight_type=QuantType.QUInt8)
    found = read_structure(path)
    assert found.precision == "w8a8"
    assert arithmetic(found)["ConvInteger"] == "int8"
    assert found.macs == MACS


def test_an_integer_file_that_the_runtime_cannot_fuse_is_float(tmp_path: Path) -> None:
    weights = {"w": np.ones((4, 3, 1, 1), np.int8), "scale": np.float32(0.1), "zero": np.int8(0)}
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "scale", "zero"], ["float"]),
        helper.make_node("Conv", ["x", "float"], ["y"]),
    ]
    found = read_structure(written(tmp_path / "weights.onnx", nodes, [1, 3, 5, 5], weights))
    assert arithmetic(found)["Conv"] == "float32"
    assert found.precision == "w8a32"


def test_constants_in_operators_count(tmp_path: Path) -> None:
    value = numpy_helper.from_array(np.ones((3, 4), np.float32))
    nodes = [
        helper.make_node("Constant", [], ["w"], value=value),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    found = read_structure(written(tmp_path / "constant.onnx", nodes, [2, 5, 3], {}))
    assert found.weights == {"float32": 12}
    assert found.macs == 5 * 3 * 4


def test_transposed_convolutions_are_counted_by_their_input(tmp_path: Path) -> None:
    nodes = [helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2])]
    weights = {"w": np.ones((3, 4, 2, 2), np.float32)}
    found = read_structure(written(tmp_path / "up.onnx", nodes, [1, 3, 5, 5], weights))
    assert found.macs == 3 * 5 * 5 * 4 * 2 * 2


def test_unknown_sizes_are_unknown(tmp_path: Path) -> None:
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"])]
    weights = {"w": np.ones((4, 3, 1, 1), np.float32)}
    found = read_structure(written(tmp_path / "free.onnx", nodes, ["n", 3, "height", None], weights))
    assert found.inputs[0].shape == (-1, 3, -1, -1)
    assert found.outputs[0].shape == (-1, -1, -1, -1)
    assert found.macs is None
    assert found.operators == (Operator("Conv", "float32", layer=True, count=1),)


def test_external_weights_count(tmp_path: Path) -> None:
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"])]
    weights = {"w": np.ones((400, 3, 1, 1), np.float32)}
    path = written(tmp_path / "large.onnx", nodes, [1, 3, 5, 5], weights)
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="large.data")
    found = read_structure(path)
    assert found.weights == {"float32": 1200}
    assert found.size_bytes == path.stat().st_size + (tmp_path / "large.data").stat().st_size > 4800


def test_the_step_of_an_integer_output(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["steps"]),
        helper.make_node("DequantizeLinear", ["steps", "scale", "zero"], ["y"]),
    ]
    for scale, step in ((np.float32(0.25), 0.25), (np.full(3, 0.25, np.float32), None)):
        weights = {"scale": scale, "zero": np.zeros(scale.shape, np.uint8)}
        path = written(tmp_path / "steps.onnx", nodes, [1, 3, 5, 5], weights)
        assert read_structure(path).output_step == step


def test_a_missing_library_is_named(onnx_float: Artifact, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingDependencyError, match=r"Inspecting ONNX needs onnx, .* pip install 'onnx[<>]"):
        read_structure(onnx_float.path)
