"""What a file or a bundle really is, in words and as JSON; files that are no such thing are refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from edgewise.export import exporter, targets
from edgewise.export.artifact import Artifact
from edgewise.export.precision import Precision
from edgewise.export.tflite.flatbuffer import pack, unpack
from edgewise.runtime import open_session, runtime
from edgewise.runtime.bundle import Bundle, write_bundle
from edgewise.runtime.bundle.golden import Golden
from edgewise.runtime.judge.golden import sample
from edgewise.runtime.reference import TorchSession

if TYPE_CHECKING:
    from torch import nn
    from torch.fx import GraphModule

Run = Callable[..., Any]

_SUFFIXES = {"onnx": ".onnx", "openvino": ".xml"}
_RECORD = {"verification": {"verdict": "pass", "basis": "estimated", "pictures": "unlabelled pictures"}}


@pytest.fixture(scope="module")
def golden(tiny_network: "nn.Module", tiny_int8: dict[str, Artifact]) -> Golden:
    file = tiny_int8["int8"]
    return sample(file.spec.preprocess, TorchSession(tiny_network), open_session(file.path, file.target))


@pytest.fixture(scope="module")
def bundle(
    golden: Golden,
    tiny_float: Artifact,
    tiny_int8: dict[str, Artifact],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A bundle of the tiny network, INT8 at both ends; not to be changed."""
    folder = tmp_path_factory.mktemp("inspected") / "bundle"
    write_bundle(folder, tiny_int8["int8"], tiny_float, golden, _RECORD)
    return folder


@pytest.mark.parametrize("target", targets())
def test_a_file_of_each_target(
    edgewise: Run,
    without_torch: dict[str, str],
    tiny_graph: "GraphModule",
    tiny_float: Artifact,
    tmp_path: Path,
    target: str,
) -> None:
    file = tiny_float.path
    if target != tiny_float.target:
        path = tmp_path / f"a{_SUFFIXES[target]}"
        file = exporter(target).export(tiny_graph, tiny_float.spec, path).path
    ended = edgewise("inspect", file, "--json", **without_torch)
    assert (ended.notices, ended.left) == ([], ())
    found = ended.document
    assert (found["schema"], found["schema_version"]) == ("edgewise.inspection", 1)
    expected = runtime(target).read_structure(file)
    assert found["structure"] == json.loads(json.dumps(expected.to_json()))
    assert (found["path"], found["target"], found["manifest"]) == (str(file), target, None)
    assert found["refusal"] is None
    assert found["structure"]["precision"] == "fp32"
    assert sum(found["structure"]["weights"].values()) > 1000
    assert found["structure"]["macs"] > 10_000


def test_a_bundle_in_words(edgewise: Run, bundle: Path) -> None:
    ended = edgewise("inspect", bundle)
    assert (ended.notices, ended.left) == ([], ())
    lines = [" ".join(line.split()) for line in ended.stdout.splitlines()]
    structure = runtime("tflite").read_structure(Bundle.open(bundle).model)
    total = sum(structure.weights.values())
    for line in (
        "bundle tiny, tflite, w8a8",
        "verdict pass (estimated), by unlabelled pictures",
        "file tiny-w8a8.tflite, tflite",
        "precision w8a8",
        f"MACs {structure.macs:,} for one picture",
        "float islands none",
        "XNNPACK 1 piece, the whole model",
        "operator arithmetic count",
    ):
        assert line in lines
    assert any(line.startswith("weights random weights (random, sha256") for line in lines)
    assert any(line.startswith(f"parameters {total:,} (") for line in lines)
    (source,) = [line for line in lines if line.startswith("input ")]
    assert f"int8, 1 x 32 x 32 x 3, scale {structure.inputs[0].scale:.6g}, zero point " in source
    for operator in structure.operators:
        assert f"{operator.type} {operator.arithmetic} {operator.count}" in lines


@pytest.mark.slow
@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ("any", "on x86 without VNNI the same: no pair of INT8 products can exceed 16 bits"),
        ("pi5", "can saturate: products exceed 16 bits in 1 layer, most in colours (1 pair, up to 64,770)"),
    ],
)
def test_what_x86_without_vnni_computes(
    edgewise: Run, made_for: dict[str, Any], asked: str, line: str
) -> None:
    (product,) = made_for[asked].document["bundles"]
    assert line in " ".join(edgewise("inspect", product["bundle"]).stdout.split())


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of eight pictures of noise."""
    folder = tmp_path_factory.mktemp("noise")
    random = np.random.default_rng(0)
    for number in range(8):
        Image.fromarray(random.integers(0, 256, (40, 40, 3), np.uint8)).save(folder / f"{number}.png")
    return folder


@pytest.mark.slow
def test_saturated_products_are_counted_on_pictures(
    edgewise: Run, made_for: dict[str, Any], pictures: Path
) -> None:
    (product,) = made_for["pi5"].document["bundles"]
    bundle = Bundle.open(Path(product["bundle"]))
    said = " ".join(edgewise("inspect", bundle.folder, "--calib", pictures).stdout.split())
    assert "on 8 calibration pictures " in said
    # The file alone needs what the bundle knows, and then says the same.
    alone = edgewise("inspect", bundle.model, "--calib", pictures)
    assert alone.code == 2
    assert (
        "a file without a bundle does not say how pictures are normalised; pass --mean and" in alone.complaint
    )
    prepared = bundle.spec.preprocess
    normalised = ("--mean", ",".join(map(str, prepared.mean)), "--std", ",".join(map(str, prepared.std)))
    found = edgewise("inspect", bundle.model, "--calib", pictures, *normalised, "--json").document
    again = edgewise("inspect", bundle.folder, "--calib", pictures, "--json").document
    sums = [document["observed"]["layers"]["colours"]["sums"] for document in (found, again)]
    assert sums[0] == sums[1] > 0


@pytest.mark.slow
def test_no_pictures_are_needed_where_nothing_can_saturate(
    edgewise: Run, made_for: dict[str, Any], pictures: Path
) -> None:
    (product,) = made_for["any"].document["bundles"]
    ended = edgewise("inspect", product["bundle"], "--calib", pictures, "--json")
    assert any(
        "no INT8 products that can exceed 16 bits, whatever the pictures" in line for line in ended.notices
    )
    assert ended.document["observed"] is None


def test_a_report_can_be_redirected_and_is_all_there_is(
    edgewise: Run, start: Any, bundle: Path, tmp_path: Path
) -> None:
    ended = edgewise("inspect", bundle, "--quiet")
    assert (ended.code, ended.stderr) == (0, "")
    temporary, report = tmp_path / "tmp", tmp_path / "report.txt"
    temporary.mkdir()
    with report.open("w") as file, start("inspect", bundle, temporary=temporary, stdout=file) as child:
        _, stderr = child.communicate()
    assert stderr.startswith("✓ Read tiny-w8a8.tflite ")
    assert report.read_text() == ended.stdout
    assert "precision" in ended.stdout
    assert "✓" not in ended.stdout


def test_a_bundle_in_json(edgewise: Run, bundle: Path) -> None:
    ended = edgewise("inspect", bundle, "--json")
    assert ended.notices == []
    opened = Bundle.open(bundle)
    assert ended.document["manifest"] == opened.manifest
    assert ended.document["structure"]["precision"] == "w8a8"
    assert ended.document["structure"]["size_bytes"] == opened.model.stat().st_size


def test_a_bundle_that_is_not_what_its_manifest_says(
    edgewise: Run, golden: Golden, tiny_float: Artifact, tmp_path: Path
) -> None:
    write_bundle(tmp_path / "false", replace(tiny_float, precision=Precision.W8A8), None, golden, {})
    ended = edgewise("inspect", tmp_path / "false", "--json")
    assert ended.code == 1
    assert "its manifest calls it w8a8, but tiny-w8a8.tflite is fp32 (" in ended.error["message"]
    assert ended.document["schema"] == "edgewise.inspection"
    assert ended.document["structure"]["precision"] == "fp32"


def test_a_hostile_file_is_told(edgewise: Run, tiny_float: Artifact, tmp_path: Path) -> None:
    raw = tiny_float.path.read_bytes()
    model = unpack(raw)
    last = model.subgraphs[0].operators[-1]
    last.inputs = [last.inputs[0], -1, last.inputs[2]]  # no weights: LiteRT mostly dies of that
    (tmp_path / "hostile.tflite").write_bytes(pack(model))
    ended = edgewise("inspect", tmp_path / "hostile.tflite")
    assert (ended.code, ended.stdout) == (1, "")
    assert ended.complaint.startswith("edgewise: hostile.tflite: ")


def test_what_a_foreign_file_says_does_not_command_the_terminal(
    edgewise: Run, tiny_float: Artifact, tmp_path: Path
) -> None:
    raw = tiny_float.path.read_bytes()
    model = unpack(raw)
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].name = "\x1b[2J[red]" + "x" * 1000
    (tmp_path / "loud.tflite").write_bytes(pack(model))
    ended = edgewise("inspect", tmp_path / "loud.tflite")
    assert ended.code == 0
    assert "\x1b" not in ended.stdout + ended.stderr
    assert "[2J[red]xxx" in ended.stdout
    assert max(map(len, ended.stdout.splitlines())) < 300


@pytest.mark.parametrize(
    ("name", "content", "code", "complaint"),
    [
        ("a.tflite", None, 2, "a.tflite: cannot be read (No such file or directory)"),
        ("a.onnx", b"text", 2, "a.onnx: has the suffix of onnx but contains something else"),
        (
            "a.png",
            b"text",
            2,
            "a.png: .png is not a model file's suffix; known suffixes are .onnx (onnx), ",
        ),
        ("a.tflite", b"\x1c\x00\x00\x00TFL3", 1, "a.tflite: LiteRT cannot open it"),
    ],
)
def test_what_is_no_model_file(
    edgewise: Run, tmp_path: Path, name: str, content: bytes | None, code: int, complaint: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    ended = edgewise("inspect", tmp_path / name, "--json")
    assert ended.code == code
    assert complaint in ended.error["message"]
