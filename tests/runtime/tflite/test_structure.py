"""The structure of files of every precision and from other writers."""

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_quantizer.qtyping import TFLOperationName
from ai_edge_quantizer.recipe_manager import RecipeManager
from torch import Tensor, nn

from edgewise.export.artifact import IOS, Artifact
from edgewise.export.graph import Network
from edgewise.export.tflite.flatbuffer import pack, unpack
from edgewise.export.tflite.layers import layers
from edgewise.models.spec import Tensor32
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.recipe import Recipe
from edgewise.quantize.refine import Refined
from edgewise.quantize.tflite.quantizer import _run, halve, quantize
from edgewise.runtime.structure import Operator
from edgewise.runtime.tflite.session import TfliteSession, read_structure
from edgewise.runtime.tflite.structure import _macs


@pytest.fixture(scope="module")
def files(
    tiny_float: Artifact,
    tiny_refined: Refined,
    tiny_light: Refined,
    tiny_int8: dict[str, Artifact],
    tiny_calibration: Calibration,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Artifact]:
    """One file of each kind."""
    folder = tmp_path_factory.mktemp("kinds")
    mixed, light = Recipe(float_layers=("3.layers.3", "12")), Recipe().weights_alone()
    return {
        "fp32": tiny_float,
        "fp16": halve(tiny_float, folder / "fp16.tflite"),
        "w8a32": quantize(tiny_float, tiny_light, tiny_calibration, light, folder / "w8a32.tflite"),
        "w8a8-mixed": quantize(tiny_float, tiny_refined, tiny_calibration, mixed, folder / "mixed.tflite"),
        **{f"w8a8 {io}": tiny_int8[io] for io in IOS},
    }


KINDS = ("fp32", "fp16", "w8a32", "w8a8-mixed", *(f"w8a8 {io}" for io in IOS))


@pytest.mark.parametrize("kind", KINDS)
def test_the_precision_is_that_of_the_file(files: dict[str, Artifact], kind: str) -> None:
    found = read_structure(files[kind].path)
    assert found.precision == files[kind].precision == kind.partition(" ")[0]
    found.require(files[kind].precision)
    assert found.size_bytes == files[kind].path.stat().st_size


@pytest.mark.parametrize("kind", KINDS)
def test_every_layer_is_counted(files: dict[str, Artifact], kind: str) -> None:
    found = read_structure(files[kind].path).operators
    counts: dict[str, int] = {}
    for operator in found:
        counts[operator.type] = counts.get(operator.type, 0) + operator.count * operator.layer
    assert {name: count for name, count in counts.items() if count} == {
        "CONV_2D": 8,
        "DEPTHWISE_CONV_2D": 3,
        "FULLY_CONNECTED": 1,
    }


def test_operators_are_distinguished_by_their_arithmetic(files: dict[str, Artifact]) -> None:
    found = read_structure(files["w8a8-mixed"].path)
    assert {
        Operator("CONV_2D", "int8", layer=True, count=8),
        Operator("DEPTHWISE_CONV_2D", "float32", layer=True, count=1),
        Operator("DEPTHWISE_CONV_2D", "int8", layer=True, count=2),
        Operator("FULLY_CONNECTED", "float32", layer=True, count=1),
        Operator("ADD", "int8", layer=False, count=1),
    } <= {*found.operators}
    assert {operator.arithmetic for operator in found.operators if "QUANTIZE" in operator.type} == {"cast"}
    assert (found.float_layers, found.islands) == (2, {})


def test_weights_are_counted_as_they_are_stored(files: dict[str, Artifact], tiny_graph: Network) -> None:
    weights = sum(len(layer.weight) // 4 for layer in layers(tiny_graph))
    biases = sum(len(layer.bias) // 4 for layer in layers(tiny_graph))
    found = {kind: read_structure(file.path).weights for kind, file in files.items()}
    assert found["fp32"]["float32"] == weights + biases
    assert found["fp16"]["float16"] == found["w8a32"]["int8"] == found["w8a8 int8"]["int8"] == weights
    assert found["fp16"]["float32"] == found["w8a32"]["float32"] == biases
    assert biases <= found["w8a8 int8"]["int32"] <= biases + 20  # plus the constants of a padding and a mean
    in_float = [layer for layer in layers(tiny_graph) if layer.name in ("3.layers.3", "12")]
    assert found["w8a8-mixed"]["float32"] == sum(
        len(layer.weight) // 4 + len(layer.bias) // 4 for layer in in_float
    )


def test_macs_are_those_of_the_network(
    files: dict[str, Artifact], tiny_network: nn.Module, tiny_pictures: Tensor32
) -> None:
    import torch

    counted = []

    def count(layer: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        counted.append(output.numel() * layer.get_parameter("weight")[0].numel())

    kinds = (nn.Conv2d, nn.Linear)
    hooks = [m.register_forward_hook(count) for m in tiny_network.modules() if isinstance(m, kinds)]
    tiny_network(torch.from_numpy(tiny_pictures[:1]).permute(0, 3, 1, 2))
    for hook in hooks:
        hook.remove()
    assert len(counted) == 12
    assert {read_structure(file.path).macs for file in files.values()} == {sum(counted)}


@pytest.mark.parametrize(
    ("kind", "shapes", "output", "macs"),
    [
        ("BATCH_MATMUL", [(2, 3, 4), (2, 4, 5)], (2, 3, 5), 2 * 3 * 4 * 5),
        ("BATCH_MATMUL", [(2, 4, 3), (2, 4, 5)], (2, 3, 5), 2 * 3 * 4 * 5),  # the first transposed
        ("TRANSPOSE_CONV", [(4,), (6, 2, 2, 3), (1, 5, 5, 3)], (1, 10, 10, 6), 5 * 5 * 3 * 2 * 2 * 6),
        ("CONV_2D", [(1, 8, 8, 6), (4, 3, 3, 2), (4,)], (1, 8, 8, 4), 8 * 8 * 4 * 3 * 3 * 2),  # in 3 groups
        ("ADD", [(1, 8), (1, 8)], (1, 8), 0),
    ],
)
def test_macs_follow_from_shapes(
    kind: str, shapes: list[tuple[int, ...]], output: tuple[int, ...], macs: int
) -> None:
    tensors = {index: {"shape": shape} for index, shape in enumerate([*shapes, output])}
    node = {"op_name": kind, "inputs": [*range(len(shapes)), -1], "outputs": [len(shapes)]}
    assert _macs(node, tensors) == macs


def test_inputs_and_outputs_are_described_with_their_scales(files: dict[str, Artifact]) -> None:
    (exact,), (quantized,) = (read_structure(files[kind].path).inputs for kind in ("fp32", "w8a8 uint8"))
    assert (exact.dtype, exact.shape, exact.scale, exact.zero_point) == (
        "float32",
        (1, 32, 32, 3),
        None,
        None,
    )
    assert (quantized.dtype, quantized.shape) == ("uint8", (1, 32, 32, 3))
    assert quantized.scale == pytest.approx((2.64 + 2.118) / 255, rel=1e-3)
    assert quantized.zero_point == 114


def test_the_step_is_that_of_the_logits(files: dict[str, Artifact], tiny_pictures: Tensor32) -> None:
    for io in IOS:
        step = read_structure(files[f"w8a8 {io}"].path).output_step
        assert step is not None
        steps = TfliteSession(files[f"w8a8 {io}"].path, 1)(tiny_pictures) / step
        assert np.abs(steps - np.round(steps)).max() < 1e-3
        assert len(np.unique(np.round(steps))) > 50  # otherwise a fraction of the step would pass too
    for kind in ("fp32", "fp16", "w8a32", "w8a8-mixed"):  # their last layer is float
        assert read_structure(files[kind].path).output_step is None


def test_partitions_of_the_delegate_are_counted(files: dict[str, Artifact], tmp_path: Path) -> None:
    for file in files.values():
        found = read_structure(file.path)
        assert (found.partitions, found.whole) == (1, True)
    plan = RecipeManager()
    plan.add_dynamic_config(
        ".*", TFLOperationName.ALL_SUPPORTED, 8
    )  # including depthwise layers, unlike edgewise
    path = tmp_path / "pieces.tflite"
    path.write_bytes(_run(files["fp32"].path.read_bytes(), plan))
    found = read_structure(path)
    assert (found.partitions, found.whole, found.precision) == (4, False, "w8a32")


def test_a_model_of_any_kind_can_be_read(tmp_path: Path) -> None:
    """Two inputs, one for several pictures of any size, and no weights or metadata."""
    shapes: list[tuple[list[int], list[int] | None]] = [([4, 8, 8, 3], [4, -1, -1, 3]), ([], None)]
    floats, bytes_ = schema.TensorType.FLOAT32, schema.TensorType.UINT8
    tensors = [
        schema.TensorT(name=f"{name}{place}", shape=shape, shapeSignature=signature, type=kind, buffer=0)
        for name, kind in (("x", bytes_), ("y", floats))
        for place, (shape, signature) in enumerate(shapes)
    ]
    casts = [schema.OperatorT(opcodeIndex=0, inputs=[place], outputs=[place + 2]) for place in range(2)]
    graph = schema.SubGraphT(tensors=tensors, inputs=[0, 1], outputs=[2, 3], operators=casts)
    cast = schema.BuiltinOperator.CAST
    code = schema.OperatorCodeT(deprecatedBuiltinCode=cast, builtinCode=cast, version=1)
    model = schema.ModelT(version=3, operatorCodes=[code], subgraphs=[graph], buffers=[schema.BufferT()])
    path = tmp_path / "casts.tflite"
    path.write_bytes(pack(model))
    found = read_structure(path)
    assert [(end.name, end.dtype, end.shape) for end in found.inputs] == [
        ("x0", "uint8", (4, -1, -1, 3)),
        ("x1", "uint8", ()),
    ]
    assert [end.name for end in found.outputs] == ["y0", "y1"]
    assert found.operators == (Operator("CAST", "cast", layer=False, count=2),)
    assert (found.weights, found.macs, found.metadata) == ({}, 0, {})
    assert (found.partitions, found.whole, found.output_step) == (0, False, None)


def test_macs_are_for_one_picture(tiny_float: Artifact, tmp_path: Path) -> None:
    model = unpack(tiny_float.path.read_bytes())
    for tensor in model.subgraphs[0].tensors:
        if len(tensor.shape) > 1 and model.buffers[tensor.buffer].data is None:
            tensor.shape = [5, *tensor.shape[1:]]
    path = tmp_path / "five.tflite"
    path.write_bytes(pack(model))
    found = read_structure(path)
    assert found.inputs[0].shape == (5, 32, 32, 3)
    assert found.macs == read_structure(tiny_float.path).macs


def test_another_writers_file_can_be_read(realdata: Path) -> None:
    path = realdata / "peers" / "google-mobilenetv2-int8.tflite"
    if not path.is_file():
        pytest.skip(f"no {path}")
    found = read_structure(path)
    assert (found.precision, found.macs, found.partitions) == ("w8a8", 300_775_552, 1)
    assert found.weights == {"int32": 18_061, "int8": 3_471_040}
    assert [end.dtype for end in (*found.inputs, *found.outputs)] == ["uint8", "uint8"]
    assert found.output_step == 1 / 256
    assert found.metadata["name"] == "ImageClassifier"
