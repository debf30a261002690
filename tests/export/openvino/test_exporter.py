"""Float OpenVINO files, really converted and run."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgewise.export.artifact import Artifact
from edgewise.export.engines import importing
from edgewise.export.graph import Network, trace
from edgewise.export.openvino.exporter import LAYERS, export
from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.models.spec import Labels, ModelSpec, Origin, Preprocess, Tensor32
from edgewise.runtime.judge.stats import parity
from edgewise.runtime.openvino.session import open_session
from edgewise.runtime.reference import TorchSession

with importing("Testing", "export"):
    import openvino as ov

ODD_NAMES = ("great  white shark", 'say "ant" & <bee>', "élan", "tab\tbed", " ", "fox")


def test_a_file_computes_the_same_as_its_network(
    tiny_network: nn.Module, openvino_float: Artifact, tiny_pictures: Tensor32
) -> None:
    found = parity(
        TorchSession(tiny_network)(tiny_pictures), open_session(openvino_float.path, 1)(tiny_pictures)
    )
    assert found.max_rel < 1e-4


def test_an_artifact_describes_the_file(openvino_float: Artifact, tiny_spec: ModelSpec) -> None:
    assert (openvino_float.target, openvino_float.precision) == ("openvino", "fp32")
    assert (openvino_float.io, openvino_float.spec) == ("float32", tiny_spec)
    assert [path.suffix for path in openvino_float.files.values()] == [".xml", ".bin"]


def test_a_file_takes_any_number_of_pictures(openvino_float: Artifact) -> None:
    model = ov.Core().read_model(openvino_float.path)
    assert str(model.input("input").partial_shape) == "[?,3,32,32]"
    assert str(model.output("logits").partial_shape) == "[?,6]"
    assert model.get_parameters()[0].get_layout() == ov.Layout("NCHW")


def test_layers_are_named_after_their_modules(openvino_float: Artifact, tiny_network: nn.Module) -> None:
    found = [
        (operation.get_friendly_name(), operation.get_type_name())
        for operation in ov.Core().read_model(openvino_float.path).get_ordered_ops()
        if operation.get_type_name() in LAYERS
    ]
    assert [name for name, _ in found] == [
        name for name, module in tiny_network.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)
    ]
    assert ("4.layers.3", "GroupConvolution") in found


def test_layers_of_a_sequential_are_found_by_their_weights(tiny_spec: ModelSpec, tmp_path: Path) -> None:
    class Mixer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patch, self.mix, self.head = nn.Conv2d(3, 8, 8, 8), nn.Linear(8, 8), nn.Linear(8, 6)

        def forward(self, x: Tensor) -> Tensor:
            tokens = self.patch(x).flatten(2).transpose(1, 2)
            logits: Tensor = self.head((tokens + self.mix(tokens)).mean(1))
            return logits

    torch.manual_seed(0)
    made = export(trace(Mixer(), 32), tiny_spec, tmp_path / "mixer.xml")
    names = {operation.get_friendly_name() for operation in ov.Core().read_model(made.path).get_ops()}
    assert {"patch", "mix", "head"} <= names


def test_operators_are_fused_as_by_openvinos_converter(openvino_float: Artifact) -> None:
    types = [operation.get_type_name() for operation in ov.Core().read_model(openvino_float.path).get_ops()]
    assert types.count("Clamp") == 8
    assert not {"Maximum", "Minimum", "ShapeOf", "Broadcast"} & set(types)


def test_another_suffix_becomes_xml(tiny_graph: Network, tiny_spec: ModelSpec, tmp_path: Path) -> None:
    made = export(tiny_graph, tiny_spec, tmp_path / "fp32.openvino")
    assert made.path == tmp_path / "fp32.xml"
    assert {path.name for path in tmp_path.iterdir()} == {"fp32.xml", "fp32.bin"}


def test_the_same_network_gives_the_same_bytes(
    tiny_graph: Network, tiny_spec: ModelSpec, openvino_float: Artifact, tmp_path: Path
) -> None:
    again = export(tiny_graph, tiny_spec, tmp_path / "again.xml")
    for one, other in zip(again.files.values(), openvino_float.files.values(), strict=True):
        assert one.read_bytes() == other.read_bytes()


def described(spec: ModelSpec, graph: Network, folder: Path) -> Any:
    return ov.Core().read_model(export(graph, spec, folder / "described.xml").path)


def test_the_model_api_finds_its_settings(tiny_graph: Network, tmp_path: Path) -> None:
    spec = ModelSpec(
        "tiny",
        Preprocess(32, 40, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        Labels(ODD_NAMES),
        Origin("random", 'say "&<', ""),
    )
    model = described(spec, tiny_graph, tmp_path)

    def read(key: str) -> str:
        return str(model.get_rt_info(["model_info", key]).astype(str))

    assert read("model_type") == "Classification"
    assert read("labels").split() == [
        "great__white_shark",
        'say_"ant"_&_<bee>',
        "élan",
        "tab_bed",
        "_",
        "fox",
    ]
    assert read("mean_values") == "123.675 116.28 103.53"
    assert read("scale_values") == "58.395 57.12 57.375"
    assert read("resize_type") == "crop"
    exact = {
        key: json.loads(model.get_rt_info(["edgewise", key]).astype(str)) for key in ("preprocess", "origin")
    }
    again = ModelSpec.from_json({"name": "tiny", "labels": {"names": ODD_NAMES}} | exact)
    assert again == spec


def test_pixels_are_normalised_as_by_the_model_api(
    tiny_graph: Network, tiny_spec: ModelSpec, openvino_float: Artifact, tmp_path: Path
) -> None:
    """The Model API's steps in OpenVINO: BGR bytes, reverse channels, subtract mean, divide by scale."""
    model = described(tiny_spec, tiny_graph, tmp_path)
    info = {
        key: model.get_rt_info(["model_info", key]).astype(str) for key in ("mean_values", "scale_values")
    }
    pixels = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), np.uint8)
    steps = ov.preprocess.PrePostProcessor(model)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input().tensor().set_color_format(ov.preprocess.ColorFormat.BGR)
    assert model.get_rt_info(["model_info", "reverse_input_channels"]).astype(str) == "True"
    chain = steps.input().preprocess().convert_color(ov.preprocess.ColorFormat.RGB)
    chain.convert_element_type(ov.Type.f32).mean([float(value) for value in info["mean_values"].split()])
    chain.scale([float(value) for value in info["scale_values"].split()])
    theirs = ov.Core().compile_model(steps.build(), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    ours = open_session(openvino_float.path, 1)(tiny_spec.preprocess.normalise(pixels))
    assert np.abs(theirs(pixels[..., ::-1].copy())[0] - ours).max() < 1e-4 * np.abs(ours).max()


def test_a_class_name_of_two_lines_is_refused(tiny_graph: Network, tmp_path: Path) -> None:
    spec = ModelSpec("tiny", Preprocess(32, 40), Labels(("a\nb", *"cdefg")), Origin("random", "", ""))
    with pytest.raises(UsageError, match="a single line of UTF-8 text"):
        export(tiny_graph, spec, tmp_path / "odd.xml")
    assert not [*tmp_path.iterdir()]


def test_an_operator_without_openvino_form_is_refused(tiny_spec: ModelSpec, tmp_path: Path) -> None:
    class Determinant(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            found: Tensor = torch.linalg.det(x[:, :, :3, :3])
            return found

    with pytest.raises(EdgewiseError, match=r"OpenVINO cannot read the network.*operations: Det-20") as error:
        export(trace(Determinant(), 32), tiny_spec, tmp_path / "odd.xml")
    assert "\n" not in str(error.value)
    assert not [*tmp_path.iterdir()]
