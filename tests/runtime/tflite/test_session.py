"""Sessions on real files: rounding of inputs and outputs, refusals, and the engine's report."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from edgewise.export.artifact import IOS, Artifact
from edgewise.export.tflite.flatbuffer import pack, unpack
from edgewise.models.errors import EdgewiseError, ParityError
from edgewise.models.spec import Tensor32
from edgewise.runtime.tflite.session import (
    TfliteSession,
    _taken,
    _to_float,
    _to_type,
    caveat,
    open_exact,
    open_reference,
    open_session,
    read_structure,
    version,
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
def test_every_step_survives_the_round_trip(kind: type, scale: float, zero: int) -> None:
    tensor: dict[str, Any] = {"dtype": kind, "quantization": (scale, zero)}
    limits = np.iinfo(kind)
    steps: Any = np.arange(limits.min, limits.max + 1).astype(kind)
    assert np.array_equal(_to_type(_to_float(steps, tensor), tensor), steps)


def test_an_integer_file_gets_the_same_input_as_from_its_own_casts(
    tiny_int8: dict[str, Artifact], tiny_pictures: Tensor32
) -> None:
    answers = [TfliteSession(tiny_int8[io].path, 1)(tiny_pictures) for io in IOS]
    step = read_structure(tiny_int8["int8"].path).output_step
    assert step is not None
    for answer in answers[1:]:
        assert np.abs(answer - answers[0]).max() <= 1.01 * step  # ties may be rounded up or to even


def test_a_batch_equals_single_pictures(tiny_int8: dict[str, Artifact], tiny_pictures: Tensor32) -> None:
    session = open_session(tiny_int8["int8"].path, 1)
    together = session(tiny_pictures[:5])
    assert together.shape == (5, 6)
    assert together.dtype == np.float32
    assert np.array_equal(together, np.concatenate([session(tiny_pictures[i : i + 1]) for i in range(5)]))
    assert np.array_equal(together, TfliteSession(tiny_int8["int8"].path, 2)(tiny_pictures[:5]))


@pytest.mark.parametrize("shape", [(1, 3, 32, 32), (1, 31, 32, 3), (32, 32, 3), (2, 32, 32)])
def test_pictures_of_another_shape_are_refused(tiny_float: Artifact, shape: tuple[int, ...]) -> None:
    with pytest.raises(EdgewiseError, match=r"takes float32 pictures of shape \(N, 32, 32, 3\)"):
        TfliteSession(tiny_float.path, 1)(np.zeros(shape, np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("io", IOS)
def test_pictures_that_are_not_finite_are_refused(
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
    for read in (lambda: TfliteSession(path, 1), lambda: read_structure(path)):
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


def casts(path: Path, *inputs: tuple[list[int], int]) -> Path:
    """A model that casts each of `inputs`, given as shape and type, to float32."""
    float32 = schema.TensorType.FLOAT32
    tensors = [schema.TensorT(name="x", shape=shape, type=kind, buffer=0) for shape, kind in inputs]
    tensors += [schema.TensorT(name="y", shape=shape, type=float32, buffer=0) for shape, _ in inputs]
    ends = range(len(inputs)), range(len(inputs), 2 * len(inputs))
    graph = schema.SubGraphT(
        tensors=tensors,
        inputs=[*ends[0]],
        outputs=[*ends[1]],
        operators=[
            schema.OperatorT(opcodeIndex=0, inputs=[x], outputs=[y]) for x, y in zip(*ends, strict=True)
        ],
    )
    cast = schema.BuiltinOperator.CAST
    code = schema.OperatorCodeT(deprecatedBuiltinCode=cast, builtinCode=cast, version=1)
    model = schema.ModelT(version=3, operatorCodes=[code], subgraphs=[graph], buffers=[schema.BufferT()])
    path.write_bytes(pack(model))
    return path


PICTURE = [1, 8, 8, 3]
FLOAT, BYTE = schema.TensorType.FLOAT32, schema.TensorType.UINT8


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([(PICTURE, FLOAT), ([1, 4], FLOAT)], r"has 2 inputs \(float32 \(1, 8, 8, 3\), float32 \(1, 4\)\)"),
        ([([1, 3, 8, 8], FLOAT)], r"its input is float32 \(1, 3, 8, 8\); must be \(1, H, W, 3\)"),
        ([([4, 8, 8, 3], FLOAT)], r"its input is float32 \(4, 8, 8, 3\); must be"),
        ([([1, 192], FLOAT)], r"its input is float32 \(1, 192\); must be"),
        ([(PICTURE, BYTE)], r"its input is uint8 \(1, 8, 8, 3\) without a scale"),
    ],
)
def test_a_model_with_another_input_is_refused(
    tmp_path: Path, inputs: list[tuple[list[int], int]], message: str
) -> None:
    with pytest.raises(EdgewiseError, match=rf"odd\.tflite: {message}"):
        open_session(casts(tmp_path / "odd.tflite", *inputs), 1)


def test_a_model_with_two_outputs_is_refused(tiny_float: Artifact, tmp_path: Path) -> None:
    model = unpack(tiny_float.path.read_bytes())
    graph = model.subgraphs[0]
    graph.outputs = [*graph.outputs, graph.operators[0].outputs[0]]
    path = tmp_path / "two.tflite"
    path.write_bytes(pack(model))
    with pytest.raises(EdgewiseError, match=r"has 2 outputs \(float32 \(1, 6\), float32 \(1, .*\)\)"):
        open_session(path, 1)


def test_a_model_without_logits_is_refused(tmp_path: Path) -> None:
    session = open_session(casts(tmp_path / "same.tflite", (PICTURE, FLOAT)), 1)
    with pytest.raises(ParityError, match="for 2 pictures"):
        session(np.zeros((2, 8, 8, 3), np.float32))


@pytest.mark.parametrize("io", IOS)
def test_reference_kernels_nearly_agree(
    tiny_int8: dict[str, Artifact], tiny_pictures: Tensor32, io: str
) -> None:
    path, step = tiny_int8[io].path, read_structure(tiny_int8[io].path).output_step
    assert step is not None
    difference = open_reference(path)(tiny_pictures[:8]) - open_session(path, 1)(tiny_pictures[:8])
    assert 0 < np.abs(difference).max() < 12 * step  # different kernels, but the same network


@pytest.mark.parametrize("io", IOS)
def test_the_loop_runs_its_picture_repeatedly(
    tiny_int8: dict[str, Artifact], tiny_pictures: Tensor32, io: str
) -> None:
    session = open_session(tiny_int8[io].path, 1)
    wanted = session(tiny_pictures[:2])
    call = session.loop(tiny_pictures[1:2])
    for _ in range(3):
        call()
        logits = session._interpreter.get_tensor(session._output["index"])
        assert np.array_equal(_to_float(logits, session._output), wanted[1:])


def test_the_loop_refuses_the_same_pictures_as_the_session(tiny_float: Artifact) -> None:
    with pytest.raises(EdgewiseError, match="takes float32 pictures"):
        open_session(tiny_float.path, 1).loop(np.zeros((1, 3, 32, 32), np.float32))


def test_xnnpack_runs_the_whole_graph_or_nothing(tiny_int8: dict[str, Artifact]) -> None:
    path = tiny_int8["int8"].path
    count = sum(operator.count for operator in read_structure(path).operators)
    fast, plain = open_session(path, 1).engine(), open_reference(path).engine()
    assert (fast.name, fast.version) == ("LiteRT", version())
    assert (fast.delegate, fast.operators, fast.delegated) == ("XNNPACK", count, count)
    assert (plain.delegate, plain.operators, plain.delegated) == ("built-in kernels", count, 0)


def test_operators_between_two_delegates_belong_to_neither() -> None:
    def node(index: int, inputs: list[int], outputs: list[int]) -> dict[str, Any]:
        return {"index": index, "inputs": inputs, "outputs": outputs}

    chain = [node(place, [place, -1], [place + 1]) for place in range(6)]
    delegates = [node(6, [0], [2]), node(7, [4, 3], [6])]
    assert _taken(delegates, chain) == {0, 1, 4, 5}


def test_there_is_no_caveat() -> None:
    assert caveat() is None


@pytest.mark.parametrize("opened", [open_session, open_exact, lambda path, _: open_reference(path)])
def test_all_kernels_add_products_in_32_bits(tmp_path: Path, one_layer: Any, opened: Any) -> None:
    """Every pair of these products exceeds 16 bits; saturated, the sums would be about half as large."""
    steps = np.random.default_rng(0).integers(120, 128, (16, 5, 5, 3))
    path = one_layer(tmp_path / "one.tflite", steps)
    bright = np.ones((1, 5, 5, 3), np.float32)
    exact = np.rint(steps.sum((1, 2, 3)) / 127)
    assert opened(path, 1)(bright)[0].tolist() == exact.tolist()
