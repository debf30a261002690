"""Golden samples: written into a bundle, and checked from there."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from edgewise.export.artifact import IOS, Artifact
from edgewise.export.precision import Precision
from edgewise.models.errors import ParityError
from edgewise.runtime.bundle import Bundle, write_bundle
from edgewise.runtime.bundle.golden import Golden
from edgewise.runtime.judge.golden import MAX_LSB, GoldenCheck, check, sample
from edgewise.runtime.reference import TorchSession
from edgewise.runtime.tflite.session import TfliteSession, read_structure


def golden_of(network: nn.Module, file: Artifact) -> Golden:
    return sample(file.spec.preprocess, TorchSession(network), TfliteSession(file.path, 1))


def checked_with(golden: Golden, file: Artifact, twin: Artifact | None, folder: Path) -> GoldenCheck:
    """Write a bundle with this sample and check it from there."""
    record = {"versions": {"pillow": "0.1"}, "structure": read_structure(file.path).to_json()}
    write_bundle(folder / "bundle", file, twin, golden, record)
    bundle = Bundle.open(folder / "bundle")
    return check(bundle, TfliteSession(bundle.model, 1))


def test_the_sample_is_larger_than_the_input(tiny_network: nn.Module, tiny_float: Artifact) -> None:
    golden = golden_of(tiny_network, tiny_float)
    height, width, _ = golden.image.shape
    assert width > height > tiny_float.spec.preprocess.resize
    golden.check(tiny_float.spec)
    np.testing.assert_allclose(golden.logits, golden.output, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("io", IOS)
def test_a_quantized_bundle_checks_itself(
    tiny_network: nn.Module, tiny_float: Artifact, tiny_int8: dict[str, Artifact], tmp_path: Path, io: str
) -> None:
    file = tiny_int8[io]
    found = checked_with(golden_of(tiny_network, file), file, tiny_float, tmp_path)
    assert found.max_lsb == 0
    assert 0.95 < found.cosine < 1
    assert found.parity.max_rel < 1e-4  # of the float model


def test_a_float_bundle_checks_itself(tiny_network: nn.Module, tiny_float: Artifact, tmp_path: Path) -> None:
    found = checked_with(golden_of(tiny_network, tiny_float), tiny_float, None, tmp_path)
    assert (found.max_lsb, found.max_rel) == (None, 0)
    assert found.parity.max_rel < 1e-4


def test_a_few_steps_of_difference_are_accepted_as_rounding(
    tiny_network: nn.Module, tiny_float: Artifact, tiny_int8: dict[str, Artifact], tmp_path: Path
) -> None:
    file = tiny_int8["int8"]
    golden, step = golden_of(tiny_network, file), read_structure(file.path).output_step
    assert step is not None
    off = replace(golden, output=golden.output + np.float32(2 * step))
    assert checked_with(off, file, tiny_float, tmp_path).max_lsb == pytest.approx(2, abs=1e-3)
    far = replace(golden, output=golden.output - np.float32((MAX_LSB + 1) * step))
    with pytest.raises(ParityError, match=f"differs on this machine by {MAX_LSB + 1} steps .allowed"):
        checked_with(far, file, tiny_float, tmp_path)


def test_another_float_output_is_refused(
    tiny_network: nn.Module, tiny_float: Artifact, tmp_path: Path
) -> None:
    golden = golden_of(tiny_network, tiny_float)
    changed = replace(golden, output=golden.output * np.float32(1.01))
    with pytest.raises(ParityError, match=r"differs on this machine by a relative"):
        checked_with(changed, tiny_float, None, tmp_path)


def test_a_float_output_after_int8_layers_may_differ_by_some_steps(
    tiny_network: nn.Module, tiny_float: Artifact, tmp_path: Path
) -> None:
    mixed = replace(tiny_float, precision=Precision.MIXED)  # its last layer is in float, so it has no steps
    golden = golden_of(tiny_network, tiny_float)
    off = replace(golden, output=golden.output * np.float32(1.05))
    found = checked_with(off, mixed, tiny_float, tmp_path)
    assert found.max_lsb is None
    assert 0.04 < found.max_rel < 0.06
    far = replace(golden, output=golden.output * np.float32(1.2))
    with pytest.raises(ParityError, match=r"differs on this machine by a relative"):
        checked_with(far, mixed, tiny_float, tmp_path)


def test_a_float_model_of_another_network_is_refused(
    tiny_network: nn.Module, tiny_float: Artifact, tiny_int8: dict[str, Artifact], tmp_path: Path
) -> None:
    golden = golden_of(tiny_network, tiny_int8["int8"])
    changed = replace(golden, logits=golden.logits * np.float32(1.01))
    with pytest.raises(ParityError, match="differs from the original"):
        checked_with(changed, tiny_int8["int8"], tiny_float, tmp_path)


def test_another_preprocessing_is_refused(
    tiny_network: nn.Module, tiny_float: Artifact, tmp_path: Path
) -> None:
    golden = golden_of(tiny_network, tiny_float)
    changed = golden.input.copy()
    changed[0, 1, 2, 0] += 0.25
    with pytest.raises(ParityError, match=r"preprocessing differs .* by up to 0\.25; .* with 0\.1"):
        checked_with(replace(golden, input=changed), tiny_float, None, tmp_path)
