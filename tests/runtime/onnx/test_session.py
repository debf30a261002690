"""Sessions on real files: refusals, and agreement of all ways to run a file."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgewise.export.artifact import Artifact
from edgewise.models.errors import EdgewiseError, MissingDependencyError, ParityError
from edgewise.models.spec import Tensor32
from edgewise.runtime.judge.stats import agreement
from edgewise.runtime.machine import saturates
from edgewise.runtime.onnx.session import (
    OnnxSession,
    caveat,
    open_exact,
    open_reference,
    open_session,
    read_structure,
    version,
)


def written(path: Path, shape: list[Any], kind: int = TensorProto.FLOAT, outputs: int = 1) -> Path:
    """A model with the mean over height and width as its `outputs` outputs."""
    names = [f"mean{index}" for index in range(outputs)]
    nodes = [helper.make_node("ReduceMean", ["x", "axes"], [name], keepdims=0) for name in names]
    ends = [helper.make_tensor_value_info(name, kind, shape[:2]) for name in names]
    axes = helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3])
    source = helper.make_tensor_value_info("x", kind, shape)
    graph = helper.make_graph(nodes, "means", [source], ends, [axes])
    opset = [helper.make_opsetid("", 20)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), path)
    return path


def test_a_batch_equals_single_pictures(onnx_float: Artifact, tiny_pictures: Tensor32) -> None:
    session = open_session(onnx_float.path, 1)
    together = session(tiny_pictures[:5])
    assert together.shape == (5, 6)
    assert together.dtype == np.float32
    single = np.concatenate([session(tiny_pictures[index : index + 1]) for index in range(5)])
    assert np.allclose(together, single, atol=1e-5)
    assert np.allclose(together, OnnxSession(onnx_float.path, 2)(tiny_pictures[:5]), atol=1e-5)


def test_a_file_with_batch_size_one_gets_single_pictures(tiny_pictures: Tensor32, tmp_path: Path) -> None:
    pictures = tiny_pictures[:4]
    for shape in ([1, 3, 32, 32], ["many", 3, 32, 32], [None, 3, 32, 32]):
        found = OnnxSession(written(tmp_path / "means.onnx", shape), 1)(pictures)
        assert np.allclose(found, pictures.mean((1, 2)), atol=1e-5)


def test_reference_arithmetic_agrees(
    onnx_float: Artifact,
    onnx_int8: Artifact,
    tiny_pictures: Tensor32,
    exact_integers: Callable[[Path, Tensor32], Tensor32],
) -> None:
    in_float, in_int8 = (open_reference(file.path)(tiny_pictures) for file in (onnx_float, onnx_int8))
    assert agreement(in_float, OnnxSession(onnx_float.path, 1)(tiny_pictures)).sqnr_db > 100
    assert agreement(in_int8, exact_integers(onnx_int8.path, tiny_pictures)).sqnr_db > 25
    here = agreement(in_int8, OnnxSession(onnx_int8.path, 1)(tiny_pictures)).sqnr_db
    assert (here > 25) == (not saturates())


def test_exact_sessions_add_in_32_bits_on_every_processor(
    onnx_int8: Artifact, tiny_pictures: Tensor32, exact_integers: Callable[[Path, Tensor32], Tensor32]
) -> None:
    assert read_structure(onnx_int8.path).overflow
    exact, here = open_exact(onnx_int8.path, 1)(tiny_pictures), open_session(onnx_int8.path, 1)(tiny_pictures)
    assert np.array_equal(exact, exact_integers(onnx_int8.path, tiny_pictures))
    assert np.array_equal(exact, here) == (not saturates())


@pytest.mark.parametrize("largest", [125, 250])
def test_reference_arithmetic_runs_the_file_as_written(tmp_path: Path, largest: int) -> None:
    """With optimisations, this layer's float weights are rounded to one scale, determined by the 100.

    They become 127 once and -128 eight times. `largest` is the activation: a pair of its products with these
    exceeds 16 bits if it is 250.
    """
    weights = np.diag([100, 0.16, 0.16]).astype(np.float32)[:, :, None, None]
    steps = {"scale": np.float32(2.5 / largest), "zero": np.uint8(0), "coarse": np.float32(0.5)}
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["x_steps"]),
        helper.make_node("DequantizeLinear", ["x_steps", "scale", "zero"], ["x_again"]),
        helper.make_node("Conv", ["x_again", "weights"], ["y"]),
        helper.make_node("QuantizeLinear", ["y", "coarse", "zero"], ["y_steps"]),
        helper.make_node("DequantizeLinear", ["y_steps", "coarse", "zero"], ["y_again"]),
        helper.make_node("ReduceMean", ["y_again", "axes"], ["logits"], keepdims=0),
    ]
    ends = [("x", [1, 3, 2, 2]), ("logits", [1, 3])]
    source, target = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in ends)
    constants = {"weights": weights, "axes": np.array([2, 3]), **steps}
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "float", [source], [target], tensors)
    path = tmp_path / "float.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), path)
    picture = np.full((1, 2, 2, 3), 2.5, np.float32)
    assert open_reference(path)(picture).tolist() == [[127.5, 0.5, 0.5]]
    exact = open_session(path, 1)(picture).tolist() == [[127.5, 0, 0]]
    assert exact == (largest == 125 or not saturates())


@pytest.mark.parametrize(
    ("shape", "kind"),
    [((1, 3, 32, 32), np.float32), ((1, 32, 32, 3), np.float64), ((0, 32, 32, 3), np.float32)],
)
def test_pictures_of_another_shape_or_type_are_refused(
    onnx_float: Artifact, shape: tuple[int, ...], kind: Any
) -> None:
    with pytest.raises(EdgewiseError, match=r"float32 pictures of shape \(N, 32, 32, 3\)"):
        OnnxSession(onnx_float.path, 1)(np.zeros(shape, kind))


def test_pictures_that_are_not_finite_are_refused(onnx_int8: Artifact) -> None:
    picture = np.zeros((1, 32, 32, 3), np.float32)
    picture[0, 3, 4, 1] = np.nan
    with pytest.raises(EdgewiseError, match="NaN or infinity"):
        OnnxSession(onnx_int8.path, 1)(picture)


def test_logits_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    session = OnnxSession(written(tmp_path / "means.onnx", [1, 3, 2, 2]), 1)
    with pytest.raises(ParityError, match="NaN or infinity"):
        session(np.full((1, 2, 2, 3), 3e38, np.float32))


@pytest.mark.parametrize(
    ("shape", "kind", "found"),
    [
        ([1, 32, 32, 3], TensorProto.FLOAT, r"its input is 'x', tensor\(float\) of shape \(1, 32, 32, 3\)"),
        ([8, 3, 32, 32], TensorProto.FLOAT, r"of shape \(8, 3, 32, 32\)"),
        (["n", 3, "h", "w"], TensorProto.FLOAT, r"of shape \(n, 3, h, w\)"),
        ([1, 3, 32, 32], TensorProto.FLOAT16, r"its input is 'x', tensor\(float16\)"),
        ([1, 3, 32, 32, 32], TensorProto.FLOAT, r"of shape \(1, 3, 32, 32, 32\)"),
    ],
)
def test_other_inputs_are_refused(tmp_path: Path, shape: list[Any], kind: int, found: str) -> None:
    with pytest.raises(EdgewiseError, match=rf"odd\.onnx: .*{found}"):
        OnnxSession(_any_rank(tmp_path / "odd.onnx", shape, kind), 1)


def _any_rank(path: Path, shape: list[Any], kind: int) -> Path:
    ends = [helper.make_tensor_value_info(name, kind, shape) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "relu", ends[:1], ends[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), path)
    return path


def test_an_output_that_is_not_logits_is_refused(tmp_path: Path) -> None:
    path = _any_rank(tmp_path / "odd.onnx", [1, 3, 32, 32], TensorProto.FLOAT)
    with pytest.raises(
        EdgewiseError, match=r"its output is 'y', .*\(1, 3, 32, 32\); must be float32 \(N, classes\)"
    ):
        OnnxSession(path, 1)


def test_two_outputs_are_named(tmp_path: Path) -> None:
    path = written(tmp_path / "two.onnx", [1, 3, 32, 32], outputs=2)
    with pytest.raises(EdgewiseError, match=r"two\.onnx: has 2 outputs \(mean0, mean1\); must have one"):
        OnnxSession(path, 1)


@pytest.mark.parametrize("opened", [lambda path: OnnxSession(path, 1), open_reference, read_structure])
@pytest.mark.parametrize("part", [0, 7, 0.5, 0.9])
def test_a_truncated_file_is_refused(
    onnx_float: Artifact, tmp_path: Path, part: float, opened: Callable[[Path], object]
) -> None:
    content = onnx_float.path.read_bytes()
    path = tmp_path / "cut.onnx"
    path.write_bytes(content[: int(part * len(content)) if part < 1 else int(part)])
    with pytest.raises(EdgewiseError, match=r"^cut\.onnx: ONNX Runtime cannot open it \(") as error:
        opened(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["not a model", "<html>" * 1000])
def test_a_text_file_is_refused(tmp_path: Path, text: str, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "page.onnx"
    path.write_text(text)
    with pytest.raises(EdgewiseError, match=r"page\.onnx: ONNX Runtime cannot open it"):
        open_session(path, 1)
    assert capfd.readouterr().err == ""


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EdgewiseError, match="nowhere"):
        open_session(tmp_path / "nowhere.onnx", 1)


def test_a_missing_library_is_named(onnx_float: Artifact, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingDependencyError, match=r"needs onnxruntime, .* pip install 'onnxruntime[<>]"):
        open_session(onnx_float.path, 1)


def test_there_is_no_caveat() -> None:
    assert caveat() is None


@pytest.mark.parametrize("kind", ["onnx_float", "onnx_int8"])
def test_the_loop_runs_its_picture_repeatedly(
    kind: str, tiny_pictures: Tensor32, request: pytest.FixtureRequest
) -> None:
    session = open_session(request.getfixturevalue(kind).path, 1)
    call: Any = session.loop(tiny_pictures[1:2].copy())  # nothing else references the copy
    wanted = session(tiny_pictures[1:2])
    for _ in range(3):
        session(tiny_pictures[:1])
        call()
        (binding,) = call.args
        assert np.array_equal(binding.copy_outputs_to_cpu()[0], wanted)


def test_the_engine_reports_what_it_ran(onnx_int8: Artifact) -> None:
    found, plain = open_session(onnx_int8.path, 1).engine(), open_reference(onnx_int8.path).engine()
    assert (found.name, found.version) == ("ONNX Runtime", version())
    assert (found.delegate, found.delegated) == ("CPUExecutionProvider", found.operators)
    assert plain.operators is not None
    assert found.operators is not None
    assert 10 < found.operators < plain.operators  # fused operators count as one
