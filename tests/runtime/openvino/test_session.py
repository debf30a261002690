"""Sessions on real OpenVINO files: consistent results, refusals and caveats."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewise.export.artifact import Artifact
from edgewise.export.engines import importing
from edgewise.models.errors import EdgewiseError
from edgewise.models.spec import Tensor32
from edgewise.runtime.judge.stats import agreement
from edgewise.runtime.machine import saturates
from edgewise.runtime.openvino import session as openvino_session
from edgewise.runtime.openvino.session import (
    open_exact,
    open_reference,
    open_session,
    open_shared,
    read_structure,
)

with importing("Testing", "openvino"):
    import openvino as ov


def integer(path: Path, largest: int) -> Path:
    """A model of somebody else with a layer of INT8 weights from half of `largest` to `largest`."""
    from openvino import opset8

    def layer(x: ov.Output, weight: ov.Output) -> ov.Output:
        return opset8.convolution(x, weight, [1, 1], [0, 0], [0, 0], [1, 1]).output(0)

    rng = np.random.default_rng(0)
    source = opset8.parameter([1, 3, 8, 8], np.float32, name="x")
    wide = layer(source, opset8.constant(rng.uniform(0.2, 1, (64, 3, 1, 1)).astype(np.float32)))
    low, high = (opset8.constant(np.float32(value)) for value in (0, 2))
    steps = rng.integers(largest // 2, largest, (6, 64, 1, 1), endpoint=True).astype(np.int8)
    weight = opset8.multiply(opset8.convert(opset8.constant(steps), "f32"), opset8.constant(np.float32(0.01)))
    features = layer(opset8.fake_quantize(wide, low, high, low, high, levels=256).output(0), weight.output(0))
    logits = opset8.reduce_mean(features, np.array([2, 3]), keep_dims=False)
    ov.save_model(ov.Model([logits], [source]), path, compress_to_fp16=False)
    return path


def foreign(path: Path, shape: list[int], other: list[int] | None = None, *, rank: int = 2) -> Path:
    """A model not made by edgewise: the mean over height and width, or over one of them."""
    from openvino import opset8

    source = opset8.parameter(shape, np.float32, name="x")
    ends = [opset8.reduce_mean(source, np.array([3, 2][: 4 - rank]), keep_dims=False)]
    sources = [source]
    if other:
        sources.append(opset8.parameter(other, np.float32, name="y"))
        ends.append(opset8.relu(sources[1]))
    ov.save_model(ov.Model(ends, sources), path)
    return path


@pytest.mark.parametrize("kind", ["openvino_float", "openvino_int8"])
def test_a_batch_equals_single_pictures(
    kind: str, tiny_pictures: Tensor32, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(kind).path
    session = open_session(path, 1)
    together = session(tiny_pictures[:5])
    assert together.shape == (5, 6)
    assert together.dtype == np.float32
    again = np.concatenate([session(tiny_pictures[i : i + 1]) for i in range(5)])
    assert np.array_equal(together, again)
    assert np.array_equal(together, open_session(path, 2)(tiny_pictures[:5]))


@pytest.mark.parametrize("exact", [False, True])
def test_one_of_several_processes_has_no_core_of_its_own(
    exact: bool, openvino_int8: Artifact, tiny_pictures: Tensor32
) -> None:
    path = openvino_int8.path
    shared, usual = open_shared(path, exact=exact), (open_exact if exact else open_session)(path, 1)
    assert shared._request.get_compiled_model().get_property("ENABLE_CPU_PINNING") is False
    assert np.array_equal(shared(tiny_pictures[:5]), usual(tiny_pictures[:5]))
    assert shared.opening == usual.opening


def test_an_output_is_not_overwritten_by_the_next(openvino_float: Artifact, tiny_pictures: Tensor32) -> None:
    session = open_session(openvino_float.path, 1)
    first = session(tiny_pictures[:1])
    kept = first.copy()
    session(tiny_pictures[1:2])
    assert np.array_equal(first, kept)


def test_the_reference_computes_in_float_and_agrees(
    openvino_float: Artifact, openvino_int8: Artifact, tiny_pictures: Tensor32
) -> None:
    exact, fast = (
        open_reference(openvino_int8.path)(tiny_pictures),
        open_session(openvino_int8.path, 1)(tiny_pictures),
    )
    assert not np.array_equal(exact, fast)
    assert read_structure(openvino_int8.path).overflow  # its weights have all eight bits
    assert (agreement(exact, fast).sqnr_db > 25) == (not saturates())
    for options, types in (({}, {"u8"}), (openvino_session.PLAIN, {"f32"})):
        compiled = ov.Core().compile_model(openvino_int8.path, "CPU", openvino_session._EXACT | options)
        nodes: list[Any] = compiled.get_runtime_model().get_ops()
        info = [{key: value.astype(str) for key, value in node.get_rt_info().items()} for node in nodes]
        assert {one["runtimePrecision"] for one in info if one["layerType"] == "Convolution"} == types
    floats = open_reference(openvino_float.path)(tiny_pictures)
    assert np.array_equal(floats, open_session(openvino_float.path, 1)(tiny_pictures))


@pytest.mark.parametrize(("largest", "overflows"), [(63, False), (127, True)])
def test_the_reference_is_exact_where_pairs_of_products_exceed_16_bits(
    tmp_path: Path, largest: int, overflows: bool
) -> None:
    path = integer(tmp_path / "integer.xml", largest)
    pictures = np.random.default_rng(1).uniform(0.5, 1, (8, 8, 8, 3)).astype(np.float32)
    found = agreement(open_reference(path)(pictures), open_session(path, 1)(pictures)).sqnr_db
    assert (found > 40) == (not (overflows and saturates()))


def test_float_is_float32_whatever_the_processor_prefers(
    openvino_float: Artifact, tiny_pictures: Tensor32
) -> None:
    ours = open_session(openvino_float.path, 1)(tiny_pictures[:1])
    picture = np.ascontiguousarray(tiny_pictures[:1].transpose(0, 3, 1, 2))
    for options, same in (
        ({"INFERENCE_PRECISION_HINT": "f32"}, True),
        ({}, openvino_session.caveat() is None),
    ):
        theirs = ov.Core().compile_model(openvino_float.path, "CPU", options)(picture)[0]
        assert (np.abs(theirs - ours).max() < 1e-5 * np.abs(ours).max()) == same


@pytest.mark.parametrize(
    ("default", "told"), [("f32", None), ("bf16", "in bfloat16 "), ("f16", "in float16 ")]
)
def test_another_default_is_explained(
    default: str, told: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Processor:
        def get_property(self, device: str, name: str) -> Any:
            assert (device, name) == ("CPU", "INFERENCE_PRECISION_HINT")
            return getattr(ov.Type, default)

    monkeypatch.setattr(openvino_session, "_core", Processor)
    found = openvino_session.caveat()
    assert (found is None) == (told is None)
    assert (told or "") in (found or "")


@pytest.mark.parametrize("shape", [(1, 3, 32, 32), (1, 31, 32, 3), (32, 32, 3), (0, 32, 32, 3)])
def test_pictures_of_another_shape_are_refused(openvino_float: Artifact, shape: tuple[int, ...]) -> None:
    with pytest.raises(EdgewiseError, match=r"pictures of shape \(N, 32, 32, 3\)"):
        open_session(openvino_float.path, 1)(np.zeros(shape, np.float32))


def test_pictures_that_are_not_finite_float32_are_refused(openvino_float: Artifact) -> None:
    session = open_session(openvino_float.path, 1)
    with pytest.raises(EdgewiseError, match="uint8"):
        session(np.zeros((1, 32, 32, 3), np.uint8))
    with pytest.raises(EdgewiseError, match="NaN"):
        session(np.full((1, 32, 32, 3), np.nan, np.float32))


def test_a_foreign_model_runs(tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).random((3, 4, 5, 3), np.float32)
    for batch in (1, 2, -1):
        found = open_session(foreign(tmp_path / f"mean{batch}.xml", [batch, 3, 4, 5]), 1)(pictures)
        assert np.allclose(found, pictures.mean((1, 2)), atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "other", "rank", "told"),
    [
        ([1, 4, 8, 8], None, 2, r"inputs \[1,4,8,8\]"),
        ([1, 8, 8, 3], None, 2, r"inputs \[1,8,8,3\]"),
        ([1, 3, -1, 8], None, 2, r"inputs \[1,3,\?,8\]"),
        ([1, 3, 8, 8], None, 3, r"inputs \[1,3,8,8\] and outputs \[1,3,8\];"),
        ([1, 3, 8, 8], [1, 2], 2, r"inputs \[1,3,8,8\], \[1,2\] and outputs \[1,3\], \[1,2\]"),
    ],
)
def test_a_model_that_is_not_a_classifier_is_refused(
    tmp_path: Path, shape: list[int], other: list[int] | None, rank: int, told: str
) -> None:
    path = foreign(tmp_path / "odd.xml", shape, other, rank=rank)
    with pytest.raises(EdgewiseError, match=rf"odd\.xml: has {told}.* must have"):
        open_session(path, 1)


@pytest.mark.parametrize("suffix", [".xml", ".bin"])
@pytest.mark.parametrize("part", [0.0, 0.2, 0.9])
def test_a_truncated_file_is_refused(
    openvino_float: Artifact, tmp_path: Path, part: float, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for path in openvino_float.files.values():
        content = path.read_bytes()
        end = int(part * len(content)) if path.suffix == suffix else len(content)
        (tmp_path / f"cut{path.suffix}").write_bytes(content[:end])
    for read in (lambda: open_session(tmp_path / "cut.xml", 1), lambda: read_structure(tmp_path / "cut.xml")):
        with pytest.raises(EdgewiseError, match=r"cut\.xml: OpenVINO cannot open it \(") as error:
            read()
        assert "\n" not in str(error.value)
        assert ".cpp" not in str(error.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("text", ["", "not a model", "<html>" * 1000])
def test_a_text_file_is_refused(tmp_path: Path, text: str, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "page.xml").write_text(text)
    (tmp_path / "page.bin").write_text("")
    with pytest.raises(
        EdgewiseError, match=r"page\.xml: OpenVINO cannot open it \(not an OpenVINO IR file\)"
    ):
        open_session(tmp_path / "page.xml", 1)
    assert capfd.readouterr() == ("", "")


def test_a_missing_file_is_named(openvino_float: Artifact, tmp_path: Path) -> None:
    with pytest.raises(EdgewiseError, match=r"nowhere\.xml is missing"):
        open_session(tmp_path / "nowhere.xml", 1)
    (tmp_path / "half.xml").write_bytes(openvino_float.path.read_bytes())
    with pytest.raises(EdgewiseError, match=r"half\.bin is missing\); copy both"):
        open_session(tmp_path / "half.xml", 1)


@pytest.mark.parametrize("kind", ["openvino_float", "openvino_int8"])
def test_the_loop_runs_its_picture_repeatedly(
    kind: str, tiny_pictures: Tensor32, request: pytest.FixtureRequest
) -> None:
    session = open_session(request.getfixturevalue(kind).path, 1)
    wanted = session(tiny_pictures[:2])
    call = session.loop(tiny_pictures[1:2])
    for _ in range(3):
        call()
        assert np.array_equal(session._request.get_output_tensor().data, wanted[1:])


def test_the_engine_reports_its_device_and_precision(openvino_int8: Artifact) -> None:
    found = open_session(openvino_int8.path, 1).engine()
    assert (found.name, found.version, found.delegate) == (
        "OpenVINO",
        openvino_session.version(),
        "CPU (f32)",
    )
    assert found.delegated == found.operators
    assert found.operators is not None
    assert found.operators > 10
