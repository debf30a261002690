"""INT8 files beside their simulation and beside each other."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import edgewise
from edgewise.export.precision import Precision
from edgewise.models.model import Model
from edgewise.models.spec import ModelSpec
from edgewise.pipeline.fidelity import Fidelity
from edgewise.pipeline.workshop import beside_others
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.tflite import quantizer as tflite_quantizer


def test_a_few_decibels_are_no_error() -> None:
    assert not Fidelity(20.0, simulated_db=29.0, other_db=29.9, other="onnx w8a8").suspicious
    assert not Fidelity(2.0).suspicious
    assert not Fidelity(30.0, simulated_db=15.0).suspicious
    assert not Fidelity(28.0, simulated_db=39.0).suspicious  # a deviation, in several INT8 steps


@pytest.mark.parametrize(
    ("found", "beside"),
    [
        (Fidelity(20.0, 31.0), "31.0 dB in the simulation of INT8"),
        (Fidelity(20.0, None, 32.0, "onnx w8a8"), "32.0 dB as onnx w8a8"),
        (
            Fidelity(20.0, 31.0, 32.0, "onnx w8a8"),
            "31.0 dB in the simulation of INT8 and 32.0 dB as onnx w8a8",
        ),
        (Fidelity(20.0, 22.0, 32.0, "onnx w8a8"), "32.0 dB as onnx w8a8"),
    ],
)
def test_ten_times_the_error_is_one_of_ours(found: Fidelity, beside: str) -> None:
    assert found.suspicious
    assert found.to_json()["suspicious"] is True
    assert f"SQNR 20.0 dB, and {beside}. This is an error of edgewise" in found.complaint()


class Gate(nn.Module):
    """Its converter folds the added constant into the bias of `expand`, which was once written over."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.reduce, self.expand = nn.Conv2d(3, 16, 3, 2), nn.Linear(16, 8), nn.Linear(8, 16)
        self.head = nn.Linear(16, 6)
        nn.init.normal_(self.expand.weight, 0, 2)
        nn.init.normal_(self.head.weight, 0, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.stem(x))
        gate = self.expand(functional.relu(self.reduce(x.mean((2, 3)))))
        return self.head((x * (functional.relu6(gate + 3) / 6)[:, :, None, None]).mean((2, 3)))  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def gate(tiny_spec: ModelSpec) -> Model:
    return Model(Gate().eval(), tiny_spec)


def made(model: Model, out: Path, **options: Any) -> edgewise.Conversion:
    return edgewise.convert(
        model, int8=True, calib_count=16, eval_count=12, out=out, force=True, recover=False, **options
    )


@pytest.fixture(scope="module")
def conversion(gate: Model, tmp_path_factory: pytest.TempPathFactory) -> edgewise.Conversion:
    return made(gate, tmp_path_factory.mktemp("gate"), to="all")


def test_every_target_keeps_what_the_simulation_keeps(conversion: edgewise.Conversion) -> None:
    assert {product.target for product in conversion.products} == {"tflite", "onnx", "openvino"}
    for product in conversion.products:
        found = product.fidelity
        assert found is not None
        assert found.simulated_db is not None
        assert found.sqnr_db > 20
        assert abs(found.sqnr_db - found.simulated_db) < 5
        assert found.other not in {None, product.title}
        assert product.bundle.manifest["fidelity"] == found.to_json()
    assert not [line for line in conversion.notices if "error of edgewise" in line]


def test_a_file_that_computes_something_else_is_reported(
    gate: Model, tiny_calibration: Calibration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    darker = replace(tiny_calibration, pixels=tiny_calibration.pixels // 16)
    quantize = tflite_quantizer.quantize

    def badly(artifact: Any, refined: Any, _: Calibration, recipe: Any, out: Path) -> Any:
        return quantize(artifact, refined, darker, recipe, out)  # ranges of other pictures

    monkeypatch.setattr("edgewise.quantize.tflite.quantize", badly)
    conversion = made(gate, tmp_path)
    (found,) = [product.fidelity for product in conversion.products]
    assert found is not None
    assert found.suspicious
    (told,) = [line for line in conversion.notices if "error of edgewise" in line]
    assert told.startswith("tflite w8a8: keeps less of the float logits than INT8 must: SQNR ")
    assert conversion.to_json()["bundles"][0]["manifest"]["fidelity"]["suspicious"] is True


def test_only_other_targets_in_the_same_precision_count(conversion: edgewise.Conversion) -> None:
    (file,) = [product.file for product in conversion.products if product.target == "tflite"]
    onnx, mixed = (
        replace(file, artifact=replace(file.artifact, target="onnx"), fidelity=Fidelity(30.0)),
        replace(file, artifact=replace(file.artifact, target="openvino", precision=Precision.MIXED)),
    )
    own = replace(file, fidelity=Fidelity(10.0))
    plain = replace(file, fidelity=None)
    found = beside_others([own, onnx, mixed, plain])
    assert found[0].fidelity == Fidelity(10.0, None, 30.0, "onnx w8a8")
    assert found[1].fidelity == Fidelity(30.0, None, 10.0, "tflite w8a8")
    assert found[2:] == [mixed, plain]
