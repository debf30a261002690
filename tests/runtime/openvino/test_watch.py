"""What the INT8 layers of an OpenVINO file compute from, and whether its processor's sums exceed 16 bits."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest

from edgewise.export.engines import importing
from edgewise.runtime.openvino import watch
from edgewise.runtime.openvino.session import open_exact
from edgewise.runtime.processors import Processor
from edgewise.runtime.products import count

with importing("Testing", "openvino"):
    import openvino as ov
    from openvino import opset8

Write: TypeAlias = Callable[..., Path]

STEPS = np.full((16, 3, 3, 2), 127, np.int8)
LEAST = 130  # the smallest activation at which a pair of 127 exceeds 16 bits
RUN = """
import sys
import numpy as np
from pathlib import Path
from edgewise.runtime.openvino.session import open_session
np.save(sys.argv[2], open_session(Path(sys.argv[1]), 1)(np.load(sys.argv[2])))
"""


@pytest.fixture
def picture() -> np.ndarray:
    """(1, 5, 5, 3) on steps of 1/255."""
    return np.random.default_rng(0).integers(0, 256, (1, 5, 5, 3)).astype(np.float32) / 255


def test_a_convolution(written: Write, tmp_path: Path, picture: np.ndarray) -> None:
    ((layer, activations),) = watch(written(tmp_path / "one.xml", STEPS), {"layer"})(picture)
    assert np.array_equal(activations, np.rint(picture.transpose(0, 3, 1, 2) * 255))
    assert np.array_equal(layer.steps, STEPS)
    geometry = layer.groups, layer.strides, layer.dilations, layer.before, layer.after, layer.zero
    assert geometry == (1, (1, 1), (1, 1), (0, 0), (0, 0), 0)


@pytest.mark.parametrize(("scale", "seen"), [(1.0, 1), (1.37, 0)])
def test_a_matrix_product_behind_pooling(
    tmp_path: Path, picture: np.ndarray, scale: float, seen: int
) -> None:
    """Values that are no longer on the steps of the FakeQuantize are left out."""
    source = opset8.parameter([1, 3, 5, 5], np.float32, name="x")
    ends = [opset8.constant(np.float32(value)) for value in (-1, 1)]
    rounded = opset8.fake_quantize(source, *ends, *ends, levels=256)
    pooled = opset8.max_pool(rounded, [1, 1], [1, 1], [0, 0], [0, 0], [5, 5]).output(0)
    flat = opset8.reshape(pooled, np.array([1, 3]), special_zero=False)
    if scale != 1:
        flat = opset8.reshape(opset8.multiply(flat, np.float32(scale)), np.array([1, 3]), special_zero=False)
    weight = opset8.multiply(
        opset8.convert(opset8.constant(np.full((4, 3), 127, np.int8)), "f32"), np.float32(1 / 127)
    )
    logits = opset8.matmul(flat, weight, transpose_a=False, transpose_b=True)
    logits.set_friendly_name("head")
    path = tmp_path / "one.xml"
    ov.save_model(ov.Model([logits.output(0)], [source]), path, compress_to_fp16=False)
    found = list(watch(path, {"head"})(picture))
    assert len(found) == seen
    if found:
        ((layer, activations),) = found
        assert np.array_equal(activations, np.rint((picture.max((1, 2)) + 1) / 2 * 255))
        assert layer.steps.shape == (4, 3)


@pytest.mark.skipif(Processor.host() is Processor.ARM64, reason="no processor without VNNI can be emulated")
@pytest.mark.parametrize("activation", [LEAST - 1, LEAST])
def test_what_was_counted_is_what_a_processor_without_vnni_changes(
    written: Write, tmp_path: Path, activation: int
) -> None:
    path, batch = written(tmp_path / "one.xml", STEPS), np.full((1, 5, 5, 3), activation / 255, np.float32)
    ((layer, activations),) = watch(path, {"layer"})(batch)
    found = count(layer, activations)
    assert (found.exceeded > 0) == (activation >= LEAST)
    np.save(tmp_path / "batch.npy", batch)
    subprocess.run(
        [sys.executable, "-c", RUN, path, tmp_path / "batch.npy"],
        env=os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX2"},
        check=True,
    )
    answer = np.load(tmp_path / "batch.npy")
    assert np.allclose(answer, open_exact(path, 1)(batch), rtol=1e-5) == (found.changed == 0)
