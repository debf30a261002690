"""Float TFLite files, really converted and run."""

import io
import zipfile
from pathlib import Path

import pytest
import torch
from ai_edge_litert.tools.flatbuffer_utils import opcode_to_name
from torch import Tensor, nn

from edgewise.export.artifact import Artifact
from edgewise.export.graph import Network, trace
from edgewise.export.tflite.exporter import export
from edgewise.export.tflite.flatbuffer import unpack
from edgewise.models.errors import EdgewiseError
from edgewise.models.spec import ModelSpec, Tensor32
from edgewise.runtime.judge.stats import parity
from edgewise.runtime.reference import TorchSession
from edgewise.runtime.tflite.session import TfliteSession, read_structure


def test_a_file_computes_the_same_as_its_network(
    tiny_network: nn.Module, tiny_float: Artifact, tiny_pictures: Tensor32
) -> None:
    found = parity(
        TorchSession(tiny_network)(tiny_pictures), TfliteSession(tiny_float.path, 1)(tiny_pictures)
    )
    assert found.max_rel < 1e-4


def test_the_input_is_channels_last(tiny_float: Artifact) -> None:
    found = read_structure(tiny_float.path)
    (source,), (target,) = found.inputs, found.outputs
    assert (source.shape, source.dtype) == ((1, 32, 32, 3), "float32")
    assert (target.shape, target.dtype) == ((1, 6), "float32")
    counts = {operator.type: operator.count for operator in found.operators}
    assert "TRANSPOSE" not in counts
    assert counts["CONV_2D"] == 8
    assert counts["DEPTHWISE_CONV_2D"] == 3


def test_an_artifact_describes_the_file(tiny_float: Artifact, tiny_spec: ModelSpec) -> None:
    assert (tiny_float.target, tiny_float.precision, tiny_float.io) == ("tflite", "fp32", "float32")
    assert tiny_float.spec == tiny_spec


def test_layers_are_named_after_their_modules(tiny_float: Artifact) -> None:
    model = unpack(tiny_float.path.read_bytes())
    kinds = {
        model.subgraphs[0].tensors[operator.outputs[0]].name: opcode_to_name(model, operator.opcodeIndex)
        for operator in model.subgraphs[0].operators
    }
    assert kinds[b"0"] == kinds[b"3.layers.0"] == kinds[b"6"] == "CONV_2D"
    assert kinds[b"5.layers.3"] == "DEPTHWISE_CONV_2D"


def test_the_file_contains_the_labels(tiny_float: Artifact, tiny_spec: ModelSpec) -> None:
    with zipfile.ZipFile(io.BytesIO(tiny_float.path.read_bytes())) as archive:
        assert archive.read("labels.txt").decode().split() == list(tiny_spec.labels.names)


def test_the_same_network_gives_the_same_bytes(
    tiny_graph: Network, tiny_spec: ModelSpec, tiny_float: Artifact, tmp_path: Path
) -> None:
    again = export(tiny_graph, tiny_spec, tmp_path / "again.tflite")
    assert again.path.read_bytes() == tiny_float.path.read_bytes()


def test_an_operator_without_tflite_form_is_refused(tiny_spec: ModelSpec, tmp_path: Path) -> None:
    class Spectrum(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            values: Tensor = torch.linalg.svdvals(x.mean(1))
            return values

    graph = trace(Spectrum(), 32)
    with pytest.raises(EdgewiseError, match=r"litert-torch cannot convert tiny: .*svd") as error:
        export(graph, tiny_spec, tmp_path / "odd.tflite")
    assert "\n" not in str(error.value)
    assert not [*tmp_path.iterdir()]
