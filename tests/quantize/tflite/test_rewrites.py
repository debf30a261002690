"""Hard-swish in a TFLite file becomes operators that XNNPACK has in INT8, without a second conversion."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from ai_edge_litert.schema_py_generated import ModelT
from ai_edge_litert.tools.flatbuffer_utils import opcode_to_name
from torch import nn

from edgewise.export.graph import trace
from edgewise.export.tflite import exporter
from edgewise.export.tflite.flatbuffer import pack, unpack
from edgewise.models.spec import ModelSpec, Tensor32
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.recipe import Recipe
from edgewise.quantize.refine import refine
from edgewise.quantize.tflite.refined_file import refined_files
from edgewise.quantize.tflite.rewrites import rewrite
from edgewise.runtime.judge.stats import parity
from edgewise.runtime.reference import TorchSession
from edgewise.runtime.tflite.session import TfliteSession


def _network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2),
        nn.Hardswish(),
        nn.Conv2d(8, 8, 3),
        nn.Hardsigmoid(),
        nn.Hardswish(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 6),
    ).eval()


def _operators(model: ModelT) -> Counter[str]:
    return Counter(opcode_to_name(model, operator.opcodeIndex) for operator in model.subgraphs[0].operators)


def test_the_function_stays_the_same(tiny_spec: ModelSpec, tiny_pictures: Tensor32, tmp_path: Path) -> None:
    exported = exporter.export(trace(_network(), 32), tiny_spec, tmp_path / "model.tflite").path
    model = unpack(exported.read_bytes())
    before = _operators(model)
    assert before["HARD_SWISH"] == 2  # or this tests nothing
    rewrite(model)
    assert _operators(model) - before == Counter(MUL=4, ADD=2)
    assert before - _operators(model) == Counter(HARD_SWISH=2)
    path = tmp_path / "rewritten.tflite"
    path.write_bytes(pack(model))
    wanted, answer = TfliteSession(exported, 1)(tiny_pictures), TfliteSession(path, 1)(tiny_pictures)
    np.testing.assert_allclose(answer, wanted, rtol=1e-5, atol=1e-5)


def test_a_file_without_hard_swish_stays_as_it_is(tiny_spec: ModelSpec, tmp_path: Path) -> None:
    graph = trace(nn.Sequential(nn.Conv2d(3, 6, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()), 32)
    model = unpack(exporter.export(graph, tiny_spec, tmp_path / "model.tflite").path.read_bytes())
    before = pack(model)
    rewrite(model)
    assert pack(model) == before


def test_a_refined_network_with_rewrites_is_not_converted_again(
    tiny_spec: ModelSpec,
    tiny_calibration: Calibration,
    tiny_pictures: Tensor32,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graph = trace(_network(), 32)
    artifact = exporter.export(graph, tiny_spec, tmp_path / "model.tflite")
    refined = refine(graph, tiny_calibration, Recipe())
    assert refined.rewrites == 3
    monkeypatch.setattr(exporter, "_from_torch", None)
    path = tmp_path / "refined.tflite"
    path.write_bytes(pack(next(refined_files(artifact, refined, tmp_path / "int8.tflite"))))
    wanted, answer = TorchSession(refined.network)(tiny_pictures), TfliteSession(path, 1)(tiny_pictures)
    assert parity(wanted, answer).max_rel < 1e-4
