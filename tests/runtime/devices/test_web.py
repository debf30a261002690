"""What a page is told of a contender, and how its answer is judged."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgewise.export._artifact import Artifact, write_bundle
from edgewise.export._golden import Golden
from edgewise.models.errors import ParityError, UsageError
from edgewise.models.spec import ModelSpec
from edgewise.runtime.bench.request import Contender
from edgewise.runtime.devices._npm import Packages
from edgewise.runtime.devices._web import WebContender

LOGITS = np.array([[3, -1, 0.5, 0, 2, -4]], np.float32)
SUFFIXES = {"tflite": ".tflite", "onnx": ".onnx", "openvino": ".xml"}


def bundle(folder: Path, spec: ModelSpec, target: str, precision: str = "w8a8", io: str = "float32") -> str:
    """A bundle whose model nobody opens; one step of its output is 0.1."""
    file = folder / f"tiny{SUFFIXES[target]}"
    file.write_bytes(b"model")
    file.with_suffix(".bin").write_bytes(b"weights")
    model = Artifact(file, target, precision, io, spec)
    twin = replace(model, precision="fp32", io="float32") if precision != "fp32" else None
    picture = np.random.default_rng(0).random((1, 32, 32, 3), np.float32)
    golden = Golden(np.zeros((50, 60, 3), np.uint8), picture, LOGITS, LOGITS + np.float32(0.05))
    step = {"output_step": 0.1} if precision != "fp32" else {}
    return str(write_bundle(folder / "bundle", model, twin, golden, {"structure": step}).folder)


def test_the_page_gets_the_input_in_the_order_of_the_engine(tmp_path: Path, tiny_spec: ModelSpec) -> None:
    for target, shape in (("tflite", (1, 32, 32, 3)), ("onnx", (1, 3, 32, 32))):
        (tmp_path / target).mkdir()
        contender = WebContender.of(Contender(bundle(tmp_path / target, tiny_spec, target)))
        told, files = contender.plan(3, threads=2)
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


def test_a_contender_says_which_model_it_is(tmp_path: Path, tiny_spec: ModelSpec) -> None:
    folder = bundle(tmp_path, tiny_spec, "tflite")
    model, twin = (WebContender.of(Contender(folder, part)).model for part in ("model", "reference"))
    assert (model.precision, model.part, model.size_bytes) == ("w8a8", "model", 5)
    assert (twin.precision, twin.part) == ("fp32", "reference")
    assert model.sha256 == hashlib.sha256(b"model").hexdigest()


def test_the_engine_is_the_pinned_one(tmp_path: Path, tiny_spec: ModelSpec) -> None:
    contender = WebContender.of(Contender(bundle(tmp_path, tiny_spec, "onnx")))
    engine = contender.engine(Packages(tmp_path), "wasm")
    assert (engine.name, engine.version, engine.delegate) == ("ONNX Runtime Web", "1.30.0", "wasm")


def test_openvino_is_refused_with_the_reason(tmp_path: Path, tiny_spec: ModelSpec) -> None:
    with pytest.raises(UsageError, match=r"no engine for openvino files; .* --device local"):
        WebContender.of(Contender(bundle(tmp_path, tiny_spec, "openvino")))


def test_integer_pictures_are_refused_but_not_of_the_twin(tmp_path: Path, tiny_spec: ModelSpec) -> None:
    folder = bundle(tmp_path, tiny_spec, "tflite", io="int8")
    with pytest.raises(UsageError, match=r"takes int8 pictures, .* --io float32"):
        WebContender.of(Contender(folder))
    assert WebContender.of(Contender(folder, "reference")).model.precision == "fp32"


def test_a_float_bundle_has_no_twin(tmp_path: Path, tiny_spec: ModelSpec) -> None:
    with pytest.raises(UsageError, match="no float twin"):
        WebContender.of(Contender(bundle(tmp_path, tiny_spec, "tflite", "fp32"), "reference"))


def test_an_answer_is_judged_in_steps_by_the_models_own(tmp_path: Path, tiny_spec: ModelSpec) -> None:
    contender = WebContender.of(Contender(bundle(tmp_path, tiny_spec, "tflite")))
    found = contender.check([*map(float, LOGITS[0] + np.float32(0.25))])
    assert found.max_lsb == pytest.approx(2, abs=1e-3)
    assert found.output_sha256 == hashlib.sha256((LOGITS + np.float32(0.25)).tobytes()).hexdigest()
    with pytest.raises(ParityError, match="by 50 steps"):
        contender.check([*map(float, LOGITS[0] + 5.05)])


def test_a_twins_answer_is_judged_by_the_original_network(tmp_path: Path, tiny_spec: ModelSpec) -> None:
    contender = WebContender.of(Contender(bundle(tmp_path, tiny_spec, "tflite"), "reference"))
    found = contender.check([*map(float, LOGITS[0])])
    assert (found.max_lsb, found.max_rel) == (None, 0)
    with pytest.raises(ParityError, match="differs from the original"):
        contender.check([*map(float, LOGITS[0] + 0.05)])


def test_numbers_that_json_cannot_hold_are_no_answer(tmp_path: Path, tiny_spec: ModelSpec) -> None:
    contender = WebContender.of(Contender(bundle(tmp_path, tiny_spec, "tflite")))
    with pytest.raises(ParityError, match="NaN or infinity"):
        contender.check([1, 2, None, 4, 5, 6])
    with pytest.raises(ParityError, match=r"\(1, 6\)"):
        contender.check([1, 2])
