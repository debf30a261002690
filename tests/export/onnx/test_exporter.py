"""Float ONNX files, really converted and run."""

import json
from dataclasses import replace
from pathlib import Path

import onnx
from onnxruntime import InferenceSession
from torch import nn

from edgewise.export.artifact import Artifact
from edgewise.export.graph import Network
from edgewise.export.onnx.exporter import export
from edgewise.export.onnx.graph import onnx_graph
from edgewise.models.spec import Labels, ModelSpec, Preprocess, Tensor32
from edgewise.runtime.judge.stats import parity
from edgewise.runtime.onnx.session import OnnxSession
from edgewise.runtime.reference import TorchSession


def told(path: Path) -> dict[str, str]:
    session = InferenceSession(path, providers=["CPUExecutionProvider"])
    found: dict[str, str] = session.get_modelmeta().custom_metadata_map
    return found


def test_a_file_computes_the_same_as_its_network(
    tiny_network: nn.Module, onnx_float: Artifact, tiny_pictures: Tensor32
) -> None:
    exact, answer = TorchSession(tiny_network)(tiny_pictures), OnnxSession(onnx_float.path, 1)(tiny_pictures)
    assert parity(exact, answer).max_rel < 1e-4


def test_an_artifact_describes_the_file(onnx_float: Artifact, tiny_spec: ModelSpec) -> None:
    assert (onnx_float.target, onnx_float.precision, onnx_float.io) == ("onnx", "fp32", "float32")
    assert onnx_float.spec == tiny_spec


def test_a_file_describes_itself(onnx_float: Artifact, tiny_spec: ModelSpec) -> None:
    found = told(onnx_float.path)
    assert (found["producer"], found["name"], found["precision"]) == ("edgewise", "tiny", "fp32")
    assert found["input_layout"] == "NCHW"
    assert json.loads(found["labels"]) == list(tiny_spec.labels.names)
    assert Preprocess(**json.loads(found["preprocess"])).size == 32
    assert json.loads(found["mean"]) == list(tiny_spec.preprocess.mean)
    assert json.loads(found["std"]) == list(tiny_spec.preprocess.std)
    assert json.loads(found["origin"])["description"] == "random weights"
    assert "label_ids" not in found
    model = onnx.load(onnx_float.path)
    assert (model.producer_name, model.producer_version, model.graph.name) == ("edgewise", "", "tiny")


def test_label_ids_are_stored_too(tiny_graph: Network, tiny_spec: ModelSpec, tmp_path: Path) -> None:
    ids = tuple(f"n0000000{index}" for index in range(6))
    labels = Labels(("Ameise", "Käfer", *tiny_spec.labels.names[2:]), ids)
    found = told(export(tiny_graph, replace(tiny_spec, labels=labels), tmp_path / "ids.onnx").path)
    assert tuple(json.loads(found["labels"])) == labels.names
    assert tuple(json.loads(found["label_ids"])) == ids


def test_the_same_network_gives_the_same_bytes(
    tiny_graph: Network, tiny_spec: ModelSpec, onnx_float: Artifact, tmp_path: Path
) -> None:
    again = export(tiny_graph, tiny_spec, tmp_path / "again.onnx")
    assert again.path.read_bytes() == onnx_float.path.read_bytes()


def test_the_graph_of_the_network_is_not_changed(
    tiny_graph: Network, tiny_spec: ModelSpec, tmp_path: Path
) -> None:
    before = onnx_graph(tiny_graph, 32).SerializeToString(deterministic=True)
    export(tiny_graph, tiny_spec, tmp_path / "tiny.onnx")
    assert onnx_graph(tiny_graph, 32).SerializeToString(deterministic=True) == before
