"""The page's instructions for a model, and models that it cannot open."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgewise.export.artifact import Artifact
from edgewise.export.precision import Precision
from edgewise.models.errors import UsageError
from edgewise.models.spec import ModelSpec
from edgewise.runtime.bench.request import Contender
from edgewise.runtime.bundle import write_bundle
from edgewise.runtime.bundle.golden import Golden
from edgewise.runtime.devices._npm import Packages
from edgewise.runtime.devices._web import engine, plan, subject

LOGITS = np.array([[3, -1, 0.5, 0, 2, -4]], np.float32)
SUFFIXES = {"tflite": ".tflite", "onnx": ".onnx", "openvino": ".xml"}


def bundle(
    folder: Path,
    spec: ModelSpec,
    target: str,
    precision: Precision = Precision.W8A8,
    io: str = "float32",
) -> str:
    """A bundle whose model is never opened; one step of its output is 0.1."""
    file = folder / f"tiny{SUFFIXES[target]}"
    file.write_bytes(b"model")
    file.with_suffix(".bin").write_bytes(b"weights")
    model = Artifact(file, target, precision, io, spec)
    twin = replace(model, precision=Precision.FP32, io="float32") if precision.integer else None
    picture = np.random.default_rng(0).random((1, 32, 32, 3), np.float32)
    golden = Golden(np.zeros((50, 60, 3), np.uint8), picture, LOGITS, LOGITS + np.float32(0.05))
    step = {"output_step": 0.1} if precision.integer else {}
    return str(write_bundle(folder / "bundle", model, twin, golden, {"structure": step}).folder)


def test_the_page_gets_the_input_in_the_order_of_the_engine(tmp_path: Path, tiny_spec: ModelSpec) -> None:
    for target, shape in (("tflite", (1, 32, 32, 3)), ("onnx", (1, 3, 32, 32))):
        (tmp_path / target).mkdir()
        contender = subject(Contender(bundle(tmp_path / target, tiny_spec, target)))
        told, files = plan(contender, 3, threads=2)
        assert told == {
            "title": f"tiny {target} w8a8",
            "target": target,
            "threads": 2,
            "model": "model/3",
            "input": "input/3",
            "shape": shape,
        }
        assert files["model/3"] == contender.path
        data = files["input/3"]
        assert isinstance(data, bytes)
        picture = np.frombuffer(data, "<f4").reshape(shape)
        expected = contender.bundle.golden().input
        np.testing.assert_array_equal(
            picture if target == "tflite" else picture.transpose(0, 2, 3, 1), expected
        )


def test_the_engine_is_the_pinned_one(tmp_path: Path, tiny_spec: ModelSpec) -> None:
    contender = subject(Contender(bundle(tmp_path, tiny_spec, "onnx")))
    found = engine(contender, Packages(tmp_path), "wasm")
    assert (found.name, found.version, found.delegate) == ("ONNX Runtime Web", "1.30.0", "wasm")


def test_openvino_is_refused_with_the_reason(tmp_path: Path, tiny_spec: ModelSpec) -> None:
    with pytest.raises(UsageError, match=r"no engine for openvino files; .* --device local"):
        subject(Contender(bundle(tmp_path, tiny_spec, "openvino")))


def test_integer_inputs_are_refused_except_for_the_float_reference(
    tmp_path: Path, tiny_spec: ModelSpec
) -> None:
    folder = bundle(tmp_path, tiny_spec, "tflite", io="int8")
    with pytest.raises(UsageError, match=r"its input is int8, .* --io float32"):
        subject(Contender(folder))
    assert subject(Contender(folder, "reference")).model.precision == "fp32"
