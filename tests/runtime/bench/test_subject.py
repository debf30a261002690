"""The model to measure: its description in a record, and the check of its output."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgewise.export.artifact import Artifact
from edgewise.export.precision import Precision
from edgewise.models.errors import ParityError, UsageError
from edgewise.models.spec import ModelSpec
from edgewise.runtime.bench.request import Contender
from edgewise.runtime.bench.subject import Subject
from edgewise.runtime.bundle import write_bundle
from edgewise.runtime.bundle.golden import Golden

LOGITS = np.array([[3, -1, 0.5, 0, 2, -4]], np.float32)


@pytest.fixture
def folder(tmp_path: Path, tiny_spec: ModelSpec) -> str:
    """A bundle whose model is never opened; one step of its output is 0.1."""
    return bundle(tmp_path, tiny_spec, "model.tflite", Precision.W8A8)


def bundle(folder: Path, spec: ModelSpec, name: str, precision: Precision) -> str:
    file = folder / name
    file.write_bytes(b"model")
    file.with_suffix(".bin").write_bytes(b"weights")
    target = "openvino" if file.suffix == ".xml" else "tflite"
    model = Artifact(file, target, precision, "float32", spec)
    twin = replace(model, precision=Precision.FP32) if precision is not Precision.FP32 else None
    picture = np.random.default_rng(0).random((1, 32, 32, 3), np.float32)
    golden = Golden(np.zeros((50, 60, 3), np.uint8), picture, LOGITS, LOGITS + np.float32(0.05))
    return str(
        write_bundle(folder / "bundle", model, twin, golden, {"structure": {"output_step": 0.1}}).folder
    )


def test_a_part_describes_its_model(folder: str) -> None:
    model, twin = (Subject.of(Contender(folder, part)).model for part in ("model", "reference"))
    assert (model.precision, model.part, model.size_bytes) == ("w8a8", "model", 5)
    assert (twin.precision, twin.part) == ("fp32", "reference")
    assert model.sha256 == hashlib.sha256(b"model").hexdigest()


def test_the_checksum_of_two_files_is_that_of_their_sha256sum_listing(
    tmp_path: Path, tiny_spec: ModelSpec
) -> None:
    model = Subject.of(Contender(bundle(tmp_path, tiny_spec, "model.xml", Precision.FP32))).model
    printed = "".join(
        f"{hashlib.sha256(content).hexdigest()}  tiny-fp32{suffix}\n"
        for content, suffix in ((b"model", ".xml"), (b"weights", ".bin"))
    )
    assert model.sha256 == hashlib.sha256(printed.encode()).hexdigest()
    assert model.size_bytes == 12


def test_a_float_bundle_has_no_reference(tmp_path: Path, tiny_spec: ModelSpec) -> None:
    with pytest.raises(UsageError, match="no float reference"):
        Subject.of(Contender(bundle(tmp_path, tiny_spec, "model.tflite", Precision.FP32), "reference"))


def test_an_output_is_compared_in_steps_with_the_models_own(folder: str) -> None:
    subject = Subject.of(Contender(folder))
    found = subject.judged(LOGITS + np.float32(0.25))
    assert found.max_lsb == pytest.approx(2, abs=1e-3)
    assert found.output_sha256 == hashlib.sha256((LOGITS + np.float32(0.25)).tobytes()).hexdigest()
    with pytest.raises(ParityError, match="by 50 steps"):
        subject.judged(LOGITS + np.float32(5.05))


def test_a_float_output_is_compared_with_the_original_network(folder: str) -> None:
    subject = Subject.of(Contender(folder, "reference"))
    found = subject.judged(LOGITS)
    assert (found.max_lsb, found.max_rel) == (None, 0)
    with pytest.raises(ParityError, match="differs from the original"):
        subject.judged(LOGITS + np.array([0, 0, 0.1, 0, 0, 0], np.float32))


def test_invalid_outputs_are_refused(folder: str) -> None:
    subject = Subject.of(Contender(folder))
    with pytest.raises(ParityError, match="NaN or infinity"):
        subject.judged(LOGITS * np.float32("nan"))
    with pytest.raises(ParityError, match="gave 2 logits instead of 6"):
        subject.judged(LOGITS[:, :2])
