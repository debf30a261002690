"""INT8 TFLite files, made and run for real."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edgewise.export._artifact import IOS, Artifact
from edgewise.export._graph import trace
from edgewise.export.tflite import export
from edgewise.models.spec import ModelSpec, Tensor32
from edgewise.quantize._calibration import Calibration
from edgewise.quantize._refine import Refined, refine
from edgewise.quantize._tflite_patch import patch
from edgewise.quantize.tflite import quantize
from edgewise.runtime.stats import agreement
from edgewise.runtime.tflite import TfliteSession, structure


@pytest.mark.parametrize("io", IOS)
def test_the_whole_network_is_integer(tiny_int8: dict[str, Artifact], io: str) -> None:
    found = structure(tiny_int8[io].path)
    assert found.float_operators == 0
    assert "TRANSPOSE" not in found.operators
    assert (found.partitions, found.whole) == (1, True)
    assert (found.input["dtype"], found.output["dtype"]) == (io, io)
    assert (tiny_int8[io].precision, tiny_int8[io].io) == ("w8a8", io)


def test_ends_of_any_type_answer_alike(
    tiny_int8: dict[str, Artifact], tiny_float: Artifact, tiny_pictures: Tensor32
) -> None:
    exact = TfliteSession(tiny_float.path, 1)(tiny_pictures)
    answers = [TfliteSession(tiny_int8[io].path, 1)(tiny_pictures) for io in IOS]
    found = [agreement(exact, answer) for answer in answers]
    assert len(np.unique(exact.argmax(1))) > 3  # an easy agreement says nothing
    assert found[0].top1 >= 0.9
    assert found[0].sqnr_db > 15
    assert found[0].top1 == found[1].top1 == found[2].top1


def test_what_was_refined_is_told(tiny_int8: dict[str, Artifact], tiny_refined: Refined) -> None:
    found = tiny_int8["int8"]
    assert found.details == {
        "equalized_groups": tiny_refined.equalized_groups,
        "bias_corrected_layers": tiny_refined.corrected_layers,
    }
    assert found.source is not None
    assert structure(found.source).float_operators > 0


def test_the_input_spans_the_calibration_pictures(
    tiny_int8: dict[str, Artifact], tiny_calibration: Calibration
) -> None:
    found = structure(tiny_int8["int8"].path).input
    seen = tiny_calibration.batch(32)
    assert found["scale"] == pytest.approx((seen.max() - seen.min()) / 255, rel=1e-5)
    assert found["zero_point"] == pytest.approx(-128 - seen.min() / found["scale"], abs=0.51)


def test_the_same_pictures_give_the_same_bytes(
    tiny_float: Artifact,
    tiny_refined: Refined,
    tiny_calibration: Calibration,
    tiny_int8: dict[str, Artifact],
    tmp_path: Path,
) -> None:
    again = quantize(tiny_float, tiny_refined, tiny_calibration, "int8", tmp_path / "again.tflite")
    assert again.path.read_bytes() == tiny_int8["int8"].path.read_bytes()


def test_twin_layers_are_converted_anew(
    tiny_spec: ModelSpec, tiny_calibration: Calibration, tiny_pictures: Tensor32, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    first, second = nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3)
    second.load_state_dict(first.state_dict())
    stem = nn.Conv2d(3, 8, 3, stride=2)
    twins = nn.Sequential(stem, nn.ReLU(), first, nn.ReLU(), second, nn.Flatten(), nn.Linear(968, 6))
    graph = trace(twins, 32)
    exact = export(graph, tiny_spec, tmp_path / "float.tflite")
    refined = refine(graph, tiny_calibration)
    assert patch(exact.path.read_bytes(), graph, refined.network) is None
    found = quantize(exact, refined, tiny_calibration, "int8", tmp_path / "int8.tflite")
    assert structure(found.path).float_operators == 0
    answers = (TfliteSession(file.path, 1)(tiny_pictures) for file in (exact, found))
    assert agreement(*answers).sqnr_db > 20
