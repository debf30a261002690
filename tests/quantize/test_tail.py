"""Operators that stay in float after the layers: found in any graph, and in float in all INT8 files."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
import torch
from torch import nn

from edgewise.export import exporter
from edgewise.export.graph import Network, trace
from edgewise.models.ensemble import Average, averaged, combine
from edgewise.models.spec import ModelSpec, Origin, Tensor32
from edgewise.models.weights import Model
from edgewise.quantize import quantizer
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.recipe import Recipe
from edgewise.quantize.refine import refine
from edgewise.quantize.tail import TailOperator, tail
from edgewise.runtime import open_session, runtime
from edgewise.runtime.judge.stats import agreement

Int8: TypeAlias = Callable[[Network, str, Recipe], tuple[Path, Path]]


def chain(*kinds: str) -> list[TailOperator]:
    """A chain of operators, named by their positions: '0 CONV_2D' reads 'x'."""
    names = [f"{place} {kind}" for place, kind in enumerate(kinds)]
    return [
        TailOperator(name, kind, [before, "constant"], [name])
        for name, kind, before in zip(names, kinds, ["x", *names], strict=False)
    ]


@pytest.mark.parametrize(
    ("kinds", "found"),
    [
        (("CONV_2D", "MEAN", "FULLY_CONNECTED"), []),
        (("Conv", "Relu", "GlobalAveragePool", "Flatten"), []),
        (("Gemm", "Softmax", "Log"), ["1 Softmax", "2 Log"]),
        (("FULLY_CONNECTED", "LOG_SOFTMAX"), ["1 LOG_SOFTMAX"]),
        (("MatMul", "Softmax", "MatMul", "Add"), []),  # attention
        (("MatMul", "Softmax", "BATCH_MATMUL", "SOFTMAX", "MUL"), ["3 SOFTMAX", "4 MUL"]),
    ],
)
def test_a_last_softmax_and_the_operators_after_it(kinds: tuple[str, ...], found: list[str]) -> None:
    assert tail(chain(*kinds)) == found


def test_the_last_merge_of_several_layers() -> None:
    joined = [
        TailOperator("stem", "Conv", ["x", "w"], ["stem"]),
        TailOperator("branch", "Conv", ["stem", "w"], ["branch"]),
        TailOperator("residual", "Add", ["stem", "branch"], ["residual"]),
        TailOperator("a", "Gemm", ["residual", "w"], ["a"]),
        TailOperator("b", "Gemm", ["residual", "w"], ["b"]),
        TailOperator("half", "Mul", ["a", "c"], ["half"]),
        TailOperator("both", "Concat", ["half", "b"], ["both"]),
        TailOperator("mean", "ReduceMean", ["both"], ["mean"]),
    ]
    assert tail(joined) == ["both", "mean"]


def head(width: int, classes: int, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, width, 3, 2, 1),
        nn.ReLU6(),
        nn.Conv2d(width, 2 * width, 3, 2, 1),
        nn.ReLU6(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(8 * width, classes),
    ).eval()


@pytest.fixture(scope="module")
def members(tiny_spec: ModelSpec) -> list[Model]:
    """Two networks with logits of a few units."""
    found = []
    for seed in (1, 2):
        network = head(8, len(tiny_spec.labels), seed)
        with torch.no_grad():
            network.get_parameter("6.weight").mul_(20)
        spec = ModelSpec(f"n{seed}", tiny_spec.preprocess, tiny_spec.labels, Origin("file", "", f"{seed}"))
        found.append(Model(network, spec))
    return found


@pytest.fixture(scope="module")
def int8(
    tiny_spec: ModelSpec, tiny_calibration: Calibration, tmp_path_factory: pytest.TempPathFactory
) -> Int8:
    """Write a network's float file and its INT8 file."""

    def write(network: Network, target: str, recipe: Recipe) -> tuple[Path, Path]:
        folder = tmp_path_factory.mktemp(target)
        exact = exporter(target).export(network, tiny_spec, folder / f"exact.{target}")
        refined = refine(network, tiny_calibration, Recipe())
        make = quantizer(target).quantize
        return exact.path, make(exact, refined, tiny_calibration, recipe, folder / f"int8.{target}").path

    return write


@pytest.mark.parametrize("target", ["onnx", "openvino", "tflite"])
def test_an_int8_ensemble_of_probabilities(
    members: list[Model], target: str, int8: Int8, tiny_pictures: Tensor32
) -> None:
    network = trace(combine(members, (2, 1), "probabilities").network, 32)
    exact, quantized = int8(network, target, Recipe())
    found = runtime(target).read_structure(quantized)
    assert found.precision == "w8a8"
    assert found.float_layers == 0
    assert 2 in found.islands.values(), "the softmax of each member"
    sessions = (open_session(exact, target), runtime(target).open_reference(quantized))
    assert agreement(*(session(tiny_pictures) for session in sessions)).sqnr_db > 25


@pytest.fixture(scope="module")
def single(members: list[Model], int8: Int8, tiny_pictures: Tensor32) -> list[torch.Tensor]:
    """The outputs of each member's INT8 file."""
    files = [int8(trace(member.network, 32), "onnx", Recipe())[1] for member in members]
    return [torch.from_numpy(open_session(file, "onnx")(tiny_pictures)) for file in files]


@pytest.mark.parametrize("average", ["probabilities", "logits"])
def test_it_equals_the_average_of_its_int8_members(
    members: list[Model], single: list[torch.Tensor], average: Average, int8: Int8, tiny_pictures: Tensor32
) -> None:
    _, file = int8(trace(combine(members, (2, 1), average).network, 32), "onnx", Recipe())
    by_hand = averaged(single, torch.tensor([[2 / 3], [1 / 3]]), average)
    assert np.abs(by_hand.numpy() - open_session(file, "onnx")(tiny_pictures)).max() < 1e-4


def test_integer_inputs_and_outputs_stay_integer(
    members: list[Model], int8: Int8, tiny_pictures: Tensor32
) -> None:
    network = trace(combine(members, None, "probabilities").network, 32)
    exact, quantized = int8(network, "tflite", Recipe(io="int8"))
    found = runtime("tflite").read_structure(quantized)
    assert [end.dtype for end in (*found.inputs, *found.outputs)] == ["int8", "int8"]
    answers = [open_session(path, "tflite")(tiny_pictures) for path in (exact, quantized)]
    assert agreement(*answers).sqnr_db > 20
